import { describe, expect, test } from "vitest";
import {
  ALL,
  adds,
  argumentsOf,
  backwardOptions,
  type Case,
  caseOf,
  forwardOptions,
  functionsOf,
  isCentred,
  type Operation,
  type Results,
  runCase,
  runCaseEverywhere,
  SAMPLES,
} from "./family.js";
import { keepsContract } from "./reference.js";
import { engines, everyStorage, kinds, mapValues, sameBits } from "./support.js";

/*
 * Rows of extreme values, one array in the place of several arguments, arrays that are views of the memory.
 */

describe.each(ALL)("%s: the contract holds for", (operation) => {
  const rows = 3;

  /** Rows of `cols`, times a power of ten; what is added to them is as large. */
  function scaled(cols: number, scale: number, mean: number, eps: number): Case {
    const of = caseOf({ operation, shape: [rows, cols], axes: 1, eps, mean, seed: cols });
    const x = of.x.map((value) => value * scale);
    return { ...of, x, residual: of.residual?.map((value) => value * scale) };
  }

  test.each([1e-44, 1e-38, 1e-30, 1e-20, 1e-10, 1e10, 1e18, 1e19, 1e25, 1e30, 3e37])(
    "magnitude %d",
    (scale) => {
      for (const cols of [2, 3, 5, 16, 17, 64, 127, 256, 257, 768, 1000]) {
        for (const eps of [0, 1e-5]) {
          const of = scaled(cols, scale, 0, eps);
          // With eps = 0 and a row of one value there is no gradient, as a row of the smallest numbers may be.
          if (eps === 0 && scale < 1e-37 && cols < 16) continue;
          keepsContract(`${cols} columns, eps ${eps}`, of, runCaseEverywhere(of));
        }
      }
    },
  );

  test.each([1e4, -1e6, 1e7])("mean %d", (mean) => {
    for (const cols of [2, 3, 16, 17, 256, 257, 768, 4096]) {
      const of = scaled(cols, 1, mean, 1e-5);
      keepsContract(`${cols} columns`, of, runCaseEverywhere(of));
    }
  });

  test.each([4097, 65_537])("%d columns", (cols) => {
    for (const mean of [0, 100]) {
      const of = scaled(cols, 1, mean, 1e-5);
      keepsContract(`mean ${mean}`, of, runCaseEverywhere(of));
      // All squares are alike: sums of them round in one direction.
      const alike = { ...of, x: of.x.map((_, k) => (k % 2 ? 1.1 : -1.1)), residual: of.residual?.fill(0) };
      keepsContract("alike", alike, runCaseEverywhere(alike));
    }
  });

  test("many rows", () => {
    const of = caseOf({ operation, shape: [20_000, 3], axes: 1 });
    keepsContract("20,000 rows", of, runCaseEverywhere(of));
    const across = caseOf({ operation, shape: [3, 20_000], axes: [0] });
    keepsContract("20,000 rows, axes", across, runCaseEverywhere(across));
  });

  test("rows of zeros", () => {
    for (const cols of [1, 2, 17, 300]) {
      const zeros = new Float32Array(2 * cols);
      const made = caseOf({ operation, shape: [2, cols], axes: 1, eps: 0 });
      const of = { ...made, x: zeros, residual: made.residual && zeros };
      const { y, rstd, dgamma } = runCaseEverywhere(of);
      const beta = Array.from(of.beta ?? zeros.subarray(0, cols));
      expect(Array.from(y, (value) => value + 0)).toEqual([...beta, ...beta]);
      expect(Array.from(rstd)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
      expect(dgamma.every((value) => value === 0)).toBe(true);
    }
  });
});

const [plain] = kinds;

/** The results of a case whose arguments are made by `give`, and may be one array. */
function runGiven(
  api: Parameters<typeof runCase>[0],
  kind: typeof plain,
  of: Case,
  change: (args: ReturnType<typeof argumentsOf>) => Partial<ReturnType<typeof argumentsOf>>,
  out: { y?: "x"; sum?: "x"; dx?: "dy" } = {},
  skip: readonly string[] = [],
): Results {
  const args = argumentsOf(api, kind, of);
  const given = { ...args, ...change(args) };
  const { forward, backward } = functionsOf(api, of.operation);
  const inputs = given.residual ? [given.x, given.residual] : [given.x];
  const results = forward(...(inputs as [Float32Array]), of.normalizedShape, {
    ...forwardOptions(of, given),
    out: { ...(out.y && { y: given[out.y] }), ...(out.sum && { sum: given[out.sum] }) },
  });
  const gradients = backward(given.dy, results.sum ?? given.x, of.normalizedShape, {
    ...backwardOptions(of, given, results),
    ...(out.dx && { out: { dx: given[out.dx] } }),
    skip: skip.filter((name) => name !== "dbeta" || isCentred(of.operation)),
  });
  const all = { ...results, ...gradients };
  const values = mapValues(all, (data) => kind.values(data).slice());
  kind.dispose(...Object.values({ ...args, ...all }));
  return values;
}

describe.each(everyStorage)("$name: one array for two arguments", ({ api, kind }) => {
  test.each(SAMPLES.map((recipe) => [JSON.stringify(recipe), recipe] as const))("%s", (_, recipe) => {
    const of = caseOf(recipe);
    if (adds(of.operation)) {
      const doubled = { ...of, residual: of.x, dsum: of.dy };
      const expected = runCase(api, kind, doubled);
      const change = ({ x, dy }: { x: Float32Array; dy: Float32Array }) => ({ residual: x, dsum: dy });
      sameBits("x and residual, dy and dsum", runGiven(api, kind, doubled, change), expected);
      sameBits("sum over both", runGiven(api, kind, doubled, change, { sum: "x" }), expected);
      rightOrRefused("dx over both", () => runGiven(api, kind, doubled, change, { dx: "dy" }), expected);
    } else {
      const same = { ...of, dy: of.x };
      sameBits(
        "x and dy",
        runGiven(api, kind, same, ({ x }) => ({ dy: x })),
        runCase(api, kind, same),
      );
    }
  });
});

/** One array that is an input twice, and an output: it is read before it is written, or the call is refused. */
function rightOrRefused(what: string, run: () => Results, expected: Results): void {
  try {
    sameBits(what, run(), expected);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    expect(error.message).toMatch(/: out(\.\w+)? overlaps \w+, needs memory of its own/);
  }
}

describe.each(everyStorage)("$name: results over gamma, which is x or dy", ({ api, kind }) => {
  test.each(ALL)("%s", (operation) => {
    const made = caseOf({ operation, shape: [1, 11], axes: 1, beta: false });
    const ofX = { ...made, gamma: made.x };
    const xIsGamma = ({ x }: { x: Float32Array }) => ({ gamma: x });
    for (const name of adds(operation) ? ["y", "sum"] : ["y"]) {
      const expected = runCase(api, kind, ofX);
      rightOrRefused(
        name,
        () => runGiven(api, kind, ofX, xIsGamma, { [name]: "x" }, ["dx", "dgamma", "dbeta"]),
        {
          ...Object.fromEntries(Object.entries(expected).filter(([name]) => !/^d/.test(name))),
        },
      );
    }
    const ofDy = { ...made, gamma: made.dy };
    const dyIsGamma = ({ dy }: { dy: Float32Array }) => ({ gamma: dy });
    rightOrRefused("dx", () => runGiven(api, kind, ofDy, dyIsGamma, { dx: "dy" }), runCase(api, kind, ofDy));
  });
});

describe.each(engines)("%s: plain arrays that are views of the memory", (_, api) => {
  const large: { operation: Operation; shape: number[]; axes: number[] | number; rowsPerSample?: number }[] =
    ALL.flatMap((operation) => [
      { operation, shape: [64, 1024], axes: 1 },
      { operation, shape: [8, 64, 100], axes: [1] },
      { operation, shape: [8, 16, 1024], axes: 1, rowsPerSample: 16 },
    ]);

  test.each(large.map((recipe) => [JSON.stringify(recipe), recipe] as const))("%s", (_, recipe) => {
    // A small memory of their own, which a call on such arrays would have to grow.
    const runtime = api.createRuntime();
    const of = caseOf(recipe);
    const expected = runCase(api, plain, of);
    const tensors: { dispose(): void }[] = [];
    const view = (values: Float32Array | undefined) => {
      if (!values) return undefined;
      const tensor = runtime.tensorFrom(values);
      tensors.push(tensor);
      return tensor;
    };
    const owners = mapValues(
      argumentsOf(runtime, plain, of) as Record<string, Float32Array | undefined>,
      view,
    );
    // Views are taken when all are there, for each growth leaves the earlier ones detached.
    const given = mapValues(owners, (tensor) => tensor?.data as Float32Array | undefined);
    sameBits(
      "views",
      runGiven(runtime, plain, of, () => given),
      expected,
    );
    for (const tensor of tensors) tensor.dispose();
    runtime.dispose();
  });
});
