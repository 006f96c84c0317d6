import { type Digits, PIXELS, take } from "./data.js";
import { crossEntropy, Network } from "./network.js";
import { Random } from "./random.js";

export interface Plan {
  batch: number;
  normalized: boolean;
  epochs: number;
  sizes: readonly number[];
  seed: number;
}

/** Where a run stood after `samples` digits: mean loss over the steps since the last point, error on the test set. */
export interface Point {
  step: number;
  samples: number;
  loss: number;
  testError: number;
}

export interface Curve extends Plan {
  points: Point[];
  trainLoss: number;
  testError: number;
  seconds: number;
}

/**
 * Trains one network. Weights and the order of digits come from the seed alone, so runs differ only in what the plan
 * names; every batch size cuts the same endless list of digits.
 */
export async function train(
  plan: Plan,
  { train, test }: { train: Digits; test: Digits },
  onPoint: (point: Point) => void,
): Promise<Curve> {
  const { batch, epochs } = plan;
  const network = new Network(plan.sizes, plan.normalized, new Random(plan.seed));
  const order = sampleOrder(train.rows, epochs, plan.seed + 1);
  const checkpoints = checkpointsFor(train.rows, epochs);
  const points: Point[] = [];
  let losses: number[] = [];
  let milliseconds = 0;
  const steps = Math.floor(order.length / batch);
  for (let step = 1; step <= steps; step++) {
    const start = performance.now();
    const { x, labels } = gather(train, order.subarray((step - 1) * batch, step * batch));
    losses.push(network.train(x, labels));
    milliseconds += performance.now() - start;
    const samples = step * batch;
    if (samples < (checkpoints[0] ?? Number.POSITIVE_INFINITY) && step < steps) continue;
    while (samples >= (checkpoints[0] ?? Number.POSITIVE_INFINITY)) checkpoints.shift();
    const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
    losses = [];
    const point = { step, samples, loss, testError: evaluate(network, test).error };
    points.push(point);
    onPoint(point);
    await new Promise(setImmediate); // lets the progress bar draw
  }
  const { loss: trainLoss } = evaluate(network, train);
  network.dispose();
  const testError = (points.at(-1) as Point).testError;
  return { ...plan, points, trainLoss, testError, seconds: milliseconds / 1000 };
}

/** Close together at the start, where the curves part: then 8 in the first epoch, 4 in the second, 2 in each later. */
function checkpointsFor(rows: number, epochs: number): number[] {
  const parts = [1 / 32, 1 / 16, 3 / 32];
  for (let at = 1 / 8; at <= epochs; at += at < 1 ? 1 / 8 : at < 2 ? 1 / 4 : 1 / 2) parts.push(at);
  return parts.map((part) => part * rows);
}

/** One permutation after the other. */
function sampleOrder(rows: number, epochs: number, seed: number): Uint32Array {
  const random = new Random(seed);
  const order = new Uint32Array(rows * epochs);
  for (let epoch = 0; epoch < epochs; epoch++) order.set(random.permutation(rows), epoch * rows);
  return order;
}

function gather(digits: Digits, rows: Uint32Array) {
  const { x, labels } = take(digits, rows);
  return { x: { values: x, rows: rows.length, cols: PIXELS }, labels };
}

/** In pieces of 1,000 rows, so that the activations stay small. */
function evaluate(network: Network, digits: Digits): { loss: number; error: number } {
  const piece = 1000;
  let [loss, wrong] = [0, 0];
  for (let row = 0; row < digits.rows; row += piece) {
    const labels = digits.labels.subarray(row, row + piece);
    const values = digits.x.subarray(row * PIXELS, (row + piece) * PIXELS);
    const logits = network.predict({ values, rows: labels.length, cols: PIXELS });
    loss += crossEntropy(logits, labels).loss * labels.length;
    for (const [i, label] of labels.entries()) {
      const scores = logits.values.subarray(i * logits.cols, (i + 1) * logits.cols);
      if (scores.indexOf(Math.max(...scores)) !== label) wrong++;
    }
  }
  return { loss: loss / digits.rows, error: wrong / digits.rows };
}
