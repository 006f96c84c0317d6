import { describe, expect, test } from "vitest";
import {
  ALL,
  adds,
  argumentsOf,
  backwardOptions,
  caseOf,
  forwardOptions,
  functionsOf,
  isCentred,
  type Operation,
} from "./family.js";
import { engines, halves, type Kind, kinds, mapValues, sameBits } from "./support.js";

/*
 * Arguments that do not fit: which error, and that it names the argument. Every message as it stands is in
 * errors.test.ts.
 */

type ErrorClass = ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor;
/** An array of the kind of x, of another, or of the kind of the statistics of x, which are f32. */
type Give = (count: number, kind?: Kind<Float32Array> | "f32") => Float32Array;
type Instead = Record<string, unknown>;

/** What is put in the place of good arguments, the error, and what its message names. */
type Failing = readonly [
  what: string,
  error: ErrorClass,
  named: RegExp,
  instead: (give: Give, good: Instead) => Instead,
];

const [plain, tensor] = kinds;

/** x is `[2, 6, 4]`, and its dimension of 6 is normalised. */
const recipe = { shape: [2, 6, 4], axes: [1] };

const ofAll: Failing[] = [
  ["axes that are no array", TypeError, /axes/, () => ({ axes: 1 })],
  ["an axis that is no number", TypeError, /axes/, () => ({ axes: ["1"] })],
  ["an axis twice", RangeError, /axes/, () => ({ axes: [1, 1], normalizedShape: [6, 6] })],
  ["an axis twice, from both ends", RangeError, /axes/, () => ({ axes: [1, -2], normalizedShape: [6, 6] })],
  ["an axis that is too large", RangeError, /axes/, () => ({ axes: [3] })],
  ["an axis that is too small", RangeError, /axes/, () => ({ axes: [-4] })],
  ["an axis that is not whole", RangeError, /axes/, () => ({ axes: [0.5] })],
  ["more axes than sizes", RangeError, /axes/, () => ({ axes: [1, 2] })],
  ["fewer axes than sizes", RangeError, /axes/, () => ({ normalizedShape: [6, 4] })],
  ["the size of another axis", RangeError, /normalizedShape/, () => ({ axes: [0] })],
  ["a shape of another size", RangeError, /shape/, () => ({ shape: [2, 6, 3] })],
  ["a gamma of another size", RangeError, /gamma/, (give) => ({ gamma: give(5) })],
  ["unitOffset that is no boolean", TypeError, /unitOffset/, () => ({ unitOffset: 1 })],
  ["rowsPerSample that does not divide", RangeError, /rowsPerSample/, () => ({ rowsPerSample: 3 })],
  ["rowsPerSample of 0", RangeError, /rowsPerSample/, () => ({ rowsPerSample: 0 })],
  ["rowsPerSample below 0", RangeError, /rowsPerSample/, () => ({ rowsPerSample: -4 })],
  ["rowsPerSample that is not whole", RangeError, /rowsPerSample/, () => ({ rowsPerSample: 0.5 })],
  ["rowsPerSample that is no number", TypeError, /rowsPerSample/, () => ({ rowsPerSample: "4" })],
  ["one gamma for two samples", RangeError, /gamma/, (give) => ({ rowsPerSample: 4, gamma: give(6) })],
  ["x of another size", RangeError, /x|dy|residual|sum/, (give) => ({ x: give(45) })],
];

const ofForward: Failing[] = [
  ["an eps below 0", RangeError, /eps/, () => ({ eps: -1 })],
  ["y of another size", RangeError, /y/, (give) => ({ out: { y: give(47) } })],
  ["rstd of another size", RangeError, /rstd/, (give) => ({ out: { rstd: give(7, "f32") } })],
];

const ofBackward: Failing[] = [
  ["no rstd", TypeError, /rstd/, () => ({ rstd: undefined })],
  ["rstd of another size", RangeError, /rstd/, (give) => ({ rstd: give(7, "f32") })],
  ["dy of another size", RangeError, /dy/, (give) => ({ dy: give(47) })],
  ["dgamma of another size", RangeError, /dgamma/, (give) => ({ out: { dgamma: give(5) } })],
  ["dx over x", RangeError, /dx/, (_, { x }) => ({ out: { dx: x } })],
  ["dgamma over gamma", RangeError, /dgamma/, (_, { gamma }) => ({ out: { dgamma: gamma } })],
  ["accumulate that is no boolean", TypeError, /accumulate/, () => ({ accumulate: 1 })],
  ["a result that is not one", TypeError, /skip/, () => ({ skip: ["y"] })],
];

/** For tensors alone: a type of storage that does not go with an x of f16. */
const ofTypes = (backward: boolean, operation: Operation): Failing[] => {
  const [, bf16] = halves;
  const large: Failing[] = backward
    ? [["dy", TypeError, /dy/, (give) => ({ dy: give(48, tensor) })]]
    : [["y", TypeError, /y/, (give) => ({ out: { y: give(48, tensor) } })]];
  if (adds(operation)) {
    const name = backward ? "dsum" : "residual";
    large.push([`${name} of f32`, TypeError, RegExp(name), (give) => ({ [name]: give(48, tensor) })]);
    large.push([`${name} of bf16`, TypeError, RegExp(name), (give) => ({ [name]: give(48, bf16) })]);
  }
  if (backward) {
    large.push(["rstd of f16", TypeError, /rstd/, (give) => ({ rstd: give(8, halves[0]) })]);
    large.push(["dgamma of f32", TypeError, /dgamma/, (give) => ({ out: { dgamma: give(6, tensor) } })]);
  } else {
    large.push(["rstd of f16", TypeError, /rstd/, (give) => ({ out: { rstd: give(8, halves[0]) } })]);
  }
  return [...large, ["gamma of bf16", TypeError, /gamma/, (give) => ({ gamma: give(6, bf16) })]];
};

