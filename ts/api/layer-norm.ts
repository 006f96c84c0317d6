import { gradientsBytes } from "../engine/abi.js";
import { Call, copyOut, placed, scratchBytes } from "./call.js";
import {
  checkCount,
  checkData,
  checkEps,
  checkFlag,
  checkNormalizedShape,
  checkNotYet,
  checkOptions,
  checkOut,
  checkOutApart,
  checkOverlap,
  checkParameter,
  checkRows,
  checkSkip,
  checkStatistic,
  count,
} from "./check.js";
import type { Context } from "./context.js";
import { type Data, Tensor } from "./tensor.js";

/** The sizes of the normalised dimensions, as in PyTorch: the last ones of `x`. */
export type NormalizedShape = number | readonly number[];

/** What `layerNorm` and `layerNormForward` take beside `x` and `normalizedShape`. */
export interface LayerNormSettings<T extends Data> {
  /** Scale, `[cols]`; 1 where it is left out. */
  readonly gamma?: T | undefined;
  /** Shift, `[cols]`; 0 where it is left out. */
  readonly beta?: T | undefined;
  /** Added to the variance, finite and at least 0; 1e-5 where it is left out. */
  readonly eps?: number | undefined;
  /** The shape of `x`, checked against `normalizedShape`. */
  readonly shape?: readonly number[] | undefined;
  /** Which dimensions of `x` are normalised. Not available yet: they are the last ones. */
  readonly axes?: readonly number[] | undefined;
}

/** Options of `layerNorm`. */
export interface LayerNormOptions<T extends Data> extends LayerNormSettings<T> {
  /** Where to write `y`; may be `x`. A new one where it is left out. */
  readonly out?: T | undefined;
}

/** What `layerNormForward` returns. */
export interface LayerNormForwardResult<T extends Data> {
  /** `(x - mean) * rstd * gamma + beta`, of the shape of `x`. */
  readonly y: T;
  /** The mean of each row, in the order of the dimensions that are not normalised. */
  readonly mean: T;
  /** `1 / sqrt(var + eps)` of each row, `var` the biased variance. */
  readonly rstd: T;
}

/** Options of `layerNormForward`. */
export interface LayerNormForwardOptions<T extends Data> extends LayerNormSettings<T> {
  /** Where to write results; `y` may be `x`. New ones where they are left out. */
  readonly out?: Partial<LayerNormForwardResult<T>> | undefined;
}

/** What `layerNormBackward` returns. */
export interface LayerNormGradients<T extends Data> {
  /** The gradient of `x`, of its shape. */
  readonly dx: T;
  /** The gradient of `gamma`, `[cols]`: the sum over rows of `dy * xhat`. */
  readonly dgamma: T;
  /** The gradient of `beta`, `[cols]`: the sum over rows of `dy`. */
  readonly dbeta: T;
}

/** Options of `layerNormBackward`. */
export interface LayerNormBackwardOptions<
  T extends Data,
  Skipped extends keyof LayerNormGradients<T> = never,
> {
  /** `[rows]`, from the forward call. */
  readonly mean: T;
  /** `[rows]`, from the forward call. */
  readonly rstd: T;
  /** As in the forward call. */
  readonly gamma?: T | undefined;
  /** The shape of `x`, checked against `normalizedShape`. */
  readonly shape?: readonly number[] | undefined;
  /** Not available yet. */
  readonly axes?: readonly number[] | undefined;
  /** Where to write results; `dx` may be `dy`. New ones where they are left out. */
  readonly out?: Partial<LayerNormGradients<T>> | undefined;
  /** Adds to `out.dgamma` and `out.dbeta` instead of overwriting them; false where it is left out. */
  readonly accumulate?: boolean | undefined;
  /** Results that are not needed, and so not computed and not returned. */
  readonly skip?: readonly Skipped[] | undefined;
}

const FORWARD_RESULTS = ["y", "mean", "rstd"] as const;
const GRADIENTS = ["dx", "dgamma", "dbeta"] as const;
const EACH_ROW = "one for each row of x";
const FORWARD_INPUTS = ["x", "gamma", "beta"] as const;
const BACKWARD_INPUTS = ["dy", "x", "mean", "rstd", "gamma"] as const;
/** An `out` that names nothing. */
const NO_RESULTS = {} as const;

