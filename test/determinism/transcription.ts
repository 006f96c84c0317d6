import { roundAll } from "../half.js";
import type { Batch, Gradients, Normalized } from "../reference.js";
import { hashOf } from "./cases.js";

/*
 * A third engine, from "The order of operations" in docs/numerics.md alone: one loop for each sentence of it, and
 * nothing for speed. What the package computes has to have these bits.
 */

type Values = Float32Array;

const f32 = Math.fround;
const plus = (a: number, b: number) => f32(a + b);
const minus = (a: number, b: number) => f32(a - b);
const times = (a: number, b: number) => f32(a * b);

const addLanes = (lanes: ArrayLike<number>) => plus(plus(lanes[0], lanes[2]), plus(lanes[1], lanes[3]));

/** A sum of `value(0)` to `value(n - 1)` with chunks of at most `chunk` groups. */
function sumOf(n: number, chunk: number, value: (k: number) => number): number {
  const totals = [0, 0, 0, 0];
  const at = (k: number) => f32(value(k));
  let k = 0;
  while (n - k >= 16) {
    const groups = Math.min(chunk, Math.floor((n - k) / 16));
    const running = [0, 0, 0, 0];
    for (let group = 0; group < groups; group++, k += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const [a, b, c, d] = [0, 4, 8, 12].map((vector) => at(k + vector + lane));
        running[lane] = plus(running[lane], plus(plus(a, b), plus(c, d)));
      }
    }
    for (let lane = 0; lane < 4; lane++) totals[lane] += running[lane];
  }
  const running = [0, 0, 0, 0];
  for (let lane = 0; k < n; k++, lane = (lane + 1) % 4) running[lane] = plus(running[lane], at(k));
  for (let lane = 0; lane < 4; lane++) totals[lane] += running[lane];
  return totals[0] + totals[2] + (totals[1] + totals[3]);
}

/** The same of a row of at most 16 columns, forward. */
function f64SumOf(n: number, value: (k: number) => number): number {
  const totals = [0, 0];
  for (let k = 0; k < n; k++) totals[k % 2] += value(k);
  return totals[0] + totals[1];
}

interface Centre {
  readonly shift: number;
  readonly delta: number;
}

/** Step 4 of the forward pass. */
function oneNumberWhereItDoes(shift: number, delta: number, rstd: number, cols: number): Centre {
  const mean = f32(shift + delta);
  const rest = shift + delta - mean;
  const isNothing = Math.abs(rest) * rstd <= (cols <= 16 ? 2 ** -22 : 2 ** -24);
  return { shift: mean, delta: isNothing ? 0 : f32(rest) };
}

function firstShift(x: Values): number {
  if (x.length <= 256) return 0;
  const q = Math.floor(x.length / 4);
  const sample = (f: (value: number) => number) => {
    const at = (k: number) => f(x[k]);
    const lanes = [0, 1, 2, 3].map((k) => plus(plus(at(k), at(q + k)), plus(at(2 * q + k), at(3 * q + k))));
    return times(addLanes(lanes), 1 / 16);
  };
  const m = sample((value) => value);
  const s = sample((value) => times(value, value));
  return times(m, m) < times(0.375, s) ? 0 : m;
}

/** The mean and the variance of an extreme row, in f64. */
function exactMoments(x: Values, centred: boolean): [mean: number, variance: number] {
  let [sum, squares] = [0, 0];
  for (const value of x) sum += value;
  const mean = Number.isFinite(sum / x.length) ? (centred ? sum / x.length : 0) : Number.NaN;
  for (const value of x) squares += (value - mean) * (value - mean);
  return [mean, squares / x.length];
}

const factorOf = (spread: number) => (spread === 0 ? 0 : 1 / Math.sqrt(spread));

