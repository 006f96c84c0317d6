import type { Engine, GrowingMemory, Kernels } from "./abi.js";

/**
 * The kernels in plain JavaScript: for where WebAssembly SIMD is missing or forbidden, and to read.
 *
 * Every result has the bits of the WebAssembly: the operations of `crate/src/layer_norm.rs` in the same
 * order, each rounded to f32 (IEEE 754 makes that exact: rounding the f64 sum, difference or product of two
 * f32 to f32 gives the f32 result). A store to a Float32Array rounds, elsewhere `Math.fround` does.
 */
export function javascriptEngine(): Engine {
  const memory = new PlainMemory();
  return { name: "js", kernels: kernelsOn(memory), memory, heapBase: 64 };
}

const PAGE = 65536;

class PlainMemory implements GrowingMemory {
  buffer = new ArrayBuffer(PAGE);

  grow(pages: number): number {
    const before = this.buffer.byteLength;
    const grown = new ArrayBuffer(before + pages * PAGE);
    new Uint8Array(grown).set(new Uint8Array(this.buffer));
    this.buffer = grown;
    return before / PAGE;
  }
}

const { fround, sqrt } = Math;

/** Elements whose sum runs in f32; element `k` goes to running sum `k % 16`. */
const CHUNK = 256;
const RUNNING_SUMS = 16;
/** Rows that are added in f32 before their sum goes to the f64 totals. */
const BLOCK_ROWS = 32;
/** Outside of these, squares in f32 could overflow or lose bits: 2^-80 to 2^80, and 2^-40 to 2^40. */
const [LEAST_VARIANCE, LARGEST_VARIANCE] = [2 ** -80, 2 ** 80];
const [LEAST_RSTD, LARGEST_RSTD] = [2 ** -40, 2 ** 40];
/** A mean rounded to f32 may move xhat by a quarter of a unit of 2^-24. */
const MEAN_ROUNDING = 2 ** -26;

