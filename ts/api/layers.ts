import {
  checkCount,
  checkData,
  checkEps,
  checkFlag,
  checkForwardRan,
  checkLive,
  checkNormalizedShape,
  checkOptions,
  checkRows,
  checkState,
  checkStateKeys,
  count,
} from "./check.js";
import type { Context } from "./context.js";
import { type NormalizedShape, resultsLike, runBackward, runForward } from "./layer-norm.js";
import { type Data, Tensor } from "./tensor.js";

/** Options of `new LayerNorm`. */
export interface LayerNormLayerOptions {
  /** Added to the variance, finite and at least 0; 1e-5 where it is left out. */
  readonly eps?: number | undefined;
  /** Whether `gamma` and `beta` are learned; true where it is left out. */
  readonly affine?: boolean | undefined;
  /** Whether `beta` is learned beside `gamma`; true where it is left out. */
  readonly bias?: boolean | undefined;
}

/** A learned parameter, as an optimiser needs it. */
export interface Parameter {
  /** Its name in PyTorch's state. */
  readonly name: "weight" | "bias";
  /** What is learned. */
  readonly value: Tensor;
  /** Its gradient, which `backward` adds to. */
  readonly gradient: Tensor;
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
  readonly mean: Data;
  readonly rstd: Data;
  readonly rows: number;
}

/** The layer on a context; `LayerNorm` is this on the default runtime, where it is documented. */
export class LayerNormLayer {
  /** The sizes of the normalised dimensions. */
  readonly normalizedShape: readonly number[];
  /** What is added to the variance. */
  readonly eps: number;
  /** Scale, of `normalizedShape`, 1 to start; nothing with `affine: false`. */
  readonly gamma: Tensor | undefined;
  /** Shift, of `normalizedShape`, 0 to start; nothing with `affine: false` or `bias: false`. */
  readonly beta: Tensor | undefined;
  /** The gradient of `gamma`: `backward` adds to it, `zeroGrad` clears it. */
  readonly dgamma: Tensor | undefined;
  /** The gradient of `beta`: `backward` adds to it, `zeroGrad` clears it. */
  readonly dbeta: Tensor | undefined;
  readonly #context: Context;
  readonly #cols: number;
  #saved: Saved | undefined;

  /** @internal */
  constructor(context: Context, normalizedShape: NormalizedShape, options?: LayerNormLayerOptions) {
    this.#cols = checkNormalizedShape("LayerNorm", normalizedShape);
    const { eps, affine = true, bias = true } = checkOptions("LayerNorm", options);
    this.eps = checkEps("LayerNorm", eps);
    checkFlag("LayerNorm", "affine", affine);
    checkFlag("LayerNorm", "bias", bias);
    this.#context = context;
    this.normalizedShape = Object.freeze(
      typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape],
    );
    const filled = (value: number) => {
      const tensor = new Tensor(context, "LayerNorm", this.normalizedShape, this.#cols);
      tensor.data.fill(value);
      return tensor;
    };
    const [ofGamma, ofBeta] = [affine, affine && bias];
    const parameters = context.allOrNothing(() => ({
      gamma: ofGamma ? filled(1) : undefined,
      beta: ofBeta ? filled(0) : undefined,
      dgamma: ofGamma ? filled(0) : undefined,
      dbeta: ofBeta ? filled(0) : undefined,
    }));
    this.gamma = parameters.gamma;
    this.beta = parameters.beta;
    this.dgamma = parameters.dgamma;
    this.dbeta = parameters.dbeta;
  }