/** For some operations alone. */
function ofOperation(operation: Operation, backward: boolean): Failing[] {
  const table: Failing[] = [];
  if (isCentred(operation) && backward) {
    table.push(["no mean", TypeError, /mean/, () => ({ mean: undefined })]);
    table.push(["mean of another size", RangeError, /mean/, (give) => ({ mean: give(7, "f32") })]);
  }
  if (isCentred(operation) && !backward) {
    table.push(["beta of another size", RangeError, /beta/, (give) => ({ beta: give(5) })]);
    const instead = (give: Give) => ({ rowsPerSample: 4, gamma: give(12), beta: give(6) });
    table.push(["one beta for two samples", RangeError, /beta/, instead]);
  }
  if (adds(operation) && backward) {
    table.push(["dsum of another size", RangeError, /dsum/, (give) => ({ dsum: give(47) })]);
  }
  if (adds(operation) && !backward) {
    table.push(["no residual", TypeError, /residual/, () => ({ residual: undefined })]);
    table.push(["a residual of another size", RangeError, /residual/, (give) => ({ residual: give(47) })]);
    table.push(["sum of another size", RangeError, /sum/, (give) => ({ out: { sum: give(47) } })]);
    table.push([
      "y and sum in one place",
      RangeError,
      /y|sum/,
      (give) => {
        const both = give(48);
        return { out: { y: both, sum: both } };
      },
    ]);
  }
  return table;
}

describe.each(engines)("%s", (_, api) => {
  /** Runs a table on calls that succeed, but for what is put in the place of their arguments. */
  function check(
    kind: Kind<Float32Array>,
    operation: Operation,
    backward: boolean,
    table: readonly Failing[],
  ) {
    const runtime = api.createRuntime();
    const of = caseOf({ ...recipe, operation });
    const args = argumentsOf(runtime, kind, of);
    const functions = functionsOf(runtime, operation);
    const inputs = args.residual ? [args.x, args.residual] : [args.x];
    const forward = functions.forward(...(inputs as [Float32Array]), [6], forwardOptions(of, args));
    const good: Instead = {
      ...{ normalizedShape: [6], x: args.x, dy: args.dy, residual: args.residual },
      ...(backward ? backwardOptions(of, args, forward) : forwardOptions(of, args)),
    };
    const run = (all: Instead) => {
      const { x, dy, residual, normalizedShape, ...options } = all;
      if (backward) return functions.backward(dy as Float32Array, x, normalizedShape, options);
      const inputs = adds(operation) ? [x, residual] : [x];
      return functions.forward(...(inputs as [Float32Array]), normalizedShape, options);
    };
    const given = () =>
      mapValues(
        Object.fromEntries(Object.entries(args).filter(([, data]) => data)) as Record<string, Float32Array>,
        (data) => kind.values(data).slice(),
      );
    const before = given();
    kind.dispose(...Object.values(run(good)));
    for (const [what, error, named, instead] of table) {
      const made: [Kind<Float32Array>, Float32Array][] = [];
      const give: Give = (count, given = kind) => {
        const of = given === "f32" ? (kind === plain ? plain : tensor) : given;
        const data = of.give(runtime, new Float32Array(count).fill(0.5), [count]);
        made.push([of, data]);
        return data;
      };
      const all = { ...good, ...instead(give, good) };
      const { usedBytes } = runtime.info();
      let thrown: unknown;
      try {
        run(all);
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown, what).toBeInstanceOf(error);
      expect((thrown as Error).message, what).toMatch(named);
      expect((thrown as Error).message, what).toMatch(/^\w+: /);
      expect(runtime.info().usedBytes, what).toBe(usedBytes);
      for (const [of, data] of made) {
        expect(
          of.values(data).every((value) => value === 0.5),
          what,
        ).toBe(true);
        of.dispose(data);
      }
    }
    sameBits("arguments", given(), before);
    runtime.dispose();
  }

  describe.each(ALL)("%s", (operation) => {
    test.each([plain, tensor, ...halves])("forward, $name", (kind) => {
      check(kind, operation, false, [...ofAll, ...ofForward, ...ofOperation(operation, false)]);
    });

    test.each([plain, tensor, ...halves])("backward, $name", (kind) => {
      check(kind, operation, true, [...ofAll, ...ofBackward, ...ofOperation(operation, true)]);
    });

    test("types of storage that do not go together", () => {
      check(halves[0], operation, false, ofTypes(false, operation));
      check(halves[0], operation, true, ofTypes(true, operation));
    });

    test("kinds that do not go together", () => {
      const other: Failing[] = [["gamma", TypeError, /gamma/, (give) => ({ gamma: give(6, plain) })]];
      if (adds(operation)) {
        other.push(["residual", TypeError, /residual/, (give) => ({ residual: give(48, plain) })]);
        // The default runtime's, not that of the call.
        const foreign = tensor.give(api, new Float32Array(48), recipe.shape);
        other.push(["a foreign residual", TypeError, /residual/, () => ({ residual: foreign })]);
      }
      check(tensor, operation, false, other);
    });

    test("axes of a plain array without its shape", () => {
      const none: Failing = ["no shape", Error, /shape/, () => ({ shape: undefined })];
      check(plain, operation, false, [none]);
      check(plain, operation, true, [none]);
    });
  });
});
