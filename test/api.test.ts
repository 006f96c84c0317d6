import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { keepsContract } from "./reference.js";
import {
  AFFINE,
  type Api,
  batchOf,
  engines,
  everywhere,
  type Kind,
  mapValues,
  normal,
  runEverywhere,
  sameBits,
} from "./support.js";

/** Where a row's walk changes: all tails, then sizes about the kernels' own, of real models, and primes. */
const COLS = [...Array.from({ length: 67 }, (_, k) => k + 1), 127, 251, 256, 257, 509, 768, 1000, 4096];
/** None, one, odd, and more than a block of the gradients' sums. */
const ROWS = [0, 1, 3, 70];

describe("near the reference, with the same bits for every engine and kind of argument", () => {
  test.each(COLS)("%d columns", (cols) => {
    for (const rows of ROWS) {
      for (const affine of AFFINE) {
        const batch = batchOf(rows, cols, affine);
        keepsContract(`[${rows}, ${cols}]`, batch, runEverywhere(batch));
      }
    }
  });

  test("eps: the default is 1e-5, and 0 is allowed", () => {
    for (const [eps, sure] of [
      [undefined, 1e-5],
      [0, 0],
      [1e-5, 1e-5],
      [2, 2],
    ] as const) {
      const batch = { ...batchOf(3, 40), eps };
      keepsContract(`eps ${eps}`, { ...batch, eps: sure }, runEverywhere(batch));
    }
  });
});

test("both entries export the same names, and one Tensor", () => {
  const [[, simd128], [, js]] = engines;
  expect(Object.keys(js).sort()).toEqual(Object.keys(simd128).sort());
  expect(js.Tensor).toBe(simd128.Tensor);
});

/** The arguments of all calls, for x of `shape`. */
function argumentsOf(api: Api, kind: Kind<Float32Array>, shape: readonly number[], last: number) {
  const sizes = shape.slice(shape.length - last);
  const product = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
  const [rows, cols] = [product(shape.slice(0, shape.length - last)), product(sizes)];
  const batch = batchOf(rows, cols);
  const give = (values: Float32Array, shape: readonly number[]) => kind.give(api, values, shape);
  const { mean, rstd } = api.layerNormForward(batch.x, cols);
  return {
    rows,
    cols,
    sizes,
    batch,
    outer: shape.slice(0, shape.length - last),
    x: give(batch.x, shape),
    dy: give(batch.dy, shape),
    gamma: give(batch.gamma as Float32Array, sizes),
    beta: give(batch.beta as Float32Array, sizes),
    mean: give(mean, [rows]),
    rstd: give(rstd, [rows]),
    /** An array to write to, which holds numbers of its own. */
    empty: (count: number) => give(normal(count, 99), [count]),
  };
}

