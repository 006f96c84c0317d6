/** What every engine's answer is checked against: plain loops in f64, for each operation. */
import {
  type Problem as LayerNormProblem,
  reference as layerNorm,
  type Expected as Values,
} from "../../examples/mnist/reference.js";
import type { Problem, ResultName } from "../engines/engine.js";
import { permuted } from "./problem.js";

export type Expected = Partial<Record<ResultName, Values>>;

export function reference(problem: Problem): Expected {
  const { operation, x, residual } = problem;
  if (operation === "axes") return overAxes(problem);
  if (operation === "rms_norm") return rmsNorm(problem);
  if (residual === undefined) return layerNorm(problem);
  // The sum is rounded to f32, and that is what is normalised.
  const sum = x.map((value, k) => value + residual[k]);
  const normalized = operation === "add_rms_norm" ? rmsNorm : layerNorm;
  const { y } = normalized({ ...problem, x: sum });
  return { y, sum: { exact: Float64Array.from(sum), scale: (k) => Math.abs(sum[k]) } };
}

/** Of the same values with each row in order, and back to where they stand in x. */
function overAxes(problem: Problem): Expected {
  const { x, dy, cols, inner } = problem;
  const inRows = (values: Float32Array) => permuted(values, cols, inner, new Float32Array(values.length));
  const { y, dx, ...sums } = layerNorm({ ...problem, x: inRows(x), dy: inRows(dy) });
  const back = ({ exact, scale }: Values): Values => ({
    exact: permuted(exact, inner, cols, new Float64Array(exact.length)),
    scale: (k) => {
      const within = k % (cols * inner);
      return scale(k - within + (within % inner) * cols + Math.floor(within / inner));
    },
  });
  return { y: back(y), dx: back(dx), ...sums };
}

/**
 * RMSNorm (arXiv 1910.07467) and its gradients. Scales are those of layer normalization.
 *
 *     xhat = x * rstd    y = gamma * xhat    g = gamma * dy
 *     dx = rstd * (g - xhat * mean(g * xhat))    dgamma = sum over rows of dy * xhat
 */
function rmsNorm({ x, dy, gamma, rows, cols, eps }: LayerNormProblem) {
  const y = new Float64Array(rows * cols);
  const dx = new Float64Array(rows * cols);
  const dxScale = new Float64Array(rows);
  const dgamma = new Float64Array(cols);
  const dgammaScale = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    const from = row * cols;
    let squares = 0;
    for (let i = 0; i < cols; i++) squares += x[from + i] ** 2;
    const rstd = 1 / Math.sqrt(squares / cols + eps);
    let dot = 0;
    for (let i = 0; i < cols; i++) {
      const xhat = x[from + i] * rstd;
      const g = gamma[i] * dy[from + i];
      y[from + i] = gamma[i] * xhat;
      dot += g * xhat;
      dxScale[row] = Math.max(dxScale[row], Math.abs(rstd * g));
      dgamma[i] += dy[from + i] * xhat;
      dgammaScale[i] += Math.abs(dy[from + i]) * Math.max(1, Math.abs(xhat));
    }
    for (let i = 0; i < cols; i++)
      dx[from + i] = rstd * (gamma[i] * dy[from + i] - (x[from + i] * rstd * dot) / cols);
  }
  return {
    y: { exact: y, scale: (k: number) => Math.max(1, Math.abs(y[k])) },
    dx: { exact: dx, scale: (k: number) => dxScale[Math.floor(k / cols)] },
    dgamma: { exact: dgamma, scale: (k: number) => dgammaScale[k] },
  };
}
