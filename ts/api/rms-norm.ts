import { context } from "./default.js";
import * as operations from "./operations.js";
import type {
  NormalizedShape,
  RmsNormBackwardOptions,
  RmsNormForwardOptions,
  RmsNormForwardResult,
  RmsNormGradients,
  RmsNormOptions,
} from "./options.js";
import type { Data, Dtype, Tensor } from "./tensor.js";

/**
 * RMSNorm: each row of `x` divided by the root of the mean of its squares, then scaled by `gamma`. No mean is subtracted.
 * `y = x / sqrt(mean(x^2) + eps) * gamma` (Zhang, Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467).
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param normalizedShape the sizes of the normalised dimensions, the last ones of `x` unless `axes` names others
 * @param options `gamma` of `[cols]`, `eps = 1e-5`, `unitOffset = false`, `out`, all of the kind of `x`
 * @returns `y`, of the kind and shape of `x`: `out`, if given
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { rmsNorm } from "layernorm-wasm";
 *
 * const y = rmsNorm(Float32Array.of(1, 7, 5, 5), 4);
 * // the mean of the squares is 25: y is about [0.2, 1.4, 1, 1]
 * ```
 */
export function rmsNorm(
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options?: RmsNormOptions<Float32Array>,
): Float32Array;
export function rmsNorm<D extends Dtype>(
  x: Tensor<D>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<RmsNormOptions<Tensor<D>>>,
): Tensor<D>;
export function rmsNorm(x: Data, normalizedShape: NormalizedShape, options?: object): Data {
  return operations.rmsNorm(context, x, normalizedShape, options);
}

/**
 * RMSNorm for training: `y`, and the `rstd = 1 / sqrt(mean(x^2) + eps)` of each row, which `rmsNormBackward` takes.
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param normalizedShape as of `rmsNorm`
 * @param options as of `rmsNorm`, but `out: { y, rstd }`
 * @returns `y` of the shape of `x`, `rstd` of its other dimensions
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { rmsNormForward } from "layernorm-wasm";
 *
 * const { y, rstd } = rmsNormForward(Float32Array.of(1, 7, 5, 5), 4);
 * // rstd is about [0.2]
 * ```
 */
export function rmsNormForward(
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options?: RmsNormForwardOptions<Float32Array>,
): RmsNormForwardResult<Float32Array>;
export function rmsNormForward<D extends Dtype>(
  x: Tensor<D>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<RmsNormForwardOptions<Tensor<D>>>,
): RmsNormForwardResult<Tensor<D>>;
export function rmsNormForward(x: Data, normalizedShape: NormalizedShape, options?: object): object {
  return operations.rmsNormForward(context, x, normalizedShape, options);
}

/**
 * The gradients of RMSNorm. With `xhat = x * rstd` and `g = dy * gamma`, `dx = rstd * (g - xhat * mean(g * xhat))`; over
 * the rows, `dgamma = sum(dy * xhat)`.
 *
 * @param dy the gradient of `y`, of the size of `x`
 * @param x as in the forward call
 * @param normalizedShape as in the forward call
 * @param options `rstd` from the forward call, and the same `gamma`; `out: { dx, dgamma }`; `accumulate` adds to
 *   `out.dgamma`; `skip` names results that are not needed
 * @returns `dx` of the shape of `x`, `dgamma` of that of `gamma`, less those skipped
 * @throws TypeError for arguments missing or of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { rmsNormBackward, rmsNormForward } from "layernorm-wasm";
 *
 * const x = Float32Array.of(1, 7, 5, 5);
 * const { rstd } = rmsNormForward(x, 4);
 * const { dx, dgamma } = rmsNormBackward(Float32Array.of(1, 0, 0, 0), x, 4, { rstd });
 * // dgamma is about [0.2, 0, 0, 0]
 * ```
 */
export function rmsNormBackward<const Skipped extends keyof RmsNormGradients<Float32Array> = never>(
  dy: Float32Array,
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options: RmsNormBackwardOptions<Float32Array, Skipped>,
): Omit<RmsNormGradients<Float32Array>, Skipped>;
export function rmsNormBackward<
  D extends Dtype,
  const Skipped extends keyof RmsNormGradients<Tensor<D>> = never,
>(
  dy: Tensor<D>,
  x: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options: RmsNormBackwardOptions<NoInfer<Tensor<D>>, Skipped>,
): Omit<RmsNormGradients<Tensor<D>>, Skipped>;
export function rmsNormBackward(
  dy: Data,
  x: Data,
  normalizedShape: NormalizedShape,
  options: object,
): object {
  return operations.rmsNormBackward(context, dy, x, normalizedShape, options);
}
