/** As many rows of as many elements, each row in order: what axes cost is the difference. */
import * as api from "layernorm-wasm";
import { permuted } from "../../cases/problem.js";
import type { Prepared, Problem, Start } from "../engine.js";
import { onTensors } from "../ours.js";

export const start: Start = async (host) => {
  const { version, prepare } = onTensors(api, host.version("layernorm-wasm"));
  return {
    version,
    prepare: async (problem: Problem): Promise<Prepared> => {
      const { cols, inner } = problem;
      const inRows = (values: Float32Array) => permuted(values, cols, inner, new Float32Array(values.length));
      const back = (values: Float32Array) => permuted(values, inner, cols, new Float32Array(values.length));
      const [x, dy] = [inRows(problem.x), inRows(problem.dy)];
      const prepared = await prepare({ ...problem, operation: "layer_norm", inner: 1, x, dy });
      return {
        ...prepared,
        results: async (pass) => {
          const { y, dx, ...sums } = await prepared.results(pass);
          return { ...sums, ...(y && { y: back(y) }), ...(dx && { dx: back(dx) }) };
        },
      };
    },
  };
};
