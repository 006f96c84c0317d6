import { runBackward } from "./backward.js";
import {
  checkData,
  checkDtype,
  checkEps,
  checkFlag,
  checkForwardRan,
  checkLayerDtype,
  checkLike,
  checkLive,
  checkNormalizedShape,
  checkOptions,
  checkRows,
  checkState,
  checkStateKeys,
  count,
} from "./check.js";
import type { Context } from "./context.js";
import { runForward } from "./forward.js";
import type { NormalizedShape } from "./options.js";
import { resultsLike } from "./results.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { type Data, type Dtype, Tensor } from "./tensor.js";

/** Options of `new RMSNorm`. */
export interface RmsNormLayerOptions<D extends Dtype = "f32"> {
  /** Added to the mean of the squares, or to the variance; finite and at least 0, 1e-5 where it is left out. */
  readonly eps?: number | undefined;
  /** Whether there are parameters, which are learned; true where it is left out. */
  readonly affine?: boolean | undefined;
  /** Whether `gamma` is stored as its distance from 1, as Gemma's is, and starts as 0; false where it is left out. */
  readonly unitOffset?: boolean | undefined;
  /** How parameters and gradients are stored; `"f32"` where it is left out. Only `x` of the same goes with others. */
  readonly dtype?: D | undefined;
}

/** Options of `new LayerNorm`. */
export interface LayerNormLayerOptions<D extends Dtype = "f32"> extends RmsNormLayerOptions<D> {
  /** Whether `beta` is learned beside `gamma`; true where it is left out. */
  readonly bias?: boolean | undefined;
}

/** A learned parameter, as an optimiser needs it. */
export interface Parameter<D extends Dtype = "f32"> {
  /** Its name in PyTorch's state. */
  readonly name: "weight" | "bias";
  /** What is learned. */
  readonly value: Tensor<D>;
  /** Its gradient, which `backward` adds to. */
  readonly gradient: Tensor<D>;
}

/** The parameters of a layer, copied, under PyTorch's names. */
export interface LayerNormState {
  /** `gamma` */
  weight?: Float32Array;
  /** `beta` */
  bias?: Float32Array;
}

interface Saved {
  readonly x: Data;
  readonly mean: Data | undefined;
  readonly rstd: Data;
  readonly rows: number;
}

/** What the layers have in common. */
abstract class Layer<D extends Dtype> {
  /** The sizes of the normalised dimensions. */
  readonly normalizedShape: readonly number[];
  /** What is added to the variance, or to the mean of the squares. */
  readonly eps: number;
  /** Whether `gamma` is stored as its distance from 1. */
  readonly unitOffset: boolean;
  /** How parameters and gradients are stored. */
  readonly dtype: D;
  readonly #context: Context;
  readonly #name: string;
  readonly #centred: boolean;
  readonly #cols: number;
  readonly #parameters: readonly Parameter<D>[];
  #saved: Saved | undefined;

