import type { Runtime, Tensor } from "layernorm-wasm";
import { describe, expect, test } from "vitest";
import { everywhere, mapValues, normal, sameBits } from "./support.js";

type Layer = InstanceType<Runtime["LayerNorm"]>;

const [rows, cols] = [6, 33];
const [x, dy] = [normal(rows * cols, 1), normal(rows * cols, 2)];
const [weight, bias] = [normal(cols, 3), normal(cols, 4)];

/** The layer's options, and the state that it then has. */
const LAYERS = [
  { options: undefined, state: { weight, bias } },
  { options: { affine: true, bias: true, eps: 0.5 }, state: { weight, bias } },
  { options: { bias: false }, state: { weight } },
  { options: { affine: false }, state: {} },
  { options: { affine: false, bias: true }, state: {} },
] as const;

const stateOf = (layer: Layer) => layer.stateDict() as Record<string, Float32Array>;
const gradientsOf = (layer: Layer) =>
  Object.fromEntries(layer.parameters().map(({ name, gradient }) => [name, gradient.toFloat32Array()]));

describe.each(everywhere)("$name: LayerNorm", ({ api, kind }) => {
  const give = (values: Float32Array) => kind.give(api, values, [rows, cols]);

  test.each(LAYERS)("$options: forward and backward are the functions'", ({ options, state }) => {
    const layer = new api.LayerNorm(cols, options);
    expect(Object.keys(layer.stateDict())).toEqual(Object.keys(state));
    layer.loadStateDict(state);
    const { weight: gamma, bias: beta } = { weight: undefined, bias: undefined, ...state };
    const { y, mean, rstd } = api.layerNormForward(x, cols, { gamma, beta, eps: layer.eps });
    const { dx, dgamma, dbeta } = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
    const of = <T>(results: { weight: T; bias: T }) =>
      Object.fromEntries(Object.entries(results).filter(([name]) => name in state));

    const [xGiven, dyGiven] = [give(x), give(dy)];
    const [yOfLayer, dxOfLayer] = [layer.forward(xGiven), layer.backward(dyGiven)];
    sameBits("results", { y: kind.values(yOfLayer), dx: kind.values(dxOfLayer) }, { y, dx });
    sameBits("gradients", gradientsOf(layer), of({ weight: dgamma, bias: dbeta }));

    // Gradients add up, as the function's do, until they are cleared.
    layer.backward(dyGiven);
    const out = { dgamma: dgamma.slice(), dbeta: dbeta.slice() };
    api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, out, accumulate: true });
    sameBits("sums", gradientsOf(layer), of({ weight: out.dgamma, bias: out.dbeta }));
    layer.zeroGrad();
    const zeros = new Float32Array(cols);
    sameBits("cleared", gradientsOf(layer), of({ weight: zeros, bias: zeros }));
    layer.dispose();
  });

  test("starts as PyTorch's: weight 1, bias 0, no gradient", () => {
    const layer = new api.LayerNorm([3, 2]);
    expect(layer).toMatchObject({ normalizedShape: [3, 2], eps: 1e-5 });
    expect(layer.parameters().map(({ name }) => name)).toEqual(["weight", "bias"]);
    const [weight, bias] = layer.parameters();
    expect([weight.value, weight.gradient, bias.value, bias.gradient]).toEqual([
      ...[layer.gamma, layer.dgamma, layer.beta, layer.dbeta],
    ]);
    expect([layer.gamma, layer.beta].map((tensor) => tensor?.shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect(layer.stateDict()).toEqual({ weight: new Float32Array(6).fill(1), bias: new Float32Array(6) });
    expect(gradientsOf(layer)).toEqual({ weight: new Float32Array(6), bias: new Float32Array(6) });
    layer.dispose();
  });

  test("the state goes to another layer: arrays, tensors or numbers", () => {
    const layer = new api.LayerNorm(cols);
    layer.loadStateDict({ weight, bias });
    const state = stateOf(layer);
    layer.gamma?.data.fill(7);
    sameBits<string>("a copy", state, { weight, bias });
    const tensors = mapValues({ weight, bias }, (values) => api.tensorFrom(values));
    const numbers = mapValues({ weight, bias }, (values) => Array.from(values));
    for (const given of [state, tensors, numbers]) {
      const other = new api.LayerNorm(cols);
      other.loadStateDict(given);
      sameBits<string>("loaded", stateOf(other), { weight, bias });
      // All of the state is checked before any of it is loaded.
      expect(() => other.loadStateDict({ weight: normal(cols, 9), bias: [1] })).toThrow(RangeError);
      sameBits<string>("as it was", stateOf(other), { weight, bias });
      other.dispose();
    }
    layer.dispose();
  });

  test("backward goes with the last forward, of any size and kind", () => {
    const layer = new api.LayerNorm(cols, { affine: false });
    for (const rows of [3, 0, 40]) {
      const [x, dy] = [normal(rows * cols, rows), normal(rows * cols, rows + 1)];
      layer.forward(kind.give(api, x, [rows, cols]));
      const dx = kind.values(layer.backward(kind.give(api, dy, [rows, cols])));
      const { mean, rstd } = api.layerNormForward(x, cols);
      sameBits(`${rows} rows`, { dx }, { dx: api.layerNormBackward(dy, x, cols, { mean, rstd }).dx });
    }
    layer.dispose();
  });

  test("rows too wide for scratch", () => {
    const wide = 700_000;
    const [x, dy] = [normal(wide, 1), normal(wide, 2)];
    const layer = new api.LayerNorm(wide);
    const [y, dx] = [layer.forward(kind.give(api, x, [wide])), layer.backward(kind.give(api, dy, [wide]))];
    const forward = api.layerNormForward(x, wide);
    const backward = api.layerNormBackward(dy, x, wide, forward);
    sameBits("results", { y: kind.values(y), dx: kind.values(dx) }, { y: forward.y, dx: backward.dx });
    sameBits("gradients", gradientsOf(layer), { weight: backward.dgamma, bias: backward.dbeta });
    kind.dispose(y, dx);
    layer.dispose();
  });

  test("dispose frees all of it", () => {
    const runtime = api.createRuntime();
    const x = kind.give(runtime, normal(rows * cols, 1), [rows, cols]);
    const { usedBytes } = runtime.info();
    const scratch = () => {
      // What plain arrays pass through is kept; it is the same for all calls of one size.
      const { y, mean, rstd } = runtime.layerNormForward(x, cols);
      const gradients = runtime.layerNormBackward(x, x, cols, { mean, rstd });
      kind.dispose(y, mean, rstd, ...Object.values(gradients));
      return runtime.info().usedBytes - usedBytes;
    };
    const before = usedBytes + scratch();
    for (let k = 0; k < 3; k++) {
      const layer = new runtime.LayerNorm(cols);
      kind.dispose(layer.forward(x), layer.backward(x), layer.forward(x));
      layer.dispose();
      layer.dispose();
    }
    expect(runtime.info().usedBytes).toBeLessThanOrEqual(before);
    runtime.dispose();
  });

  test("learns: the loss of a small net falls", () => {
    // y = LN(x) is to become `target`, by gradient descent on mean((y - target)^2) in gamma, beta and x.
    const layer = new api.LayerNorm(cols);
    const target = normal(rows * cols, 7);
    const input = x.slice();
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) {
      layer.zeroGrad();
      const given = give(input);
      const y = kind.values(layer.forward(given));
      const difference = y.map((value, k) => value - target[k]);
      losses.push(difference.reduce((sum, d) => sum + d * d, 0) / y.length);
      const dx = layer.backward(give(difference.map((d) => (2 * d) / rows)));
      kind.values(dx).forEach((gradient, k) => {
        input[k] -= 0.1 * gradient;
      });
      for (const { value, gradient } of layer.parameters()) {
        const [data, step] = [value.data, gradient.data];
        for (let k = 0; k < cols; k++) data[k] -= 0.1 * step[k];
      }
    }
    for (let k = 1; k < 20; k++) expect(losses[k], `step ${k}`).toBeLessThan(losses[k - 1]);
    expect(losses[59]).toBeLessThan(losses[0] / 5);
    layer.dispose();
  });
});

test("a layer takes plain arrays and tensors in turn", () => {
  const [{ api }] = everywhere;
  const layer = new api.LayerNorm(cols);
  const plain = layer.forward(x);
  const tensor: Tensor = layer.forward(api.tensorFrom(x, [rows, cols]));
  sameBits("y", { y: plain }, { y: tensor.toFloat32Array() });
  expect(() => layer.backward(dy as unknown as Tensor)).toThrow(TypeError);
  layer.backward(api.tensorFrom(dy, [rows, cols])).dispose();
  expect(tensor.shape).toEqual([rows, cols]);
  layer.dispose();
});
