/**
 * `layernorm-wasm/js`: the same API on the JavaScript engine alone, for where WebAssembly is forbidden. The
 * results have the same bits.
 *
 * @module
 */
import { Context } from "./api/context.js";
import type * as api from "./api/functions.js";
import { normalize, normalizeBackward, normalizeForward } from "./api/layer-norm.js";
import { bind, layerNormOn, makeRuntime, type Runtime, type RuntimeOptions } from "./api/runtime.js";
import { createTensor, createTensorFrom } from "./api/tensor.js";
import { javascriptEngine } from "./engine/javascript.js";

const context = /* @__PURE__ */ new Context(javascriptEngine);

export const layerNorm: typeof api.layerNorm = /* @__PURE__ */ bind(context, normalize);
export const layerNormForward: typeof api.layerNormForward = /* @__PURE__ */ bind(context, normalizeForward);
export const layerNormBackward: typeof api.layerNormBackward = /* @__PURE__ */ bind(
  context,
  normalizeBackward,
);
export const tensor: typeof api.tensor = /* @__PURE__ */ bind(context, createTensor);
export const tensorFrom: typeof api.tensorFrom = /* @__PURE__ */ bind(context, createTensorFrom);
export const LayerNorm: typeof api.LayerNorm = /* @__PURE__ */ layerNormOn(context);
/** The layer, as of `layernorm-wasm`. */
export type LayerNorm = api.LayerNorm;

/** A runtime of its own, as of `layernorm-wasm`. */
export function createRuntime(options?: Omit<RuntimeOptions, "module">): Runtime {
  return makeRuntime(javascriptEngine, options);
}

export * from "./api/relatives.js";
export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";

/** Nothing needs to be loaded. */
export async function init(): Promise<void> {}
