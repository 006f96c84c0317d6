/** Without `axes`: x is permuted by a loop into a tensor, normalised over its last axis, and y is permuted back. */
import { layerNormBackward, layerNormForward, tensor, tensorFrom } from "layernorm-wasm";
import { permuted } from "../../cases/problem.js";
import type { Prepared, Problem, Start } from "../engine.js";

export const start: Start = async (host) => ({ version: host.version("layernorm-wasm"), prepare });

function prepare({ x, dy, rows, cols, inner, eps, ...problem }: Problem): Prepared {
  const gamma = tensorFrom(problem.gamma);
  const beta = tensorFrom(problem.beta);
  const xRows = tensor([rows, cols]);
  const yRows = tensor([rows, cols]);
  const dyRows = tensor([rows, cols]);
  const dxRows = tensor([rows, cols]);
  const [mean, rstd] = [tensor([rows]), tensor([rows])];
  const [dgamma, dbeta] = [tensor([cols]), tensor([cols])];
  const y = new Float32Array(rows * cols);
  const dx = new Float32Array(rows * cols);
  const forward = () => {
    permuted(x, cols, inner, xRows.data);
    layerNormForward(xRows, cols, { gamma, beta, eps, out: { y: yRows, mean, rstd } });
    permuted(yRows.data, inner, cols, y);
  };
  // x is still there as forward has permuted it.
  const backward = () => {
    permuted(dy, cols, inner, dyRows.data);
    layerNormBackward(dyRows, xRows, cols, { mean, rstd, gamma, out: { dx: dxRows, dgamma, dbeta } });
    permuted(dxRows.data, inner, cols, dx);
  };
  forward();
  return {
    passes: { forward, backward },
    results: () => ({ y, dx, dgamma: dgamma.toFloat32Array(), dbeta: dbeta.toFloat32Array() }),
    dispose: () => {
      for (const each of [gamma, beta, xRows, yRows, dyRows, dxRows, mean, rstd, dgamma, dbeta])
        each.dispose();
    },
  };
}