  /** @internal */
  constructor(
    context: Context,
    name: string,
    centred: boolean,
    normalizedShape: NormalizedShape,
    options: LayerNormLayerOptions<D> | undefined,
  ) {
    const cols = checkNormalizedShape(name, normalizedShape);
    const { eps, affine = true, bias = true, unitOffset, dtype = "f32" as D } = checkOptions(name, options);
    this.#cols = cols;
    this.eps = checkEps(name, eps);
    checkFlag(name, "affine", affine);
    checkFlag(name, "bias", bias);
    this.unitOffset = checkFlag(name, "unitOffset", unitOffset);
    checkDtype(name, dtype);
    this.dtype = dtype;
    this.#context = context;
    this.#name = name;
    this.#centred = centred;
    const shape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.normalizedShape = Object.freeze(shape);
    const filled = (value: number) => {
      const tensor = new Tensor(context, name, shape, cols, dtype);
      tensor.setValues(name, new Float32Array(cols).fill(value));
      return tensor;
    };
    this.#parameters = context.allOrNothing(() => {
      const parameters: Parameter<D>[] = [];
      const add = (name: "weight" | "bias", start: number) =>
        parameters.push({ name, value: filled(start), gradient: filled(0) });
      if (affine) add("weight", this.unitOffset ? 0 : 1);
      if (affine && bias && centred) add("bias", 0);
      return parameters;
    });
  }

  /** @internal One of the parameters, if the layer has it. */
  protected parameter(name: "weight" | "bias"): Parameter<D> | undefined {
    return this.#parameters.find((parameter) => parameter.name === name);
  }

  /**
   * `y`, with the layer's parameters. It keeps `x` itself, not a copy, for `backward`.
   *
   * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
   * @returns `y`, of the kind and shape of `x`
   */
  forward<T extends Data>(x: T): T {
    const name = `${this.#name}.forward`;
    const [context, centred, shape, cols] = [this.#context, this.#centred, this.normalizedShape, this.#cols];
    checkData(context, name, x);
    const layout = checkRows(name, x, undefined, undefined, cols, shape);
    const rows = count(x) / cols;
    this.#checkLive(name);
    if (this.#parameters.length > 0) checkLayerDtype(name, x, this.dtype);
    const { y, mean, rstd } = context.allOrNothing(() => {
      const like = resultsLike(context, name, x, undefined, shape, undefined);
      const results = { y: like.x(), mean: centred ? like.rows(rows) : undefined, rstd: like.rows(rows) };
      const call = {
        ...{ x, residual: undefined, gamma: this.#value("weight"), beta: this.#value("bias") },
        ...{ rows, cols, eps: this.eps, centred, unitOffset: this.unitOffset, layout },
        rowsPerSample: undefined,
      };
      runForward(context, name, call, results.y, undefined, results.mean, results.rstd);
      return results;
    });
    this.#forget();
    this.#saved = { x, mean, rstd, rows };
    return y as T;
  }

  /**
   * The gradient of the `x` of the last `forward`; adds to the gradients of the parameters.
   *
   * @param dy the gradient of that `y`, of its kind and size
   * @returns `dx`, of the same kind and shape
   * @throws Error when there was no `forward` before
   */
  backward<T extends Data>(dy: T): T {
    const name = `${this.#name}.backward`;
    const [context, cols] = [this.#context, this.#cols];
    const { x, mean, rstd, rows } = checkForwardRan(name, this.#saved);
    checkData(context, name, x);
    this.#checkLive(name);
    checkLike(context, name, "dy", dy, x);
    const [weight, bias] = [this.parameter("weight"), this.parameter("bias")];
    return context.allOrNothing(() => {
      const dx = resultsLike(context, name, x, undefined, this.normalizedShape, undefined).x();
      runBackward(context, name, {
        ...{ dy, x, mean, rstd, gamma: weight?.value, dsum: undefined },
        ...{ dx, dgamma: weight?.gradient, dbeta: bias?.gradient },
        ...{ addsToDgamma: true, addsToDbeta: true, rows, cols },
        ...{ unitOffset: this.unitOffset, rowsPerSample: undefined, layout: undefined },
      });
      return dx as T;
    });
  }

  /** Sets the gradients to zero. */
  zeroGrad(): void {
    for (const { gradient } of this.#parameters) gradient.data.fill(0);
  }

  /** The learned parameters with their gradients. */
  parameters(): Parameter<D>[] {
    return [...this.#parameters];
  }

  /** The values of the parameters, copied, under PyTorch's names. */
  stateDict(): LayerNormState {
    return Object.fromEntries(this.#parameters.map(({ name, value }) => [name, value.toFloat32Array()]));
  }

  /**
   * Sets the parameters from such a state: arrays or tensors, all of the layer's and no others.
   *
   * @throws TypeError for a parameter that is missing or unknown, RangeError for one of another size
   */
  loadStateDict(state: {
    readonly weight?: ArrayLike<number> | Tensor<Dtype>;
    readonly bias?: ArrayLike<number> | Tensor<Dtype>;
  }): void {
    const name = `${this.#name}.loadStateDict`;
    const names = this.#parameters.map(({ name }) => name);
    checkStateKeys(name, state, names);
    const loaded = names.map((parameter) => checkState(name, state[parameter], parameter, this.#cols));
    for (const [k, { value }] of this.#parameters.entries()) value.setValues(name, loaded[k]);
  }

  /**
   * The parameters as the bytes of a `.safetensors` file, as `stateDict` of PyTorch has them.
   *
   * @param prefix of their names, such as `"blocks.0.norm."`
   */
  toSafetensors(prefix = ""): Uint8Array {
    return writeSafetensors(
      this.#parameters.map(({ name, value }) => ({ name: prefix + name, tensor: value })),
    );
  }

  /**
   * Sets the parameters from the bytes of a `.safetensors` file, rounded to `dtype`; other tensors in it are not read.
   *
   * @param file its bytes
   * @param prefix of the parameters' names
   * @throws TypeError for a file of another format or without a parameter, RangeError for one of another size
   */
  loadSafetensors(file: ArrayBuffer | Uint8Array, prefix = ""): void {
    const name = `${this.#name}.loadSafetensors`;
    const loaded = this.#parameters.map((parameter) => {
      const key = prefix + parameter.name;
      return checkState(name, readSafetensors(this.#context, name, file, key), key, this.#cols);
    });
    for (const [k, { value }] of this.#parameters.entries()) value.setValues(name, loaded[k]);
  }

  /** Gives the memory of parameters, gradients and saved statistics back. Doing so twice is allowed. */
  dispose(): void {
    for (const { value, gradient } of this.#parameters) {
      value.dispose();
      gradient.dispose();
    }
    this.#forget();
  }

  /** `dispose()`, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #value(name: "weight" | "bias"): Tensor<D> | undefined {
    return this.parameter(name)?.value;
  }

  #checkLive(name: string): void {
    for (const { name: parameter, value, gradient } of this.#parameters) {
      const argument = parameter === "weight" ? "gamma" : "beta";
      checkLive(name, argument, value);
      checkLive(name, `d${argument}`, gradient);
    }
  }

  #forget(): void {
    for (const data of [this.#saved?.mean, this.#saved?.rstd]) if (data instanceof Tensor) data.dispose();
    this.#saved = undefined;
  }
}

/** RMSNorm on a context; `RMSNorm` is this on the default runtime, where it is documented. */
export class RmsNormLayer<D extends Dtype = "f32"> extends Layer<D> {
  /** Scale, of `normalizedShape`, 1 to start; nothing with `affine: false`. */
  readonly gamma: Tensor<D> | undefined;
  /** The gradient of `gamma`: `backward` adds to it, `zeroGrad` clears it. */
  readonly dgamma: Tensor<D> | undefined;

  /** @internal */
  constructor(context: Context, normalizedShape: NormalizedShape, options?: RmsNormLayerOptions<D>) {
    super(context, "RMSNorm", false, normalizedShape, options);
    ({ value: this.gamma, gradient: this.dgamma } = this.parameter("weight") ?? {});
  }
}

/** The layer on a context; `LayerNorm` is this on the default runtime, where it is documented. */
export class LayerNormLayer<D extends Dtype = "f32"> extends Layer<D> {
  /** Scale, of `normalizedShape`, 1 to start; nothing with `affine: false`. */
  readonly gamma: Tensor<D> | undefined;
  /** Shift, of `normalizedShape`, 0 to start; nothing with `affine: false` or `bias: false`. */
  readonly beta: Tensor<D> | undefined;
  /** The gradient of `gamma`: `backward` adds to it, `zeroGrad` clears it. */
  readonly dgamma: Tensor<D> | undefined;
  /** The gradient of `beta`: `backward` adds to it, `zeroGrad` clears it. */
  readonly dbeta: Tensor<D> | undefined;

  /** @internal */
  constructor(context: Context, normalizedShape: NormalizedShape, options?: LayerNormLayerOptions<D>) {
    super(context, "LayerNorm", true, normalizedShape, options);
    ({ value: this.gamma, gradient: this.dgamma } = this.parameter("weight") ?? {});
    ({ value: this.beta, gradient: this.dbeta } = this.parameter("bias") ?? {});
  }
}
