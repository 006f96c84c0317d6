export * from "./api/functions.js";
export type {
  LayerNormBackwardOptions,
  LayerNormForwardOptions,
  LayerNormForwardResult,
  LayerNormGradients,
  LayerNormOptions,
  NormalizedShape,
} from "./api/layer-norm.js";
export type { LayerNormLayerOptions, LayerNormState, Parameter } from "./api/layers.js";
export type { Runtime, RuntimeInfo, RuntimeOptions } from "./api/runtime.js";
export { type Data, type Dtype, Tensor } from "./api/tensor.js";
