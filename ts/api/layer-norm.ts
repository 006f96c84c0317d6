import { context } from "./default.js";
import * as operations from "./operations.js";
import type {
  LayerNormBackwardOptions,
  LayerNormForwardOptions,
  LayerNormForwardResult,
  LayerNormGradients,
  LayerNormOptions,
  NormalizedShape,
} from "./options.js";
import type { Data, Dtype, Tensor } from "./tensor.js";

/**
 * Layer normalization: each row of `x` to mean 0 and variance 1, then scaled by `gamma` and shifted by
 * `beta`. `y = (x - mean) / sqrt(var + eps) * gamma + beta`, `var` the biased variance
 * (Ba, Kiros, Hinton, "Layer Normalization", arXiv 1607.06450).
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param normalizedShape the sizes of the normalised dimensions, the last ones of `x`
 * @param options `gamma` and `beta` of `[cols]`, `eps = 1e-5`, `out`, all of the kind of `x`
 * @returns `y`, of the kind and shape of `x`: `out`, if given
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { layerNorm } from "layernorm-wasm";
 *
 * const x = Float32Array.of(1, 2, 3, 4, 10, 20, 30, 40);
 * const y = layerNorm(x, 4);
 * // each row of y is about [-1.34, -0.45, 0.45, 1.34]
 * ```
 */
export function layerNorm(
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options?: LayerNormOptions<Float32Array>,
): Float32Array;
export function layerNorm<D extends Dtype>(
  x: Tensor<D>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<LayerNormOptions<Tensor<D>>>,
): Tensor<D>;
export function layerNorm(x: Data, normalizedShape: NormalizedShape, options?: object): Data {
  return operations.layerNorm(context, x, normalizedShape, options);
}

/**
 * Layer normalization for training: `y`, and the `mean` and `rstd = 1 / sqrt(var + eps)` of each row, which
 * `layerNormBackward` takes.
 *
 * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
 * @param normalizedShape the sizes of the normalised dimensions, the last ones of `x`
 * @param options `gamma` and `beta` of `[cols]`, `eps = 1e-5`, `out: { y, mean, rstd }`, all of the kind of `x`
 * @returns `y` of the shape of `x`, `mean` and `rstd` of its other dimensions
 * @throws TypeError for arguments of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { layerNormForward } from "layernorm-wasm";
 *
 * const { y, mean, rstd } = layerNormForward(Float32Array.of(1, 2, 3, 4), 4);
 * // mean is [2.5], rstd about [0.894]
 * ```
 */
export function layerNormForward(
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options?: LayerNormForwardOptions<Float32Array>,
): LayerNormForwardResult<Float32Array>;
export function layerNormForward<D extends Dtype>(
  x: Tensor<D>,
  normalizedShape: NormalizedShape,
  options?: NoInfer<LayerNormForwardOptions<Tensor<D>>>,
): LayerNormForwardResult<Tensor<D>>;
export function layerNormForward(x: Data, normalizedShape: NormalizedShape, options?: object): object {
  return operations.layerNormForward(context, x, normalizedShape, options);
}

/**
 * The gradients of layer normalization. With `xhat = (x - mean) * rstd` and `g = dy * gamma`,
 * `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))`; over the rows, `dgamma = sum(dy * xhat)` and
 * `dbeta = sum(dy)`.
 *
 * @param dy the gradient of `y`, of the size of `x`
 * @param x as in the forward call
 * @param normalizedShape as in the forward call
 * @param options `mean` and `rstd` from the forward call, and the same `gamma`; `out: { dx, dgamma, dbeta }`;
 *   `accumulate` adds to `out.dgamma` and `out.dbeta`; `skip` names results that are not needed
 * @returns `dx` of the shape of `x`, `dgamma` and `dbeta` of `normalizedShape`, less those skipped
 * @throws TypeError for arguments missing or of a wrong kind, RangeError for sizes that do not fit; nothing is written
 * @example
 * ```ts
 * import { layerNormBackward, layerNormForward } from "layernorm-wasm";
 *
 * const x = Float32Array.of(1, 2, 3, 4);
 * const { mean, rstd } = layerNormForward(x, 4);
 * const { dx, dgamma, dbeta } = layerNormBackward(Float32Array.of(1, 0, 0, 0), x, 4, { mean, rstd });
 * // dbeta is [1, 0, 0, 0], and dx sums to 0
 * ```
 */
export function layerNormBackward<const Skipped extends keyof LayerNormGradients<Float32Array> = never>(
  dy: Float32Array,
  x: Float32Array,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<Float32Array, Skipped>,
): Omit<LayerNormGradients<Float32Array>, Skipped>;
export function layerNormBackward<
  D extends Dtype,
  const Skipped extends keyof LayerNormGradients<Tensor<D>> = never,
>(
  dy: Tensor<D>,
  x: NoInfer<Tensor<D>>,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<NoInfer<Tensor<D>>, Skipped>,
): Omit<LayerNormGradients<Tensor<D>>, Skipped>;
export function layerNormBackward(
  dy: Data,
  x: Data,
  normalizedShape: NormalizedShape,
  options: object,
): object {
  return operations.layerNormBackward(context, dy, x, normalizedShape, options);
}
