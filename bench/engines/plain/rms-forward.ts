/** RMSNorm forward in plain JavaScript, in the manner of forward.ts. */
interface Out {
  y: Float32Array;
  rstd: Float32Array;
}

/** As the formula stands. */
export function twoReads(x: Float32Array, gamma: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const { y, rstd: rstds } = out;
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    let squares = 0;
    for (let i = 0; i < cols; i++) squares += x[from + i] * x[from + i];
    const rstd = 1 / Math.sqrt(squares / cols + eps);
    for (let i = 0; i < cols; i++) y[from + i] = x[from + i] * rstd * gamma[i];
    rstds[row] = rstd;
  }
}

/** Four sums, so that no addition waits. */
export function fourSums(x: Float32Array, gamma: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const whole = cols - (cols % 4);
  const { y, rstd: rstds } = out;
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = from; i < from + whole; i += 4) {
      s0 += x[i] * x[i];
      s1 += x[i + 1] * x[i + 1];
      s2 += x[i + 2] * x[i + 2];
      s3 += x[i + 3] * x[i + 3];
    }
    for (let i = from + whole; i < from + cols; i++) s0 += x[i] * x[i];
    const rstd = 1 / Math.sqrt((s0 + s1 + s2 + s3) / cols + eps);
    let i = 0;
    for (; i < whole; i += 4) {
      const k = from + i;
      y[k] = x[k] * rstd * gamma[i];
      y[k + 1] = x[k + 1] * rstd * gamma[i + 1];
      y[k + 2] = x[k + 2] * rstd * gamma[i + 2];
      y[k + 3] = x[k + 3] * rstd * gamma[i + 3];
    }
    for (; i < cols; i++) y[from + i] = x[from + i] * rstd * gamma[i];
    rstds[row] = rstd;
  }
}

/** Two rows at a time: gamma is loaded half as often, and the rows' sums do not wait for each other. */
export function twoRows(x: Float32Array, gamma: Float32Array, eps: number, out: Out) {
  const cols = gamma.length;
  const { y, rstd } = out;
  for (let row = 0; row < rstd.length; row += 2) {
    const a = row * cols;
    // An odd last row is done twice, as both rows of its pair.
    const last = row + 1 < rstd.length ? row + 1 : row;
    const b = last * cols;
    let squaresA = 0;
    let squaresB = 0;
    for (let i = 0; i < cols; i++) {
      squaresA += x[a + i] * x[a + i];
      squaresB += x[b + i] * x[b + i];
    }
    const rstdA = 1 / Math.sqrt(squaresA / cols + eps);
    const rstdB = 1 / Math.sqrt(squaresB / cols + eps);
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      y[a + i] = x[a + i] * rstdA * scale;
      y[b + i] = x[b + i] * rstdB * scale;
    }
    rstd[row] = rstdA;
    rstd[last] = rstdB;
  }
}
