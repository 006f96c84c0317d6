import * as simd128 from "layernorm-wasm";
import * as js from "layernorm-wasm/js";
import { expect } from "vitest";
import type { Batch, Gradients, Normalized } from "./reference.js";

export type Api = typeof simd128;

/** The package on each of its engines. */
export const engines: readonly (readonly [name: "simd128" | "js", api: Api])[] = [
  ["simd128", simd128],
  ["js", js as unknown as Api],
];

type Plain = Float32Array;
type Data = Plain | simd128.Tensor;

/** Storage of 16 bits. */
export type HalfType = "f16" | "bf16";

/** How arguments are given to an API, and results read. */
export interface Kind<D extends Data> {
  readonly name: "plain" | "tensor" | HalfType;
  /** An argument of its own, which holds the values. */
  give(api: Pick<Api, "tensorFrom">, values: Plain, shape?: readonly number[]): D;
  /** What it holds now. */
  values(data: D): Plain;
  dispose(...data: (D | undefined)[]): void;
}

const plain: Kind<Plain> = {
  name: "plain",
  give: (_, values) => values.slice(),
  values: (array) => array,
  dispose: () => {},
};

const tensor: Kind<simd128.Tensor> = {
  name: "tensor",
  give: (api, values, shape) => api.tensorFrom(values, shape),
  values: (tensor) => tensor.toFloat32Array(),
  dispose: (...tensors) => {
    for (const tensor of tensors) tensor?.dispose();
  },
};

/** A kind stands for both: a test is written once, as if for plain arrays. */
export const kinds: readonly Kind<Plain>[] = [plain, tensor as unknown as Kind<Plain>];

/** Tensors of 16 bits a value; what they are given is rounded to that, if it has to be. */
export const halves = (["f16", "bf16"] as const).map((name) => ({
  ...kinds[1],
  name,
  give: (api: Pick<Api, "tensorFrom">, values: Plain, shape?: readonly number[]) =>
    api.tensorFrom(values, shape, name) as unknown as Plain,
}));

/** Every engine with every kind of argument. */
export const everywhere = engines.flatMap(([engine, api]) =>
  kinds.map((kind) => ({ name: `${engine}, ${kind.name}`, engine, api, kind })),
);

/** The same, and tensors of 16 bits. */
export const everyStorage = [
  ...everywhere,
  ...engines.flatMap(([engine, api]) =>
    halves.map((kind) => ({ name: `${engine}, ${kind.name}`, engine, api, kind })),
  ),
];

// --- values ----------------------------------------------------------------------------------------------

/**
 * Numbers in [0, 1) from a seed: mulberry32 (Tommy Ettinger, public domain), which is the same in every
 * engine, for it works on 32-bit integers.
 */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Near enough to normal for rounding errors: a sum of twelve uniform numbers is within six deviations. */
export function normal(count: number, seed: number, mean = 0, std = 1): Plain {
  const random = randomFrom(seed);
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random();
    return mean + std * sum;
  });
}

/** Gamma and beta, present and absent. */
export const AFFINE = [
  { gamma: false, beta: false },
  { gamma: true, beta: false },
  { gamma: false, beta: true },
  { gamma: true, beta: true },
] as const;

/** A batch of random values. */
export function batchOf(
  rows: number,
  cols: number,
  affine: { gamma: boolean; beta: boolean } = AFFINE[3],
  x = normal(rows * cols, 1),
  eps?: number,
): Batch {
  return {
    rows,
    cols,
    x,
    dy: normal(rows * cols, 2),
    gamma: affine.gamma ? normal(cols, 3) : undefined,
    beta: affine.beta ? normal(cols, 4) : undefined,
    eps,
  };
}

// --- runs ------------------------------------------------------------------------------------------------

export type Results = Normalized<Plain> & Gradients<Plain>;

