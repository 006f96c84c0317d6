/** The types of the public API, the same in every entry. */
export type { LayerNormLayerOptions, LayerNormState, Parameter, RmsNormLayerOptions } from "./layers.js";
export type {
  AddLayerNormBackwardOptions,
  AddLayerNormOptions,
  AddLayerNormResult,
  AddRmsNormBackwardOptions,
  AddRmsNormOptions,
  AddRmsNormResult,
  F32Of,
  LayerNormBackwardOptions,
  LayerNormForwardOptions,
  LayerNormForwardResult,
  LayerNormGradients,
  LayerNormOptions,
  NormalizedShape,
  ParameterOf,
  RmsNormBackwardOptions,
  RmsNormForwardOptions,
  RmsNormForwardResult,
  RmsNormGradients,
  RmsNormOptions,
  WithSum,
} from "./options.js";
export type { Runtime, RuntimeInfo, RuntimeOptions } from "./runtime.js";
export type { Data, Dtype, Values, ValuesOf } from "./tensor.js";
