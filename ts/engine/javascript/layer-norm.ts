/*
 * Layer normalization of one row, step for step as `crate/src/layer_norm/` has it. Places are elements of
 * `f32`, 0 for an argument that is absent.
 */
import { extremeAddDgamma, extremeBackwardRow, extremeForwardRow, type MeanAndRstd } from "./extreme.js";
import { F64_COLS, gradientSums, NARROW_COLS, shiftedSums, shiftOf } from "./sums.js";

const { fround } = Math;

/** Outside of these, squares in f32 could overflow or lose bits. */
const [LEAST_VARIANCE, LARGEST_VARIANCE] = [2 ** -80, 2 ** 80];
const [LEAST_RSTD, LARGEST_RSTD] = [2 ** -40, 2 ** 40];
/** A row whose slope and mean of g are smaller than this times rstd has products that could be denormal. */
const SMALLEST = 2 ** -102;
/** How large the square of the mean less the shift may be, beside the variance, where the sums are f64 and elsewhere. */
const [LARGEST_DELTA_IN_F64, LARGEST_DELTA] = [16, 0.625];
/** How far the rounding of a mean to one f32 may move xhat, of rows of few elements and of others. */
const [MEAN_ROUNDING_OF_FEW, MEAN_ROUNDING] = [2 ** -22, 2 ** -24];
/** Backward, rows of at most so many elements may have a mean of two standard deviations before it is subtracted. */
const TWO_VECTORS = 8;

/** `xhat = ((x - shift) - delta) * rstd`: the mean as `shift + delta`, or as one f32 where that is near enough. */
interface Centre {
  readonly shift: number;
  readonly delta: number;
}

function centreOf(mean: number, rstd: number, cols: number): Centre {
  const shift = fround(mean);
  const delta = mean - shift;
  const most = cols <= F64_COLS ? MEAN_ROUNDING_OF_FEW : MEAN_ROUNDING;
  return { shift, delta: Math.abs(delta) * rstd <= most ? 0 : fround(delta) };
}

/** Writes a row of `y`: by RMSNorm, which subtracts no mean, unless it is to be centred. */
export function forwardRow(
  f32: Float32Array,
  x: number,
  gamma: number,
  beta: number,
  y: number,
  cols: number,
  eps: number,
  centred: boolean,
): MeanAndRstd {
  const inverse = 1 / cols;
  const ofMean = centred ? inverse : 0;
  const largestDelta = cols <= F64_COLS ? LARGEST_DELTA_IN_F64 : LARGEST_DELTA;
  let shift = centred ? shiftOf(f32, x, cols) : 0;
  let sums = shiftedSums(f32, x, cols, shift);
  let delta = sums.sum * ofMean;
  let variance = sums.squares * inverse - delta * delta;
  for (let again = 0; again < 2 && !(delta * delta <= largestDelta * variance); again++) {
    shift = fround(shift + delta);
    sums = shiftedSums(f32, x, cols, shift);
    delta = sums.sum * ofMean;
    variance = sums.squares * inverse - delta * delta;
  }
  const spread = Math.max(variance, 0) + eps;
  if (!(Number.isFinite(delta) && spread >= LEAST_VARIANCE && spread <= LARGEST_VARIANCE)) {
    return extremeForwardRow(f32, x, gamma, beta, y, cols, eps, centred);
  }
  const std = cols <= NARROW_COLS ? fround(Math.sqrt(fround(spread))) : Math.sqrt(spread);
  const rstd = fround(1 / std);
  const mean = shift + delta;
  writeRow(f32, x, centreOf(mean, rstd, cols), rstd, gamma, beta, y, cols);
  return { mean, rstd };
}

function writeRow(
  f32: Float32Array,
  x: number,
  { shift, delta }: Centre,
  rstd: number,
  gamma: number,
  beta: number,
  y: number,
  cols: number,
): void {
  if (delta === 0 && gamma !== 0 && beta !== 0) {
    // The usual case, without what it does not need.
    for (let k = 0; k < cols; k++) {
      f32[y + k] = fround(fround(fround(f32[x + k] - shift) * rstd) * f32[gamma + k]) + f32[beta + k];
    }
    return;
  }
  for (let k = 0; k < cols; k++) {
    let value = fround(fround(fround(f32[x + k] - shift) - delta) * rstd);
    if (gamma !== 0) value = fround(value * f32[gamma + k]);
    if (beta !== 0) value = fround(value + f32[beta + k]);
    f32[y + k] = value;
  }
}

