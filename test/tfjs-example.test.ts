import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import { layerNormalization } from "layernorm-wasm/tfjs";
import { expect, test } from "vitest";
import { loadDigits, split, take } from "../examples/mnist/data.js";
import { trainInTurns } from "../examples/tfjs/train.js";

/* What `npm run example:tfjs` does, in small. */

test("a transformer learns the same with our layer as with TensorFlow.js's own", async () => {
  setThreadsCount(1);
  expect(await tf.setBackend("wasm")).toBe(true);
  const { train, test } = split(loadDigits(), 16, 1);
  const sets = {
    train,
    test: take(
      test,
      Uint32Array.from({ length: 64 }, (_, k) => k),
    ),
  };
  const { numTensors } = tf.memory();
  const norms = { ours: layerNormalization, theirs: layers.layerNormalization };
  const steps: number[] = [];
  // One batch, again and again: its loss has to fall.
  const [ours, theirs] = await trainInTurns(norms, sets, { batch: 16, steps: 8, seed: 1 }, (step) =>
    steps.push(step),
  );
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ours.losses[7]).toBeLessThan(0.8 * ours.losses[0]);
  for (const [step, loss] of ours.losses.entries()) expect(loss).toBeCloseTo(theirs.losses[step], 3);
  expect(Math.abs(ours.accuracy - theirs.accuracy)).toBeLessThan(0.1);
  expect(tf.memory().numTensors).toBe(numTensors);
});
