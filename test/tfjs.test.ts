import "@tensorflow/tfjs-backend-cpu";
import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import {
  LayerNormalization,
  type LayerNormalizationArgs,
  layerNorm,
  layerNormalization,
} from "layernorm-wasm/tfjs";
import { beforeAll, describe, expect, test } from "vitest";

/*
 * The operation and the layer beside TensorFlow.js's own layer, on each of its back ends that compute at once. What
 * they say of wrong arguments is in errors.test.ts.
 */

setThreadsCount(1);

const values = (shape: number[], seed: number) => tf.randomNormal(shape, 0.5, 2, "float32", seed);

/** The largest difference, relative to what is larger than 1. */
function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const wanted = expected.dataSync<"float32">();
  const errors = actual
    .dataSync<"float32">()
    .map((value, k) => (value - wanted[k]) / Math.max(1, Math.abs(wanted[k])));
  const largest = errors.reduce((worst, error) => Math.max(worst, Math.abs(error)), 0);
  expect(largest).toBeLessThanOrEqual(tolerance);
}

/** What a test creates is disposed, and nothing else is left over. */
function withoutLeaks(work: () => void): void {
  const { numTensors } = tf.memory();
  tf.tidy(work);
  expect(tf.memory().numTensors).toBe(numTensors);
}

interface Case {
  readonly shape: number[];
  readonly args?: LayerNormalizationArgs;
}

const cases: Case[] = [
  { shape: [1, 1] },
  { shape: [3, 4] },
  { shape: [5, 67], args: { epsilon: 1e-5 } },
  { shape: [2, 3, 8] },
  { shape: [2, 3, 4, 5] },
  { shape: [3, 4], args: { center: false } },
  { shape: [3, 4], args: { scale: false } },
  { shape: [3, 4], args: { center: false, scale: false } },
  { shape: [2, 3, 4], args: { axis: [1, 2] } },
  { shape: [2, 3, 4], args: { axis: [-1, -2] } },
  { shape: [2, 3, 4], args: { axis: 1 } },
  { shape: [2, 3, 4, 5], args: { axis: [1, 3] } },
  { shape: [2, 3, 4, 5], args: { axis: [3, 1] } },
  { shape: [2, 3, 4, 5], args: { axis: 2 } },
];

/** Our layer and theirs, with the same weights. */
function pair({ shape, args }: Case) {
  const layers = [new LayerNormalization(args), tfl.layers.layerNormalization(args)];
  for (const layer of layers) {
    layer.build([null, ...shape.slice(1)]);
    layer.setWeights(layer.getWeights().map((weight, k) => values(weight.shape, 10 + k)));
  }
  return layers;
}