  /**
   * `y = layerNorm(x)`, with the layer's parameters. It keeps `x` itself, not a copy, for `backward`.
   *
   * @param x `[..., ...normalizedShape]`, a Float32Array or a Tensor
   * @returns `y`, of the kind and shape of `x`
   */
  forward<T extends Data>(x: T): T {
    const name = "LayerNorm.forward";
    const [context, cols] = [this.#context, this.#cols];
    checkData(context, name, "x", x);
    this.#checkLive(name);
    const rows = checkRows(name, x, undefined, cols, this.normalizedShape);
    const { gamma, beta, eps } = this;
    const { y, mean, rstd } = context.allOrNothing(() => {
      const like = resultsLike(context, name, x, undefined, this.normalizedShape);
      const results = { y: like.x(), mean: like.rows(rows), rstd: like.rows(rows) };
      runForward(context, name, { x, gamma, beta, rows, cols, eps }, results.y, results.mean, results.rstd);
      return results;
    });
    this.#forget();
    this.#saved = { x, mean, rstd, rows };
    return y as T;
  }

  /**
   * The gradient of the `x` of the last `forward`; adds to `dgamma` and `dbeta`.
   *
   * @param dy the gradient of that `y`, of its kind and size
   * @returns `dx`, of the same kind and shape
   * @throws Error when there was no `forward` before
   */
  backward<T extends Data>(dy: T): T {
    const name = "LayerNorm.backward";
    const [context, cols] = [this.#context, this.#cols];
    const { x, mean, rstd, rows } = checkForwardRan(name, this.#saved);
    checkData(context, name, "x", x);
    this.#checkLive(name);
    checkCount(context, name, "dy", dy, x, count(x), "as many as the x of forward");
    const { gamma, dgamma, dbeta } = this;
    const added = { addsToDgamma: true, addsToDbeta: true };
    return context.allOrNothing(() => {
      const dx = resultsLike(context, name, x, undefined, this.normalizedShape).x();
      runBackward(context, name, { dy, x, mean, rstd, gamma, dx, dgamma, dbeta, ...added, rows, cols });
      return dx as T;
    });
  }

  /** Sets the gradients to zero. */
  zeroGrad(): void {
    this.dgamma?.data.fill(0);
    this.dbeta?.data.fill(0);
  }

  /** The learned parameters with their gradients: two, one or none. */
  parameters(): Parameter[] {
    const { gamma, dgamma, beta, dbeta } = this;
    const parameters: Parameter[] = [];
    if (gamma && dgamma) parameters.push({ name: "weight", value: gamma, gradient: dgamma });
    if (beta && dbeta) parameters.push({ name: "bias", value: beta, gradient: dbeta });
    return parameters;
  }

  /** A copy of the parameters, under PyTorch's names. */
  stateDict(): LayerNormState {
    return Object.fromEntries(this.parameters().map(({ name, value }) => [name, value.toFloat32Array()]));
  }

  /**
   * Sets the parameters from such a state: arrays or tensors, all of the layer's and no others.
   *
   * @throws TypeError for a parameter that is missing or unknown, RangeError for one of another size
   */
  loadStateDict(state: {
    readonly weight?: ArrayLike<number> | Tensor;
    readonly bias?: ArrayLike<number> | Tensor;
  }): void {
    const name = "LayerNorm.loadStateDict";
    const parameters = this.parameters();
    checkStateKeys(
      name,
      state,
      parameters.map(({ name }) => name),
    );
    const loaded = parameters.map((parameter) =>
      checkState(name, state[parameter.name], parameter.name, this.#cols),
    );
    for (const [k, { value }] of parameters.entries()) value.data.set(loaded[k]);
  }

  /** Gives the memory of parameters, gradients and saved statistics back. Doing so twice is allowed. */
  dispose(): void {
    for (const tensor of [this.gamma, this.beta, this.dgamma, this.dbeta]) tensor?.dispose();
    this.#forget();
  }

  /** `dispose()`, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #checkLive(name: string): void {
    const { gamma, beta, dgamma, dbeta } = this;
    for (const [argument, tensor] of Object.entries({ gamma, beta, dgamma, dbeta })) {
      if (tensor) checkLive(name, argument, tensor);
    }
  }

  #forget(): void {
    for (const data of [this.#saved?.mean, this.#saved?.rstd]) if (data instanceof Tensor) data.dispose();
    this.#saved = undefined;
  }
}