describe.each(everywhere)("$name:", ({ api, kind }) => {
  test.each([
    [[4], 1],
    [[2, 4], 1],
    [[2, 3, 5], 1],
    [[2, 3, 5], 2],
    [[2, 3, 5], 3],
    [[2, 0, 5], 1],
    [[0, 3, 5], 2],
    [[2, 1, 3, 1, 5], 3],
  ])("x of %j, the last %d normalised", (shape, last) => {
    const { x, dy, gamma, beta, sizes, outer, cols, rows, batch } = argumentsOf(api, kind, shape, last);
    const forward = api.layerNormForward(x, sizes, { gamma, beta });
    const y = api.layerNorm(x, sizes, { gamma, beta, shape });
    const backward = api.layerNormBackward(dy, x, sizes, { ...forward, gamma, shape });
    const results = mapValues({ ...forward, ...backward }, (data) => kind.values(data));
    keepsContract("results", { ...batch }, results);
    sameBits("y", { y: kind.values(y) }, { y: results.y });
    if (last === 1)
      sameBits("a number", { y: kind.values(api.layerNorm(x, cols, { gamma, beta })) }, { y: results.y });
    expect(mapValues(results, (values) => values.length)).toEqual({
      ...{ y: rows * cols, mean: rows, rstd: rows },
      ...{ dx: rows * cols, dgamma: cols, dbeta: cols },
    });
    if (kind.name === "plain") return;
    const shapes = { y: shape, mean: outer, rstd: outer, dx: shape, dgamma: sizes, dbeta: sizes };
    expect(
      mapValues({ ...forward, ...backward }, (data) => (data as unknown as { shape: unknown }).shape),
    ).toEqual(shapes);
  });

  test("out: some or all results, which are those arrays", () => {
    const { x, dy, gamma, beta, mean, rstd, rows, cols, empty } = argumentsOf(api, kind, [5, 33], 1);
    const forward = () => api.layerNormForward(x, cols, { gamma, beta });
    const backward = () => api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
    const bits = (results: object) => mapValues(results as Record<string, Float32Array>, kind.values);
    for (const some of subsets(["y", "mean", "rstd"] as const)) {
      const out = Object.fromEntries(some.map((name) => [name, empty(name === "y" ? rows * cols : rows)]));
      const results = api.layerNormForward(x, cols, { gamma, beta, out });
      expect(results).toMatchObject(out);
      for (const name of some) expect(results[name]).toBe(out[name]);
      sameBits(`out has ${some}`, bits(results), bits(forward()));
    }
    for (const some of subsets(["dx", "dgamma", "dbeta"] as const)) {
      const out = Object.fromEntries(some.map((name) => [name, empty(name === "dx" ? rows * cols : cols)]));
      const results = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, out });
      for (const name of some) expect(results[name]).toBe(out[name]);
      sameBits(`out has ${some}`, bits(results), bits(backward()));
    }
    const y = empty(rows * cols);
    expect(api.layerNorm(x, cols, { gamma, beta, out: y })).toBe(y);
    sameBits("layerNorm", bits({ y }), bits({ y: forward().y }));
  });

  test("in place: y over x, dx over dy", () => {
    // More than passes through scratch at once.
    for (const [rows, cols] of [
      [1, 1],
      [5, 33],
      [300, 500],
      [2, 40_000],
    ] as const) {
      const { x, dy, gamma, beta, mean, rstd } = argumentsOf(api, kind, [rows, cols], 1);
      const { dx } = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, out: { dx: dy } });
      expect(dx).toBe(dy);
      const { y } = api.layerNormForward(x, cols, { gamma, beta, out: { y: x } });
      expect(y).toBe(x);
      const again = argumentsOf(api, kind, [rows, cols], 1);
      expect(api.layerNorm(again.x, cols, { gamma, beta, out: again.x })).toBe(again.x);
      const fresh = runEverywhere({ ...again.batch });
      sameBits(
        `[${rows}, ${cols}]`,
        { y: kind.values(y), z: kind.values(again.x), dx: kind.values(dx) },
        { y: fresh.y, z: fresh.y, dx: fresh.dx },
      );
    }
  });

  test("accumulate: adds to out.dgamma and out.dbeta, never to dx", () => {
    const { x, dy, gamma, mean, rstd, rows, cols, empty } = argumentsOf(api, kind, [5, 33], 1);
    const plain = mapValues(api.layerNormBackward(dy, x, cols, { mean, rstd, gamma }), kind.values);
    for (const some of subsets(["dx", "dgamma", "dbeta"] as const)) {
      const out = Object.fromEntries(some.map((name) => [name, empty(name === "dx" ? rows * cols : cols)]));
      const before = mapValues(out, (data) => kind.values(data).slice());
      const sums = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, out, accumulate: true });
      const results = mapValues(sums, kind.values);
      sameBits("dx", { dx: results.dx }, { dx: plain.dx });
      for (const name of ["dgamma", "dbeta"] as const) {
        results[name].forEach((value, k) => {
          const start = before[name]?.[k] ?? 0;
          // The sum is rounded once, from f64: not from the rounded gradient.
          const unit = Math.max(Math.abs(start), Math.abs(plain[name][k])) * 2 ** -23;
          expect(Math.abs(value - (start + plain[name][k]))).toBeLessThanOrEqual(unit);
        });
      }
    }
  });

  test("skip: the results that are left have the same bits", () => {
    const { x, dy, gamma, mean, rstd, rows, cols, empty } = argumentsOf(api, kind, [70, 33], 1);
    const all = mapValues(api.layerNormBackward(dy, x, cols, { mean, rstd, gamma }), kind.values);
    for (const skip of subsets(["dx", "dgamma", "dbeta"] as const)) {
      const some = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, skip });
      const left: Record<string, Float32Array> = Object.fromEntries(
        Object.entries(all).filter(([name]) => !(skip as string[]).includes(name)),
      );
      sameBits<string>(`skip ${skip}`, mapValues(some as typeof all, kind.values), left);
      // An array for a result that is skipped is left alone.
      const out = { dx: empty(rows * cols), dgamma: empty(cols), dbeta: empty(cols) };
      api.layerNormBackward(dy, x, cols, { mean, rstd, gamma, out, skip });
      for (const name of skip) {
        sameBits(name, { out: kind.values(out[name]) }, { out: normal(kind.values(out[name]).length, 99) });
      }
    }
  });

  test("zero rows: empty results, and gradients of 0 or what they held", () => {
    const { x, dy, gamma, mean, rstd, cols, empty } = argumentsOf(api, kind, [0, 5], 1);
    const results = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
    expect(mapValues(results, (data) => Array.from(kind.values(data)))).toEqual({
      dx: [],
      dgamma: [0, 0, 0, 0, 0],
      dbeta: [0, 0, 0, 0, 0],
    });
    const out = { dgamma: empty(cols) };
    api.layerNormBackward(dy, x, cols, { mean, rstd, out, accumulate: true });
    sameBits("dgamma", { dgamma: kind.values(out.dgamma) }, { dgamma: normal(cols, 99) });
  });
});