const nameOf = ({ originalName }: tfl.LayerVariable) => originalName.replace(/.*\//, "");

/** The gradients of x and of the weights, by name. */
function gradientsOf(layer: tfl.layers.Layer, x: tf.Tensor, dy: tf.Tensor): Map<string, tf.Tensor> {
  const weighted = (input: tf.Tensor) => tf.mul(layer.apply(input) as tf.Tensor, dy);
  const found = new Map([["x", tf.grad(weighted)(x)]]);
  for (const weight of layer.trainableWeights) {
    const variable = weight.read() as tf.Variable;
    const { grads } = tf.variableGrads(() => tf.sum(weighted(x)), [variable]);
    found.set(nameOf(weight), grads[variable.name]);
  }
  return found;
}

describe.each(["cpu", "wasm"])("on the back end %s", (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    await tf.ready();
  });

  test.each(cases)("$shape, $args: as TensorFlow.js's own layer", (each) => {
    tf.tidy(() => {
      const [ours, theirs] = pair(each);
      const [x, dy] = [values(each.shape, 1), values(each.shape, 2)];
      expectClose(ours.apply(x) as tf.Tensor, theirs.apply(x) as tf.Tensor);
      // Its own has no gradients without gamma or beta: those of ones and zeros stand in.
      const complete = tfl.layers.layerNormalization({ ...each.args, scale: true, center: true });
      complete.build([null, ...each.shape.slice(1)]);
      const given = new Map(theirs.weights.map((weight) => [nameOf(weight), weight.read()]));
      complete.setWeights(complete.weights.map((weight) => given.get(nameOf(weight)) ?? weight.read()));
      const expected = gradientsOf(complete, x, dy);
      const gradients = gradientsOf(ours, x, dy);
      expect(gradients.size).toBe(1 + ours.weights.length);
      for (const [name, gradient] of gradients) expectClose(gradient, expected.get(name) as tf.Tensor);
      for (const weight of [ours, theirs, complete].flatMap(({ weights }) => weights)) weight.dispose();
    });
  });

  test("the operation, over one dimension and over several, with and without gamma and beta", () => {
    withoutLeaks(() => {
      const x = values([6, 3, 4], 1);
      for (const shape of [[4], [3, 4]]) {
        const axes = shape.map((_, k) => k - shape.length + 3);
        const { mean, variance } = tf.moments(x, axes, true);
        const xhat = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
        const [gamma, beta] = [values(shape, 2), values(shape, 3)];
        expectClose(layerNorm(x, gamma, beta), tf.add(tf.mul(xhat, gamma), beta));
        expectClose(layerNorm(x, gamma), tf.mul(xhat, gamma));
        expectClose(layerNorm(x, null, beta), tf.add(xhat, beta));
        if (shape.length === 1) expectClose(layerNorm(x), xhat);
      }
      expect(layerNorm(tf.zeros([0, 4]), tf.ones([4])).shape).toEqual([0, 4]);
    });
  });

  test("nothing leaks: forward, grads, a chain of operations, a layer", () => {
    const x = values([3, 4], 1);
    const [gamma, beta] = [values([4], 2), values([4], 3)];
    const layer = layerNormalization({ axis: 1 });
    layer.build([null, 4]);
    const { numTensors, numBytes } = tf.memory();
    layerNorm(x, gamma, beta).dispose();
    (layer.apply(x) as tf.Tensor).dispose();
    const gradients = tf.grads((x, gamma, beta) => tf.square(layerNorm(tf.mul(x, 2), gamma, beta)))([
      x,
      gamma,
      beta,
    ]);
    expect(gradients).toHaveLength(3);
    expect(tf.memory().numTensors).toBe(numTensors + 3);
    tf.dispose(gradients);
    tf.dispose(tf.grad((x: tf.Tensor) => layer.apply(x) as tf.Tensor)(x));
    expect(() => layerNorm(x, gamma, beta, -1)).toThrow();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    tf.dispose([x, gamma, beta, ...layer.getWeights()]);
  });

  test("second derivatives are those of the composed form", () => {
    withoutLeaks(() => {
      const inputs = [values([3, 5], 1), values([5], 2), values([5], 3)];
      const weights = values([3, 5], 4);
      const composed = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
        const { mean, variance } = tf.moments(x, -1, true);
        const xhat = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
        return tf.add(tf.mul(xhat, gamma), beta);
      };
      const second = (f: typeof composed) =>
        tf.grads((...args: tf.Tensor[]) => {
          const first = tf.grads((x, gamma, beta) => tf.mul(tf.square(f(x, gamma, beta)), weights))(args);
          return tf.addN(first.map((gradient) => tf.sum(tf.square(gradient))));
        })(inputs);
      const expected = second(composed);
      for (const [k, gradient] of second((x, gamma, beta) => layerNorm(x, gamma, beta)).entries())
        expectClose(gradient, expected[k], 1e-4);
    });
  });

  test.each([
    [
      "a small network",
      () => [tfl.layers.dense({ units: 16, inputShape: [6], activation: "tanh" })],
      [32, 6],
    ],
    ["over sequences", () => [tfl.layers.dense({ units: 8, inputShape: [5, 6] })], [16, 5, 6]],
  ] as const)("training: the loss of %s falls as with TensorFlow.js's own layer", async (_, first, shape) => {
    const x = values([...shape], 1);
    const y = tf.tidy(() => tf.sin(tf.sum(x, -1, true)));
    let initial: tf.Tensor[] | undefined;
    const histories: number[][] = [];
    for (const layer of [layerNormalization, tfl.layers.layerNormalization]) {
      const model = tfl.sequential({ layers: [...first(), layer(), tfl.layers.dense({ units: 1 })] });
      initial ??= model.getWeights().map((weight) => weight.clone());
      model.setWeights(initial);
      model.compile({ optimizer: tf.train.adam(0.02), loss: "meanSquaredError" });
      const { history } = await model.fit(x, y, {
        epochs: 30,
        batchSize: shape[0],
        shuffle: false,
        verbose: 0,
      });
      histories.push(history.loss as number[]);
    }
    const [ours, theirs] = histories;
    expect(ours[29]).toBeLessThan(0.7 * ours[0]);
    for (const [k, loss] of ours.entries()) expect(Math.abs(loss - theirs[k])).toBeLessThan(1e-3 * theirs[0]);
  });
});

