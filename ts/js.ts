/**
 * `layernorm-wasm/js`: the same API on the JavaScript engine alone, for where WebAssembly is forbidden. The
 * results have the same bits.
 */
import { Context } from "./api/context.js";
import { makeRuntime, type Runtime, type RuntimeOptions, runtimeOn } from "./api/runtime.js";
import { javascriptEngine } from "./engine/javascript.js";

export const { layerNorm, layerNormForward, layerNormBackward, tensor, tensorFrom, LayerNorm } =
  /* @__PURE__ */ runtimeOn(/* @__PURE__ */ new Context(javascriptEngine));

/** The layer, as of `layernorm-wasm`. */
export type LayerNorm = InstanceType<typeof LayerNorm>;

/** A runtime of its own, as of `layernorm-wasm`. */
export function createRuntime(options?: Omit<RuntimeOptions, "module">): Runtime {
  return makeRuntime(javascriptEngine, options);
}

export * from "./api/relatives.js";
export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";

/** Nothing needs to be loaded. */
export async function init(): Promise<void> {}
