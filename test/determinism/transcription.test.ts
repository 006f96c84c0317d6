import { describe, expect, test } from "vitest";
import type { Batch } from "../reference.js";
import { AFFINE, type Api, batchOf, engines, normal, sameBits } from "../support.js";
import { backward, forward } from "./transcription.js";

/** Forward and backward on an engine of the package. */
function packageOn(api: Api, { rows, cols, x, dy, gamma, beta, eps }: Batch) {
  const size = [rows, cols];
  const tensors = [api.tensorFrom(x, size), api.tensorFrom(dy, size)] as const;
  const options = { gamma: gamma && api.tensorFrom(gamma), beta: beta && api.tensorFrom(beta) };
  const { y, mean, rstd } = api.layerNormForward(tensors[0], cols, { ...options, eps });
  const { dx, dgamma, dbeta } = api.layerNormBackward(tensors[1], tensors[0], cols, {
    mean,
    rstd,
    gamma: options.gamma,
  });
  const read = (of: typeof y) => of.toFloat32Array().slice();
  const results = {
    y: read(y),
    mean: read(mean),
    rstd: read(rstd),
    dx: read(dx),
    dgamma: read(dgamma),
    dbeta: read(dbeta),
  };
  for (const tensor of [...tensors, options.gamma, options.beta, y, mean, rstd, dx, dgamma, dbeta]) {
    tensor?.dispose();
  }
  return results;
}

/** Fails where the package has not the bits of the document. */
function hasItsBits(what: string, batch: Batch): void {
  const normalized = forward(batch);
  const expected = { ...normalized, ...backward(batch, normalized) };
  for (const [engine, api] of engines) {
    sameBits(`${what}: the document and ${engine}`, expected, packageOn(api, batch));
  }
}

const repeated = (count: number, f: (k: number) => number) =>
  Float32Array.from({ length: count }, (_, k) => f(k));
const scaled = (factor: number) => (count: number) => normal(count, 6).map((x) => x * factor);
const about = (mean: number, std: number) => (count: number) => normal(count, 5, mean, std);
const with1 = (value: number, at: (count: number) => number) => (count: number) => {
  const x = normal(count, 7);
  x[at(count)] = value;
  return x;
};

/** Batches, by their number of elements, that take every way through the kernels. */
const HARD: Record<string, (count: number) => Float32Array> = {
  "mean 0.9": about(0.9, 1),
  "mean 100": about(100, 1),
  "mean -1e4": about(-1e4, 0.1),
  "mean 1e6": about(1e6, 1),
  "mean 1e7": about(1e7, 1),
  "means from 0 to 1e5 by row": (count) => normal(count, 5).map((x, k) => x + 10 ** (Math.floor(k / 64) % 6)),
  "magnitude 1e-38": scaled(1e-38),
  "magnitude 1e-20": scaled(1e-20),
  "magnitude 1e-12, on the edge of the range": scaled(2 ** -40),
  "magnitude 1e12, on the edge of the range": scaled(2 ** 40),
  "magnitude 1e20": scaled(1e20),
  "magnitude 5e37": scaled(5e37),
  "±3e38": (count) => repeated(count, (k) => (k % 2 ? -3e38 : 3e38)),
  "smallest numbers": (count) => repeated(count, (k) => (k % 5) * 2 ** -149),
  "smallest number": (count) => repeated(count, () => 2 ** -149),
  zeros: (count) => repeated(count, () => 0),
  "zeros of both signs": (count) => repeated(count, (k) => (k % 2 ? -0 : 0)),
  constant: (count) => repeated(count, () => -0.1),
  "large constant": (count) => repeated(count, () => 1e30),
  ramp: (count) => repeated(count, (k) => 1e7 + k),
  "first element": with1(1e7, () => 0),
  "last element": with1(-1e20, (count) => count - 1),
  NaN: with1(Number.NaN, (count) => count >> 1),
  infinity: with1(Number.POSITIVE_INFINITY, () => 0),
  "-infinity": with1(Number.NEGATIVE_INFINITY, (count) => count - 1),
  "infinities of both signs": (count) =>
    repeated(count, (k) => (k % 7 ? k % 3 : k % 2 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)),
};

const COLS = [
  ...Array.from({ length: 67 }, (_, k) => k + 1),
  127,
  255,
  256,
  257,
  258,
  768,
  1000,
  1001,
  2049,
  4096,
];
const ROWS = [1, 2, 3, 33, 70];

describe("the package has the bits of docs/numerics.md", () => {
  test.each(AFFINE)("gamma $gamma, beta $beta, every shape", (affine) => {
    for (const cols of COLS) {
      for (const rows of ROWS) {
        if (rows * cols > 140_000) continue;
        hasItsBits(`[${rows}, ${cols}]`, batchOf(rows, cols, affine));
      }
    }
  });

  test.each(Object.entries(HARD))("%s", (name, values) => {
    for (const cols of [1, 2, 3, 4, 15, 16, 17, 63, 64, 67, 127, 258, 1001]) {
      for (const rows of [1, 3, 33]) {
        for (const eps of [0, 1e-5, 1e30]) {
          const affine = AFFINE[(cols + rows) % AFFINE.length];
          hasItsBits(
            `${name}, [${rows}, ${cols}], eps ${eps}`,
            batchOf(rows, cols, affine, values(rows * cols), eps),
          );
        }
      }
    }
  });

  test("gradients that vanish, overflow, or are not numbers", () => {
    for (const factor of [1e-42, 1e-30, 1e30, 1e37, 3e38, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const x of [
        normal(33 * 100, 5, 0, 1),
        normal(33 * 100, 5, 1e4, 1),
        normal(33 * 100, 5, 0, 1e25),
      ]) {
        const batch = batchOf(33, 100, AFFINE[3], x);
        const everywhere = { ...batch, dy: batch.dy.map((dy) => dy * factor) };
        const once = { ...batch, dy: batch.dy.map((dy, k) => (k === 1234 ? dy * factor : dy)) };
        hasItsBits(`dy times ${factor}`, everywhere);
        hasItsBits(`one dy times ${factor}`, once);
      }
    }
  });

  // The kernels choose their loops by the size of a call.
  test.each([
    [2112, 1000],
    [40, 3000],
    [520, 8200],
  ])("a large call: [%d, %d]", (rows, cols) => {
    hasItsBits("normal values", batchOf(rows, cols));
    const x = normal(rows * cols, 1).map((x, k) => x + (Math.floor(k / cols) % 3 === 2 ? 100 : 0));
    hasItsBits("every third row about 100", batchOf(rows, cols, AFFINE[1], x));
  });

  test("the transcription is not the package", () => {
    const batch = batchOf(1, 3);
    const wrong = forward({ ...batch, eps: 1e-4 });
    expect(() => sameBits("eps", wrong, forward(batch))).toThrow();
  });
});