function subsets<T>(of: readonly T[]): T[][] {
  return Array.from({ length: 2 ** of.length }, (_, bits) => of.filter((_, k) => bits & (1 << k)));
}

describe.each(engines)("%s: plain arrays of any origin", (_, api) => {
  /** A copy of the values in memory of each kind. */
  const origins: Record<string, (values: Float32Array) => Float32Array> = {
    "a part of a larger buffer": (values) => {
      const large = new Float32Array(values.length + 7);
      large.set(values, 3);
      return large.subarray(3, 3 + values.length);
    },
    "shared memory": (values) => {
      const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
      shared.set(values);
      return shared;
    },
    "another realm": (values) => runInNewContext("Float32Array.from(values)", { values: Array.from(values) }),
    "a resizable buffer": (values) => {
      const resizable = Reflect.construct(ArrayBuffer, [values.byteLength, { maxByteLength: 2 ** 20 }]);
      const array = new Float32Array(resizable);
      array.set(values);
      return array;
    },
    "a subclass": (values) => new (class Values extends Float32Array {})(values),
  };

  test.each(Object.entries(origins))("%s", (_, of) => {
    const batch = batchOf(5, 33);
    const { rows, cols } = batch;
    const expected = runEverywhere(batch);
    const [x, dy, gamma, beta] = [batch.x, batch.dy, batch.gamma, batch.beta].map((v = normal(0, 0)) =>
      of(v),
    );
    const empty = (count: number) => of(new Float32Array(count));
    const forward = api.layerNormForward(x, [cols], {
      ...{ gamma, beta },
      out: { y: empty(rows * cols), mean: empty(rows), rstd: empty(rows) },
    });
    const backward = api.layerNormBackward(dy, x, cols, {
      ...{ ...forward, gamma },
      out: { dx: empty(rows * cols), dgamma: empty(cols), dbeta: empty(cols) },
    });
    sameBits("results", { ...forward, ...backward }, { ...expected });
    const tensor = api.tensorFrom(x, [rows, cols]);
    sameBits("a tensor", { x: tensor.toFloat32Array() }, { x: batch.x });
    tensor.dispose();
  });

  test("neighbours in one buffer are not overlaps, and are not written", () => {
    const buffer = normal(12, 3);
    const [before, x, y, after] = [0, 3, 6, 9].map((start) => buffer.subarray(start, start + 3));
    const [held, behind] = [before.slice(), after.slice()];
    const expected = api.layerNorm(x, 3);
    expect(api.layerNorm(x, 3, { out: y })).toEqual(expected);
    sameBits("neighbours", { before, after }, { before: held, after: behind });
  });

  test("shape of an array of another realm", () => {
    expect(api.tensor(runInNewContext("[2, 3]")).shape).toEqual([2, 3]);
    expect(api.layerNorm(new Float32Array(6), runInNewContext("[2, 3]")).length).toBe(6);
  });

  // A view of the memory dies when the memory grows, which these calls make it do.
  test("the data of tensors, given as plain arrays", () => {
    const batch = batchOf(2, 40_000);
    const { cols, gamma, beta } = batch;
    const runtime = api.createRuntime();
    const [x, y] = [runtime.tensorFrom(batch.x), runtime.tensor([2 * cols])];
    const before = runtime.info().memoryBytes;
    const result = runtime.layerNorm(x.data, cols, { gamma, beta, out: y.data });
    const expected = { y: runEverywhere(batch).y };
    sameBits("the tensor", { y: y.toFloat32Array() }, expected);
    sameBits("what was returned", { y: result }, expected);
    expect(runtime.info().memoryBytes).toBeGreaterThanOrEqual(before);
    runtime.dispose();
  });

  test("a tensor of another tensor's data", () => {
    const runtime = api.createRuntime();
    const values = normal(300_000, 1);
    let last = runtime.tensorFrom(values);
    for (let k = 0; k < 5; k++) {
      last = runtime.tensorFrom(last.data);
      sameBits(`copy ${k}`, { x: last.toFloat32Array() }, { x: values });
    }
    runtime.dispose();
  });
});