/** Forward: `y`, `mean` and `rstd` of a batch. */
export function forward(batch: Batch): Normalized<Values> {
  const { rows, cols, x, gamma, beta, eps = 1e-5, centred = true } = batch;
  const result = {
    y: new Float32Array(rows * cols),
    mean: new Float32Array(rows),
    rstd: new Float32Array(rows),
  };
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * cols, (row + 1) * cols);
    const y = result.y.subarray(row * cols, (row + 1) * cols);

    let shift = centred ? firstShift(values) : 0;
    const moments = () => {
      const isF64 = cols <= 16;
      const sum = isF64
        ? f64SumOf(cols, (k) => values[k] - shift)
        : sumOf(cols, 4, (k) => minus(values[k], shift));
      const squares = isF64
        ? f64SumOf(cols, (k) => (values[k] - shift) * (values[k] - shift))
        : sumOf(cols, 4, (k) => times(minus(values[k], shift), minus(values[k], shift)));
      const delta = centred ? sum * (1 / cols) : 0;
      return [delta, squares * (1 / cols) - delta * delta];
    };
    let [delta, variance] = moments();
    for (let again = 0; again < 2 && !(delta * delta <= (cols <= 16 ? 16 : 0.625) * variance); again++) {
      shift = f32(shift + delta);
      [delta, variance] = moments();
    }
    const spread = Math.max(variance, 0) + eps;
    if (!(Number.isFinite(delta) && spread >= 2 ** -80 && spread <= 2 ** 80)) {
      const [mean, variance] = exactMoments(values, centred);
      const factor = factorOf(variance + eps);
      for (let k = 0; k < cols; k++) {
        y[k] = (values[k] - mean) * factor * (gamma?.[k] ?? 1) + (beta?.[k] ?? 0);
      }
      result.mean[row] = mean;
      result.rstd[row] = 1 / Math.sqrt(variance + eps);
      continue;
    }
    const rstd = cols <= 256 ? f32(1 / f32(Math.sqrt(f32(spread)))) : f32(1 / Math.sqrt(spread));
    result.mean[row] = shift + delta;
    result.rstd[row] = rstd;
    const centre = oneNumberWhereItDoes(shift, delta, rstd, cols);
    for (let k = 0; k < cols; k++) {
      y[k] = times(minus(minus(values[k], centre.shift), centre.delta), rstd);
      if (gamma) y[k] = times(y[k], gamma[k]);
      if (beta) y[k] = plus(y[k], beta[k]);
    }
  }
  return result;
}

/** Backward: `dx`, `dgamma` and `dbeta` of a batch, from the saved `mean` and `rstd`. */
export function backward(batch: Batch, saved: { mean: Values; rstd: Values }): Gradients<Values> {
  const { rows, cols, x, dy, gamma, centred = true } = batch;
  const dx = new Float32Array(rows * cols);
  const totals = { dgamma: new Float64Array(cols), dbeta: new Float64Array(cols) };
  for (let block = 0; block < rows; block += 32) {
    const sums = { dgamma: new Float32Array(cols), dbeta: new Float32Array(cols) };
    for (let row = block; row < Math.min(block + 32, rows); row++) {
      const of = (values: Values) => values.subarray(row * cols, (row + 1) * cols);
      backwardRow(of(x), of(dy), gamma, saved.mean[row], saved.rstd[row], centred, of(dx), sums);
    }
    for (let k = 0; k < cols; k++) {
      totals.dgamma[k] += sums.dgamma[k];
      totals.dbeta[k] += sums.dbeta[k];
    }
  }
  return { dx, dgamma: Float32Array.from(totals.dgamma), dbeta: Float32Array.from(totals.dbeta) };
}

