import { within } from "./support.js";

/*
 * The specification: normalization of a row as plain loops in f64, with nothing done for speed, and the bounds
 * of the numeric contract. LayerNorm is the case that everything else is an option of.
 */

/** What is normalised, and the gradient that comes back. */
export interface Batch {
  readonly rows: number;
  readonly cols: number;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly gamma?: Float32Array | undefined;
  readonly beta?: Float32Array | undefined;
  readonly eps?: number | undefined;
  /** False for RMSNorm, which leaves the mean where it is. */
  readonly centred?: boolean | undefined;
  /** Added to `x` first; the sum is rounded to f32, and is what is normalised. */
  readonly residual?: Float32Array | undefined;
  /** The gradient that reaches the sum by another way, added to `dx`. */
  readonly dsum?: Float32Array | undefined;
  /** Gamma is stored as its distance from 1. */
  readonly unitOffset?: boolean | undefined;
  /** Gamma and beta are `[samples, cols]`; so many rows are a sample. */
  readonly rowsPerSample?: number | undefined;
  /** The shape of `x`, and which of its dimensions are normalised, in that order; else each row is contiguous. */
  readonly shape?: readonly number[] | undefined;
  readonly axes?: readonly number[] | undefined;
}

/** A batch of numbers of any precision. */
type Numbers = Omit<Batch, Arrays> & { readonly [name in Arrays]?: ArrayLike<number> | undefined } & {
  readonly x: ArrayLike<number>;
};
type Arrays = "x" | "dy" | "gamma" | "beta" | "residual" | "dsum";

/** What a forward pass gives. */
export interface Normalized<A> {
  readonly y: A;
  readonly mean: A;
  readonly rstd: A;
}

/** What a backward pass gives. */
export interface Gradients<A> {
  readonly dx: A;
  readonly dgamma: A;
  readonly dbeta: A;
}

interface Forward extends Normalized<Float64Array> {
  /** What is normalised: `x`, or the sum. */
  readonly sum: Float64Array;
  readonly xhat: Float64Array;
  /** Standard deviation of each row, without eps. */
  readonly std: Float64Array;
}

export interface Reference extends Forward, Gradients<Float64Array> {}

export const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

/**
 * Where the elements of each row are: rows in the order of the dimensions that `axes` does not name, the
 * elements of a row in the order in which it names the others.
 */
export function placesOf(shape: readonly number[], axes: readonly number[]): number[][] {
  const named = axes.map((axis) => (axis < 0 ? axis + shape.length : axis));
  const others = shape.map((_, axis) => axis).filter((axis) => !named.includes(axis));
  const offsets = (some: readonly number[]) =>
    some.reduce(
      (all, axis) => {
        const stride = product(shape.slice(axis + 1));
        const steps = Array.from({ length: shape[axis] }, (_, k) => k * stride);
        return all.flatMap((offset) => steps.map((step) => offset + step));
      },
      [0],
    );
  const cols = offsets(named);
  return offsets(others).map((row) => cols.map((col) => row + col));
}

/** Where element `k` of `row` is in `x`, and in gamma and beta. */
function indices({ cols, shape, axes, rowsPerSample }: Numbers) {
  const places = shape && axes && placesOf(shape, axes);
  return {
    place: (row: number, k: number) => (places ? places[row][k] : row * cols + k),
    parameter: (row: number, k: number) => (rowsPerSample ? Math.floor(row / rowsPerSample) * cols + k : k),
  };
}

/** How many values gamma and beta have. */
const parameters = ({ rows, cols, rowsPerSample }: Numbers) =>
  rowsPerSample ? (rows / rowsPerSample) * cols : cols;

const gammaOf = ({ gamma, unitOffset }: Numbers, k: number) => (gamma ? gamma[k] + (unitOffset ? 1 : 0) : 1);

/**
 * The mean of `cols` values as the unevaluated sum of two f64: a long sum in one alone could be off by more
 * than the contract allows where the mean is 1e7 and the spread 0.1.
 */
function meanOf(cols: number, at: (k: number) => number): [high: number, low: number] {
  let sum = 0;
  for (let k = 0; k < cols; k++) sum += at(k);
  const high = sum / cols;
  let rest = 0;
  for (let k = 0; k < cols; k++) rest += at(k) - high;
  return [high, rest / cols];
}

/** The forward pass over what is normalised. */
function forward(batch: Numbers, sum: Float64Array): Forward {
  const { rows, cols, beta, eps = 1e-5, centred = true } = batch;
  const { place, parameter } = indices(batch);
  const result = {
    sum,
    y: new Float64Array(rows * cols),
    mean: new Float64Array(rows),
    rstd: new Float64Array(rows),
    xhat: new Float64Array(rows * cols),
    std: new Float64Array(rows),
  };
  for (let row = 0; row < rows; row++) {
    const at = (k: number) => sum[place(row, k)];
    const [high, low] = centred ? meanOf(cols, at) : [0, 0];
    let squares = 0;
    for (let k = 0; k < cols; k++) squares += (at(k) - high - low) ** 2;
    const variance = squares / cols;
    const rstd = 1 / Math.sqrt(variance + eps);
    for (let k = 0; k < cols; k++) {
      const distance = at(k) - high - low;
      // A constant row with eps = 0: 0 times infinity counts as 0.
      const xhat = distance === 0 ? 0 : distance * rstd;
      const p = parameter(row, k);
      result.xhat[place(row, k)] = xhat;
      result.y[place(row, k)] = xhat * gammaOf(batch, p) + (beta?.[p] ?? 0);
    }
    result.mean[row] = high + low;
    result.rstd[row] = rstd;
    result.std[row] = Math.sqrt(variance);
  }
  return result;
}

