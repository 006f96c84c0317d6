/** Two ways to write it in f32 that come to mind first: what the package's accuracy is seen beside. */

const { fround } = Math;

/** `var` is the mean of `(x - mean)^2`. */
export function inTwoPasses(x: Float32Array, cols: number, eps: number): Float32Array {
  return eachRow(x, cols, (row) => {
    const mean = meanOf(row);
    const squares = row.map((value) => fround(value - mean) ** 2);
    return { mean, variance: meanOf(squares), eps };
  });
}

/** `var` is the mean of `x^2`, less `mean^2`: one pass, and nothing left where the mean is large. */
export function fromMoments(x: Float32Array, cols: number, eps: number): Float32Array {
  return eachRow(x, cols, (row) => {
    const mean = meanOf(row);
    const squares = row.map((value) => value ** 2);
    return { mean, variance: Math.max(0, fround(meanOf(squares) - fround(mean ** 2))), eps };
  });
}

/** Summed from left to right, each sum rounded to f32. */
function meanOf(values: Float32Array): number {
  return fround(values.reduce((sum, value) => fround(sum + value), 0) / values.length);
}

interface Moments {
  mean: number;
  variance: number;
  eps: number;
}

function eachRow(x: Float32Array, cols: number, moments: (row: Float32Array) => Moments): Float32Array {
  const xhat = new Float32Array(x.length);
  for (let from = 0; from < x.length; from += cols) {
    const row = x.subarray(from, from + cols);
    const { mean, variance, eps } = moments(row);
    const rstd = fround(1 / fround(Math.sqrt(fround(variance + eps))));
    xhat.set(
      row.map((value) => fround(value - mean) * rstd),
      from,
    );
  }
  return xhat;
}
