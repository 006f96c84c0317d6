/** RMSNorm backward in plain JavaScript, in the manner of backward.ts. */
interface Out {
  dx: Float32Array;
  dgamma: Float32Array;
}

/** As the formula stands, one row at a time. `sums` is kept from call to call. */
export function oneRow(
  dy: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  rstds: Float32Array,
  sums: Float64Array,
  out: Out,
) {
  const cols = gamma.length;
  const { dx } = out;
  sums.fill(0);
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    const rstd = rstds[row];
    let dot = 0;
    for (let i = 0; i < cols; i++) dot += dy[from + i] * gamma[i] * x[from + i];
    const slope = ((dot * rstd * rstd) / cols) * rstd;
    for (let i = 0; i < cols; i++) {
      const t = x[from + i];
      const e = dy[from + i] * rstd;
      sums[i] += e * t;
      dx[from + i] = e * gamma[i] - t * slope;
    }
  }
  out.dgamma.set(sums);
}

/** Two rows at a time: gamma is loaded, and the sums are loaded and stored, half as often. */
export function twoRows(
  dy: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  rstds: Float32Array,
  sums: Float64Array,
  out: Out,
) {
  const cols = gamma.length;
  const rows = rstds.length;
  const { dx } = out;
  sums.fill(0);
  for (let row = 0; row < rows; row += 2) {
    const a = row * cols;
    const odd = row + 1 === rows;
    // An odd last row is its own partner, which adds nothing to dgamma.
    const b = odd ? a : a + cols;
    const rstdA = rstds[row];
    const rstdB = odd ? rstdA : rstds[row + 1];
    let dotA = 0;
    let dotB = 0;
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      dotA += dy[a + i] * scale * x[a + i];
      dotB += dy[b + i] * scale * x[b + i];
    }
    const slopeA = ((dotA * rstdA * rstdA) / cols) * rstdA;
    const slopeB = ((dotB * rstdB * rstdB) / cols) * rstdB;
    const weightB = odd ? 0 : rstdB;
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      const tA = x[a + i];
      const tB = x[b + i];
      const dyA = dy[a + i];
      const dyB = dy[b + i];
      sums[i] += dyA * tA * rstdA + dyB * tB * weightB;
      dx[a + i] = dyA * rstdA * scale - tA * slopeA;
      dx[b + i] = dyB * rstdB * scale - tB * slopeB;
    }
  }
  out.dgamma.set(sums);
}
