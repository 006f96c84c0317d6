import { expect } from "vitest";
import { type Batch, product } from "./reference.js";
import { type Api, everywhere, type Kind, mapValues, normal, sameBits } from "./support.js";

/*
 * One way to call every operation: LayerNorm and RMSNorm, with and without a residual, forward and backward.
 */

/** The functions of each operation. */
const OPERATIONS = {
  layerNorm: { alone: "layerNorm", forward: "layerNormForward", backward: "layerNormBackward" },
  rmsNorm: { alone: "rmsNorm", forward: "rmsNormForward", backward: "rmsNormBackward" },
  addLayerNorm: { alone: undefined, forward: "addLayerNorm", backward: "addLayerNormBackward" },
  addRmsNorm: { alone: undefined, forward: "addRmsNorm", backward: "addRmsNormBackward" },
} as const;

export type Operation = keyof typeof OPERATIONS;
export const ALL = Object.keys(OPERATIONS) as Operation[];
export const isCentred = (operation: Operation) => operation === "layerNorm" || operation === "addLayerNorm";
export const adds = (operation: Operation) => operation === "addLayerNorm" || operation === "addRmsNorm";

/** A batch, and the operation on it. */
export interface Case extends Batch {
  readonly operation: Operation;
  readonly shape: readonly number[];
  readonly normalizedShape: readonly number[];
}

type Data = Float32Array;
export type Results = Record<string, Data>;
type Call = (...args: unknown[]) => unknown;

/** Any function of the API, whatever it takes. */
export const call = (api: Partial<Api>, name: string) => (api as unknown as Record<string, Call>)[name];

/** The functions of an operation, by what they do. */
export function functionsOf(api: Partial<Api>, operation: Operation) {
  const { alone, forward, backward } = OPERATIONS[operation];
  return {
    alone: alone && (call(api, alone) as (x: Data, ...rest: unknown[]) => Data),
    forward: call(api, forward) as (x: Data, ...rest: unknown[]) => Results,
    backward: call(api, backward) as (dy: Data, ...rest: unknown[]) => Results,
  };
}

/** The arguments of a case, of some kind; gamma and beta may be of another. */
export function argumentsOf(api: Pick<Api, "tensorFrom">, kind: Kind<Data>, of: Case, ofParameters = kind) {
  const { shape, normalizedShape, rowsPerSample, rows } = of;
  const parameters = rowsPerSample ? [rows / rowsPerSample, ...normalizedShape] : normalizedShape;
  const give = (values: Data | undefined, shape: readonly number[], kind: Kind<Data>) =>
    values && kind.give(api, values, shape);
  return {
    x: kind.give(api, of.x, shape),
    dy: kind.give(api, of.dy, shape),
    residual: give(of.residual, shape, kind),
    dsum: give(of.dsum, shape, kind),
    gamma: give(of.gamma, parameters, ofParameters),
    beta: give(of.beta, parameters, ofParameters),
  };
}

export type Arguments = ReturnType<typeof argumentsOf>;

/** The options of a forward call, those that are given alone. */
export function forwardOptions(of: Case, { gamma, beta }: Arguments) {
  const { eps, shape, axes, unitOffset, rowsPerSample } = of;
  return defined({ gamma, beta, eps, shape: axes && shape, axes, unitOffset, rowsPerSample });
}

/** The options of a backward call after `forward`. */
export function backwardOptions(of: Case, { gamma, dsum }: Arguments, { mean, rstd }: Results) {
  const { shape, axes, unitOffset, rowsPerSample } = of;
  return defined({ mean, rstd, gamma, dsum, shape: axes && shape, axes, unitOffset, rowsPerSample });
}

