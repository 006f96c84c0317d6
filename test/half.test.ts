import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ALL, adds, type Case, caseOf, type Recipe, type Results, runCase, SAMPLES } from "./family.js";
import { bitsOf, inStorage, numberOf, roundAll, roundTo } from "./half.js";
import { type Api, engines, type HalfType, halves, kinds, sameBits } from "./support.js";

const TYPES = ["f16", "bf16"] as const;
const [, f32] = kinds;

describe.each(TYPES)("%s, as the tests have it", (type) => {
  test("all bits are those of their number", () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = numberOf(type, bits);
      const again = bitsOf(type, value);
      if (Number.isNaN(value) ? !Number.isNaN(numberOf(type, again)) : again !== bits) {
        throw new Error(`${bits.toString(16)} is ${value}, which is ${again.toString(16)}`);
      }
    }
  });

  test("between two numbers the nearer one is taken, in the middle the even one", () => {
    for (let bits = 0; numberOf(type, bits + 1) < Number.POSITIVE_INFINITY; bits++) {
      const [below, above] = [numberOf(type, bits), numberOf(type, bits + 1)];
      const [middle, little] = [(below + above) / 2, (above - below) / 8];
      const even = bits % 2 === 0 ? below : above;
      const rounded = [middle - little, middle, middle + little, -middle].map((value) =>
        roundTo(type, value),
      );
      const right = [below, even, above, -even];
      if (rounded.some((value, k) => !Object.is(value, right[k]))) {
        throw new Error(`between ${below} and ${above}: ${rounded}`);
      }
    }
  });
});

/** Values of every kind, as f64: some are not those of an f32. */
const HARD = [
  ...[0, -0, 1, -1, 0.1, Math.PI, 1e3, 65504, 65519.99, 65520, 65536, -7e4, 1e5, 3.38e38, 3.3895e38, 3.4e38],
  ...[1e39, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
  ...[2 ** -14, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 1.5 * 2 ** -25, -(2 ** -26), 1e-7, 2 ** -14 - 2 ** -26],
  ...[2 ** -126, 2 ** -133, 2 ** -134, 1.5 * 2 ** -134, 1e-40, 2 ** -149, 1e-300],
  // Half of a step above 1, and a little more than that, which an f32 on the way would lose.
  ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8],
  ...[1 + 2 ** -11 + 2 ** -40, 1 + 2 ** -8 + 2 ** -40, 1 + 3 * 2 ** -8 - 2 ** -40],
];

describe.each(engines.flatMap(([engine, api]) => TYPES.map((type) => ({ engine, api, type }))))(
  "$engine, $type: tensors",
  ({ api, type }) => {
    const { tensor, tensorFrom } = api;

    test("start as zeros, of two bytes each", () => {
      const of = tensor([3, 5], type);
      expect(of.data).toEqual(new Uint16Array(15));
      expect(of).toMatchObject({ dtype: type, size: 15, shape: [3, 5] });
      expect(of.data.byteOffset % 64).toBe(0);
      of.dispose();
    });

    test("round numbers to the nearest, of two the even one", () => {
      const from = tensorFrom(HARD, undefined, type);
      for (const [k, value] of HARD.entries()) {
        if (Number.isNaN(value)) expect(numberOf(type, from.data[k])).toBeNaN();
        else expect([value, from.data[k]]).toEqual([value, bitsOf(type, value)]);
      }
      from.dispose();
      fc.assert(
        fc.property(
          fc.array(fc.double({ noNaN: true })),
          fc.array(fc.float({ noNaN: true })),
          (doubles, floats) => {
            const values = [...doubles, ...floats];
            const from = tensorFrom(values, undefined, type);
            expect(Array.from(from.data)).toEqual(values.map((value) => bitsOf(type, value)));
            from.dispose();
          },
        ),
        { seed: 1, numRuns: 100 },
      );
    });

    test("give their values as f32", () => {
      const of = tensor([2 ** 16], type);
      of.data.set(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits));
      sameBits(
        "all",
        { values: of.toFloat32Array() },
        {
          values: Float32Array.from({ length: 2 ** 16 }, (_, bits) => numberOf(type, bits)),
        },
      );
      of.dispose();
    });
  },
);

/** What f32 gives on the same numbers, as it would be stored; gamma is f32 or of this type. */
function expectedOf(api: Api, type: HalfType, of: Case, mixed: boolean): Results {
  const round = (values: Float32Array | undefined) => values && roundAll(type, values);
  const parameters = mixed ? {} : { gamma: round(of.gamma), beta: round(of.beta) };
  const stored = {
    ...of,
    ...parameters,
    x: roundAll(type, of.x),
    dy: roundAll(type, of.dy),
    dsum: round(of.dsum),
  };
  const kept = ["mean", "rstd"];
  // A gradient has the type of its parameter.
  if (mixed && of.gamma) kept.push("dgamma", "dbeta");
  if (!of.residual) return inStorage(type, runCase(api, f32, stored), kept);
  // What is normalised is the sum as it is stored. -0 leaves every number as it is.
  const residual = roundAll(type, of.residual);
  const sum = roundAll(
    type,
    stored.x.map((value, k) => value + residual[k]),
  );
  const nothing = residual.map(() => -0);
  return inStorage(type, runCase(api, f32, { ...stored, x: sum, residual: nothing }), kept);
}

describe.each(engines)("%s: as f32, rounded to storage", (_, api) => {
  const check = (what: string, of: Case) => {
    for (const half of halves) {
      const { x, dy, residual, dsum } = of;
      const round = (values: Float32Array) => roundAll(half.name, values);
      const given = {
        ...{ ...of, x: round(x), dy: round(dy) },
        ...{ residual: residual && round(residual), dsum: dsum && round(dsum) },
      };
      for (const mixed of [false, true]) {
        const results = runCase(api, half, given, mixed ? f32 : half);
        sameBits(`${what}: ${half.name}`, results, expectedOf(api, half.name, of, mixed));
      }
    }
  };

  test.each(SAMPLES.map((recipe) => [JSON.stringify(recipe), recipe] as const))("%s", (what, recipe) => {
    check(what, caseOf(recipe));
    check(`${what}, off centre`, caseOf({ ...recipe, mean: 100 }));
  });

  test.each(ALL)("%s: every length, and rows", (operation) => {
    for (const cols of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 256, 257, 768, 1000]) {
      for (const rows of [1, 3, 33]) {
        check(`[${rows}, ${cols}]`, caseOf({ operation, shape: [rows, cols], axes: 1, seed: cols }));
      }
    }
  });

  test.each(ALL)("%s: denormals, overflow, infinity and NaN", (operation) => {
    const recipe: Recipe = { operation, shape: [6, 9], axes: 1, eps: 1e-30 };
    const of = caseOf(recipe);
    const scale = [2 ** -22, 2 ** -132, 2 ** 12, 1e37, 1, 1];
    const x = of.x.map((value, k) => value * scale[Math.floor(k / 9)]);
    const bad = x.map((value, k) => ({ 38: Number.NaN, 49: Number.POSITIVE_INFINITY })[k] ?? value);
    const residual = adds(operation) ? x.map((value) => value / 2) : undefined;
    for (const gamma of [1e-6, 3e4, 1e38]) {
      const large = { ...of, gamma: of.gamma?.map((value) => value * gamma), residual };
      check(`gamma ${gamma}`, { ...large, x });
      check(`gamma ${gamma}, NaN`, { ...large, x: bad });
    }
  });
});