type Results<Names extends string> = { [name in Names]?: Data | undefined };

/** @internal `layerNorm` on a context. */
export function normalize<T extends Data>(
  context: Context,
  x: T,
  normalizedShape: NormalizedShape,
  options?: LayerNormOptions<T>,
): T {
  const name = "layerNorm";
  const settings = checkOptions(name, options);
  const { gamma, beta, out, shape } = settings;
  const call = checkForward(context, name, x, normalizedShape, settings);
  if (out !== undefined) {
    checkCount(context, name, "out", out, x, count(x), "as many as x");
    checkOutApart(context, name, x, gamma, beta, out);
    runForward(context, name, call, out, undefined, undefined);
    return out;
  }
  return context.allOrNothing(() => {
    const y = resultsLike(context, name, x, shape, normalizedShape).x() as T;
    runForward(context, name, call, y, undefined, undefined);
    return y;
  });
}

/** @internal `layerNormForward` on a context. */
export function normalizeForward<T extends Data>(
  context: Context,
  x: T,
  normalizedShape: NormalizedShape,
  options?: LayerNormForwardOptions<T>,
): LayerNormForwardResult<T> {
  const name = "layerNormForward";
  const settings = checkOptions(name, options);
  const { gamma, beta, shape } = settings;
  const out: Partial<LayerNormForwardResult<T>> = settings.out === undefined ? NO_RESULTS : settings.out;
  checkOut(name, out, FORWARD_RESULTS);
  const call = checkForward(context, name, x, normalizedShape, settings);
  const { rows } = call;
  if (out.y !== undefined) checkCount(context, name, "out.y", out.y, x, count(x), "as many as x");
  if (out.mean !== undefined) checkCount(context, name, "out.mean", out.mean, x, rows, EACH_ROW);
  if (out.rstd !== undefined) checkCount(context, name, "out.rstd", out.rstd, x, rows, EACH_ROW);
  checkOverlap(name, FORWARD_INPUTS, [x, gamma, beta], FORWARD_RESULTS, [out.y, out.mean, out.rstd], x);
  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, shape, normalizedShape);
    const y = out.y ?? like.x();
    const mean = out.mean ?? like.rows(rows);
    const rstd = out.rstd ?? like.rows(rows);
    runForward(context, name, call, y, mean, rstd);
    return { y, mean, rstd } as LayerNormForwardResult<T>;
  });
}

/** What both forward calls check alike. */
function checkForward(
  context: Context,
  name: string,
  x: Data,
  normalizedShape: NormalizedShape,
  { gamma, beta, eps, shape, axes }: LayerNormSettings<Data>,
): Forward {
  const cols = checkNormalizedShape(name, normalizedShape);
  const checkedEps = checkEps(name, eps);
  checkNotYet(name, "axes", axes);
  checkData(context, name, "x", x);
  const rows = checkRows(name, x, shape, cols, normalizedShape);
  checkParameter(context, name, "gamma", gamma, x, cols, normalizedShape);
  checkParameter(context, name, "beta", beta, x, cols, normalizedShape);
  return { x, gamma, beta, rows, cols, eps: checkedEps };
}

/** @internal Makes results of the kind of `x`. */
export function resultsLike(
  context: Context,
  name: string,
  x: Data,
  shape: readonly number[] | undefined,
  normalizedShape: NormalizedShape,
) {
  const normalized = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const make = (shape: readonly number[], size: number): Data =>
    x instanceof Tensor ? new Tensor(context, name, shape, size) : new Float32Array(size);
  const xShape = x instanceof Tensor ? x.shape : (shape ?? []);
  return {
    x: () => make(xShape, count(x)),
    rows: (rows: number) => make(xShape.slice(0, xShape.length - normalized.length), rows),
    cols: (cols: number) => make(normalized, cols),
  };
}

