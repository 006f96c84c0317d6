import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ALL,
  argumentsOf,
  backwardOptions,
  type Case,
  caseOf,
  forwardOptions,
  functionsOf,
  isCentred,
  type Recipe,
  type Results,
  runCase,
  runCaseEverywhere,
  SAMPLES,
  sizesOf,
} from "./family.js";
import { BOUNDS, differences, keepsContract, placesOf, reference } from "./reference.js";
import { everyStorage, mapValues, sameBits, within } from "./support.js";

/*
 * What LayerNorm and RMSNorm have in common with all of their options: axes, a residual, gamma as a distance from
 * 1, a gamma for each sample. Each option is another way to write calls without it, and gives the same bits.
 */

const nameOf = ({ operation, shape, axes, ...rest }: Recipe) =>
  `${operation} [${shape}] ${typeof axes === "number" ? `last ${axes}` : `axes [${axes}]`} ${JSON.stringify(rest)}`;

/** Cases of all operations, shapes and options. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    long: fc.option(fc.integer({ min: 6, max: 300 }), { nil: 1 }),
    at: fc.nat(3),
  })
  .map(({ shape, long, at }) => shape.map((size, axis) => (axis === at ? size * long : size)))
  .chain((shape) => {
    const all = shape.map((_, axis) => axis);
    return fc
      .record({
        operation: fc.constantFrom(...ALL),
        axes: fc.oneof(
          fc.shuffledSubarray(all),
          fc.shuffledSubarray(all).map((axes) => axes.map((axis) => axis - shape.length)),
          fc.integer({ min: 1, max: shape.length }),
        ),
        gamma: fc.boolean(),
        beta: fc.boolean(),
        unitOffset: fc.constantFrom(undefined, false, true),
        samples: fc.option(fc.nat(), { nil: undefined }),
        eps: fc.constantFrom(undefined, 1e-12, 1e-3, 1),
        mean: fc.constantFrom(0, 0, -3, 1000),
        seed: fc.nat(),
      })
      .map(({ samples, unitOffset, ...recipe }) => {
        const { rows } = caseOf({ ...recipe, shape });
        const divisors = Array.from({ length: rows }, (_, k) => k + 1).filter((k) => rows % k === 0);
        const rowsPerSample = samples === undefined ? undefined : divisors[samples % divisors.length];
        return caseOf({ ...recipe, shape, rowsPerSample, ...(unitOffset !== undefined && { unitOffset }) });
      });
  });

describe("for any case", () => {
  const check = (seed: number, numRuns: number, property: (of: Case) => void) =>
    fc.assert(fc.property(cases, property), { seed, numRuns });

  test("the contract holds, with the same bits everywhere", () => {
    check(1, 400, (of) => {
      keepsContract("random case", of, runCaseEverywhere(of));
    });
  });

  test("axes: as rows that were copied together", () => {
    check(2, 200, (of) => {
      const { axes, shape, rows, normalizedShape } = of;
      if (!axes) return;
      const places = placesOf(shape, axes).flat();
      const gather = (values: Float32Array) => Float32Array.from(places, (place) => values[place]);
      const { x, dy, residual, dsum } = of;
      // Without axes there is always a size.
      const sizes = normalizedShape.length === 0 ? [1] : normalizedShape;
      const together: Case = {
        ...of,
        ...{ shape: [rows, ...sizes], normalizedShape: sizes, axes: undefined },
        ...{ x: gather(x), dy: gather(dy) },
        ...{ residual: residual && gather(residual), dsum: dsum && gather(dsum) },
      };
      // The results of the size of x are where x has them.
      const gathered = Object.fromEntries(
        Object.entries(runCaseEverywhere(of)).map(([name, values]) => [
          name,
          ["y", "dx", "sum"].includes(name) ? gather(values) : values,
        ]),
      );
      sameBits("axes", gathered, runCaseEverywhere(together));
    });
  });

  test("a residual: as the normalization of the sum", () => {
    check(3, 200, (of) => {
      if (!of.residual) return;
      const { residual, dsum, ...rest } = of;
      const sum = of.x.map((value, k) => value + residual[k]);
      const operation = of.operation === "addLayerNorm" ? "layerNorm" : "rmsNorm";
      const expected = runCaseEverywhere({ ...rest, operation, x: sum });
      const { dx, ...results } = runCaseEverywhere(of);
      const { dx: dxOfSum, ...others } = expected;
      sameBits("sum", { ...results }, { ...results, ...others, sum });
      sameBits("without dsum", { dx: runCaseEverywhere({ ...of, dsum: undefined }).dx }, { dx: dxOfSum });
      if (dsum) expect(dx).not.toEqual(dxOfSum);
    });
  });

  test("rowsPerSample: as a call for each sample", () => {
    check(4, 200, (of) => {
      const { rowsPerSample, rows, cols, axes } = of;
      if (!rowsPerSample || axes) return;
      const samples = Array.from({ length: rows / rowsPerSample }, (_, sample) => {
        const part = (values: Float32Array, size: number) => values.slice(sample * size, (sample + 1) * size);
        const elements = (values: Float32Array | undefined) => values && part(values, rowsPerSample * cols);
        const shape = [rowsPerSample, ...of.normalizedShape];
        return runCaseEverywhere({
          ...of,
          ...sizesOf(shape, of.normalizedShape),
          rowsPerSample: undefined,
          x: part(of.x, rowsPerSample * cols),
          dy: part(of.dy, rowsPerSample * cols),
          ...{ residual: elements(of.residual), dsum: elements(of.dsum) },
          ...{ gamma: of.gamma && part(of.gamma, cols), beta: of.beta && part(of.beta, cols) },
        });
      });
      const joined = mapValues(samples[0], () => new Float32Array());
      for (const name of Object.keys(joined)) {
        joined[name] = Float32Array.from(samples.flatMap((results) => Array.from(results[name])));
      }
      sameBits("samples", runCaseEverywhere(of), joined);
    });
  });

  test("unitOffset: as gamma + 1", () => {
    check(5, 200, (of) => {
      if (!of.gamma) return;
      const gamma = of.gamma.map((value) => value + 1);
      sameBits(
        "unitOffset",
        runCaseEverywhere({ ...of, unitOffset: true }),
        runCaseEverywhere({ ...of, gamma, unitOffset: false }),
      );
    });
  });
});

describe("gradients are those of the loss, by differences", () => {
  const shapes: Pick<Recipe, "shape" | "axes" | "rowsPerSample" | "unitOffset">[] = [
    { shape: [3, 1], axes: 1 },
    { shape: [3, 2], axes: 1 },
    { shape: [3, 33], axes: 1, unitOffset: true },
    { shape: [2, 5, 3], axes: [2, 0] },
    { shape: [2, 3, 7], axes: 1, rowsPerSample: 3 },
    { shape: [2, 6, 2, 2], axes: [1], rowsPerSample: 4, unitOffset: true },
  ];

  test.each(ALL)("%s", (operation) => {
    for (const shape of shapes) {
      for (const parameters of [true, false]) {
        const recipe = { ...shape, operation, gamma: parameters, beta: parameters, eps: 0.1, mean: 2 };
        const of = caseOf(recipe);
        const results = runCaseEverywhere(of);
        const specified = reference(of);
        const expected = differences(of);
        const what = nameOf(recipe);
        for (const name of ["dx", "dgamma", "dbeta"] as const) {
          if (name === "dbeta" && !isCentred(operation)) continue;
          const largest = expected[name].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          // A difference is good to some 1e-9 of the loss; f32 to 6e-8: 64 units hold for both.
          within(`${what}: ${name}`, 64, results[name], expected[name], () => largest);
          for (const [k, value] of specified[name].entries()) {
            expect(Math.abs(value - expected[name][k]), `${what}: ${name}`).toBeLessThan(1e-7 * largest);
          }
        }
      }
    }
  });
});

// Plain arrays pass through scratch in chunks, tensors do not: `runCaseEverywhere` compares their bits.
describe("chunks make no difference", () => {
  const large: Omit<Recipe, "operation">[] = [
    { shape: [300, 768], axes: 1 },
    { shape: [4, 100, 700], axes: 1, rowsPerSample: 100 },
    { shape: [700, 100], axes: 1, rowsPerSample: 7, unitOffset: true },
    { shape: [3, 64, 40, 40], axes: [1] },
    { shape: [3, 100, 40, 40], axes: [1], rowsPerSample: 1600 },
    { shape: [300, 7, 90], axes: [0, 1] },
    { shape: [2, 20_000], axes: [0] },
  ];
  test.each(large)("$shape, $axes", (recipe) => {
    for (const operation of ALL) {
      const of = caseOf({ ...recipe, operation });
      keepsContract(nameOf({ ...recipe, operation }), of, runCaseEverywhere(of));
    }
  });
});

describe("edges", () => {
  test("no axes: every element alone", () => {
    const layer = caseOf({ operation: "layerNorm", shape: [2, 3], axes: [] });
    const { y, mean, rstd, dx, dgamma } = runCaseEverywhere(layer);
    sameBits(
      "LayerNorm gives beta",
      { y, mean, dx: dx.map(Math.abs), dgamma },
      {
        y: new Float32Array(6).fill(layer.beta?.[0] ?? Number.NaN),
        mean: layer.x,
        dx: new Float32Array(6),
        dgamma: new Float32Array(1),
      },
    );
    const expected = 1 / Math.sqrt(1e-5);
    within("rstd", BOUNDS.rstd, rstd, new Float64Array(6).fill(expected), () => expected);
    const rms = caseOf({ operation: "rmsNorm", shape: [2, 3], axes: [], eps: 0 });
    const signs = runCaseEverywhere({ ...rms, gamma: undefined }).y;
    within("RMSNorm gives the sign", BOUNDS.y, signs, Float64Array.from(rms.x, Math.sign), () => 1);
  });

  test.each(ALL)("%s: no rows", (operation) => {
    for (const recipe of [
      { operation, shape: [0, 4], axes: 1 },
      { operation, shape: [0, 4, 3], axes: [1] },
    ]) {
      const { dgamma, dbeta, ...others } = runCaseEverywhere(caseOf(recipe));
      for (const values of Object.values(others)) expect(values).toHaveLength(0);
      for (const values of [dgamma, ...(dbeta ? [dbeta] : [])]) expect(values).toEqual(new Float32Array(4));
    }
  });

  test.each(ALL)("%s: NaN stays in its row", (operation) => {
    for (const recipe of SAMPLES.filter((recipe) => recipe.operation === operation)) {
      const of = caseOf(recipe);
      const good = runCaseEverywhere(of);
      const places = placesOf(
        of.shape,
        of.axes ?? of.shape.map((_, k) => k).slice(-of.normalizedShape.length),
      );
      const x = of.x.slice();
      x[places[1][1]] = Number.NaN;
      const bad = runCaseEverywhere({ ...of, x });
      for (const [row, elements] of places.entries()) {
        for (const place of elements) {
          for (const name of ["y", "dx"]) {
            expect(bad[name][place], name).toBe(row === 1 ? Number.NaN : good[name][place]);
          }
        }
        for (const name of isCentred(operation) ? ["mean", "rstd"] : ["rstd"]) {
          expect(bad[name][row], name).toBe(row === 1 ? Number.NaN : good[name][row]);
        }
      }
    }
  });
});

describe.each(everyStorage)("$name: where results are written", ({ api, kind }) => {
  /** Everything of a case, and what its calls are expected to write. */
  function prepare(recipe: Recipe) {
    const of = caseOf(recipe);
    const { forward, backward } = functionsOf(api, of.operation);
    const expected = runCase(api, kind, of);
    const args = argumentsOf(api, kind, of);
    const inputs = args.residual ? [args.x, args.residual] : [args.x];
    const callForward = (out: Partial<Results>) =>
      forward(...(inputs as [Float32Array]), of.normalizedShape, { ...forwardOptions(of, args), out });
    const read = (results: Results) => mapValues(results, (data) => kind.values(data).slice());
    const pick = (names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [name, expected[name]]));
    return { of, args, expected, callForward, backward, read, pick };
  }

  test.each(SAMPLES.map((recipe) => [nameOf(recipe), recipe] as const))("%s", (_, recipe) => {
    const forwardNames = ["y", "mean", "rstd", "sum"];
    {
      // All of them, some of which are not the ones allocated.
      const { of, args, expected, callForward, backward, read, pick } = prepare(recipe);
      const first = callForward({});
      const names = Object.keys(first);
      const second = callForward(first);
      for (const name of names) expect(second[name], name).toBe(first[name]);
      sameBits("forward", read(second), pick(names));
      expect(names.every((name) => forwardNames.includes(name))).toBe(true);
      const options = backwardOptions(of, args, second);
      const x = second.sum ?? args.x;
      const gradients = backward(args.dy, x, of.normalizedShape, options);
      const again = backward(args.dy, x, of.normalizedShape, { ...options, out: gradients });
      for (const name of Object.keys(gradients)) expect(again[name], name).toBe(gradients[name]);
      sameBits("backward", read(again), pick(Object.keys(gradients)));

      for (const skipped of Object.keys(gradients)) {
        const rest = backward(args.dy, x, of.normalizedShape, { ...options, skip: [skipped] });
        sameBits(
          `skip ${skipped}`,
          read(rest),
          pick(Object.keys(gradients).filter((name) => name !== skipped)),
        );
      }
      const { dx } = backward(args.dy, x, of.normalizedShape, { ...options, out: { dx: args.dy } });
      expect(dx).toBe(args.dy);
      sameBits("dx over dy", { dx: kind.values(dx) }, { dx: expected.dx });
    }
    for (const [name, argument] of [
      ["y", "x"],
      ["y", "residual"],
      ["sum", "x"],
      ["sum", "residual"],
    ] as const) {
      const { args, callForward, read, pick } = prepare(recipe);
      if (!args.residual && (name === "sum" || argument === "residual")) continue;
      const results = callForward({ [name]: args[argument] });
      expect(results[name]).toBe(args[argument]);
      sameBits(`${name} over ${argument}`, read(results), pick(Object.keys(results)));
    }
  });

  test("accumulate adds to what is there", () => {
    for (const recipe of SAMPLES) {
      const { of, args, expected, callForward, backward } = prepare(recipe);
      const results = callForward({});
      const options = backwardOptions(of, args, results);
      const x = results.sum ?? args.x;
      const out = backward(args.dy, x, of.normalizedShape, { ...options, skip: ["dx"] });
      const { dx, ...added } = backward(args.dy, x, of.normalizedShape, {
        ...options,
        out,
        accumulate: true,
      });
      sameBits("dx", { dx: kind.values(dx) }, { dx: expected.dx });
      const unit = { plain: 2 ** -24, tensor: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8 }[kind.name];
      for (const [name, data] of Object.entries(added)) {
        expect(data).toBe(out[name]);
        // Twice the same, but for the rounding of the first and of the sum.
        for (const [k, value] of kind.values(data).entries()) {
          const once = expected[name][k];
          expect(Math.abs(value - 2 * once), name).toBeLessThanOrEqual(4 * unit * Math.abs(once) + 2 ** -24);
          expect(once === 0 || value !== once, name).toBe(true);
        }
      }
    }
  });

  test("nothing leaks", () => {
    const runtime = api.createRuntime();
    for (const recipe of SAMPLES) runCase(runtime, kind, caseOf(recipe));
    const { usedBytes } = runtime.info();
    for (const recipe of SAMPLES) {
      runCase(runtime, kind, caseOf(recipe));
      expect(runtime.info().usedBytes, nameOf(recipe)).toBe(usedBytes);
    }
    runtime.dispose();
  });
});
