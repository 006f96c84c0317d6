/*
 * Rows whose squares leave the range of f32, or that hold NaN or infinity: in f64, rounded to f32 once at the
 * end. See `crate/src/extreme.rs`.
 */

/** The mean of a row, and how its elements are scaled or were. */
export interface MeanAndRstd {
  readonly mean: number;
  readonly rstd: number;
}

/** Mean, 0 where rows are not centred, and variance in two passes: NaN where the row holds NaN or infinity. */
function moments(
  f32: Float32Array,
  x: number,
  cols: number,
  centred: boolean,
): { mean: number; variance: number } {
  let sum = 0;
  for (let k = 0; k < cols; k++) sum += f32[x + k];
  // An infinite mean would leave infinity in some columns and NaN in others.
  const mean = !Number.isFinite(sum / cols) ? Number.NaN : centred ? sum / cols : 0;
  let squares = 0;
  for (let k = 0; k < cols; k++) squares += (f32[x + k] - mean) * (f32[x + k] - mean);
  return { mean, variance: squares / cols };
}

/** `1 / sqrt(variance + eps)` as it multiplies: a constant row with eps = 0 has `xhat = 0`, not NaN. */
function scale(variance: number, eps: number): number {
  return variance + eps === 0 ? 0 : 1 / Math.sqrt(variance + eps);
}

/** Writes a row of `y`. */
export function extremeForwardRow(
  f32: Float32Array,
  x: number,
  gamma: number,
  beta: number,
  y: number,
  cols: number,
  eps: number,
  centred: boolean,
): MeanAndRstd {
  const { mean, variance } = moments(f32, x, cols, centred);
  const rstd = scale(variance, eps);
  for (let k = 0; k < cols; k++) {
    const xhat = (f32[x + k] - mean) * rstd;
    f32[y + k] = xhat * (gamma === 0 ? 1 : f32[gamma + k]) + (beta === 0 ? 0 : f32[beta + k]);
  }
  return { mean, rstd: 1 / Math.sqrt(variance + eps) };
}

/** Mean and rstd of a row in f64. An rstd too large for f32 is taken anew: eps is nothing beside its variance. */
function centreOf(f32: Float32Array, x: number, rstd: number, cols: number, centred: boolean): MeanAndRstd {
  const { mean, variance } = moments(f32, x, cols, centred);
  return { mean, rstd: rstd === Number.POSITIVE_INFINITY ? scale(variance, 0) : rstd };
}

/** Adds `dy * xhat` to `dgamma`. */
export function extremeAddDgamma(
  f32: Float32Array,
  dy: number,
  x: number,
  savedRstd: number,
  dgamma: number,
  cols: number,
  centred: boolean,
): void {
  const { mean, rstd } = centreOf(f32, x, savedRstd, cols, centred);
  for (let k = 0; k < cols; k++) {
    f32[dgamma + k] += Math.fround(f32[dy + k] * ((f32[x + k] - mean) * rstd));
  }
}

/** Writes a row of `dx`: NaN throughout where the row of `dy` or `x`, or `gamma`, holds NaN or infinity. */
export function extremeBackwardRow(
  f32: Float32Array,
  dy: number,
  x: number,
  savedRstd: number,
  gamma: number,
  dx: number,
  cols: number,
  centred: boolean,
): void {
  const { mean, rstd } = centreOf(f32, x, savedRstd, cols, centred);
  const g = (k: number): number => f32[dy + k] * (gamma === 0 ? 1 : f32[gamma + k]);
  const xhat = (k: number): number => (f32[x + k] - mean) * rstd;
  let gSum = 0;
  let gxSum = 0;
  for (let k = 0; k < cols; k++) {
    gSum += g(k);
    gxSum += g(k) * xhat(k);
  }
  const [offset, slope] = [gSum / cols, gxSum / cols];
  // Infinity less infinity would be NaN in some columns only.
  const factor = Number.isFinite(offset) && Number.isFinite(slope) ? rstd : Number.NaN;
  const subtracted = centred ? offset : 0;
  for (let k = 0; k < cols; k++) f32[dx + k] = factor * (g(k) - subtracted - xhat(k) * slope);
}