/** The arguments of a forward call, checked. Parameters and `x` may be of different kinds. */
export interface Forward {
  readonly x: Data;
  readonly gamma: Data | undefined;
  readonly beta: Data | undefined;
  readonly rows: number;
  readonly cols: number;
  readonly eps: number;
}

/** The first byte of a tensor, 0 for none. */
function pointer(tensor: Data | undefined): number {
  return tensor === undefined ? 0 : (tensor as Tensor).pointer;
}

/** @internal Runs the kernel over all rows. */
export function runForward(
  context: Context,
  name: string,
  forward: Forward,
  y: Data,
  mean: Data | undefined,
  rstd: Data | undefined,
): void {
  const { x, gamma, beta, rows, cols, eps } = forward;
  if (x instanceof Tensor) {
    // All are tensors: nothing passes through scratch, and a small call is spared the bookkeeping.
    context.kernels.layer_norm_forward_f32(
      x.pointer,
      pointer(gamma),
      pointer(beta),
      pointer(y),
      pointer(mean),
      pointer(rstd),
      rows,
      cols,
      eps,
      1,
    );
    return;
  }
  if (runForwardAtOnce(context, forward, y, mean, rstd)) return;
  const call = new Call(rows);
  const gammaAt = call.input(gamma);
  const betaAt = call.input(beta);
  const xAt = call.input(x, cols);
  const yAt = call.output(y, cols, xAt);
  const meanAt = call.output(mean, 1);
  const rstdAt = call.output(rstd, 1);
  call.run(context, name, {
    rows: (kernels, _, rows) =>
      kernels.layer_norm_forward_f32(
        xAt.pointer,
        gammaAt.pointer,
        betaAt.pointer,
        yAt.pointer,
        meanAt.pointer,
        rstdAt.pointer,
        rows,
        cols,
        eps,
        1,
      ),
  });
}

/**
 * Runs the kernel on plain arrays that pass through scratch in one go: what a `Call` does, without the bookkeeping,
 * which takes several times as long as a small call. False where there is not that much scratch yet.
 */
function runForwardAtOnce(
  context: Context,
  { x, gamma, beta, rows, cols, eps }: Forward,
  y: Data,
  mean: Data | undefined,
  rstd: Data | undefined,
): boolean {
  const { memory } = context;
  const xBytes = scratchBytes(x);
  const gammaBytes = scratchBytes(gamma);
  const betaBytes = scratchBytes(beta);
  const meanBytes = scratchBytes(mean);
  const bytes = xBytes + gammaBytes + betaBytes + meanBytes + scratchBytes(rstd);
  const xAt = memory.scratchAtHand(bytes);
  if (xAt === 0) return false;
  const gammaAt = xAt + xBytes;
  const betaAt = gammaAt + gammaBytes;
  const meanAt = betaAt + betaBytes;
  const rstdAt = meanAt + meanBytes;
  const { f32 } = memory;
  f32.set(x as Float32Array, xAt / 4);
  context.kernels.layer_norm_forward_f32(
    xAt,
    placed(f32, gamma, gammaAt),
    placed(f32, beta, betaAt),
    xAt,
    mean === undefined ? 0 : meanAt,
    rstd === undefined ? 0 : rstdAt,
    rows,
    cols,
    eps,
    1,
  );
  (y as Float32Array).set(memory.scratchF32(rows * cols));
  if (mean !== undefined) copyOut(f32, meanAt / 4, mean as Float32Array, 0, rows);
  if (rstd !== undefined) copyOut(f32, rstdAt / 4, rstd as Float32Array, 0, rows);
  return true;
}

