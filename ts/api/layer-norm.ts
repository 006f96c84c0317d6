import { columnSumBytes } from "../engine/abi.js";
import { Call } from "./call.js";
import {
  checkCount,
  checkData,
  checkEps,
  checkFlag,
  checkNormalizedShape,
  checkNotYet,
  checkOptions,
  checkOut,
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

/** `layerNorm` on a context. */
export function normalize<T extends Data>(
  context: Context,
  x: T,
  normalizedShape: NormalizedShape,
  options?: LayerNormOptions<T>,
): T {
  const { out, ...settings } = checkOptions("layerNorm", options);
  return forward(context, "layerNorm", x, normalizedShape, settings, { y: out }, false).y as T;
}

/** `layerNormForward` on a context. */
export function normalizeForward<T extends Data>(
  context: Context,
  x: T,
  normalizedShape: NormalizedShape,
  options?: LayerNormForwardOptions<T>,
): LayerNormForwardResult<T> {
  const { out, ...settings } = checkOptions("layerNormForward", options);
  checkOut("layerNormForward", out, FORWARD_RESULTS);
  const results = forward(context, "layerNormForward", x, normalizedShape, settings, out ?? {}, true);
  return results as unknown as LayerNormForwardResult<T>;
}

type Results<Names extends string> = { [name in Names]?: Data | undefined };

function forward(
  context: Context,
  name: string,
  x: Data,
  normalizedShape: NormalizedShape,
  settings: LayerNormSettings<Data>,
  out: Results<"y" | "mean" | "rstd">,
  wantStatistics: boolean,
): Results<"y" | "mean" | "rstd"> {
  const cols = checkNormalizedShape(name, normalizedShape);
  const eps = checkEps(name, settings.eps);
  checkNotYet(name, "axes", settings.axes);
  checkData(context, name, "x", x);
  const rows = checkRows(name, x, settings.shape, cols, normalizedShape);
  const gamma = checkParameter(context, name, "gamma", settings.gamma, x, cols, normalizedShape);
  const beta = checkParameter(context, name, "beta", settings.beta, x, cols, normalizedShape);
  const outY = wantStatistics ? "out.y" : "out";
  if (out.y !== undefined) checkCount(context, name, outY, out.y, x, count(x), "as many as x");
  if (out.mean !== undefined)
    checkCount(context, name, "out.mean", out.mean, x, rows, "one for each row of x");
  if (out.rstd !== undefined)
    checkCount(context, name, "out.rstd", out.rstd, x, rows, "one for each row of x");
  const inputs = [
    ["x", x],
    ["gamma", gamma],
    ["beta", beta],
  ] as const;
  const outputs = [
    [outY, out.y],
    ["out.mean", out.mean],
    ["out.rstd", out.rstd],
  ] as const;
  checkOverlap(name, inputs, outputs, ["x", outY]);

  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, settings.shape, normalizedShape);
    const y = out.y ?? like.x();
    const mean = wantStatistics ? (out.mean ?? like.rows(rows)) : undefined;
    const rstd = wantStatistics ? (out.rstd ?? like.rows(rows)) : undefined;
    runForward(context, name, { x, gamma, beta, y, mean, rstd, rows, cols, eps });
    return { y, mean, rstd };
  });
}

/** Makes results of the kind of `x`. */
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
  readonly y: Data;
  readonly mean: Data | undefined;
  readonly rstd: Data | undefined;
  readonly rows: number;
  readonly cols: number;
  readonly eps: number;
}

/** Runs the kernel over all rows. */
export function runForward(context: Context, name: string, arguments_: Forward): void {
  const { cols, eps } = arguments_;
  const call = new Call(arguments_.rows);
  const gamma = call.input(arguments_.gamma);
  const beta = call.input(arguments_.beta);
  const x = call.input(arguments_.x, cols);
  const y = call.output(arguments_.y, cols, x);
  const mean = call.output(arguments_.mean, 1);
  const rstd = call.output(arguments_.rstd, 1);
  call.run(context, name, {
    rows: (kernels, _, rows) =>
      kernels.layer_norm_forward_f32(
        x.pointer,
        gamma.pointer,
        beta.pointer,
        y.pointer,
        mean.pointer,
        rstd.pointer,
        rows,
        cols,
        eps,
      ),
  });
}

