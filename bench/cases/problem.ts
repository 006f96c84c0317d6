/** The numbers of a case: the same in every run and for every engine. */
import { Random } from "../../examples/mnist/random.js";
import type { Problem } from "../engines/engine.js";
import { fromHalf, toHalf } from "../engines/other-ways/half.js";
import { addsFirst, isHalf, type Operation } from "./operations.js";

/** What is measured, and on how much. */
export interface Sizes {
  operation: Operation;
  rows: number;
  cols: number;
  /** Elements from one of a row to the next: x is `[rows / inner, cols, inner]`, and `[rows, cols]` where it is 1. */
  inner: number;
}

/** As activations are in training: about normal, mean 0, deviation 1; gamma around 1, beta around 0. */
export function makeProblem({ operation, rows, cols, inner }: Sizes): Problem {
  const random = new Random(rows * 100_003 + cols);
  const size = rows * cols;
  return {
    x: stored(operation, normal(size, random)),
    dy: stored(operation, normal(size, random)),
    gamma: random.uniform(cols, 0.5, 1.5),
    beta: random.uniform(cols, -0.5, 0.5),
    ...(addsFirst(operation) ? { residual: normal(size, random) } : {}),
    operation,
    rows,
    cols,
    inner,
    eps: 1e-5,
  };
}

/** Of f16 and bf16 the values that they have, as f32: so that everyone gets the same ones. */
function stored(operation: Operation, values: Float32Array): Float32Array {
  if (!isHalf(operation)) return values;
  return fromHalf[operation](toHalf[operation](values, new Uint16Array(values.length)), values);
}

/** The sum of four uniform numbers is near enough to normal, and cheap for 16 million of them. */
export function normal(size: number, random: Random): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size);
  for (let k = 0; k < size; k++) {
    values[k] = (random.next() + random.next() + random.next() + random.next() - 2) * Math.sqrt(3);
  }
  return values;
}

/** `[N, a, b]` as `[N, b, a]`: rows that are apart in memory as rows in order, and back. */
export function permuted<T extends Float32Array | Float64Array>(values: T, a: number, b: number, into: T): T {
  for (let from = 0; from < values.length; from += a * b) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) into[from + j * a + i] = values[from + i * b + j];
    }
  }
  return into;
}