describe.each(engines)("%s: tensors", (_, api) => {
  test("members", () => {
    const x = api.tensor([2, 3]);
    expect(x).toBeInstanceOf(api.Tensor);
    expect({ ...x, size: x.size, dtype: x.dtype, disposed: x.disposed }).toMatchObject({
      shape: [2, 3],
      size: 6,
      dtype: "f32",
      disposed: false,
    });
    expect(x.data).toBeInstanceOf(Float32Array);
    expect(Array.from(x.data)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(x.data.byteOffset % 64).toBe(0);
    x.data.set([1, 2, 3], 1);
    const copy = x.toFloat32Array();
    x.data.fill(7);
    expect(Array.from(copy)).toEqual([0, 1, 2, 3, 0, 0]);
    expect(() => (x.shape as number[]).push(1)).toThrow(TypeError);
    x.dispose();
    expect(x.disposed).toBe(true);
  });

  test.each<[values: ArrayLike<number>, shape: number[] | undefined, expected: number[], is: number[]]>([
    [[1, 2, 3], undefined, [1, 2, 3], [3]],
    [
      [1, 2, 3, 4],
      [2, 2],
      [1, 2, 3, 4],
      [2, 2],
    ],
    [[5], [], [5], []],
    [[], undefined, [], [0]],
    [[], [3, 0], [], [3, 0]],
    [Float32Array.of(0.5, 1.5), undefined, [0.5, 1.5], [2]],
    [Float64Array.of(0.1, 1e40), undefined, [Math.fround(0.1), Number.POSITIVE_INFINITY], [2]],
    [Int32Array.of(-1, 2 ** 30), [1, 2], [-1, 2 ** 30], [1, 2]],
    [Uint8Array.of(255), undefined, [255], [1]],
    [[Number.NaN, -0], undefined, [Number.NaN, -0], [2]],
  ])("tensorFrom(%o, %j)", (values, shape, expected, is) => {
    const x = api.tensorFrom(values, shape);
    expect(Array.from(x.data)).toEqual(expected);
    expect(x.shape).toEqual(is);
    expect(x.size).toBe(expected.length);
    x.dispose();
  });

  test("zeros, where a tensor with other values was before", () => {
    const first = api.tensorFrom(new Float32Array(1000).fill(7));
    first.dispose();
    const second = api.tensor([1000], "f32");
    expect(second.data.every((value) => value === 0)).toBe(true);
    second.dispose();
  });
});
