/**
 * The best plain JavaScript we found: what the package is timed against.
 *
 * Every array is a Float32Array, every sum is f64 (JavaScript's own number: rounding each step to f32 would be slower).
 * Written for this job: `cols` is a multiple of four and `rows` is even, so there are no tails.
 *
 * Measured on [10000, 784] (Node 20, AMD EPYC, medians of 15 interleaved rounds, 10^9 elements/s) and dropped:
 * forward: mean and variance in two reads 0.23, no unrolling of the write 0.25, `x * s + k` 0.30; this one 0.31.
 * backward: one row at a time 0.13, the same with four accumulators 0.14, rows by `subarray` 0.15; this one 0.18.
 */
export interface Forward {
  y: Float32Array;
  mean: Float32Array;
  rstd: Float32Array;
}

export interface Backward {
  dx: Float32Array;
  dgamma: Float32Array;
  dbeta: Float32Array;
}

export function forward(x: Float32Array, gamma: Float32Array, beta: Float32Array, eps: number, out: Forward) {
  const cols = gamma.length;
  const rows = x.length / cols;
  for (let row = 0; row < rows; row++) {
    const xr = x.subarray(row * cols, (row + 1) * cols);
    const yr = out.y.subarray(row * cols, (row + 1) * cols);
    const { mean, rstd } = statistics(xr, eps);
    for (let i = 0; i < cols; i += 4) {
      yr[i] = ((xr[i] as number) - mean) * rstd * (gamma[i] as number) + (beta[i] as number);
      yr[i + 1] = ((xr[i + 1] as number) - mean) * rstd * (gamma[i + 1] as number) + (beta[i + 1] as number);
      yr[i + 2] = ((xr[i + 2] as number) - mean) * rstd * (gamma[i + 2] as number) + (beta[i + 2] as number);
      yr[i + 3] = ((xr[i + 3] as number) - mean) * rstd * (gamma[i + 3] as number) + (beta[i + 3] as number);
    }
    out.mean[row] = mean;
    out.rstd[row] = rstd;
  }
}

/** Shifted by the first element, so that one read is enough; four sums, so that no addition waits for the last. */
function statistics(xr: Float32Array, eps: number): { mean: number; rstd: number } {
  const cols = xr.length;
  const shift = xr[0] as number;
  let [s0, s1, s2, s3, q0, q1, q2, q3] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < cols; i += 4) {
    const t0 = (xr[i] as number) - shift;
    const t1 = (xr[i + 1] as number) - shift;
    const t2 = (xr[i + 2] as number) - shift;
    const t3 = (xr[i + 3] as number) - shift;
    s0 += t0;
    s1 += t1;
    s2 += t2;
    s3 += t3;
    q0 += t0 * t0;
    q1 += t1 * t1;
    q2 += t2 * t2;
    q3 += t3 * t3;
  }
  const delta = (s0 + s1 + s2 + s3) / cols;
  const variance = Math.max(0, (q0 + q1 + q2 + q3) / cols - delta * delta);
  return { mean: shift + delta, rstd: 1 / Math.sqrt(variance + eps) };
}

/** Two rows at a time: gamma is loaded, and the sums of dgamma and dbeta are loaded and stored, half as often. */
export function backward(
  dy: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  { mean, rstd }: { mean: Float32Array; rstd: Float32Array },
  out: Backward,
) {
  const cols = gamma.length;
  const dgamma = new Float64Array(cols);
  const dbeta = new Float64Array(cols);
  const { dx } = out;
  for (let row = 0; row < mean.length; row += 2) {
    const a = row * cols;
    const b = a + cols;
    const meanA = mean[row] as number;
    const rstdA = rstd[row] as number;
    const meanB = mean[row + 1] as number;
    const rstdB = rstd[row + 1] as number;
    let sumA = 0;
    let sumB = 0;
    let dotA = 0;
    let dotB = 0;
    for (let i = 0; i < cols; i++) {
      const gA = (dy[a + i] as number) * (gamma[i] as number);
      const gB = (dy[b + i] as number) * (gamma[i] as number);
      sumA += gA;
      dotA += gA * ((x[a + i] as number) - meanA);
      sumB += gB;
      dotB += gB * ((x[b + i] as number) - meanB);
    }
    const gMeanA = sumA / cols;
    const gMeanB = sumB / cols;
    const slopeA = (dotA * rstdA * rstdA) / cols;
    const slopeB = (dotB * rstdB * rstdB) / cols;
    for (let i = 0; i < cols; i++) {
      const gammaI = gamma[i] as number;
      const tA = (x[a + i] as number) - meanA;
      const tB = (x[b + i] as number) - meanB;
      const dyA = dy[a + i] as number;
      const dyB = dy[b + i] as number;
      dgamma[i] = (dgamma[i] as number) + dyA * tA * rstdA + dyB * tB * rstdB;
      dbeta[i] = (dbeta[i] as number) + dyA + dyB;
      dx[a + i] = rstdA * (dyA * gammaI - gMeanA - tA * slopeA);
      dx[b + i] = rstdB * (dyB * gammaI - gMeanB - tB * slopeB);
    }
  }
  out.dgamma.set(dgamma);
  out.dbeta.set(dbeta);
}