function kernelsOn(memory: PlainMemory): Kernels {
  let f32 = new Float32Array(memory.buffer);
  let f64 = new Float64Array(memory.buffer);
  const sums = [0, 1, 2].map(() => new Float32Array(RUNNING_SUMS)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];

  /** Looks at memory anew: it may have grown since the last call. */
  function view(): void {
    if (f32.buffer !== memory.buffer) {
      f32 = new Float32Array(memory.buffer);
      f64 = new Float64Array(memory.buffer);
    }
  }

  /** The sum of sixteen running sums, in a fixed tree: accumulators first, then lanes. Clears them. */
  function total(sums: Float32Array): number {
    const lane = (k: number) => fround(fround(sums[k] + sums[k + 4]) + fround(sums[k + 8] + sums[k + 12]));
    const result = fround(fround(lane(0) + lane(2)) + fround(lane(1) + lane(3)));
    sums.fill(0);
    return result;
  }

  /** A value near the mean of the row at `x`, exact where the row is constant. */
  function sample(x: number, cols: number): number {
    const quarter = Math.floor(cols / 4);
    if (quarter < 4) return f32[x];
    const lane = (k: number) =>
      fround(
        fround(f32[x + k] + f32[x + quarter + k]) +
          fround(f32[x + 2 * quarter + k] + f32[x + 3 * quarter + k]),
      );
    return fround(fround(fround(lane(0) + lane(2)) + fround(lane(1) + lane(3))) / 16);
  }

  /** The mean of `x - shift`, and the variance: `E[(x - shift)^2] - E[x - shift]^2`. */
  function shiftedMoments(x: number, cols: number, shift: number): [delta: number, variance: number] {
    const [sum, squares] = sums;
    let allSum = 0;
    let allSquares = 0;
    for (let start = 0; start < cols; start += CHUNK) {
      const count = Math.min(CHUNK, cols - start);
      for (let k = 0; k < count; k++) {
        const centred = fround(f32[x + start + k] - shift);
        sum[k % RUNNING_SUMS] += centred;
        squares[k % RUNNING_SUMS] += fround(centred * centred);
      }
      allSum += total(sum);
      allSquares += total(squares);
    }
    const delta = allSum / cols;
    return [delta, allSquares / cols - delta * delta];
  }

  /** The mean as `shift + delta`: as one f32 where that is near enough. */
  function centre(shift: number, delta: number, rstd: number): [shift: number, delta: number] {
    const exact = shift + delta;
    const mean = fround(exact);
    return Math.abs(exact - mean) * rstd <= MEAN_ROUNDING ? [mean, 0] : [shift, fround(delta)];
  }

  /** Writes a row of `y`; returns mean and rstd. */
  function forwardRow(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    cols: number,
    eps: number,
  ): [mean: number, rstd: number] {
    let firstShift = sample(x, cols);
    let [firstDelta, variance] = shiftedMoments(x, cols, firstShift);
    if (firstDelta * firstDelta > 0.5 * variance) {
      firstShift = fround(firstShift + firstDelta);
      [firstDelta, variance] = shiftedMoments(x, cols, firstShift);
    }
    const spread = Math.max(variance, 0) + eps;
    if (!(Number.isFinite(firstDelta) && spread >= LEAST_VARIANCE && spread <= LARGEST_VARIANCE)) {
      return extremeForwardRow(x, gamma, beta, y, cols, eps);
    }
    const rstd = fround(1 / sqrt(spread));
    const [shift, delta] = centre(firstShift, firstDelta, rstd);
    for (let k = 0; k < cols; k++) {
      let value = fround(fround(fround(f32[x + k] - shift) - delta) * rstd);
      if (gamma !== 0) value = fround(value * f32[gamma + k]);
      if (beta !== 0) value = fround(value + f32[beta + k]);
      f32[y + k] = value;
    }
    return [fround(firstShift + firstDelta), rstd];
  }

  /** Mean and variance in f64: NaN where the row holds NaN or infinity. */
  function moments(x: number, cols: number): [mean: number, variance: number] {
    let sum = 0;
    for (let k = 0; k < cols; k++) sum += f32[x + k];
    const mean = Number.isFinite(sum / cols) ? sum / cols : Number.NaN;
    let squares = 0;
    for (let k = 0; k < cols; k++) squares += (f32[x + k] - mean) * (f32[x + k] - mean);
    return [mean, squares / cols];
  }

  /** `1 / sqrt(variance + eps)` as it multiplies: a constant row with eps = 0 has `xhat = 0`, not NaN. */
  function scale(variance: number, eps: number): number {
    return variance + eps === 0 ? 0 : 1 / sqrt(variance + eps);
  }

  function extremeForwardRow(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    cols: number,
    eps: number,
  ): [mean: number, rstd: number] {
    const [mean, variance] = moments(x, cols);
    const rstd = scale(variance, eps);
    for (let k = 0; k < cols; k++) {
      const xhat = (f32[x + k] - mean) * rstd;
      f32[y + k] = xhat * (gamma === 0 ? 1 : f32[gamma + k]) + (beta === 0 ? 0 : f32[beta + k]);
    }
    return [fround(mean), fround(1 / sqrt(variance + eps))];
  }

  /** What the row's sums come to: `dx = (g - (xhat * slope + offset)) * rstd`, with `delta` of the mean. */
  function gradientTerms(
    dy: number,
    x: number,
    mean: number,
    rstd: number,
    gamma: number,
    cols: number,
  ): [delta: number, offset: number, slope: number] {
    const [centredSum, gSum, gtSum] = sums;
    let allCentred = 0;
    let allG = 0;
    let allGt = 0;
    for (let start = 0; start < cols; start += CHUNK) {
      const count = Math.min(CHUNK, cols - start);
      for (let k = 0; k < count; k++) {
        const at = start + k;
        const t = fround(f32[x + at] - mean);
        const g = gamma === 0 ? f32[dy + at] : fround(f32[dy + at] * f32[gamma + at]);
        centredSum[k % RUNNING_SUMS] += t;
        gSum[k % RUNNING_SUMS] += g;
        gtSum[k % RUNNING_SUMS] += fround(g * t);
      }
      allCentred += total(centredSum);
      allG += total(gSum);
      allGt += total(gtSum);
    }
    const delta = allCentred / cols;
    return [delta, fround(allG / cols), fround(((allGt - delta * allG) / cols) * rstd)];
  }

  /** One row: writes `dx`, adds to the blocks of `dgamma` and `dbeta`. Each of the three may be absent. */
  function backwardRow(
    dy: number,
    x: number,
    mean: number,
    rstd: number,
    gamma: number,
    dx: number,
    dgamma: number,
    dbeta: number,
    cols: number,
  ): void {
    const [meanDelta, offset, slope] = gradientTerms(dy, x, mean, rstd, gamma, cols);
    const ordinary = Number.isFinite(meanDelta) && rstd >= LEAST_RSTD && rstd <= LARGEST_RSTD;
    const [shift, delta] = centre(mean, meanDelta, rstd);
    const [extremeMean, extremeRstd] = ordinary ? [0, 0] : extremeCentre(x, rstd, cols);
    if (dgamma !== 0) {
      for (let k = 0; k < cols; k++) {
        const product = ordinary
          ? f32[dy + k] * fround(fround(fround(f32[x + k] - shift) - delta) * rstd)
          : f32[dy + k] * ((f32[x + k] - extremeMean) * extremeRstd);
        f32[dgamma + k] += fround(product);
      }
    }
    if (dbeta !== 0) for (let k = 0; k < cols; k++) f32[dbeta + k] += f32[dy + k];
    if (dx === 0) return;
    if (!(ordinary && Number.isFinite(offset) && Number.isFinite(slope))) {
      extremeDx(dy, x, rstd, gamma, dx, cols);
      return;
    }
    for (let k = 0; k < cols; k++) {
      const xhat = fround(fround(fround(f32[x + k] - shift) - delta) * rstd);
      const g = gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]);
      f32[dx + k] = fround(g - fround(fround(xhat * slope) + offset)) * rstd;
    }
  }

  /** Mean and rstd in f64. An rstd too large for f32 is taken anew: eps is nothing beside its variance. */
  function extremeCentre(x: number, rstd: number, cols: number): [mean: number, rstd: number] {
    const [mean, variance] = moments(x, cols);
    return [mean, rstd === Number.POSITIVE_INFINITY ? scale(variance, 0) : rstd];
  }

  function extremeDx(
    dy: number,
    x: number,
    savedRstd: number,
    gamma: number,
    dx: number,
    cols: number,
  ): void {
    const [mean, rstd] = extremeCentre(x, savedRstd, cols);
    const g = (k: number) => f32[dy + k] * (gamma === 0 ? 1 : f32[gamma + k]);
    const xhat = (k: number) => (f32[x + k] - mean) * rstd;
    let gSum = 0;
    let gxSum = 0;
    for (let k = 0; k < cols; k++) {
      gSum += g(k);
      gxSum += g(k) * xhat(k);
    }
    const [c1, c2] = [gSum / cols, gxSum / cols];
    // Infinity less infinity would be NaN in some columns only.
    const factor = Number.isFinite(c1) && Number.isFinite(c2) ? rstd : Number.NaN;
    for (let k = 0; k < cols; k++) f32[dx + k] = factor * (g(k) - c1 - xhat(k) * c2);
  }

  /** Adds the block of a column sum to its totals, and clears it. */
  function endBlock(sum: number, cols: number): void {
    const totals = sum / 8;
    const block = sum / 4 + 2 * cols;
    for (let k = 0; k < cols; k++) {
      f64[totals + k] += f32[block + k];
      f32[block + k] = 0;
    }
  }

  return {
    layer_norm_forward_f32(x, gamma, beta, y, mean, rstd, rows, cols, eps) {
      view();
      for (let row = 0; row < rows; row++) {
        const start = row * cols;
        const moments = forwardRow(x / 4 + start, gamma / 4, beta / 4, y / 4 + start, cols, eps);
        if (mean !== 0) f32[mean / 4 + row] = moments[0];
        if (rstd !== 0) f32[rstd / 4 + row] = moments[1];
      }
    },

    layer_norm_backward_f32(dy, x, mean, rstd, gamma, dx, dgamma, dbeta, firstRow, rows, cols) {
      view();
      for (let row = 0; row < rows; row++) {
        const start = row * cols;
        backwardRow(
          dy / 4 + start,
          x / 4 + start,
          f32[mean / 4 + row],
          f32[rstd / 4 + row],
          gamma / 4,
          dx === 0 ? 0 : dx / 4 + start,
          dgamma === 0 ? 0 : dgamma / 4 + 2 * cols,
          dbeta === 0 ? 0 : dbeta / 4 + 2 * cols,
          cols,
        );
        if ((firstRow + row + 1) % BLOCK_ROWS === 0) {
          if (dgamma !== 0) endBlock(dgamma, cols);
          if (dbeta !== 0) endBlock(dbeta, cols);
        }
      }
    },

    column_sum_start(sum, cols) {
      view();
      f32.fill(0, sum / 4, sum / 4 + 3 * cols);
    },

    column_sum_finish_f32(sum, out, cols, accumulate) {
      view();
      endBlock(sum, cols);
      for (let k = 0; k < cols; k++) {
        const before = accumulate ? f32[out / 4 + k] : 0;
        f32[out / 4 + k] = before + f64[sum / 8 + k];
      }
    },
  };
}