/** Forward and backward of a batch. */
export function reference(batch: Batch): Reference {
  const { rows, cols, x, dy, residual, dsum, centred = true } = batch;
  const { place, parameter } = indices(batch);
  const sum = Float64Array.from(x, (value, k) => (residual ? Math.fround(value + residual[k]) : value));
  const result = {
    ...forward(batch, sum),
    dx: new Float64Array(rows * cols),
    dgamma: new Float64Array(parameters(batch)),
    dbeta: new Float64Array(parameters(batch)),
  };
  for (let row = 0; row < rows; row++) {
    let [gMean, gxMean] = [0, 0];
    for (let k = 0; k < cols; k++) {
      const [at, p] = [place(row, k), parameter(row, k)];
      const g = dy[at] * gammaOf(batch, p);
      if (centred) gMean += g / cols;
      gxMean += (g * result.xhat[at]) / cols;
      result.dgamma[p] += dy[at] * result.xhat[at];
      result.dbeta[p] += dy[at];
    }
    for (let k = 0; k < cols; k++) {
      const at = place(row, k);
      const g = dy[at] * gammaOf(batch, parameter(row, k));
      result.dx[at] = result.rstd[row] * (g - gMean - result.xhat[at] * gxMean) + (dsum?.[at] ?? 0);
    }
  }
  return result;
}

/** The bounds of the numeric contract, in units of 2^-24. */
export const BOUNDS = { y: 16, mean: 4, rstd: 8, dx: 32, dgamma: 32, dbeta: 32 } as const;

type Name = keyof typeof BOUNDS;

/** The worst error of each result, in units of 2^-24. */
export type Errors = { [name in Name]: number };

/** Fails where a result of `batch` leaves the bounds of the numeric contract. */
export function keepsContract(
  what: string,
  batch: Batch,
  results: { readonly [name in Name]?: Float32Array | undefined },
  expected: { readonly [name in Name]?: Float64Array | undefined } = {},
): Errors {
  const { rows, cols, dy, beta, dsum } = batch;
  const { place, parameter } = indices(batch);
  const own = reference(batch);
  const yScale = new Float64Array(rows * cols);
  const dxScale = new Float64Array(rows * cols);
  const dgammaScale = new Float64Array(parameters(batch));
  const dbetaScale = new Float64Array(parameters(batch));
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let k = 0; k < cols; k++) {
      const [at, p] = [place(row, k), parameter(row, k)];
      const gamma = Math.abs(gammaOf(batch, p));
      // The bound is that of xhat, through gamma, and the rounding of the addition of beta.
      const xhatScale = Math.max(1, Math.abs(own.xhat[at]));
      yScale[at] = xhatScale * gamma + Math.abs(beta?.[p] ?? 0);
      largest = Math.max(largest, gamma * Math.abs(dy[at]) * own.rstd[row]);
      dgammaScale[p] += Math.abs(dy[at]) * xhatScale;
      dbetaScale[p] += Math.abs(dy[at]);
    }
    for (let k = 0; k < cols; k++) {
      const at = place(row, k);
      // What is added to the gradient may cancel it.
      const added = dsum?.[at] ?? 0;
      dxScale[at] = Math.max(largest, Math.abs(own.dx[at] - added)) + Math.abs(added);
    }
  }
  const scales: { [name in Name]: (k: number) => number } = {
    y: (k) => yScale[k],
    mean: (k) => own.std[k],
    rstd: () => 0,
    dx: (k) => dxScale[k],
    dgamma: (k) => dgammaScale[k],
    dbeta: (k) => dbetaScale[k],
  };
  const errors = { ...BOUNDS } as { -readonly [name in Name]: number };
  for (const name of Object.keys(BOUNDS) as Name[]) {
    const result = results[name];
    if (!result) continue;
    errors[name] = within(
      `${what}: ${name}`,
      BOUNDS[name],
      result,
      expected[name] ?? own[name],
      scales[name],
    );
  }
  return errors;
}

// --- gradients by differences ------------------------------------------------------------------------------

/**
 * The gradients of `sum(dy * y) + sum(dsum * sum)` by central differences in f64, with no formula of a
 * gradient. Two steps, one half of the other, remove the error of second order (Richardson).
 */
export function differences(batch: Batch): Gradients<Float64Array> {
  const { dy, dsum, residual } = batch;
  const sum = Float64Array.from(batch.x, (value, k) => (residual ? Math.fround(value + residual[k]) : value));
  const count = parameters(batch);
  const gamma = Float64Array.from(batch.gamma ?? new Float64Array(count).fill(batch.unitOffset ? 0 : 1));
  const beta = Float64Array.from(batch.beta ?? new Float64Array(count));
  const loss = () => {
    const { y } = forward({ ...batch, gamma, beta }, sum);
    return y.reduce((all, value, k) => all + dy[k] * value + (dsum?.[k] ?? 0) * sum[k], 0);
  };
  const gradient = (values: Float64Array, step: number) =>
    values.map((value, k) => {
      const slope = (step: number) => {
        values[k] = value + step;
        const above = loss();
        values[k] = value - step;
        const below = loss();
        values[k] = value;
        return (above - below) / (2 * step);
      };
      return (4 * slope(step / 2) - slope(step)) / 3;
    });
  const spread = Math.sqrt(sum.reduce((all, x) => all + x * x, 0) / sum.length) || 1;
  return {
    dx: gradient(sum, spread * 2 ** -10),
    dgamma: gradient(gamma, 2 ** -4),
    dbeta: gradient(beta, 2 ** -4),
  };
}
