/**
 * `layernorm-wasm/js`: the same API on the JavaScript engine alone, for where WebAssembly is forbidden. The
 * results have the same bits.
 *
 * @module
 */
import { Context } from "./api/context.js";
import * as operations from "./api/operations.js";
import type * as api from "./api/public.js";
import {
  bind,
  layerNormOn,
  makeRuntime,
  type Runtime,
  type RuntimeOptions,
  rmsNormOn,
} from "./api/runtime.js";
import { createTensor, createTensorFrom, type Dtype } from "./api/tensor.js";
import { javascriptEngine } from "./engine/javascript.js";

const context = /* @__PURE__ */ new Context(javascriptEngine);

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

/** A runtime of its own, as of `layernorm-wasm`. */
export function createRuntime(options?: Omit<RuntimeOptions, "module">): Runtime {
  return makeRuntime(javascriptEngine, options);
}

export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";

/** Nothing needs to be loaded. */
export async function init(): Promise<void> {}