/** @internal `layerNormBackward` on a context. */
export function normalizeBackward<T extends Data, Skipped extends keyof LayerNormGradients<T> = never>(
  context: Context,
  dy: T,
  x: T,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<T, Skipped>,
): Omit<LayerNormGradients<T>, Skipped> {
  const name = "layerNormBackward";
  const cols = checkNormalizedShape(name, normalizedShape);
  const settings = checkOptions(name, options);
  const { mean, rstd, gamma, shape, axes, skip } = settings;
  const out: Partial<LayerNormGradients<T>> = settings.out === undefined ? NO_RESULTS : settings.out;
  checkNotYet(name, "axes", axes);
  checkOut(name, out, GRADIENTS);
  checkSkip(name, skip, GRADIENTS);
  const accumulate = checkFlag(name, "accumulate", settings.accumulate);
  checkData(context, name, "x", x);
  const rows = checkRows(name, x, shape, cols, normalizedShape);
  checkCount(context, name, "dy", dy, x, count(x), "as many as x");
  checkStatistic(context, name, "mean", mean, x, rows);
  checkStatistic(context, name, "rstd", rstd, x, rows);
  checkParameter(context, name, "gamma", gamma, x, cols, normalizedShape);
  checkParameter(context, name, "out.dgamma", out.dgamma, x, cols, normalizedShape);
  checkParameter(context, name, "out.dbeta", out.dbeta, x, cols, normalizedShape);
  if (out.dx !== undefined) checkCount(context, name, "out.dx", out.dx, x, count(x), "as many as x");
  const inputs = [dy, x, mean, rstd, gamma];
  checkOverlap(name, BACKWARD_INPUTS, inputs, GRADIENTS, [out.dx, out.dgamma, out.dbeta], dy);

  const skipped = skip as readonly string[] | undefined;
  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, shape, normalizedShape);
    const results: Results<"dx" | "dgamma" | "dbeta"> = {};
    if (!skipped?.includes("dx")) results.dx = out.dx ?? like.x();
    if (!skipped?.includes("dgamma")) results.dgamma = out.dgamma ?? like.cols(cols);
    if (!skipped?.includes("dbeta")) results.dbeta = out.dbeta ?? like.cols(cols);
    runBackward(context, name, {
      dy,
      x,
      mean: mean as T,
      rstd: rstd as T,
      gamma,
      dx: results.dx,
      dgamma: results.dgamma,
      dbeta: results.dbeta,
      // New arrays have nothing to add to.
      addsToDgamma: accumulate && out.dgamma !== undefined,
      addsToDbeta: accumulate && out.dbeta !== undefined,
      rows,
      cols,
    });
    return results as unknown as Omit<LayerNormGradients<T>, Skipped>;
  });
}

/** The arguments of a backward call, checked. Parameters and `x` may be of different kinds. */
export interface Backward {
  readonly dy: Data;
  readonly x: Data;
  readonly mean: Data;
  readonly rstd: Data;
  readonly gamma: Data | undefined;
  readonly dx: Data | undefined;
  readonly dgamma: Data | undefined;
  readonly dbeta: Data | undefined;
  /** Whether `dgamma` is added to. */
  readonly addsToDgamma: boolean;
  /** Whether `dbeta` is added to. */
  readonly addsToDbeta: boolean;
  readonly rows: number;
  readonly cols: number;
}

/** @internal Runs the kernel over all rows. */
export function runBackward(context: Context, name: string, given: Backward): void {
  const { cols, addsToDgamma, addsToDbeta } = given;
  const call = new Call(given.rows);
  const gamma = call.input(given.gamma);
  const dy = call.input(given.dy, cols);
  const x = call.input(given.x, cols);
  const mean = call.input(given.mean, 1);
  const rstd = call.input(given.rstd, 1);
  const dx = call.output(given.dx, cols, dy);
  const dgamma = call.total(given.dgamma, addsToDgamma);
  const dbeta = call.total(given.dbeta, addsToDbeta);
  const gradients = call.working(gradientsBytes(cols));
  call.run(context, name, {
    before: (kernels) => kernels.gradients_start(gradients.pointer, gamma.pointer, cols),
    rows: (kernels, firstRow, rows) =>
      kernels.layer_norm_backward_f32(
        dy.pointer,
        x.pointer,
        mean.pointer,
        rstd.pointer,
        gamma.pointer,
        dx.pointer,
        gradients.pointer,
        firstRow,
        rows,
        cols,
      ),
    after({ gradients_finish_f32: finish }) {
      finish(gradients.pointer, dgamma.pointer, 0, cols, Number(addsToDgamma));
      finish(gradients.pointer, 0, dbeta.pointer, cols, Number(addsToDbeta));
    },
  });
}
