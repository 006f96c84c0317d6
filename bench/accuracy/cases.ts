/** Rows on which layer normalization goes wrong, or might. To add some, add a line. */
import { Random } from "../../examples/mnist/random.js";
import { normal } from "../cases/problem.js";
import type { Problem } from "../engines/engine.js";

export interface Case {
  name: string;
  cols: number;
  eps: number;
  /** Smaller where dx would otherwise not fit in f32. */
  dyScale: number;
  /** An element: `noise` is about normal, mean 0 and deviation 1, at most 3.5. */
  x(noise: number, col: number): number;
}

const ROWS = 8;
const COLS = 768;
const EPS = 1e-5;

export const cases: readonly Case[] = [
  row("mean 0, std 1", (noise) => noise),
  row("mean 100, std 1", (noise) => 100 + noise),
  row("mean 1e4, std 1", (noise) => 1e4 + noise),
  row("mean 1e4, std 1, 4096 columns", (noise) => 1e4 + noise, { cols: 4096 }),
  row("mean 1e4, std 0.1", (noise) => 1e4 + 0.1 * noise),
  row("mean 1e6, std 1", (noise) => 1e6 + noise),
  row("ramp from 1e7 by 1", (_, col) => 1e7 + col),
  row("one outlier of 1000 std", (noise, col) => (col === 256 ? 1000 : noise)),
  row("two clusters, 1e4 and 1e4 + 100", (noise, col) => noise + (col % 4 === 3 ? 1e4 + 100 : 1e4)),
  row("±1e4 and noise of 0.01", (noise, col) => (col % 2 === 0 ? 1e4 : -1e4) + 0.01 * noise),
  row("constant, 1234.5678", () => 1234.5678),
  row("std 1e-38, eps 0", (noise) => 1e-38 * noise, { eps: 0, dyScale: 2 ** -4 }),
  row("std 1e-20, eps 0", (noise) => 1e-20 * noise, { eps: 0 }),
  row("std 1e18", (noise) => 1e18 * noise),
  row("std 1e30", (noise) => 1e30 * noise),
  row("up to 3e38", (noise) => 8.5e37 * noise),
];

function row(name: string, x: Case["x"], options: Partial<Case> = {}): Case {
  return { name, cols: COLS, eps: EPS, dyScale: 1, x, ...options };
}

/** Gamma is 1 and beta 0, so that errors are those of the normalization. */
export function problemOf({ cols, eps, dyScale, x }: Case): Problem {
  const random = new Random(cols);
  return {
    x: normal(ROWS * cols, random).map((noise, k) => x(noise, k % cols)),
    dy: normal(ROWS * cols, random).map((value) => value * dyScale),
    gamma: new Float32Array(cols).fill(1),
    beta: new Float32Array(cols),
    operation: "layer_norm",
    rows: ROWS,
    cols,
    inner: 1,
    eps,
  };
}
