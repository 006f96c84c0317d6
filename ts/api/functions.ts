import { InlinedModule } from "../engine/inlined.js";
import { Context } from "./context.js";
import {
  type LayerNormBackwardOptions,
  type LayerNormForwardOptions,
  type LayerNormForwardResult,
  type LayerNormGradients,
  type LayerNormOptions,
  type NormalizedShape,
  normalize,
  normalizeBackward,
  normalizeForward,
} from "./layer-norm.js";
import { LayerNormLayer, type LayerNormLayerOptions } from "./layers.js";
import { makeRuntimeOfModule, type Runtime, type RuntimeOptions } from "./runtime.js";
import { createTensor, createTensorFrom, type Data, type Dtype, type Tensor } from "./tensor.js";

/*
 * The package's own functions: those of a default runtime, which is made on first use.
 */

const inlined = /* @__PURE__ */ new InlinedModule();
const context = /* @__PURE__ */ new Context(() => inlined.start());

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
export function layerNorm(
  x: Tensor,
  normalizedShape: NormalizedShape,
  options?: LayerNormOptions<Tensor>,
): Tensor;
export function layerNorm(x: Data, normalizedShape: NormalizedShape, options?: LayerNormOptions<Data>): Data {
  return normalize(context, x, normalizedShape, options);
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
export function layerNormForward(
  x: Tensor,
  normalizedShape: NormalizedShape,
  options?: LayerNormForwardOptions<Tensor>,
): LayerNormForwardResult<Tensor>;
export function layerNormForward(
  x: Data,
  normalizedShape: NormalizedShape,
  options?: LayerNormForwardOptions<Data>,
): LayerNormForwardResult<Data> {
  return normalizeForward(context, x, normalizedShape, options);
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
export function layerNormBackward<const Skipped extends keyof LayerNormGradients<Tensor> = never>(
  dy: Tensor,
  x: Tensor,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<Tensor, Skipped>,
): Omit<LayerNormGradients<Tensor>, Skipped>;
export function layerNormBackward(
  dy: Data,
  x: Data,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<Data, keyof LayerNormGradients<Data>>,
): Partial<LayerNormGradients<Data>> {
  return normalizeBackward(context, dy, x, normalizedShape, options);
}

/**
 * A tensor of zeros in the memory of the kernels: operations on it copy nothing.
 *
 * @param shape its sizes; 0 is a size
 * @param dtype how elements are stored, `"f32"`; the others are not available yet
 * @throws RangeError when there is no more memory
 * @example
 * ```ts
 * import { layerNorm, tensor } from "layernorm-wasm";
 *
 * const x = tensor([2, 4]);
 * x.data.set([1, 2, 3, 4, 10, 20, 30, 40]);
 * const y = layerNorm(x, 4);
 * // y.data[0] is about -1.34
 * x.dispose();
 * y.dispose();
 * ```
 */
export function tensor(shape: readonly number[], dtype?: Dtype): Tensor {
  return createTensor(context, shape, dtype);
}

/**
 * A tensor of given values.
 *
 * @param values a typed array or an array of numbers
 * @param shape its sizes; `[values.length]` where it is left out
 * @throws RangeError when the sizes do not fit, or there is no more memory
 * @example
 * ```ts
 * import { tensorFrom } from "layernorm-wasm";
 *
 * const x = tensorFrom([1, 2, 3, 4, 5, 6], [2, 3]);
 * // x.size is 6
 * x.dispose();
 * ```
 */
export function tensorFrom(values: ArrayLike<number>, shape?: readonly number[]): Tensor {
  return createTensorFrom(context, values, shape);
}

/**
 * A layer with learned `gamma` and `beta`, which keeps what its backward pass needs. It takes plain arrays
 * as well as tensors; the gradients are summed until `zeroGrad()`.
 *
 * @example
 * ```ts
 * import { LayerNorm } from "layernorm-wasm";
 *
 * const layer = new LayerNorm(4);
 * const y = layer.forward(Float32Array.of(1, 2, 3, 4));
 * const dx = layer.backward(Float32Array.of(1, 0, 0, 0));
 * for (const { value, gradient } of layer.parameters()) {
 *   value.data.set(value.data.map((w, k) => w - 0.1 * gradient.data[k]));
 * }
 * // layer.beta.data is now [-0.1, 0, 0, 0]
 * layer.dispose();
 * ```
 */
export class LayerNorm extends LayerNormLayer {
  /**
   * @param normalizedShape the sizes of the normalised dimensions, the last ones of the input
   * @param options `eps = 1e-5`, `affine = true`, `bias = true`
   */
  constructor(normalizedShape: NormalizedShape, options?: LayerNormLayerOptions) {
    super(context, normalizedShape, options);
  }
}

/**
 * A runtime: all functions and classes on a memory of its own. Dropping it is the one way to give the memory
 * of WebAssembly back; tensors of one runtime do not work on another.
 *
 * @param options `module`, `initialBytes`, `maxBytes = 2 ** 32`
 * @throws TypeError for a `module` of another file, RangeError when `initialBytes` are not to be had
 * @example
 * ```ts
 * import { createRuntime } from "layernorm-wasm";
 *
 * const runtime = createRuntime({ maxBytes: 64 * 1024 * 1024 });
 * const x = runtime.tensorFrom([1, 2, 3, 4]);
 * const y = runtime.layerNorm(x, 4);
 * // runtime.info().engine is "simd128"
 * runtime.dispose();
 * ```
 */
export function createRuntime(options?: RuntimeOptions): Runtime {
  return makeRuntimeOfModule(() => inlined.start(), options);
}

/**
 * Compiles the WebAssembly ahead of the first call, which would otherwise do so, off the main thread.
 *
 * @example
 * ```ts
 * import { init } from "layernorm-wasm";
 *
 * await init();
 * ```
 */
export function init(): Promise<void> {
  return inlined.load();
}
