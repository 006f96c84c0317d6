/** The types of the public API, the same in every entry. */
export type {
  LayerNormBackwardOptions,
  LayerNormForwardOptions,
  LayerNormForwardResult,
  LayerNormGradients,
  LayerNormOptions,
  NormalizedShape,
} from "./layer-norm.js";
export type { LayerNormLayerOptions, LayerNormState, Parameter } from "./layers.js";
export type { Runtime, RuntimeInfo, RuntimeOptions } from "./runtime.js";
export type { Data, Dtype, Values } from "./tensor.js";
