/**
 * Forward in plain JavaScript: every array a Float32Array, every sum f64 (JavaScript's own number; rounding each step
 * to f32 would be slower), any rows and cols. No form is the fastest on every shape.
 */
interface Out {
  y: Float32Array;
  mean: Float32Array;
  rstd: Float32Array;
}

/** As the formula stands: the mean, then the variance, then y. */
export function threeReads(x: Float32Array, gamma: Float32Array, beta: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const { y, mean: means, rstd: rstds } = out;
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    let sum = 0;
    for (let i = 0; i < cols; i++) sum += x[from + i];
    const mean = sum / cols;
    let squares = 0;
    for (let i = 0; i < cols; i++) {
      const t = x[from + i] - mean;
      squares += t * t;
    }
    const rstd = 1 / Math.sqrt(squares / cols + eps);
    for (let i = 0; i < cols; i++) y[from + i] = (x[from + i] - mean) * rstd * gamma[i] + beta[i];
    means[row] = mean;
    rstds[row] = rstd;
  }
}

/** Shifted by the first element, so that one read gives both sums; four of each, so that no addition waits. */
export function fourSums(x: Float32Array, gamma: Float32Array, beta: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const whole = cols - (cols % 4);
  const { y, mean: means, rstd: rstds } = out;
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    const shift = x[from];
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let q0 = 0;
    let q1 = 0;
    let q2 = 0;
    let q3 = 0;
    for (let i = from; i < from + whole; i += 4) {
      const t0 = x[i] - shift;
      const t1 = x[i + 1] - shift;
      const t2 = x[i + 2] - shift;
      const t3 = x[i + 3] - shift;
      s0 += t0;
      s1 += t1;
      s2 += t2;
      s3 += t3;
      q0 += t0 * t0;
      q1 += t1 * t1;
      q2 += t2 * t2;
      q3 += t3 * t3;
    }
    for (let i = from + whole; i < from + cols; i++) {
      const t = x[i] - shift;
      s0 += t;
      q0 += t * t;
    }
    const delta = (s0 + s1 + s2 + s3) / cols;
    const mean = shift + delta;
    const rstd = 1 / Math.sqrt(Math.max(0, (q0 + q1 + q2 + q3) / cols - delta * delta) + eps);
    let i = 0;
    for (; i < whole; i += 4) {
      const k = from + i;
      y[k] = (x[k] - mean) * rstd * gamma[i] + beta[i];
      y[k + 1] = (x[k + 1] - mean) * rstd * gamma[i + 1] + beta[i + 1];
      y[k + 2] = (x[k + 2] - mean) * rstd * gamma[i + 2] + beta[i + 2];
      y[k + 3] = (x[k + 3] - mean) * rstd * gamma[i + 3] + beta[i + 3];
    }
    for (; i < cols; i++) y[from + i] = (x[from + i] - mean) * rstd * gamma[i] + beta[i];
    means[row] = mean;
    rstds[row] = rstd;
  }
}

/** Two rows at a time: gamma and beta are loaded half as often, and the rows' sums do not wait for each other. */
export function twoRows(x: Float32Array, gamma: Float32Array, beta: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const { y, mean: means, rstd: rstds } = out;
  for (let row = 0; row < means.length; row += 2) {
    const a = row * cols;
    // An odd last row is done twice, as both rows of its pair.
    const b = row + 1 < means.length ? a + cols : a;
    const shiftA = x[a];
    const shiftB = x[b];
    let sumA = 0;
    let sumB = 0;
    let squaresA = 0;
    let squaresB = 0;
    for (let i = 0; i < cols; i++) {
      const tA = x[a + i] - shiftA;
      const tB = x[b + i] - shiftB;
      sumA += tA;
      sumB += tB;
      squaresA += tA * tA;
      squaresB += tB * tB;
    }
    const deltaA = sumA / cols;
    const deltaB = sumB / cols;
    const meanA = shiftA + deltaA;
    const meanB = shiftB + deltaB;
    const rstdA = 1 / Math.sqrt(Math.max(0, squaresA / cols - deltaA * deltaA) + eps);
    const rstdB = 1 / Math.sqrt(Math.max(0, squaresB / cols - deltaB * deltaB) + eps);
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      const offset = beta[i];
      y[a + i] = (x[a + i] - meanA) * rstdA * scale + offset;
      y[b + i] = (x[b + i] - meanB) * rstdB * scale + offset;
    }
    means[row] = meanA;
    rstds[row] = rstdA;
    if (b !== a) {
      means[row + 1] = meanB;
      rstds[row + 1] = rstdB;
    }
  }
}
