import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { type Digits, PIXELS, take } from "../mnist/data.js";
import { Random } from "../mnist/random.js";
import { CLASSES, type Norm, TOKENS, transformer } from "./transformer.js";

export interface Plan {
  readonly batch: number;
  readonly steps: number;
  readonly seed: number;
}

/** What became of one network: a loss and a time for each step, and the part of the test digits that it knows. */
export interface Run {
  readonly name: string;
  readonly losses: number[];
  readonly milliseconds: number[];
  readonly accuracy: number;
}

/**
 * Trains a transformer for each kind of layer norm, from the same weights on the same batches. They take turns step by
 * step: noise of the machine then falls on all alike.
 */
export async function trainInTurns(
  norms: Record<string, Norm>,
  { train, test }: { train: Digits; test: Digits },
  { batch, steps, seed }: Plan,
  onStep: (step: number, losses: number[]) => void = () => {},
): Promise<Run[]> {
  const runs = Object.entries(norms).map(([name, norm]) => {
    const network = transformer(norm, seed);
    const optimizer = tf.train.adam(1e-3);
    network.compile({ optimizer, loss: "categoricalCrossentropy" });
    return { name, network, optimizer, losses: [] as number[], milliseconds: [] as number[] };
  });
  const order = new Random(seed).permutation(train.rows);
  for (let step = 0; step < steps; step++) {
    const rows = Uint32Array.from({ length: batch }, (_, k) => order[(step * batch + k) % train.rows]);
    const { x, labels } = tensors(take(train, rows));
    for (const { network, losses, milliseconds } of runs) {
      const start = performance.now();
      losses.push((await network.trainOnBatch(x, labels)) as number);
      milliseconds.push(performance.now() - start);
    }
    tf.dispose([x, labels]);
    onStep(
      step + 1,
      runs.map(({ losses }) => losses[step]),
    );
  }
  return runs.map(({ network, optimizer, ...run }) => {
    const accuracy = accuracyOf(network, test);
    network.dispose();
    optimizer.dispose();
    return { ...run, accuracy };
  });
}

function tensors({ x, labels, rows }: Digits) {
  return {
    x: tf.tensor3d(x, [rows, TOKENS, PIXELS / TOKENS]),
    labels: tf.tidy(() => tf.oneHot(tf.tensor1d(labels, "int32"), CLASSES)),
  };
}

function accuracyOf(network: LayersModel, digits: Digits): number {
  return tf.tidy(() => {
    const { x, labels } = tensors(digits);
    const found = tf.argMax(network.predict(x, { batchSize: 100 }) as tf.Tensor, 1);
    return tf.mean(tf.cast(tf.equal(found, tf.argMax(labels, 1)), "float32")).dataSync()[0];
  });
}