/**
 * One row: writes `dx`, unless it is absent, and adds to the blocks of `dgamma` and `dbeta`. A row that is not centred has
 * the mean 0.
 */
export function backwardRow(
  f32: Float32Array,
  dy: number,
  x: number,
  { mean, rstd }: MeanAndRstd,
  { gamma, dgamma, dbeta }: { gamma: number; dgamma: number; dbeta: number },
  dx: number,
  cols: number,
  centred: boolean,
): void {
  const firstShift = fround(Math.abs(mean) * rstd) <= (cols <= TWO_VECTORS ? 2 : 1) ? 0 : mean;
  const sums = gradientSums(f32, dy, x, firstShift, gamma, cols);
  const inverse = 1 / cols;
  const meanDelta = firstShift === 0 ? mean : sums.t * inverse;
  const exactSlope = (sums.gt - meanDelta * sums.g) * inverse * rstd;
  const [slope, offset] = [fround(exactSlope), fround(sums.g * (centred ? inverse : 0))];
  const ordinary = Number.isFinite(meanDelta) && rstd >= LEAST_RSTD && rstd <= LARGEST_RSTD;
  const isLarge = Math.max(Math.abs(exactSlope), Math.abs(sums.g * inverse)) >= SMALLEST * rstd;
  const areFinite = Number.isFinite(offset) && Number.isFinite(slope);
  const dxOrdinary = ordinary && areFinite && (isLarge || isZero(f32, dy, cols));
  const centre = centreOf(firstShift + meanDelta, rstd, cols);
  const ordinaryDgamma = ordinary ? dgamma : 0;
  const ordinaryDx = dxOrdinary ? dx : 0;
  addAndWrite(f32, dy, x, centre, rstd, slope, offset, gamma, ordinaryDgamma, dbeta, ordinaryDx, cols);
  if (!ordinary) extremeAddDgamma(f32, dy, x, rstd, dgamma, cols, centred);
  if (dx !== 0 && !dxOrdinary) extremeBackwardRow(f32, dy, x, rstd, gamma, dx, cols, centred);
}

/** Whether nothing comes back to a row. */
function isZero(f32: Float32Array, dy: number, cols: number): boolean {
  for (let k = 0; k < cols; k++) if (f32[dy + k] !== 0) return false;
  return true;
}

/** `dgamma += dy * xhat`, `dbeta += dy`, `dx = (g - (xhat * slope + offset)) * rstd`; not `dgamma` nor `dx` at 0. */
function addAndWrite(
  f32: Float32Array,
  dy: number,
  x: number,
  { shift, delta }: Centre,
  rstd: number,
  slope: number,
  offset: number,
  gamma: number,
  dgamma: number,
  dbeta: number,
  dx: number,
  cols: number,
): void {
  if (delta === 0 && gamma !== 0 && dgamma !== 0 && dx !== 0) {
    // The usual case, without what it does not need.
    for (let k = 0; k < cols; k++) {
      const d = f32[dy + k];
      const xhat = fround(fround(f32[x + k] - shift) * rstd);
      f32[dgamma + k] += fround(d * xhat);
      f32[dbeta + k] += d;
      f32[dx + k] = fround(fround(d * f32[gamma + k]) - fround(fround(xhat * slope) + offset)) * rstd;
    }
    return;
  }
  for (let k = 0; k < cols; k++) {
    const d = f32[dy + k];
    const xhat = fround(fround(fround(f32[x + k] - shift) - delta) * rstd);
    if (dgamma !== 0) f32[dgamma + k] += fround(d * xhat);
    f32[dbeta + k] += d;
    if (dx !== 0) {
      const g = gamma === 0 ? d : fround(d * f32[gamma + k]);
      f32[dx + k] = fround(g - fround(fround(xhat * slope) + offset)) * rstd;
    }
  }
}