/** Forward and backward of one batch, on one engine, with one kind of argument. */
export function run(api: Api, kind: Kind<Plain>, batch: Batch): Results {
  const { rows, cols, eps } = batch;
  const give = (values: Plain | undefined, shape: readonly number[]) =>
    values && kind.give(api, values, shape);
  const x = kind.give(api, batch.x, [rows, cols]);
  const dy = kind.give(api, batch.dy, [rows, cols]);
  const [gamma, beta] = [give(batch.gamma, [cols]), give(batch.beta, [cols])];
  const alone = api.layerNorm(x, cols, { gamma, beta, eps });
  const { y, mean, rstd } = api.layerNormForward(x, cols, { gamma, beta, eps });
  const { dx, dgamma, dbeta } = api.layerNormBackward(dy, x, cols, { mean, rstd, gamma });
  const all = { y, mean, rstd, dx, dgamma, dbeta };
  const results = mapValues(all, (data) => kind.values(data));
  sameBits("layerNorm and layerNormForward", { y: kind.values(alone) }, { y: results.y });
  sameBits("arguments", { x: kind.values(x), dy: kind.values(dy) }, { x: batch.x, dy: batch.dy });
  kind.dispose(x, dy, gamma, beta, alone, ...Object.values(all));
  return results;
}

/** Forward and backward, everywhere: all must have the same bits, which are returned. */
export function runEverywhere(batch: Batch, what = ""): Results {
  const [first, ...others] = everywhere;
  const results = run(first.api, first.kind, batch);
  for (const { name, api, kind } of others) {
    sameBits(`${what} ${first.name} and ${name}`, results, run(api, kind, batch));
  }
  return results;
}

export function mapValues<K extends string, T, U>(of: Record<K, T>, f: (value: T) => U): Record<K, U> {
  return Object.fromEntries(Object.entries<T>(of).map(([key, value]) => [key, f(value)])) as Record<K, U>;
}

// --- assertions ------------------------------------------------------------------------------------------

/** Fails where two sets of results differ in a bit. Any NaN equals any other. */
export function sameBits<K extends string>(what: string, a: Record<K, Plain>, b: Record<K, Plain>): void {
  expect(Object.keys(b), what).toEqual(Object.keys(a));
  for (const name of Object.keys(a) as K[]) assertSameBits(`${what}: ${name}`, a[name], b[name]);
}

function assertSameBits(what: string, a: Plain | undefined, b: Plain | undefined): void {
  if (a === undefined || b === undefined) throw new Error(`${what}: missing`);
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} and ${b.length} elements`);
  for (let k = 0; k < a.length; k++) {
    if (!Object.is(a[k], b[k])) throw new Error(`${what}[${k}]: ${a[k]} and ${b[k]}`);
  }
}

/** A unit of the numeric contract. */
export const UNIT = 2 ** -24;

const SMALLEST = 2 ** -149;

/**
 * Fails where an element of `result` is more than `units` of 2^-24 from `expected`, in terms of the larger
 * of its own size and its `scale`. Results that f32 cannot hold to full precision may be off by their own
 * rounding, and overflow. Returns the worst of the units.
 */
export function within(
  what: string,
  units: number,
  result: Plain,
  expected: Float64Array,
  scale: (k: number) => number,
): number {
  if (result.length !== expected.length)
    throw new Error(`${what}: ${result.length} elements, not ${expected.length}`);
  let worst = 0;
  for (let k = 0; k < result.length; k++) {
    const [got, want] = [result[k], expected[k]];
    if (!Number.isFinite(Math.fround(want)) && Object.is(got, Math.fround(want))) continue;
    const unit = Math.max(scale(k), Math.abs(want)) * UNIT;
    const error = Math.max(0, Math.abs(got - want) - SMALLEST);
    if (!(error <= units * unit)) {
      throw new Error(`${what}[${k}] is ${got}, not ${want}: off by ${error / unit} units, allowed ${units}`);
    }
    if (unit > 0) worst = Math.max(worst, error / unit);
  }
  return worst;
}
