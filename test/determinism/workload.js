/*
 * Runs every case of hashes.json through the package, on both of its engines, and gives the hashes of the results. It is
 * bundled to one file, which any JavaScript engine can run: it prints the hashes, and a page sends them.
 */

import * as simd128 from "layernorm-wasm";
import * as js from "layernorm-wasm/js";
import { batchOfCase, hashOf } from "./cases.js";
import table from "./hashes.json" with { type: "json" };

/** @typedef {Pick<typeof simd128, "layerNormForward" | "layerNormBackward">} Api */

/**
 * @param {Api} api
 * @returns {string[]} of each case: the hash of the forward results and that of the gradients
 */
export function hashesOn(api) {
  return Object.keys(table).map((name, index) => {
    const { rows: _, cols, x, dy, eps, gamma, beta } = batchOfCase(name, index);
    const { y, mean, rstd } = api.layerNormForward(x, cols, { gamma, beta, eps });
    const { dx, dgamma, dbeta } = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
    return `${hashOf(y, mean, rstd)} ${hashOf(dx, dgamma, dbeta)}`;
  });
}

export const hashes = {
  // WebAssembly, or what stands in for it where there is none: the same bits would not tell.
  engine: simd128.createRuntime().info().engine,
  simd128: hashesOn(simd128),
  js: hashesOn(/** @type {any} */ (js)),
};
