import { context, inlined } from "./default.js";
import {
  LayerNormLayer,
  type LayerNormLayerOptions,
  RmsNormLayer,
  type RmsNormLayerOptions,
} from "./layers.js";
import type { NormalizedShape } from "./options.js";
import { makeRuntimeOfModule, type Runtime, type RuntimeOptions } from "./runtime.js";
import { createTensor, createTensorFrom, type Dtype, type Tensor } from "./tensor.js";

/**
 * A tensor of zeros in the memory of the kernels: operations on it copy nothing.
 *
 * @param shape its sizes; 0 is a size
 * @param dtype how elements are stored: `"f32"`, `"f16"` (IEEE 754 binary16) or `"bf16"` (the upper half of an f32). Sums
 *   are f32 or better, whatever the storage, and results are rounded to it once
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
export function tensor<D extends Dtype = "f32">(shape: readonly number[], dtype?: D): Tensor<D> {
  return createTensor(context, shape, dtype);
}

/**
 * A tensor of given values.
 *
 * @param values a typed array or an array of numbers, rounded to `dtype`; for `"f16"` and `"bf16"` they are numbers too, not
 *   bits, which `tensor(shape, dtype).data.set(bits)` takes
 * @param shape its sizes; `[values.length]` where it is left out
 * @param dtype how elements are stored, `"f32"`, `"f16"` or `"bf16"`
 * @throws RangeError when the sizes do not fit, or there is no more memory
 * @example
 * ```ts
 * import { tensorFrom } from "layernorm-wasm";
 *
 * const x = tensorFrom([1, 2, 3, 4, 5, 6], [2, 3], "f16");
 * const values = x.toFloat32Array();
 * // values is [1, 2, 3, 4, 5, 6]
 * x.dispose();
 * ```
 */
export function tensorFrom<D extends Dtype = "f32">(
  values: ArrayLike<number>,
  shape?: readonly number[],
  dtype?: D,
): Tensor<D> {
  return createTensorFrom(context, values, shape, dtype);
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
export class LayerNorm<D extends Dtype = "f32"> extends LayerNormLayer<D> {
  /**
   * @param normalizedShape the sizes of the normalised dimensions, the last ones of the input
   * @param options `eps = 1e-5`, `affine = true`, `bias = true`, `unitOffset = false`, `dtype = "f32"`
   */
  constructor(normalizedShape: NormalizedShape, options?: LayerNormLayerOptions<D>) {
    super(context, normalizedShape, options);
  }
}

/**
 * RMSNorm as a layer with a learned `gamma`: as `LayerNorm`, without `beta`.
 *
 * @example
 * ```ts
 * import { RMSNorm } from "layernorm-wasm";
 *
 * const layer = new RMSNorm(4);
 * const y = layer.forward(Float32Array.of(1, 7, 5, 5));
 * // y is about [0.2, 1.4, 1, 1]
 * const dx = layer.backward(Float32Array.of(1, 0, 0, 0));
 * // layer.dgamma.data is now about [0.2, 0, 0, 0]
 * layer.dispose();
 * ```
 */
export class RMSNorm<D extends Dtype = "f32"> extends RmsNormLayer<D> {
  /**
   * @param normalizedShape the sizes of the normalised dimensions, the last ones of the input
   * @param options `eps = 1e-5`, `affine = true`, `unitOffset = false`, `dtype = "f32"`
   */
  constructor(normalizedShape: NormalizedShape, options?: RmsNormLayerOptions<D>) {
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
