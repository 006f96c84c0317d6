import { context } from "./default.js";
import * as operations from "./operations.js";
import type {
  AddLayerNormBackwardOptions,
  AddLayerNormOptions,
  AddLayerNormResult,
  AddRmsNormBackwardOptions,
  AddRmsNormOptions,
  AddRmsNormResult,
  LayerNormGradients,
  NormalizedShape,
  RmsNormGradients,
} from "./options.js";
import type { Data, Dtype, Tensor } from "./tensor.js";

/**
 * A residual added, and the sum normalised, in one pass over memory: `sum = x + residual`, `y = layerNorm(sum)`.
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param residual of the kind and size of `x`
 * @param normalizedShape as of `layerNorm`
 * @param options as of `layerNorm`, but `out: { y, sum, mean, rstd }`; `sum` and `y` may be `x` or `residual`
 * @returns `y` and `sum` of the shape of `x`, `mean` and `rstd` as of `layerNormForward`
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { addLayerNorm } from "layernorm-wasm";
 *
 * const residual = Float32Array.of(1, 1, 1, 1);
 * const { y, sum } = addLayerNorm(Float32Array.of(0, 1, 2, 3), residual, 4);
 * // sum is [1, 2, 3, 4], y about [-1.34, -0.45, 0.45, 1.34]
 * ```
 */
export function addLayerNorm(
  x: Float32Array,
  residual: Float32Array,
  normalizedShape: NormalizedShape,
  options?: AddLayerNormOptions<Float32Array>,
): AddLayerNormResult<Float32Array>;
export function addLayerNorm<D extends Dtype>(
  x: Tensor<D>,
  residual: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<AddLayerNormOptions<Tensor<D>>>,
): AddLayerNormResult<Tensor<D>>;
export function addLayerNorm(
  x: Data,
  residual: Data,
  normalizedShape: NormalizedShape,
  options?: object,
): object {
  return operations.addLayerNorm(context, x, residual, normalizedShape, options);
}

/**
 * The gradients of `addLayerNorm`. `dx` is that of both `x` and `residual`: that of the norm, as of `layerNormBackward`, and `dsum`.
 *
 * @param dy the gradient of `y`, of the size of `sum`
 * @param sum from the forward call
 * @param normalizedShape as in the forward call
 * @param options as of `layerNormBackward`, and `dsum`: the gradient that reaches `sum` by the residual path, if any
 * @returns `dx` of the shape of `sum`, `dgamma` and `dbeta` of that of `gamma`, less those skipped
 * @throws TypeError for arguments missing or of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { addLayerNorm, addLayerNormBackward } from "layernorm-wasm";
 *
 * const residual = Float32Array.of(1, 1, 1, 1);
 * const { sum, mean, rstd } = addLayerNorm(Float32Array.of(0, 1, 2, 3), residual, 4);
 * const [dy, dsum] = [new Float32Array(4), Float32Array.of(1, 2, 3, 4)];
 * const { dx } = addLayerNormBackward(dy, sum, 4, { mean, rstd, dsum });
 * // dx is [1, 2, 3, 4]: dsum, for the gradient of y vanishes
 * ```
 */
export function addLayerNormBackward<const Skipped extends keyof LayerNormGradients<Float32Array> = never>(
  dy: Float32Array,
  sum: Float32Array,
  normalizedShape: NormalizedShape,
  options: AddLayerNormBackwardOptions<Float32Array, Skipped>,
): Omit<LayerNormGradients<Float32Array>, Skipped>;
export function addLayerNormBackward<
  D extends Dtype,
  const Skipped extends keyof LayerNormGradients<Tensor<D>> = never,
>(
  dy: Tensor<D>,
  sum: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options: AddLayerNormBackwardOptions<NoInfer<Tensor<D>>, Skipped>,
): Omit<LayerNormGradients<Tensor<D>>, Skipped>;
export function addLayerNormBackward(
  dy: Data,
  sum: Data,
  normalizedShape: NormalizedShape,
  options: object,
): object {
  return operations.addLayerNormBackward(context, dy, sum, normalizedShape, options);
}

/**
 * A residual added, and the sum normalised by RMSNorm, in one pass over memory: `sum = x + residual`, `y = rmsNorm(sum)`.
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param residual of the kind and size of `x`
 * @param normalizedShape as of `rmsNorm`
 * @param options as of `rmsNorm`, but `out: { y, sum, rstd }`; `sum` and `y` may be `x` or `residual`
 * @returns `y` and `sum` of the shape of `x`, `rstd` as of `rmsNormForward`
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { addRmsNorm } from "layernorm-wasm";
 *
 * const residual = Float32Array.of(1, 1, 1, 1);
 * const { y, sum } = addRmsNorm(Float32Array.of(0, 6, 4, 4), residual, 4);
 * // sum is [1, 7, 5, 5], y about [0.2, 1.4, 1, 1]
 * ```
 */
export function addRmsNorm(
  x: Float32Array,
  residual: Float32Array,
  normalizedShape: NormalizedShape,
  options?: AddRmsNormOptions<Float32Array>,
): AddRmsNormResult<Float32Array>;
export function addRmsNorm<D extends Dtype>(
  x: Tensor<D>,
  residual: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<AddRmsNormOptions<Tensor<D>>>,
): AddRmsNormResult<Tensor<D>>;
export function addRmsNorm(
  x: Data,
  residual: Data,
  normalizedShape: NormalizedShape,
  options?: object,
): object {
  return operations.addRmsNorm(context, x, residual, normalizedShape, options);
}

/**
 * The gradients of `addRmsNorm`. `dx` is that of both `x` and `residual`: that of the norm, as of `rmsNormBackward`, and `dsum`.
 *
 * @param dy the gradient of `y`, of the size of `sum`
 * @param sum from the forward call
 * @param normalizedShape as in the forward call
 * @param options as of `rmsNormBackward`, and `dsum`: the gradient that reaches `sum` by the residual path, if any
 * @returns `dx` of the shape of `sum`, `dgamma` of that of `gamma`, less those skipped
 * @throws TypeError for arguments missing or of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { addRmsNorm, addRmsNormBackward } from "layernorm-wasm";
 *
 * const residual = Float32Array.of(1, 1, 1, 1);
 * const { sum, rstd } = addRmsNorm(Float32Array.of(0, 1, 2, 3), residual, 4);
 * const [dy, dsum] = [new Float32Array(4), Float32Array.of(1, 2, 3, 4)];
 * const { dx } = addRmsNormBackward(dy, sum, 4, { rstd, dsum });
 * // dx is [1, 2, 3, 4]: dsum, for the gradient of y vanishes
 * ```
 */
export function addRmsNormBackward<const Skipped extends keyof RmsNormGradients<Float32Array> = never>(
  dy: Float32Array,
  sum: Float32Array,
  normalizedShape: NormalizedShape,
  options: AddRmsNormBackwardOptions<Float32Array, Skipped>,
): Omit<RmsNormGradients<Float32Array>, Skipped>;
export function addRmsNormBackward<
  D extends Dtype,
  const Skipped extends keyof RmsNormGradients<Tensor<D>> = never,
>(
  dy: Tensor<D>,
  sum: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options: AddRmsNormBackwardOptions<NoInfer<Tensor<D>>, Skipped>,
): Omit<RmsNormGradients<Tensor<D>>, Skipped>;
export function addRmsNormBackward(
  dy: Data,
  sum: Data,
  normalizedShape: NormalizedShape,
  options: object,
): object {
  return operations.addRmsNormBackward(context, dy, sum, normalizedShape, options);
}
