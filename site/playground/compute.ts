/** What the playground shows of an input: every result, on either engine, and what other ways to compute it give. */
import type { Runtime } from "layernorm-wasm";
import { ENGINES } from "../../bench/engines/list.js";
import { reference, worstError } from "../../examples/mnist/reference.js";
import type { DyChoice, Input } from "./input.js";
import { fromMoments, inTwoPasses } from "./naive.js";

export interface Results {
  xhat: Float32Array;
  y: Float32Array;
  mean: Float32Array;
  rstd: Float32Array;
  dy: Float32Array;
  dx: Float32Array;
  dgamma: Float32Array;
  dbeta: Float32Array;
}

/** Throws what the package throws. */
export function compute(runtime: Runtime, { x, cols, gamma, beta, eps, dy: choice }: Input): Results {
  const { y, mean, rstd } = runtime.layerNormForward(x, cols, { gamma, beta, eps });
  const xhat = runtime.layerNorm(x, cols, { eps });
  const dy = gradientOf(choice, y, cols);
  const { dx, dgamma, dbeta } = runtime.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
  return { xhat, y, mean, rstd, dy, dx, dgamma, dbeta };
}

function gradientOf(choice: DyChoice, y: Float32Array, cols: number): Float32Array {
  if (choice === "first") return y.map((_, k) => (k % cols === 0 ? 1 : 0));
  if (choice === "turns") return y.map((_, k) => ((k % cols) % 2 === 0 ? 1 : -1));
  return choice === "ones" ? y.map(() => 1) : y;
}

/** How many numbers two results have, and in how many of them their bits differ. All NaN are one. */
export function compareBits(a: Results, b: Results): { numbers: number; different: number } {
  let [numbers, different] = [0, 0];
  for (const name of Object.keys(a) as (keyof Results)[]) {
    numbers += a[name].length;
    different += a[name].filter((value, k) => !Object.is(value, b[name][k])).length;
  }
  return { numbers, different };
}

/** What the package promises of xhat, in units of 2^-24 of `max(1, abs(xhat))`. */
export const ALLOWED = ENGINES.find(({ id }) => id === "tensors")?.tolerance.y ?? Number.NaN;

export interface Accuracy {
  name: string;
  /** Of xhat, in the same units. */
  error: number;
}

/** Undefined where there is nothing to compare with: the reference itself has no finite answer. */
export function accuracies({ x, cols, eps }: Input, { xhat, mean }: Results): Accuracy[] | undefined {
  const rows = mean.length;
  const [dy, gamma, beta] = [
    new Float32Array(x.length),
    new Float32Array(cols).fill(1),
    new Float32Array(cols),
  ];
  const { y: expected } = reference({ x, dy, gamma, beta, rows, cols, eps });
  if (!expected.exact.every(Number.isFinite)) return undefined;
  return [
    { name: "this package", error: worstError(xhat, expected) },
    {
      name: "f32, mean first, then the squares of x - mean",
      error: worstError(inTwoPasses(x, cols, eps), expected),
    },
    {
      name: "f32, mean of the squares less the square of the mean",
      error: worstError(fromMoments(x, cols, eps), expected),
    },
  ];
}
