/**
 * `layernorm-wasm/tfjs`: these kernels in TensorFlow.js, as an operation with gradients and as a layer. It needs
 * `@tensorflow/tfjs-core` and `@tensorflow/tfjs-layers`. The import registers `LayerNormalization` under Keras's name,
 * so models that are loaded after it have this layer in place of TensorFlow.js's own.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import {
  checkEps,
  checkLastDimensions,
  checkNormalizedShape,
  checkOneTensor,
  checkSameShape,
  checkTfjsTensor,
} from "./api/check.js";
import { layerNormBackward, layerNormForward } from "./index.js";

const GRADIENTS = ["dx", "dgamma", "dbeta"] as const;

/**
 * Layer normalization of a tensor of TensorFlow.js, with gradients of any order. Works on each backend that can read
 * values synchronously: wasm and cpu.
 *
 * @param x `[..., ...gamma.shape]`, float32
 * @param gamma scale; 1 where it is null
 * @param beta shift, of the shape of `gamma`; 0 where it is null. Its shape is normalised over where there is no
 *   `gamma`, and the last dimension where there is neither
 * @param eps added to the variance, finite and at least 0
 * @returns `y`, of the shape of `x`
 * @throws TypeError for what is not a float32 tensor, RangeError for shapes that do not fit
 * @example
 * ```ts
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * import { layerNorm } from "layernorm-wasm/tfjs";
 *
 * const x = tf.tensor2d([1, 2, 3, 4, 10, 20, 30, 40], [2, 4]);
 * const y = layerNorm(x, tf.ones([4]), tf.zeros([4])).dataSync();
 * // each row of y is about [-1.34, -0.45, 0.45, 1.34]
 * ```
 */
export function layerNorm<T extends tf.Tensor>(
  x: T,
  gamma?: tf.Tensor | null,
  beta?: tf.Tensor | null,
  eps = 1e-5,
): T {
  const name = "layerNorm";
  checkTfjsTensor(name, "x", x, x instanceof tf.Tensor);
  if (gamma) checkTfjsTensor(name, "gamma", gamma, gamma instanceof tf.Tensor);
  if (beta) checkTfjsTensor(name, "beta", beta, beta instanceof tf.Tensor);
  if (gamma && beta) checkSameShape(name, "beta", beta.shape, "gamma", gamma.shape);
  const shape = gamma?.shape ?? beta?.shape ?? x.shape.slice(-1);
  return normalize(name, x, shape, gamma ?? undefined, beta ?? undefined, eps) as T;
}

function normalize(
  name: string,
  x: tf.Tensor,
  normalizedShape: readonly number[],
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  eps: number,
): tf.Tensor {
  checkEps(name, eps);
  checkNormalizedShape(name, normalizedShape);
  checkLastDimensions(name, x.shape, normalizedShape);
  const inputs = [x, gamma, beta].filter((input) => input !== undefined);
  return tf.customGrad((...args) => {
    let mean: Float32Array = new Float32Array();
    let rstd: Float32Array = new Float32Array();
    const [value] = compute([x, gamma, beta], [x.shape], ([x, gamma, beta], [y]) => {
      ({ mean, rstd } = layerNormForward(x, normalizedShape, { gamma, beta, eps, out: { y } }));
    });
    const save = args[inputs.length] as (tensors: tf.Tensor[]) => void;
    save(gamma ? [x, gamma] : [x]);
    const gradFunc = (dy: tf.Tensor, [x, gamma]: tf.Tensor[]) =>
      gradients(dy, x, gamma, beta !== undefined, normalizedShape, mean, rstd, eps);
    return { value, gradFunc };
  })(...inputs);
}

/** The gradients of x, and of gamma and beta where there are any: one call of the kernel, and an operation for each. */
function gradients(
  dy: tf.Tensor,
  x: tf.Tensor,
  gamma: tf.Tensor | undefined,
  hasBeta: boolean,
  normalizedShape: readonly number[],
  mean: Float32Array,
  rstd: Float32Array,
  eps: number,
): tf.Tensor[] {
  const shape = [...normalizedShape];
  const wanted = GRADIENTS.filter((name) => name === "dx" || (name === "dgamma" ? gamma : hasBeta));
  const skip = GRADIENTS.filter((name) => !wanted.includes(name));
  const shapes = wanted.map((name) => (name === "dx" ? x.shape : shape));
  const results = compute([dy, x, gamma], shapes, ([dy, x, gamma], arrays) => {
    const out = Object.fromEntries(wanted.map((name, k) => [name, arrays[k]]));
    layerNormBackward(dy, x, normalizedShape, { mean, rstd, gamma, out, skip });
  });
  const second = secondGradients(shape, eps);
  const inputs = { dx: gamma ? [dy, x, gamma] : [dy, x], dgamma: [dy, x], dbeta: [dy] };
  return wanted.map((name, k) => withGradients(results[k], second[name], inputs[name]));
}

