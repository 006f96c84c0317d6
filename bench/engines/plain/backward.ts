/** Backward in plain JavaScript, in the same manner as forward.ts. `sums` are kept from call to call. */
interface Statistics {
  mean: Float32Array;
  rstd: Float32Array;
}

interface Sums {
  dgamma: Float64Array;
  dbeta: Float64Array;
}

interface Out {
  dx: Float32Array;
  dgamma: Float32Array;
  dbeta: Float32Array;
}

/** As the formula stands, one row at a time. */
export function oneRow(
  dy: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  { mean: means, rstd: rstds }: Statistics,
  sums: Sums,
  out: Out,
) {
  const cols = gamma.length;
  const { dgamma, dbeta } = sums;
  const { dx } = out;
  dgamma.fill(0);
  dbeta.fill(0);
  for (let row = 0, from = 0; from < x.length; row++, from += cols) {
    const mean = means[row];
    const rstd = rstds[row];
    let sum = 0;
    let dot = 0;
    for (let i = 0; i < cols; i++) {
      const g = dy[from + i] * gamma[i];
      sum += g;
      dot += g * (x[from + i] - mean);
    }
    const offset = (sum / cols) * rstd;
    const slope = ((dot * rstd * rstd) / cols) * rstd;
    for (let i = 0; i < cols; i++) {
      const t = x[from + i] - mean;
      const e = dy[from + i] * rstd;
      dgamma[i] += e * t;
      dbeta[i] += dy[from + i];
      dx[from + i] = e * gamma[i] - (t * slope + offset);
    }
  }
  out.dgamma.set(dgamma);
  out.dbeta.set(dbeta);
}

/** Two rows at a time: gamma is loaded, and the sums are loaded and stored, half as often. */
export function twoRows(
  dy: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  { mean, rstd }: Statistics,
  sums: Sums,
  out: Out,
) {
  const cols = gamma.length;
  const rows = mean.length;
  const { dgamma, dbeta } = sums;
  const { dx } = out;
  dgamma.fill(0);
  dbeta.fill(0);
  for (let row = 0; row < rows; row += 2) {
    const a = row * cols;
    const odd = row + 1 === rows;
    // An odd last row is its own partner, which adds nothing to dgamma and dbeta.
    const b = odd ? a : a + cols;
    const counts = odd ? 0 : 1;
    const meanA = mean[row];
    const rstdA = rstd[row];
    const meanB = odd ? meanA : mean[row + 1];
    const rstdB = odd ? rstdA : rstd[row + 1];
    let sumA = 0;
    let sumB = 0;
    let dotA = 0;
    let dotB = 0;
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      const gA = dy[a + i] * scale;
      const gB = dy[b + i] * scale;
      sumA += gA;
      dotA += gA * (x[a + i] - meanA);
      sumB += gB;
      dotB += gB * (x[b + i] - meanB);
    }
    const offsetA = (sumA / cols) * rstdA;
    const offsetB = (sumB / cols) * rstdB;
    const slopeA = ((dotA * rstdA * rstdA) / cols) * rstdA;
    const slopeB = ((dotB * rstdB * rstdB) / cols) * rstdB;
    const weightB = rstdB * counts;
    for (let i = 0; i < cols; i++) {
      const scale = gamma[i];
      const tA = x[a + i] - meanA;
      const tB = x[b + i] - meanB;
      const dyA = dy[a + i];
      const dyB = dy[b + i];
      dgamma[i] += dyA * tA * rstdA + dyB * tB * weightB;
      dbeta[i] += dyA + dyB * counts;
      dx[a + i] = dyA * rstdA * scale - (tA * slopeA + offsetA);
      dx[b + i] = dyB * rstdB * scale - (tB * slopeB + offsetB);
    }
  }
  out.dgamma.set(dgamma);
  out.dbeta.set(dbeta);
}
