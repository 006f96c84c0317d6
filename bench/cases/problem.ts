/** The numbers of a case: the same in every run and for every engine. */
import { Random } from "../../examples/mnist/random.js";
import type { Problem } from "../../examples/mnist/reference.js";

/** As activations are in training: about normal, mean 0, deviation 1; gamma around 1, beta around 0. */
export function makeProblem(rows: number, cols: number): Problem {
  const random = new Random(rows * 100_003 + cols);
  return {
    x: normal(rows * cols, random),
    dy: normal(rows * cols, random),
    gamma: random.uniform(cols, 0.5, 1.5),
    beta: random.uniform(cols, -0.5, 0.5),
    rows,
    cols,
    eps: 1e-5,
  };
}

/** The sum of four uniform numbers is near enough to normal, and cheap for 16 million of them. */
export function normal(size: number, random: Random): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size);
  for (let k = 0; k < size; k++) {
    values[k] = (random.next() + random.next() + random.next() + random.next() - 2) * Math.sqrt(3);
  }
  return values;
}
