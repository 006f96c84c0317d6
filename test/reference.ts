import { within } from "./support.js";

/*
 * The specification: layer normalization as plain loops in f64, with nothing done for speed, and the bounds
 * of the numeric contract.
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
}

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

export interface Reference extends Normalized<Float64Array>, Gradients<Float64Array> {
  readonly xhat: Float64Array;
  /** Standard deviation of each row, without eps. */
  readonly std: Float64Array;
}

/**
 * The mean as the unevaluated sum of two f64: a long sum in one alone could be off by more than the contract
 * allows where the mean is 1e7 and the spread 0.1.
 */
function meanOf(x: ArrayLike<number>, from: number, cols: number): [high: number, low: number] {
  let sum = 0;
  for (let k = 0; k < cols; k++) sum += x[from + k];
  const high = sum / cols;
  let rest = 0;
  for (let k = 0; k < cols; k++) rest += x[from + k] - high;
  return [high, rest / cols];
}

/** Forward and backward of a batch. */
export function reference({ rows, cols, x, dy, gamma, beta, eps = 1e-5 }: Batch): Reference {
  const elements = () => new Float64Array(rows * cols);
  const result = {
    y: elements(),
    mean: new Float64Array(rows),
    rstd: new Float64Array(rows),
    dx: elements(),
    dgamma: new Float64Array(cols),
    dbeta: new Float64Array(cols),
    xhat: elements(),
    std: new Float64Array(rows),
  };
  for (let row = 0; row < rows; row++) {
    const from = row * cols;
    const at = (values: ArrayLike<number>, k: number) => values[from + k];
    const [high, low] = meanOf(x, from, cols);
    let squares = 0;
    for (let k = 0; k < cols; k++) squares += (at(x, k) - high - low) ** 2;
    const variance = squares / cols;
    const rstd = 1 / Math.sqrt(variance + eps);
    let [gMean, gxMean] = [0, 0];
    for (let k = 0; k < cols; k++) {
      const centred = at(x, k) - high - low;
      // A constant row with eps = 0: 0 times infinity counts as 0.
      const xhat = centred === 0 ? 0 : centred * rstd;
      const g = at(dy, k) * (gamma?.[k] ?? 1);
      gMean += g / cols;
      gxMean += (g * xhat) / cols;
      result.xhat[from + k] = xhat;
      result.y[from + k] = xhat * (gamma?.[k] ?? 1) + (beta?.[k] ?? 0);
      result.dgamma[k] += at(dy, k) * xhat;
      result.dbeta[k] += at(dy, k);
    }
    for (let k = 0; k < cols; k++) {
      const g = at(dy, k) * (gamma?.[k] ?? 1);
      result.dx[from + k] = rstd * (g - gMean - at(result.xhat, k) * gxMean);
    }
    result.mean[row] = high + low;
    result.rstd[row] = rstd;
    result.std[row] = Math.sqrt(variance);
  }
  return result;
}

/** The bounds of the numeric contract, in units of 2^-24. */
export const BOUNDS = { y: 16, mean: 4, rstd: 8, dx: 32, dgamma: 32, dbeta: 32 } as const;

/** The worst error of each result, in units of 2^-24. */
export type Errors = { [name in keyof typeof BOUNDS]: number };

/** Fails where a result of `batch` leaves the bounds of the numeric contract. */
export function keepsContract(
  what: string,
  batch: Batch,
  results: Normalized<Float32Array> & Gradients<Float32Array>,
  expected = reference(batch),
): Errors {
  const { rows, cols, dy, gamma, beta } = batch;
  const size = (values: Float32Array | undefined, k: number, otherwise: number) =>
    Math.abs(values?.[k % cols] ?? otherwise);
  // The bound is that of xhat, through gamma, and the rounding of the addition of beta.
  const xhatScale = (k: number) => Math.max(1, Math.abs(expected.xhat[k]));
  const largest = new Float64Array(rows);
  const dgammaScale = new Float64Array(cols);
  const dbetaScale = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const k = row * cols + col;
      const g = size(gamma, col, 1) * Math.abs(dy[k]) * expected.rstd[row];
      largest[row] = Math.max(largest[row], g);
      dgammaScale[col] += Math.abs(dy[k]) * xhatScale(k);
      dbetaScale[col] += Math.abs(dy[k]);
    }
  }
  const scales: { [name in keyof Errors]: (k: number) => number } = {
    y: (k) => xhatScale(k) * size(gamma, k, 1) + size(beta, k, 0),
    mean: (k) => expected.std[k],
    rstd: () => 0,
    dx: (k) => largest[Math.floor(k / cols)],
    dgamma: (k) => dgammaScale[k],
    dbeta: (k) => dbetaScale[k],
  };
  const errors = { ...BOUNDS } as { -readonly [name in keyof Errors]: number };
  for (const name of Object.keys(BOUNDS) as (keyof Errors)[]) {
    errors[name] = within(`${what}: ${name}`, BOUNDS[name], results[name], expected[name], scales[name]);
  }
  return errors;
}

// --- gradients by differences ------------------------------------------------------------------------------

/** `sum(dy * y)`, the loss whose gradient is `dy` back through the normalization, of f64 values. */
function loss(batch: Numbers): number {
  const { rows, cols, x, dy, gamma, beta, eps } = batch;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const from = row * cols;
    const [high, low] = meanOf(x, from, cols);
    let squares = 0;
    for (let k = 0; k < cols; k++) squares += (x[from + k] - high - low) ** 2;
    const rstd = 1 / Math.sqrt(squares / cols + eps);
    for (let k = 0; k < cols; k++) {
      const xhat = (x[from + k] - high - low) * rstd;
      sum += dy[from + k] * (xhat * (gamma[k] ?? 1) + beta[k]);
    }
  }
  return sum;
}

interface Numbers {
  readonly rows: number;
  readonly cols: number;
  readonly x: Float64Array;
  readonly dy: Float64Array;
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
  readonly eps: number;
}

/**
 * The gradients of `sum(dy * y)` by central differences in f64, with no formula of a gradient. Two steps,
 * one half of the other, remove the error of second order (Richardson).
 */
export function differences(batch: Batch): Gradients<Float64Array> {
  const numbers: Numbers = {
    rows: batch.rows,
    cols: batch.cols,
    x: Float64Array.from(batch.x),
    dy: Float64Array.from(batch.dy),
    gamma: Float64Array.from(batch.gamma ?? new Float64Array(batch.cols).fill(1)),
    beta: Float64Array.from(batch.beta ?? new Float64Array(batch.cols)),
    eps: batch.eps ?? 1e-5,
  };
  const gradient = (values: Float64Array, step: number) =>
    values.map((value, k) => {
      const slope = (step: number) => {
        values[k] = value + step;
        const above = loss(numbers);
        values[k] = value - step;
        const below = loss(numbers);
        values[k] = value;
        return (above - below) / (2 * step);
      };
      return (4 * slope(step / 2) - slope(step)) / 3;
    });
  const spread = Math.sqrt(numbers.x.reduce((sum, x) => sum + x * x, 0) / numbers.x.length) || 1;
  return {
    dx: gradient(numbers.x, spread * 2 ** -10),
    dgamma: gradient(numbers.gamma, 2 ** -4),
    dbeta: gradient(numbers.beta, 2 ** -4),
  };
}
