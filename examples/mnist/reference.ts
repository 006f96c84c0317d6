/**
 * Layer normalization in plain f64 loops, straight from the formulas (arXiv 1607.06450, section 3):
 *
 *     xhat = (x - mean) * rstd              y  = gamma * xhat + beta
 *     g    = gamma * dy                     dx = rstd * (g - mean(g) - xhat * mean(g * xhat))
 *     dgamma = sum over rows of dy * xhat   dbeta = sum over rows of dy
 *
 * It shares no code with the package: it is what the package's answers are checked against.
 */
export interface Expected {
  /** The exact values, and the size that an error in each is measured against. */
  exact: Float64Array;
  scale: (index: number) => number;
}

export interface Reference {
  y: Expected;
  dx: Expected;
  dgamma: Expected;
  dbeta: Expected;
}

export interface Problem {
  x: Float32Array;
  dy: Float32Array;
  gamma: Float32Array;
  beta: Float32Array;
  rows: number;
  cols: number;
  eps: number;
}

export function reference(problem: Problem): Reference {
  const { rows, cols } = problem;
  const y = new Float64Array(rows * cols);
  const dx = new Float64Array(rows * cols);
  const dxScale = new Float64Array(rows);
  const dgamma = new Float64Array(cols);
  const dgammaScale = new Float64Array(cols);
  const dbeta = new Float64Array(cols);
  const dbetaScale = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    const { xhat, rstd } = normalize(problem, row);
    let sumG = 0;
    let sumGXhat = 0;
    for (let i = 0; i < cols; i++) {
      const at = row * cols + i;
      const dyi = problem.dy[at] as number;
      const gamma = problem.gamma[i] as number;
      const xhati = xhat[i] as number;
      y[at] = gamma * xhati + (problem.beta[i] as number);
      sumG += gamma * dyi;
      sumGXhat += gamma * dyi * xhati;
      dxScale[row] = Math.max(dxScale[row] as number, Math.abs(rstd * gamma * dyi));
      add(dgamma, i, dyi * xhati);
      add(dgammaScale, i, Math.abs(dyi) * Math.max(1, Math.abs(xhati)));
      add(dbeta, i, dyi);
      add(dbetaScale, i, Math.abs(dyi));
    }
    for (let i = 0; i < cols; i++) {
      const at = row * cols + i;
      const g = (problem.gamma[i] as number) * (problem.dy[at] as number);
      dx[at] = rstd * (g - sumG / cols - ((xhat[i] as number) * sumGXhat) / cols);
    }
  }
  return {
    y: { exact: y, scale: (i) => Math.max(1, Math.abs(y[i] as number)) },
    dx: { exact: dx, scale: (i) => dxScale[Math.floor(i / cols)] as number },
    dgamma: { exact: dgamma, scale: (i) => dgammaScale[i] as number },
    dbeta: { exact: dbeta, scale: (i) => dbetaScale[i] as number },
  };
}

/** The largest error, in units of 2^-24 times the scale: the rounding of one f32 operation. */
export function worstError(actual: Float32Array, { exact, scale }: Expected): number {
  if (actual.length !== exact.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < exact.length; i++) {
    const error = Math.abs((actual[i] as number) - (exact[i] as number));
    if (error === 0) continue;
    const units = error / (2 ** -24 * scale(i));
    if (!(units <= worst)) worst = Number.isNaN(units) ? Number.POSITIVE_INFINITY : units;
  }
  return worst;
}

function normalize({ x, cols, eps }: Problem, row: number): { xhat: Float64Array; rstd: number } {
  const xhat = Float64Array.from(x.subarray(row * cols, (row + 1) * cols));
  const mean = xhat.reduce((sum, value) => sum + value, 0) / cols;
  const variance = xhat.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cols;
  const rstd = 1 / Math.sqrt(variance + eps);
  return { xhat: xhat.map((value) => (value - mean) * rstd), rstd };
}

function add(sums: Float64Array, index: number, value: number): void {
  sums[index] = (sums[index] as number) + value;
}
