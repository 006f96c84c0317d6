import { type BackwardOperation, normalizeBackward } from "./backward.js";
import type { Context } from "./context.js";
import { type ForwardOperation, normalize, normalizeForward } from "./forward.js";
import type { NormalizedShape } from "./options.js";
import type { Data } from "./tensor.js";

/*
 * The operations of the family on a context. Those who bind them to one give them the types of the public functions.
 */

type Options = object | undefined;

const LAYER_NORM: ForwardOperation = { name: "layerNorm", centred: true };
const LAYER_NORM_FORWARD: ForwardOperation = {
  name: "layerNormForward",
  centred: true,
  results: ["y", "mean", "rstd"],
};
const LAYER_NORM_BACKWARD: BackwardOperation = { name: "layerNormBackward", centred: true, adds: false };
const RMS_NORM: ForwardOperation = { name: "rmsNorm", centred: false };
const RMS_NORM_FORWARD: ForwardOperation = { name: "rmsNormForward", centred: false, results: ["y", "rstd"] };
const RMS_NORM_BACKWARD: BackwardOperation = { name: "rmsNormBackward", centred: false, adds: false };
const ADD_LAYER_NORM: ForwardOperation = {
  name: "addLayerNorm",
  centred: true,
  results: ["y", "sum", "mean", "rstd"],
};
const ADD_LAYER_NORM_BACKWARD: BackwardOperation = {
  name: "addLayerNormBackward",
  centred: true,
  adds: true,
};
const ADD_RMS_NORM: ForwardOperation = { name: "addRmsNorm", centred: false, results: ["y", "sum", "rstd"] };
const ADD_RMS_NORM_BACKWARD: BackwardOperation = { name: "addRmsNormBackward", centred: false, adds: true };

/** @internal */
export function layerNorm(context: Context, x: Data, shape: NormalizedShape, options: Options) {
  return normalize(context, LAYER_NORM, x, shape, options);
}

/** @internal */
export function layerNormForward(context: Context, x: Data, shape: NormalizedShape, options: Options) {
  return normalizeForward(context, LAYER_NORM_FORWARD, x, undefined, shape, options);
}

/** @internal */
export function rmsNorm(context: Context, x: Data, shape: NormalizedShape, options: Options) {
  return normalize(context, RMS_NORM, x, shape, options);
}

/** @internal */
export function rmsNormForward(context: Context, x: Data, shape: NormalizedShape, options: Options) {
  return normalizeForward(context, RMS_NORM_FORWARD, x, undefined, shape, options);
}

/** @internal */
export function addLayerNorm(
  context: Context,
  x: Data,
  residual: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeForward(context, ADD_LAYER_NORM, x, residual, shape, options);
}

/** @internal */
export function addRmsNorm(
  context: Context,
  x: Data,
  residual: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeForward(context, ADD_RMS_NORM, x, residual, shape, options);
}

/** @internal */
export function layerNormBackward(
  context: Context,
  dy: Data,
  x: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeBackward(context, LAYER_NORM_BACKWARD, dy, x, shape, options);
}

/** @internal */
export function rmsNormBackward(
  context: Context,
  dy: Data,
  x: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeBackward(context, RMS_NORM_BACKWARD, dy, x, shape, options);
}

/** @internal */
export function addLayerNormBackward(
  context: Context,
  dy: Data,
  sum: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeBackward(context, ADD_LAYER_NORM_BACKWARD, dy, sum, shape, options);
}

/** @internal */
export function addRmsNormBackward(
  context: Context,
  dy: Data,
  sum: Data,
  shape: NormalizedShape,
  options: Options,
) {
  return normalizeBackward(context, ADD_RMS_NORM_BACKWARD, dy, sum, shape, options);
}
