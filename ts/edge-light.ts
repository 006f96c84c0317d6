/*
 * `layernorm-wasm` under the condition `edge-light`: as in workerd.ts, in the words of Next.js and Vercel.
 */
import { entryOn } from "./api/runtime.js";
import module from "./layernorm.wasm?module";

export const {
  layerNorm,
  layerNormForward,
  layerNormBackward,
  rmsNorm,
  rmsNormForward,
  rmsNormBackward,
  addLayerNorm,
  addLayerNormBackward,
  addRmsNorm,
  addRmsNormBackward,
  tensor,
  tensorFrom,
  LayerNorm,
  RMSNorm,
  createRuntime,
  init,
} = /* @__PURE__ */ entryOn(module);
export { Tensor } from "./api/tensor.js";