/** A tensor that was computed already, with the gradients of its inputs. */
function withGradients(
  value: tf.Tensor,
  gradientsOfInputs: (upstream: tf.Tensor, ...inputs: tf.Tensor[]) => tf.Tensor[],
  inputs: tf.Tensor[],
): tf.Tensor {
  return tf.customGrad((...args) => {
    const save = args[inputs.length] as (tensors: tf.Tensor[]) => void;
    save(inputs);
    const gradFunc = (upstream: tf.Tensor, saved: tf.Tensor[]) => gradientsOfInputs(upstream, ...saved);
    return { value, gradFunc };
  })(...inputs);
}

/**
 * The gradients of the gradients, in TensorFlow.js's own operations, so that it knows the further ones. With
 * `project(v) = rstd * (v - mean(v) - xhat * mean(v * xhat))`, a symmetric matrix, `dx` is `project(dy * gamma)`; it is
 * also the gradient of x for a gradient v of xhat, and the gradient of rstd is `-rstd^2 * xhat / cols`.
 */
function secondGradients(shape: number[], eps: number) {
  const cols = tf.util.sizeFromShape(shape);
  const inRows = (tensor: tf.Tensor) => tf.reshape(tensor, [-1, cols]);
  const meanOfRows = (rows: tf.Tensor) => tf.mean(rows, 1, true);
  const standardize = (x: tf.Tensor) => {
    const centered = tf.sub(inRows(x), meanOfRows(inRows(x)));
    const rstd = tf.rsqrt(tf.add(meanOfRows(tf.square(centered)), eps));
    const xhat = tf.mul(centered, rstd);
    const along = (rows: tf.Tensor) => meanOfRows(tf.mul(rows, xhat));
    const project = (rows: tf.Tensor) =>
      tf.mul(rstd, tf.sub(tf.sub(rows, meanOfRows(rows)), tf.mul(xhat, along(rows))));
    return { rstd, xhat, along, project };
  };
  return {
    dx(upstream: tf.Tensor, dy: tf.Tensor, x: tf.Tensor, gamma?: tf.Tensor): tf.Tensor[] {
      const { rstd, xhat, along, project } = standardize(x);
      const u = inRows(upstream);
      const g = gamma ? tf.mul(inRows(dy), inRows(gamma)) : inRows(dy);
      const ofXhat = tf.neg(tf.mul(rstd, tf.add(tf.mul(g, along(u)), tf.mul(u, along(g)))));
      const ofRstd = tf.mul(tf.mul(rstd, xhat), meanOfRows(tf.mul(u, project(g))));
      const ofG = project(u);
      const ofX = tf.reshape(tf.sub(project(ofXhat), ofRstd), x.shape);
      if (!gamma) return [tf.reshape(ofG, dy.shape), ofX];
      const ofDy = tf.reshape(tf.mul(ofG, inRows(gamma)), dy.shape);
      return [ofDy, ofX, tf.reshape(tf.sum(tf.mul(ofG, inRows(dy)), 0), shape)];
    },
    dgamma(upstream: tf.Tensor, dy: tf.Tensor, x: tf.Tensor): tf.Tensor[] {
      const { xhat, project } = standardize(x);
      const u = inRows(upstream);
      const ofX = project(tf.mul(inRows(dy), u));
      return [tf.reshape(tf.mul(xhat, u), dy.shape), tf.reshape(ofX, x.shape)];
    },
    dbeta(upstream: tf.Tensor, dy: tf.Tensor): tf.Tensor[] {
      return [tf.add(tf.zerosLike(dy), upstream)];
    },
  };
}

