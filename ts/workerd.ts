/*
 * `layernorm-wasm` under the condition `workerd`: Cloudflare's workers may not compile bytes, so the file is an import.
 */
import { entryOn } from "./api/runtime.js";
import module from "./layernorm.wasm";

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
