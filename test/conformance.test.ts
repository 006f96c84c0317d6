import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { adds, type Case, isCentred, type Operation, runCase, runCaseEverywhere, sizesOf } from "./family.js";
import { inStorage } from "./half.js";
import { keepsContract, reference } from "./reference.js";
import { engines, halves, mapValues, sameBits } from "./support.js";

/*
 * The answers of others: of ONNX, as vendored, and of PyTorch in f64. conformance/README.md says where they are from.
 */

/** A case as it is in the files. */
interface Stored {
  readonly name: string;
  readonly operation: Operation;
  readonly shape: readonly number[];
  readonly normalizedShape?: readonly number[];
  readonly axes?: readonly number[];
  readonly eps?: number;
  readonly unitOffset?: boolean;
  readonly rowsPerSample?: number;
  readonly exact?: readonly string[];
  readonly expected: Readonly<Record<string, readonly number[]>>;
  readonly [array: string]: unknown;
}

function read(name: string): Stored[] {
  return JSON.parse(readFileSync(new URL(`conformance/${name}`, import.meta.url), "utf8")).cases;
}

/** What is called. Where a file has no `dy`, any will do, for its gradients are not compared with the file. */
function caseOf(stored: Stored): Case {
  const { operation, shape, axes, eps, unitOffset, rowsPerSample } = stored;
  const floats = (name: string) => stored[name] && Float32Array.from(stored[name] as number[]);
  const normalizedShape = stored.normalizedShape ?? (axes ?? []).map((axis) => shape.at(axis) ?? 0);
  const arrays = Object.fromEntries(
    ["x", "residual", "dy", "dsum", "gamma", "beta"].map((name) => [name, floats(name)]),
  ) as Partial<Case> & Pick<Case, "x">;
  const dy = arrays.dy ?? arrays.x;
  const options = { axes, eps, unitOffset, rowsPerSample, centred: isCentred(operation) };
  return { ...sizesOf(shape, normalizedShape), ...arrays, dy, operation, ...options };
}

/** Fails where a number is further from the one expected than the file's own tolerance. */
function close(
  what: string,
  got: ArrayLike<number>,
  want: readonly number[],
  relative: number,
  absolute: number,
) {
  expect(got.length, what).toBe(want.length);
  for (const [k, value] of want.entries()) {
    const error = Math.abs(got[k] - value);
    if (!(error <= absolute + relative * Math.abs(value))) {
      throw new Error(`${what}[${k}] is ${got[k]}, not ${value}`);
    }
  }
}

/** Fails where the specification gives other numbers. */
function specificationGives(name: string, of: Case, expected: Stored["expected"], tolerance: number) {
  const specified = reference(of) as unknown as Record<string, Float64Array>;
  for (const [result, values] of Object.entries(expected)) {
    close(`${name}: ${result}`, specified[result], values, tolerance, tolerance);
  }
}

/** Relative and absolute, as ONNX's own runner of these tests has it (onnx/backend/test/loader/__init__.py). */
const TOLERANCE = [1e-3, 1e-7] as const;

describe("ONNX's node tests", () => {
  const cases = read("onnx.json").map((stored) => [stored.name, stored, caseOf(stored)] as const);

  test("the specification gives the same, within the rounding of f32", () => {
    for (const [name, { expected }, of] of cases) specificationGives(name, of, expected, 2e-6);
  });

  test.each(cases)("%s", (name, { expected, axes = [] }, of) => {
    const results = runCaseEverywhere(of);
    for (const [result, values] of Object.entries(expected)) {
      close(result, results[result], values, ...TOLERANCE);
    }
    keepsContract(name, of, results);
    // These axes are the last ones, which are the default.
    expect(axes.map((axis) => (axis + of.shape.length) % of.shape.length)).toEqual(
      of.shape.map((_, k) => k).slice(-axes.length),
    );
    sameBits(name, runCaseEverywhere({ ...of, axes: undefined }), results);
  });
});

describe("PyTorch in f64", () => {
  const cases = read("pytorch.json").map((stored) => [stored.name, stored, caseOf(stored)] as const);

  test("the specification gives the same", () => {
    for (const [name, { expected }, of] of cases) specificationGives(name, of, expected, 1e-12);
  });

  test.each(cases)("%s", (name, { expected, exact = [] }, of) => {
    const wanted = mapValues(expected, (values) => Float64Array.from(values));
    const results = runCaseEverywhere(of, name);
    keepsContract(name, of, results, wanted);
    if (adds(of.operation)) sameBits(name, { sum: results.sum }, { sum: Float32Array.from(expected.sum) });
    for (const half of halves.filter((half) => exact.includes(half.name))) {
      for (const [engine, api] of engines) {
        sameBits(`${name}: ${engine}, ${half.name}`, runCase(api, half, of), inStorage(half.name, results));
      }
    }
  });
});