/** What the wasm back end gives to its own kernels: its memory. The others have no such thing. */
interface Heap extends tf.KernelBackend {
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
  getMemoryOffset(dataId: object): number;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

/** Tensors of the given shapes, which `kernel` writes: in the memory of the back end where that is to be had. */
function compute<Inputs extends readonly (tf.Tensor | undefined)[]>(
  inputs: readonly [...Inputs],
  shapes: number[][],
  kernel: (
    inputs: { [K in keyof Inputs]: Float32Array | Exclude<Inputs[K], tf.Tensor> },
    results: Float32Array[],
  ) => void,
): tf.Tensor[] {
  const run = kernel as (inputs: (Float32Array | undefined)[], results: Float32Array[]) => void;
  const backend = tf.backend();
  if (!isHeap(backend)) {
    const results = shapes.map((shape) => new Float32Array(tf.util.sizeFromShape(shape)));
    run(
      inputs.map((input) => input?.dataSync<"float32">()),
      results,
    );
    return results.map((values, k) => tf.tensor(values, shapes[k]));
  }
  const results = shapes.map((shape) =>
    tf.engine().makeTensorFromTensorInfo(backend.makeOutput(shape, "float32"), backend),
  );
  const view = (tensor: tf.Tensor | undefined) => tensor && backend.typedArrayFromHeap(tensor);
  // This brings in what another back end holds, which may make the memory grow and detach views of it.
  for (const input of inputs) if (input) backend.getMemoryOffset(input.dataId);
  run(
    inputs.map(view),
    results.map((result) => backend.typedArrayFromHeap(result)),
  );
  return results;
}

function isHeap(backend: tf.KernelBackend): backend is Heap {
  const { makeOutput, getMemoryOffset, typedArrayFromHeap } = backend as Partial<Heap>;
  return [makeOutput, getMemoryOffset, typedArrayFromHeap].every((method) => typeof method === "function");
}

/** What `LayerNormalization` and `layerNormalization` take: the options of `tf.layers.layerNormalization`. */
export type LayerNormalizationArgs = NonNullable<Parameters<typeof layers.layerNormalization>[0]>;

type TheirLayer = ReturnType<typeof layers.layerNormalization>;

/** The class of `tf.layers.layerNormalization`, which has no export: options, weights and their names stay its own. */
const TheirLayerNormalization: {
  new (args?: LayerNormalizationArgs): TheirLayer;
  className: string;
  fromConfig: tf.serialization.FromConfigMethod<TheirLayer>;
} =
  // With a name, so as not to use up one of those that the user's layers get by number.
  layers.layerNormalization({ name: "layernorm-wasm" }).constructor as never;

/** What that class keeps to itself. */
interface Built {
  readonly axis: readonly number[];
  readonly gamma: { read(): tf.Tensor } | null;
  readonly beta: { read(): tf.Tensor } | null;
}

/**
 * `tf.layers.layerNormalization` on these kernels: the same options, defaults, weights and serialization. Dimensions
 * to normalise that are not the last ones are moved there and back by TensorFlow.js.
 *
 * @example
 * ```ts
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-layers";
 * import { LayerNormalization } from "layernorm-wasm/tfjs";
 *
 * const model = tf.sequential();
 * model.add(tf.layers.dense({ units: 8, inputShape: [4] }));
 * model.add(new LayerNormalization({ epsilon: 1e-5 }));
 * const count = model.countParams();
 * // count is 56
 * ```
 */
export class LayerNormalization extends TheirLayerNormalization {
  static override className = "LayerNormalization";

  /** @returns `y`, of the shape of the one input */
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { axis, gamma, beta } = this as unknown as Built;
    const input = checkOneTensor(LayerNormalization.className, inputs);
    return tf.tidy(() => {
      const x = input.dtype === "float32" ? input : tf.cast(input, "float32");
      const normalized = [...axis].sort((one, other) => one - other);
      const others = x.shape.map((_, k) => k).filter((k) => !normalized.includes(k));
      const order = [...others, ...normalized];
      const isLast = order.every((dimension, k) => dimension === k);
      // Where axis is not in order, TensorFlow.js takes the weights as though it were.
      const shape = normalized.map((dimension) => x.shape[dimension]);
      const isInOrder = axis.every((dimension, k) => dimension === normalized[k]);
      const [scale, shift] = [gamma, beta].map((variable) => {
        const weight = variable?.read();
        return weight && !isInOrder ? tf.reshape(weight, shape) : weight;
      });
      const y = normalize(
        LayerNormalization.className,
        isLast ? x : tf.transpose(x, order),
        scale?.shape ?? shift?.shape ?? shape,
        scale,
        shift,
        this.epsilon,
      );
      if (isLast) return y;
      const back = order.map((_, k) => order.indexOf(k));
      return tf.transpose(y, back);
    });
  }
}

tf.serialization.registerClass(LayerNormalization);

/**
 * `new LayerNormalization(args)`, in the way of `tf.layers`.
 *
 * @param args as of `tf.layers.layerNormalization`
 */
export function layerNormalization(args?: LayerNormalizationArgs): LayerNormalization {
  return new LayerNormalization(args);
}