const defined = (options: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** Forward and backward of one case, on one engine, with one kind of argument. */
export function runCase(
  api: Partial<Api> & Pick<Api, "tensorFrom">,
  kind: Kind<Data>,
  of: Case,
  ofParameters = kind,
): Results {
  const { alone, forward, backward } = functionsOf(api, of.operation);
  const args = argumentsOf(api, kind, of, ofParameters);
  const given = mapValues(defined(args) as Results, (data) => kind.values(data).slice());
  const { x, residual, dy } = args;
  const inputs = residual ? [x, residual] : [x];
  const results = forward(...(inputs as [Data]), of.normalizedShape, forwardOptions(of, args));
  const gradients = backward(dy, results.sum ?? x, of.normalizedShape, backwardOptions(of, args, results));
  const all = { ...results, ...gradients };
  const values = mapValues(all, (data) => kind.values(data).slice());
  if (alone) {
    const y = alone(x, of.normalizedShape, forwardOptions(of, args));
    sameBits("y, and y alone", { y: values.y }, { y: kind.values(y) });
    kind.dispose(y);
  }
  sameBits(
    "arguments",
    mapValues(defined(args) as Results, (data) => kind.values(data)),
    given,
  );
  kind.dispose(...Object.values(args), ...Object.values(all));
  expect(Object.keys(values).sort()).toEqual(namesOf(of.operation));
  return values;
}

/** The results of an operation, forward and backward. */
function namesOf(operation: Operation): string[] {
  const names = ["y", "rstd", "dx", "dgamma"];
  if (isCentred(operation)) names.push("mean", "dbeta");
  if (adds(operation)) names.push("sum");
  return names.sort();
}

/** A case everywhere: all must have the same bits, which are returned. */
export function runCaseEverywhere(of: Case, what = ""): Results {
  const [first, ...others] = everywhere;
  const results = runCase(first.api, first.kind, of);
  for (const { name, api, kind } of others) {
    sameBits(`${what} ${first.name} and ${name}`, results, runCase(api, kind, of));
  }
  return results;
}

/** The sizes of a case, from its shape and axes; without axes, the last dimensions are normalised. */
export function sizesOf(shape: readonly number[], normalizedShape: readonly number[]) {
  const cols = product(normalizedShape);
  return { shape, normalizedShape, rows: cols === 0 ? 0 : product(shape) / cols, cols };
}

// --- cases -------------------------------------------------------------------------------------------------

/** What a case is made of; arrays are random. */
export interface Recipe {
  readonly operation: Operation;
  readonly shape: readonly number[];
  /** The last dimensions where there are no axes, as many as this. */
  readonly axes: readonly number[] | number;
  readonly gamma?: boolean;
  readonly beta?: boolean;
  readonly unitOffset?: boolean;
  /** One of the numbers that divide the rows. */
  readonly rowsPerSample?: number | undefined;
  readonly eps?: number | undefined;
  readonly mean?: number;
  readonly seed?: number;
}

export function caseOf(recipe: Recipe): Case {
  const { operation, shape, axes, unitOffset, rowsPerSample, eps, mean = 0, seed = 1 } = recipe;
  const normalizedShape =
    typeof axes === "number" ? shape.slice(shape.length - axes) : axes.map((axis) => shape.at(axis) ?? 0);
  const sizes = sizesOf(shape, normalizedShape);
  const count = product(shape);
  const parameters = rowsPerSample ? (sizes.rows / rowsPerSample) * sizes.cols : sizes.cols;
  const { gamma = true, beta = true } = recipe;
  return {
    ...sizes,
    operation,
    centred: isCentred(operation),
    axes: typeof axes === "number" ? undefined : axes,
    ...{ unitOffset, rowsPerSample, eps },
    x: normal(count, seed, mean),
    residual: adds(operation) ? normal(count, seed + 1) : undefined,
    dy: normal(count, seed + 2),
    dsum: adds(operation) ? normal(count, seed + 3) : undefined,
    gamma: gamma ? normal(parameters, seed + 4) : undefined,
    beta: beta && isCentred(operation) ? normal(parameters, seed + 5) : undefined,
  };
}

/** Cases that have a bit of everything, for the tests that are not about numbers. */
export const SAMPLES: readonly Recipe[] = ALL.flatMap((operation): Recipe[] => [
  { operation, shape: [5, 12], axes: 1 },
  { operation, shape: [2, 3, 4], axes: 2, gamma: false, beta: false },
  { operation, shape: [2, 6, 3], axes: [1], unitOffset: true },
  { operation, shape: [3, 4, 5], axes: [-1, 0], beta: false },
  { operation, shape: [2, 3, 7], axes: 1, rowsPerSample: 3 },
  { operation, shape: [2, 5, 2, 3], axes: [1], rowsPerSample: 6, unitOffset: true },
]);
