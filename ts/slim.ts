/**
 * `layernorm-wasm/slim`: the same API without the inlined WebAssembly. It needs `init` or `initSync` first, with the
 * file `layernorm-wasm/layernorm.wasm`, and does not fall back to JavaScript.
 *
 * @module
 */
import { Context } from "./api/context.js";
import { GivenModule, type ModuleOrBytes, type Source } from "./api/given.js";
import * as operations from "./api/operations.js";
import type * as api from "./api/public.js";
import {
  bind,
  layerNormOn,
  makeRuntimeOfModule,
  type Runtime,
  type RuntimeOptions,
  rmsNormOn,
} from "./api/runtime.js";
import { createTensor, createTensorFrom, type Dtype } from "./api/tensor.js";

const given = /* @__PURE__ */ new GivenModule();
const context = /* @__PURE__ */ new Context(() => given.start());

export const layerNorm: typeof api.layerNorm = /* @__PURE__ */ bind(context, operations.layerNorm);
export const layerNormForward: typeof api.layerNormForward = /* @__PURE__ */ bind(
  context,
  operations.layerNormForward,
);
export const layerNormBackward: typeof api.layerNormBackward = /* @__PURE__ */ bind(
  context,
  operations.layerNormBackward,
);
export const rmsNorm: typeof api.rmsNorm = /* @__PURE__ */ bind(context, operations.rmsNorm);
export const rmsNormForward: typeof api.rmsNormForward = /* @__PURE__ */ bind(
  context,
  operations.rmsNormForward,
);
export const rmsNormBackward: typeof api.rmsNormBackward = /* @__PURE__ */ bind(
  context,
  operations.rmsNormBackward,
);
export const addLayerNorm: typeof api.addLayerNorm = /* @__PURE__ */ bind(context, operations.addLayerNorm);
export const addLayerNormBackward: typeof api.addLayerNormBackward = /* @__PURE__ */ bind(
  context,
  operations.addLayerNormBackward,
);
export const addRmsNorm: typeof api.addRmsNorm = /* @__PURE__ */ bind(context, operations.addRmsNorm);
export const addRmsNormBackward: typeof api.addRmsNormBackward = /* @__PURE__ */ bind(
  context,
  operations.addRmsNormBackward,
);
export const tensor: typeof api.tensor = /* @__PURE__ */ bind(context, createTensor);
export const tensorFrom: typeof api.tensorFrom = /* @__PURE__ */ bind(context, createTensorFrom);
export const LayerNorm: typeof api.LayerNorm = /* @__PURE__ */ layerNormOn(context);
export const RMSNorm: typeof api.RMSNorm = /* @__PURE__ */ rmsNormOn(context);
/** The layer, as of `layernorm-wasm`. */
export type LayerNorm<D extends Dtype = "f32"> = api.LayerNorm<D>;
/** The layer, as of `layernorm-wasm`. */
export type RMSNorm<D extends Dtype = "f32"> = api.RMSNorm<D>;

/** A runtime of its own, as of `layernorm-wasm`: on `options.module`, or else on what `init` was given. */
export function createRuntime(options?: RuntimeOptions): Runtime {
  return makeRuntimeOfModule(() => given.start(), options);
}

/**
 * Takes the WebAssembly file, compiled off the main thread; the first one stays.
 *
 * @param source `layernorm-wasm/layernorm.wasm`: compiled, its bytes, a Response, a URL, or a promise of one of these
 * @throws TypeError for anything else, Error where WebAssembly SIMD is missing or forbidden
 * @example
 * ```ts
 * import { init, layerNorm } from "layernorm-wasm/slim";
 *
 * await init(new URL(import.meta.resolve("layernorm-wasm/layernorm.wasm")));
 * const y = layerNorm(Float32Array.of(1, 2, 3, 4), 4);
 * // y is about [-1.342, -0.447, 0.447, 1.342]
 * ```
 */
export function init(source: Source | PromiseLike<Source>): Promise<void> {
  return given.load(source);
}

/**
 * `init` without waiting.
 *
 * @param source `layernorm-wasm/layernorm.wasm`: compiled, or its bytes
 * @throws TypeError for anything else, Error where WebAssembly SIMD is missing or forbidden
 */
export function initSync(source: ModuleOrBytes): void {
  given.loadNow(source);
}

export type { ModuleOrBytes, Source } from "./api/given.js";
export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";
