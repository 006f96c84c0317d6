import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Batch, BOUNDS, differences, keepsContract } from "./reference.js";
import {
  AFFINE,
  batchOf,
  mapValues,
  normal,
  randomFrom,
  runEverywhere,
  sameBits,
  UNIT,
  within,
} from "./support.js";

/** Rows of `cols` values, each by its column. */
const ramp = (cols: number, f: (k: number) => number) => Float32Array.from({ length: cols }, (_, k) => f(k));

/** Normal values with one far off, as `where` places it. */
const outlier = (size: number, where: (cols: number) => number) => (cols: number) => {
  const x = normal(cols, 7);
  x[where(cols)] = size;
  return x;
};

/** Rows that a formula in f32, or in one pass, gets wrong. */
const HARD: Record<string, (cols: number) => Float32Array> = {
  ...Object.fromEntries(
    [0, 1, 100, 1e4, -1e4, 1e5, 1e6, 1e7].flatMap((mean) =>
      [1, 0.1].map((std) => [`mean ${mean}, spread ${std}`, (cols: number) => normal(cols, 5, mean, std)]),
    ),
  ),
  ...Object.fromEntries(
    [1e-38, 1e-30, 1e-20, 1e-10, 1e10, 1e18, 1e19, 1e30, 5e37].map((std) => [
      `magnitude ${std}`,
      (cols: number) => normal(cols, 6, 0, std),
    ]),
  ),
  "mean 1e30, spread 1e30": (cols) => normal(cols, 6, 1e30, 1e30),
  "±3e38": (cols) => ramp(cols, (k) => (k % 2 ? -3e38 : 3e38)),
  "3e38 and less": (cols) => ramp(cols, (k) => 3e38 - 1e36 * (k % 10)),
  "the smallest numbers": (cols) => ramp(cols, (k) => (k % 5) * 2 ** -149),
  ramp: (cols) => ramp(cols, (k) => k),
  "steep ramp": (cols) => ramp(cols, (k) => (k - cols / 2) * 1e4),
  "alternating ±1e4": (cols) => ramp(cols, (k) => (k % 2 ? -1e4 : 1e4)),
  sorted: (cols) => normal(cols, 8).sort(),
  "two clusters": (cols) => normal(cols, 9).map((x, k) => x + (k < cols / 2 ? 1e4 : 1e4 + 100)),
  "two far clusters": (cols) => normal(cols, 9).map((x, k) => x + (k % 3 ? 1e6 : -1e6)),
  "first element 1000": outlier(1000, () => 0),
  "first element 1e7": outlier(1e7, () => 0),
  "middle element 1e7": outlier(1e7, (cols) => cols >> 1),
  "last element 1e7": outlier(1e7, (cols) => cols - 1),
  "last element -1e20": outlier(-1e20, (cols) => cols - 1),
  "constant but for one unit in the last place": (cols) =>
    ramp(cols, (k) => (k === cols >> 1 ? 1000.00006 : 1000)),
  "sixteen far elements in front": (cols) => normal(cols, 10).map((x, k) => (k < 16 ? x + 1000 : x)),
};

