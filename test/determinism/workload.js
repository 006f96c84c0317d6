/*
 * Runs every case of hashes.json through the package, on both of its engines, and gives the hashes of the results. It is
 * bundled to one file, which any JavaScript engine can run: it prints the hashes, and a page sends them.
 */

import * as simd128 from "layernorm-wasm";
import * as js from "layernorm-wasm/js";
import { batchOfCase, hashOf } from "./cases.js";
import table from "./hashes.json" with { type: "json" };

/**
 * @param {typeof simd128} api
 * @returns {string[]} of each case: the hash of the forward results and that of the gradients
 */
export function hashesOn(api) {
  return Object.keys(table).map((name, index) => {
    const batch = batchOfCase(name, index);
    return batch.dtype === "f32" ? hashesOfArrays(api, batch) : hashesOfTensors(api, batch);
  });
}

/** @typedef {ReturnType<typeof batchOfCase>} Batch */

/**
 * @param {typeof simd128} api
 * @param {Batch} batch
 */
function hashesOfArrays(api, { cols, x, dy, eps, gamma, beta, centred }) {
  if (centred) {
    const { y, mean, rstd } = api.layerNormForward(x, cols, { gamma, beta, eps });
    const { dx, dgamma, dbeta } = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
    return `${hashOf(y, mean, rstd)} ${hashOf(dx, dgamma, dbeta)}`;
  }
  const { y, rstd } = api.rmsNormForward(x, cols, { gamma, eps });
  const { dx, dgamma } = api.rmsNormBackward(dy, x, cols, { rstd, gamma });
  return `${hashOf(y, rstd)} ${hashOf(dx, dgamma)}`;
}

/**
 * With gamma and beta as f32, what is stored otherwise than as f32.
 *
 * @param {typeof simd128} api
 * @param {Batch} batch
 */
function hashesOfTensors(api, { rows, cols, x, dy, eps, dtype, ...parameters }) {
  const [xGiven, dyGiven] = [x, dy].map((values) => api.tensorFrom(values, [rows, cols], dtype));
  const gamma = parameters.gamma && api.tensorFrom(parameters.gamma);
  const beta = parameters.beta && api.tensorFrom(parameters.beta);
  const { y, mean, rstd } = api.layerNormForward(xGiven, cols, { gamma, beta, eps });
  const out = { dgamma: api.tensor([cols]), dbeta: api.tensor([cols]) };
  const { dx, dgamma, dbeta } = api.layerNormBackward(dyGiven, xGiven, cols, { mean, rstd, gamma, out });
  const hash = (/** @type {simd128.Tensor<any>[]} */ ...tensors) =>
    hashOf(...tensors.map((tensor) => tensor.toFloat32Array()));
  return `${hash(y, mean, rstd)} ${hash(dx, dgamma, dbeta)}`;
}

export const hashes = {
  // WebAssembly, or what stands in for it where there is none: the same bits would not tell.
  engine: simd128.createRuntime().info().engine,
  simd128: hashesOn(simd128),
  js: hashesOn(/** @type {any} */ (js)),
};