/** `layerNormBackward` on a context. */
export function normalizeBackward<T extends Data, Skipped extends keyof LayerNormGradients<T> = never>(
  context: Context,
  dy: T,
  x: T,
  normalizedShape: NormalizedShape,
  options: LayerNormBackwardOptions<T, Skipped>,
): Omit<LayerNormGradients<T>, Skipped> {
  const name = "layerNormBackward";
  const cols = checkNormalizedShape(name, normalizedShape);
  const { shape, axes, out = {}, skip, ...given } = checkOptions(name, options);
  checkNotYet(name, "axes", axes);
  checkOut(name, out, GRADIENTS);
  checkSkip(name, skip, GRADIENTS);
  const accumulate = checkFlag(name, "accumulate", given.accumulate);
  checkData(context, name, "x", x);
  const rows = checkRows(name, x, shape, cols, normalizedShape);
  checkCount(context, name, "dy", dy, x, count(x), "as many as x");
  checkStatistic(context, name, "mean", given.mean, x, rows);
  checkStatistic(context, name, "rstd", given.rstd, x, rows);
  const { mean, rstd } = given as { mean: T; rstd: T };
  const gamma = checkParameter(context, name, "gamma", given.gamma, x, cols, normalizedShape);
  checkParameter(context, name, "out.dgamma", out.dgamma, x, cols, normalizedShape);
  checkParameter(context, name, "out.dbeta", out.dbeta, x, cols, normalizedShape);
  if (out.dx !== undefined) checkCount(context, name, "out.dx", out.dx, x, count(x), "as many as x");
  const inputs = [
    ["dy", dy],
    ["x", x],
    ["mean", mean],
    ["rstd", rstd],
    ["gamma", gamma],
  ] as const;
  const outputs = GRADIENTS.map((gradient) => [`out.${gradient}`, out[gradient]] as const);
  checkOverlap(name, inputs, outputs, ["dy", "out.dx"]);

  const wanted = GRADIENTS.filter((gradient) => !(skip as readonly string[] | undefined)?.includes(gradient));
  // New arrays have nothing to add to.
  const added = {
    dgamma: accumulate && out.dgamma !== undefined,
    dbeta: accumulate && out.dbeta !== undefined,
  };
  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, shape, normalizedShape);
    const results: Results<"dx" | "dgamma" | "dbeta"> = {};
    for (const gradient of wanted) {
      results[gradient] = out[gradient] ?? (gradient === "dx" ? like.x() : like.cols(cols));
    }
    runBackward(context, name, { dy, x, mean, rstd, gamma, ...results, added, rows, cols });
    return results as unknown as Omit<LayerNormGradients<T>, Skipped>;
  });
}

/** The arguments of a backward call, checked. Parameters and `x` may be of different kinds. */
export interface Backward extends Results<"dx" | "dgamma" | "dbeta"> {
  readonly dy: Data;
  readonly x: Data;
  readonly mean: Data;
  readonly rstd: Data;
  readonly gamma: Data | undefined;
  /** Whether a gradient is added to what its array holds. */
  readonly added: { readonly dgamma: boolean; readonly dbeta: boolean };
  readonly rows: number;
  readonly cols: number;
}

/** Runs the kernel over all rows. */
export function runBackward(context: Context, name: string, arguments_: Backward): void {
  const { cols, added } = arguments_;
  const call = new Call(arguments_.rows);
  const gamma = call.input(arguments_.gamma);
  const dy = call.input(arguments_.dy, cols);
  const x = call.input(arguments_.x, cols);
  const mean = call.input(arguments_.mean, 1);
  const rstd = call.input(arguments_.rstd, 1);
  const dx = call.output(arguments_.dx, cols, dy);
  const sums = (["dgamma", "dbeta"] as const).map((gradient) => ({
    result: call.total(arguments_[gradient], added[gradient]),
    sum: call.working(arguments_[gradient] === undefined ? 0 : columnSumBytes(cols)),
    added: added[gradient],
  }));
  const wanted = sums.filter(({ result }) => result.data !== undefined);
  call.run(context, name, {
    before(kernels) {
      for (const { sum } of wanted) kernels.column_sum_start(sum.pointer, cols);
    },
    rows: (kernels, firstRow, rows) =>
      kernels.layer_norm_backward_f32(
        dy.pointer,
        x.pointer,
        mean.pointer,
        rstd.pointer,
        gamma.pointer,
        dx.pointer,
        sums[0].sum.pointer,
        sums[1].sum.pointer,
        firstRow,
        rows,
        cols,
      ),
    after(kernels) {
      for (const { sum, result, added } of wanted) {
        kernels.column_sum_finish_f32(sum.pointer, result.pointer, cols, Number(added));
      }
    },
  });
}