describe("the numeric contract", () => {
  test.each(Object.entries(HARD))("%s", (name, row) => {
    for (const cols of [1, 2, 3, 5, 16, 17, 64, 127, 256, 257, 768, 1000, 4096]) {
      for (const eps of [1e-5, 0]) {
        const other = normal(cols, 11);
        const x = new Float32Array(3 * cols);
        x.set(row(cols));
        x.set(other, cols);
        x.set(row(cols).reverse(), 2 * cols);
        // With eps = 0 a constant row has no gradient: it has a test of its own.
        if (eps === 0 && (isConstant(x.subarray(0, cols)) || cols === 1)) continue;
        for (const affine of [AFFINE[0], AFFINE[3]]) {
          const batch = batchOf(3, cols, affine, x, eps);
          const what = `${name}, ${cols} columns, eps ${eps}`;
          keepsContract(what, batch, runEverywhere(batch, what));
        }
      }
    }
  });

  test.each([16384, 65536, 65537])("rows of %d", (cols) => {
    for (const row of Object.values(HARD)) {
      const batch = batchOf(1, cols, AFFINE[3], row(cols));
      keepsContract(`${cols} columns`, batch, runEverywhere(batch));
    }
  });

  test("sums over many rows", () => {
    const batch = batchOf(20_000, 3);
    keepsContract("20,000 rows", batch, runEverywhere(batch));
    // The worst for sums in f32: all of one sign, and each far less than the sum.
    const same = { ...batch, dy: batch.dy.map(Math.abs), x: batch.x.map((_, k) => [-1, 0.25, 1][k % 3]) };
    keepsContract("20,000 equal rows", same, runEverywhere(same));
  });

  test("constant rows give exactly beta, and 0 to dgamma; so does one column", () => {
    for (const cols of [1, 2, 3, 5, 16, 17, 127, 768, 1000]) {
      for (const constant of [0, 1, -0.1, 2 ** -149, 1e-38, 3.3e7, 1e30, 3.4028234663852886e38]) {
        for (const eps of [0, 1e-12, 1e-5, 1e30]) {
          const batch = batchOf(2, cols, AFFINE[3], new Float32Array(2 * cols).fill(constant), eps);
          const { y, mean, rstd, dx, dgamma } = runEverywhere(batch);
          const expected = {
            y: Float32Array.of(...(batch.beta ?? []), ...(batch.beta ?? [])),
            mean: new Float32Array(2).fill(constant),
            dgamma: new Float32Array(cols),
          };
          sameBits(`${cols} columns of ${constant}, eps ${eps}`, { y, mean, dgamma }, expected);
          const exact = 1 / Math.sqrt(eps);
          const isNear = (value: number) => value === exact || Math.abs(value - exact) <= 8 * UNIT * exact;
          expect(rstd.every(isNear)).toBe(true);
          expect(eps === 0 || dx.every(Number.isFinite)).toBe(true);
        }
      }
    }
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%s stays in its row",
    (bad) => {
      for (const cols of [1, 2, 3, 16, 100, 768]) {
        const good = batchOf(5, cols, AFFINE[3]);
        const untouched = runEverywhere(good);
        for (const argument of ["x", "dy"] as const) {
          const values = good[argument].slice();
          values[2 * cols + (cols >> 1)] = bad;
          const results = runEverywhere({ ...good, [argument]: values });
          for (const name of ["y", "mean", "rstd", "dx"] as const) {
            const width = results[name].length / 5;
            const rows = (of: typeof results, from: number, to: number) => ({
              [name]: of[name].subarray(from * width, to * width),
            });
            const what = `${argument} is ${bad}, ${cols} columns`;
            sameBits(what, rows(results, 0, 2), rows(untouched, 0, 2));
            sameBits(what, rows(results, 3, 5), rows(untouched, 3, 5));
            if (name === "dx" || argument === "x") {
              expect(rows(results, 2, 3)[name].every(Number.isNaN), `${name}: ${what}`).toBe(true);
            }
          }
          if (argument === "x") sameBits("dbeta", { dbeta: results.dbeta }, { dbeta: untouched.dbeta });
        }
      }
    },
  );
});

const isConstant = (x: Float32Array) => x.every((value) => value === x[0]);

describe("gradients are those of sum(dy * y), by differences", () => {
  test.each([1, 2, 3, 5, 16, 33, 64])("%d columns", (cols) => {
    for (const affine of AFFINE) {
      const x = normal(3 * cols, 12, 2, 3);
      const batch = batchOf(3, cols, affine, x, 0.1);
      const { dx, dgamma, dbeta } = runEverywhere(batch);
      const expected = differences(batch);
      // A difference is good to some 1e-9 of the loss; f32 to 6e-8: 64 units hold for both.
      const scale = (values: Float64Array) => {
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        return () => largest;
      };
      within("dx", 64, dx, expected.dx, scale(expected.dx));
      within("dgamma", 64, dgamma, expected.dgamma, scale(expected.dgamma));
      within("dbeta", 64, dbeta, expected.dbeta, scale(expected.dbeta));
    }
  });
});

describe("for any batch", () => {
  const parameter = (cols: number) =>
    fc.option(fc.float32Array({ minLength: cols, maxLength: cols, min: -2, max: 2, noNaN: true }), {
      nil: undefined,
    });

  /** Values from seeds: fast-check shrinks the few numbers, and a batch of thousands is made from them. */
  const batches = (mostRows: number, mostCols: number) =>
    fc
      .record({
        rows: fc.integer({ min: 1, max: mostRows }),
        cols: fc.integer({ min: 1, max: mostCols }),
        seed: fc.nat(),
        mean: fc.oneof(fc.constant(0), fc.double({ min: -1e7, max: 1e7, noNaN: true })),
        std: fc.constantFrom(0.1, 1, 3),
        exponent: fc.oneof(fc.constant(0), fc.integer({ min: -120, max: 95 })),
        eps: fc.constantFrom(undefined, 0, 1e-12, 1e-3, 1, 1e30),
      })
      .chain(({ rows, cols, seed, mean, std, exponent, eps }) => {
        const x = normal(rows * cols, seed, mean, std).map((value) => value * 2 ** exponent);
        const dy = normal(rows * cols, seed + 1);
        return fc
          .record({ gamma: parameter(cols), beta: parameter(cols) })
          .map((affine): Batch => ({ rows, cols, x, dy, ...affine, eps }));
      });

  /** With eps = 0 a row that is constant but for rounding has no well-defined gradient. */
  const isDefined = ({ rows, cols, x, eps }: Batch) =>
    eps !== 0 ||
    Array.from({ length: rows }, (_, k) => x.subarray(k * cols, (k + 1) * cols)).every(
      (row) => !isConstant(row),
    );

  test("the contract holds, with the same bits everywhere", () => {
    fc.assert(
      fc.property(batches(40, 300).filter(isDefined), (batch) => {
        keepsContract("random batch", batch, runEverywhere(batch));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("a row gives the same bits alone as in the batch", () => {
    fc.assert(
      fc.property(batches(40, 200), fc.nat(), (batch, n) => {
        const { cols, x, dy } = batch;
        const row = n % batch.rows;
        const [from, to] = [row * cols, (row + 1) * cols];
        const one = { ...batch, rows: 1, x: x.slice(from, to), dy: dy.slice(from, to) };
        const of = ({ y, mean, rstd, dx }: ReturnType<typeof runEverywhere>, row: number) =>
          mapValues({ y, mean, rstd, dx }, (values) => {
            const width = values.length === mean.length ? 1 : cols;
            return values.subarray(row * width, (row + 1) * width);
          });
        sameBits(`row ${row}`, of(runEverywhere(one), 0), of(runEverywhere(batch), row));
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  // Plain arrays pass through scratch in chunks, tensors do not: `runEverywhere` compares their bits.
  test.each([
    [5000, 1],
    [1000, 33],
    [300, 768],
    [100, 4099],
    [3, 40_000],
    [1, 300_000],
  ])("chunks make no difference: [%d, %d]", (rows, cols) => {
    runEverywhere(batchOf(rows, cols), `[${rows}, ${cols}]`);
  });

  test("dx sums to 0, and so does dx * xhat", () => {
    fc.assert(
      fc.property(batches(5, 200).filter(isDefined), ({ beta, gamma, ...batch }) => {
        const { y, rstd, dx } = runEverywhere({ ...batch, eps: 0 });
        for (let row = 0; row < batch.rows; row++) {
          const ks = Array.from({ length: batch.cols }, (_, k) => row * batch.cols + k);
          if (!Number.isFinite(rstd[row]) || !ks.every((k) => Number.isFinite(dx[k]))) continue;
          const bound = batch.cols * (128 * rstd[row] * 2 ** -24 + 2 ** -148);
          const largest = Math.max(1, ...ks.map((k) => Math.abs(y[k])));
          expect(Math.abs(ks.reduce((sum, k) => sum + dx[k], 0))).toBeLessThanOrEqual(bound);
          expect(Math.abs(ks.reduce((sum, k) => sum + dx[k] * y[k], 0))).toBeLessThanOrEqual(bound * largest);
        }
      }),
      { numRuns: 100, seed: 3 },
    );
  });
});

/*
 * Table 1 of Ba, Kiros, Hinton, "Layer Normalization": a = W h, eps = 0. Whole numbers, so that W h is exact
 * in f32 and the invariances hold to the bit where scaling is by a power of two.
 */
describe("invariances of layer normalization", () => {
  const [inputs, units] = [6, 32];
  const random = randomFrom(13);
  const whole = (count: number) => Array.from({ length: count }, () => Math.round(random() * 32) - 16);
  const weights = whole(units * inputs);
  const data = [whole(inputs), whole(inputs), whole(inputs)];

  const y = (weights: readonly number[], data: readonly (readonly number[])[]) => {
    const x = data.flatMap((h) =>
      Array.from({ length: units }, (_, unit) =>
        h.reduce((sum, value, k) => sum + value * weights[unit * inputs + k], 0),
      ),
    );
    const batch = batchOf(data.length, units, AFFINE[3], Float32Array.from(x), 0);
    return { y: runEverywhere(batch).y };
  };
  const plain = y(weights, data);
  const shift = whole(inputs);

  test.each<[what: string, weights: number[], data: number[][], invariant: boolean]>([
    ["weight matrix re-scaled", weights.map((w) => w * 4), data, true],
    ["weight matrix re-centred", weights.map((w, k) => w + shift[k % inputs]), data, true],
    ["weight vector re-scaled", weights.map((w, k) => (k < inputs ? w * 4 : w)), data, false],
    ["data set re-scaled", weights, data.map((h) => h.map((value) => value / 2)), true],
    ["data set re-centred", weights, data.map((h) => h.map((value, k) => value + shift[k])), false],
    ["one case re-scaled", weights, [data[0].map((value) => value * 8), data[1], data[2]], true],
  ])("%s", (what, weights, data, invariant) => {
    const changed = y(weights, data);
    if (!invariant) expect(changed).not.toEqual(plain);
    else if (what.endsWith("re-scaled")) sameBits(what, changed, plain);
    else
      within(what, 2 * BOUNDS.y, changed.y, Float64Array.from(plain.y), (k) => 3 * Math.abs(plain.y[k]) + 1);
  });
});