describe("serialization", () => {
  const args: LayerNormalizationArgs = {
    axis: [1, 2],
    epsilon: 1e-4,
    betaInitializer: "randomNormal",
    gammaInitializer: "glorotUniform",
    gammaRegularizer: "l1l2",
    name: "norm",
  };

  test("class name, configuration and weights are those of TensorFlow.js's own layer", () => {
    const layers = [layerNormalization(args), tfl.layers.layerNormalization(args)];
    for (const layer of layers) layer.build([null, 3, 4]);
    const [ours, theirs] = layers;
    expect(ours).toBeInstanceOf(LayerNormalization);
    expect(ours.getClassName()).toBe(theirs.getClassName());
    expect(ours.getConfig()).toEqual(theirs.getConfig());
    const names = (layer: tfl.layers.Layer) => layer.weights.map(({ originalName }) => originalName);
    expect(names(ours)).toEqual(names(theirs));
    expect(new LayerNormalization().getConfig()).toMatchObject({
      axis: -1,
      epsilon: 1e-3,
      center: true,
      scale: true,
    });
  });

  test("importing takes no name away from the user's layers", () => {
    const numbers = [layerNormalization(), tfl.layers.layerNormalization()].map(
      ({ name }) => name.match(/\d+$/)?.[0],
    );
    expect(Number(numbers[1])).toBe(Number(numbers[0]) + 1);
  });

  test.each([
    ["ours", layerNormalization],
    ["TensorFlow.js's own", tfl.layers.layerNormalization],
  ])("a model saved with %s is loaded with ours", async (_, layer) => {
    const dense = tfl.layers.dense({ units: 4, inputShape: [3, 4] });
    const model = tfl.sequential({ layers: [dense, layer(args)] });
    model.setWeights(model.getWeights().map((weight, k) => values(weight.shape, k)));
    let saved: tf.io.ModelArtifacts = {};
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved));
    expect(loaded.layers[1]).toBeInstanceOf(LayerNormalization);
    const x = values([2, 3, 4], 5);
    expectClose(loaded.predict(x) as tf.Tensor, model.predict(x) as tf.Tensor);

    const json = loaded.toJSON(null, false) as tf.serialization.ConfigDict;
    expect(JSON.stringify(json)).toBe(JSON.stringify(model.toJSON(null, false)));
    const copy = layerNormalization(loaded.layers[1].getConfig() as LayerNormalizationArgs);
    expect(copy.getConfig()).toEqual(loaded.layers[1].getConfig());
  });
});

test("tensors of another back end are taken over, also by a memory that has to grow", async () => {
  await tf.setBackend("cpu");
  const x = values([2048, 2048], 1);
  const gamma = values([2048], 2);
  const expected = layerNorm(x, gamma).dataSync();
  await tf.setBackend("wasm");
  const actual = layerNorm(x, gamma).dataSync();
  expect(actual.every((value, k) => value === expected[k])).toBe(true);
  tf.dispose([x, gamma]);
});

test("a layer takes integers, as TensorFlow.js's own does", () => {
  const x = tf.tensor2d([1, 2, 3, 5], [1, 4], "int32");
  expectClose(
    layerNormalization().apply(x) as tf.Tensor,
    layerNormalization().apply(tf.cast(x, "float32")) as tf.Tensor,
  );
});