function backwardRow(
  x: Values,
  dy: Values,
  gamma: Values | undefined,
  savedMean: number,
  rstd: number,
  centred: boolean,
  dx: Values,
  sums: { dgamma: Values; dbeta: Values },
): void {
  const cols = x.length;
  const mean = centred ? savedMean : 0;
  const shift = times(Math.abs(mean), rstd) <= (cols <= 8 ? 2 : 1) ? 0 : mean;
  const t = (k: number) => minus(x[k], shift);
  const g = (k: number) => (gamma ? times(dy[k], gamma[k]) : dy[k]);
  const sumG = sumOf(cols, 8, g);
  const sumGt = sumOf(cols, 8, (k) => times(g(k), t(k)));
  const delta = shift === 0 ? mean : sumOf(cols, 8, t) * (1 / cols);

  const isExtreme = !(Number.isFinite(delta) && rstd >= 2 ** -40 && rstd <= 2 ** 40);
  const slopeIn64 = (sumGt - delta * sumG) * (1 / cols) * rstd;
  const [slope, offset] = [f32(slopeIn64), f32(sumG * (centred ? 1 / cols : 0))];
  const isLarge = Math.max(Math.abs(slopeIn64), Math.abs(sumG * (1 / cols))) >= 2 ** -102 * rstd;
  const isSmall = !isLarge && dy.some((value) => value !== 0);
  const centre = oneNumberWhereItDoes(shift, delta, rstd, cols);
  const xhat = (k: number) => times(minus(minus(x[k], centre.shift), centre.delta), rstd);

  if (isExtreme || isSmall || !Number.isFinite(slope) || !Number.isFinite(offset)) {
    extremeDx(x, dy, gamma, rstd, centred, dx);
  } else {
    for (let k = 0; k < cols; k++) {
      dx[k] = times(minus(g(k), plus(times(xhat(k), slope), offset)), rstd);
    }
  }
  const exactXhat = isExtreme ? extremeXhat(x, rstd, centred) : undefined;
  for (let k = 0; k < cols; k++) {
    const added = exactXhat ? f32(dy[k] * exactXhat(k)) : times(dy[k], xhat(k));
    sums.dgamma[k] += added;
    sums.dbeta[k] += dy[k];
  }
}

/** The factor of an extreme row backward: the saved one, or anew where that is infinite. */
function extremeFactor(rstd: number, variance: number): number {
  return rstd === Number.POSITIVE_INFINITY ? factorOf(variance) : rstd;
}

function extremeXhat(x: Values, rstd: number, centred: boolean): (k: number) => number {
  const [mean, variance] = exactMoments(x, centred);
  const factor = extremeFactor(rstd, variance);
  return (k) => (x[k] - mean) * factor;
}

function extremeDx(
  x: Values,
  dy: Values,
  gamma: Values | undefined,
  rstd: number,
  centred: boolean,
  dx: Values,
): void {
  const cols = x.length;
  const factor = extremeFactor(rstd, exactMoments(x, centred)[1]);
  const xhat = extremeXhat(x, rstd, centred);
  const g = (k: number) => dy[k] * (gamma?.[k] ?? 1);
  let [sumG, sumGXhat] = [0, 0];
  for (let k = 0; k < cols; k++) {
    sumG += g(k);
    sumGXhat += g(k) * xhat(k);
  }
  const [offset, slope] = [sumG / cols, sumGXhat / cols];
  for (let k = 0; k < cols; k++) {
    const isDefined = Number.isFinite(offset) && Number.isFinite(slope);
    dx[k] = isDefined ? factor * (g(k) - (centred ? offset : 0) - xhat(k) * slope) : Number.NaN;
  }
}

/** The hashes of forward results and of gradients, of a batch whose `x`, `dy`, `y` and `dx` may be stored in 16 bits. */
export function hashesOf(batch: Batch & { readonly dtype: "f32" | "f16" | "bf16" }): string {
  const { dtype, centred = true } = batch;
  const stored = (values: Values) => (dtype === "f32" ? values : roundAll(dtype, values));
  const given = { ...batch, x: stored(batch.x), dy: stored(batch.dy) };
  const { y, mean, rstd } = forward(given);
  const { dx, dgamma, dbeta } = backward(given, { mean, rstd });
  return centred
    ? `${hashOf(stored(y), mean, rstd)} ${hashOf(stored(dx), dgamma, dbeta)}`
    : `${hashOf(stored(y), rstd)} ${hashOf(stored(dx), dgamma)}`;
}
