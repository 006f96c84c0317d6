/**
 * What a batch comes to, to nearly all of an f64's bits, whatever its mean and length: f64 loops lose some of them to
 * long sums, and with a mean of 1e7 what they lose would show. Here sums are compensated, and the mean is two numbers.
 * No square of an f32 leaves the range of f64.
 */
import type { Problem } from "../engines/engine.js";

/** The results, and what the error of each element is measured by: the numeric contract (docs/numerics.md). */
export interface Reference {
  y: Expected;
  dx: Expected;
  dgamma: Expected;
}

export interface Expected {
  values: Float64Array;
  scales: Float64Array;
}

/** Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974. */
class Sum {
  #high = 0;
  #low = 0;

  add(value: number): void {
    const high = this.#high + value;
    this.#low +=
      Math.abs(this.#high) >= Math.abs(value) ? this.#high - high + value : value - high + this.#high;
    this.#high = high;
  }

  get value(): number {
    return this.#high + this.#low;
  }
}

export function reference({ x, dy, gamma, beta, rows, cols, eps }: Problem): Reference {
  const expected = (size: number) => ({ values: new Float64Array(size), scales: new Float64Array(size) });
  const result = { y: expected(rows * cols), dx: expected(rows * cols), dgamma: expected(cols) };
  const dgamma = Array.from({ length: cols }, () => new Sum());
  for (let row = 0; row < rows; row++) {
    const from = row * cols;
    const meanOf = (value: (col: number) => number) => {
      const sum = new Sum();
      for (let col = 0; col < cols; col++) sum.add(value(col));
      return sum.value / cols;
    };
    const high = meanOf((col) => x[from + col]);
    const low = meanOf((col) => x[from + col] - high);
    const centred = (col: number) => x[from + col] - high - low;
    const rstd = 1 / Math.sqrt(meanOf((col) => centred(col) ** 2) + eps);
    const xhat = (col: number) => centred(col) * rstd;
    const g = (col: number) => gamma[col] * dy[from + col];
    const offset = meanOf(g);
    const slope = meanOf((col) => g(col) * xhat(col));
    let largest = 0;
    for (let col = 0; col < cols; col++) largest = Math.max(largest, Math.abs(rstd * g(col)));
    for (let col = 0; col < cols; col++) {
      const y = xhat(col) * gamma[col] + beta[col];
      const dx = rstd * (g(col) - offset - xhat(col) * slope);
      result.y.values[from + col] = y;
      result.y.scales[from + col] = Math.max(1, Math.abs(y));
      result.dx.values[from + col] = dx;
      result.dx.scales[from + col] = Math.max(largest, Math.abs(dx));
      dgamma[col].add(dy[from + col] * xhat(col));
      result.dgamma.scales[col] += Math.abs(dy[from + col]) * Math.max(1, Math.abs(xhat(col)));
    }
  }
  result.dgamma.values.set(dgamma.map((sum) => sum.value));
  return result;
}
