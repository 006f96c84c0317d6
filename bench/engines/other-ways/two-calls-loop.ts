/** The sum by a loop over the tensors' data. */
import { tensor, tensorFrom } from "layernorm-wasm";
import type { Problem, Start } from "../engine.js";
import { residualOf } from "../ours.js";
import { twoCalls } from "./two-calls.js";

export const start: Start = async (host) => ({ version: host.version("layernorm-wasm"), prepare });

function prepare(problem: Problem) {
  const shape = [problem.rows, problem.cols];
  const x = tensorFrom(problem.x, shape);
  const residual = tensorFrom(residualOf(problem), shape);
  const sum = tensor(shape);
  const add = () => {
    const [a, b, to] = [x.data, residual.data, sum.data];
    for (let k = 0; k < to.length; k++) to[k] = a[k] + b[k];
  };
  return twoCalls(problem, sum, add, [x, residual]);
}
