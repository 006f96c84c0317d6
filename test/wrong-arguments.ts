import { runInNewContext } from "node:vm";
import { type Api, type Kind, normal } from "./support.js";

/** A value that TypeScript would not let through. */
// biome-ignore lint/suspicious/noExplicitAny: that is its purpose
export const wrong = (value: unknown): any => value;

/** Arguments that fit x of `[4, 4]`, so that all are of 16 or of 4 elements, and some that fit nothing. */
export function argumentsOf(api: Api, kind: Kind<Float32Array>) {
  const others = api.createRuntime();
  const give = (count: number, shape: readonly number[] = [count]) => kind.give(api, normal(count, 1), shape);
  return {
    ...{ x: give(16, [4, 4]), dy: give(16, [4, 4]), y: give(16, [4, 4]), dx: give(16, [4, 4]) },
    ...{ residual: give(16, [4, 4]), sum: give(16, [4, 4]), dsum: give(16, [4, 4]) },
    ...{ gamma: give(4), beta: give(4), dgamma: give(4), dbeta: give(4) },
    ...{ mean: give(4), rstd: give(4), newMean: give(4), newRstd: give(4) },
    ...{ three: give(3), one: give(1) },
    ofOtherKind: (kind.name === "plain" ? api.tensor([4]) : normal(4, 1)) as Float32Array,
    ofOtherRuntime: kind.give(others, normal(16, 1), [4, 4]),
  };
}

export type Arguments = ReturnType<typeof argumentsOf>;
type Values = { [name: string]: unknown };

/** A forward call, but for what is put in the place of its arguments. */
const forward =
  (
    name: "layerNorm" | "layerNormForward" | "rmsNorm" | "rmsNormForward",
    outOf: (of: Arguments) => unknown,
  ) =>
  (api: Api, of: Arguments, instead: Values) => {
    const beta = name.startsWith("layer") ? { beta: of.beta } : {};
    const all = { x: of.x, normalizedShape: 4, gamma: of.gamma, ...beta, out: outOf(of) };
    const { x, normalizedShape, options } = replaced(all, instead);
    return wrong(api[name])(x, normalizedShape, options);
  };

const addForward =
  (name: "addLayerNorm" | "addRmsNorm", outOf: (of: Arguments) => object) =>
  (api: Api, of: Arguments, instead: Values) => {
    const beta = name === "addLayerNorm" ? { beta: of.beta } : {};
    const { x, residual, gamma } = of;
    const all = { x, residual, normalizedShape: 4, gamma, ...beta, out: { sum: of.sum, ...outOf(of) } };
    const { normalizedShape, options, ...given } = replaced(all, instead);
    return wrong(api[name])(given.x, given.residual, normalizedShape, options);
  };

type BackwardName = "layerNormBackward" | "rmsNormBackward" | "addLayerNormBackward" | "addRmsNormBackward";

const backward = (name: BackwardName) => (api: Api, of: Arguments, instead: Values) => {
  const { dy, x, dx, rstd, gamma, dgamma, dsum } = of;
  const out = { dx, dgamma, ...(isCentred(name) ? { dbeta: of.dbeta } : {}) };
  const centred = isCentred(name) ? { mean: of.mean } : {};
  const added = name.startsWith("add") ? { dsum } : {};
  const all = { dy, x, normalizedShape: 4, ...centred, ...added, rstd, gamma, out, accumulate: true };
  const { normalizedShape, options, ...given } = replaced(all, instead);
  return wrong(api[name])(given.dy, given.x, normalizedShape, options);
};

/** Whether a call is of layer normalization. */
const isCentred = (name: string): boolean => /layerNorm/i.test(name);

/** Calls that succeed, but for what is put in the place of their arguments: one, an option, or all `options`. */
export const calls = {
  layerNorm: forward("layerNorm", (of) => of.y),
  layerNormForward: forward("layerNormForward", (of) => ({ y: of.y, mean: of.newMean, rstd: of.newRstd })),
  layerNormBackward: backward("layerNormBackward"),
  rmsNorm: forward("rmsNorm", (of) => of.y),
  rmsNormForward: forward("rmsNormForward", (of) => ({ y: of.y, rstd: of.newRstd })),
  rmsNormBackward: backward("rmsNormBackward"),
  addLayerNorm: addForward("addLayerNorm", (of) => ({ y: of.y, mean: of.newMean, rstd: of.newRstd })),
  addLayerNormBackward: backward("addLayerNormBackward"),
  addRmsNorm: addForward("addRmsNorm", (of) => ({ y: of.y, rstd: of.newRstd })),
  addRmsNormBackward: backward("addRmsNormBackward"),
};

/** A message as a call has it: what is normalised is the sum where one goes back through an addition. */
export function messageOf(name: Name, message: string): string {
  return /^add.*Backward$/.test(name) ? message.replaceAll(/\bx\b/g, "sum") : message;
}

/** What a call takes, whatever that is. */
function replaced(all: Values, instead: Values) {
  const { dy, x, residual, normalizedShape, ...options } = { ...all, ...instead };
  const given = "options" in instead ? instead.options : options;
  return wrong({ dy, x, residual, normalizedShape, options: given });
}

type Name = keyof typeof calls;
export const ALL = Object.keys(calls) as Name[];
const BACKWARD = ALL.filter((name) => name.endsWith("Backward"));
const FORWARD = ALL.filter((name) => !BACKWARD.includes(name));
/** Those that return `y` alone, and those that return it and more. */
const ONE: Name[] = ["layerNorm", "rmsNorm"];
const MANY = FORWARD.filter((name) => !ONE.includes(name));
/** Those that add a residual, forward and backward. */
const ADDING: Name[] = ["addLayerNorm", "addRmsNorm"];
const AFTER_ADDING: Name[] = ["addLayerNormBackward", "addRmsNormBackward"];
const centred = (names: Name[]): Name[] => names.filter(isCentred);
const notCentred = (names: Name[]): Name[] => names.filter((name) => !isCentred(name));
const notAdding = (names: Name[]): Name[] => names.filter((name) => !/^add/.test(name));

export type ErrorClass = ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor;
export type Failing = readonly [
  names: Name[],
  error: ErrorClass,
  message: string,
  instead: (of: Arguments) => Values,
];

// biome-ignore format: a table, which reads by its lines
const wrongShapes: [error: ErrorClass, message: string, normalizedShape: unknown][] = [
  [RangeError, "[0] holds 0, needs positive whole numbers", 0],
  [RangeError, "[-1] holds -1, needs positive whole numbers", -1],
  [RangeError, "[1.5] holds 1.5, needs positive whole numbers", 1.5],
  [RangeError, "[NaN] holds NaN, needs positive whole numbers", Number.NaN],
  [RangeError, "[Infinity] holds Infinity, needs positive whole numbers", 1 / 0],
  [RangeError, "[9007199254740992] holds 9007199254740992, needs positive whole numbers", 2 ** 53],
  [RangeError, "[4, 0] holds 0, needs positive whole numbers", [4, 0]],
  [RangeError, "[-4, -1] holds -4, needs positive whole numbers", [-4, -1]],
  [RangeError, "is [], needs at least one size, or axes: []", []],
  [RangeError, "[1073741824, 1073741824] has more elements than a number counts exactly", [2 ** 30, 2 ** 30]],
  [TypeError, '[2, "4"] holds "4", needs positive whole numbers', [2, "4"]],
  [TypeError, "[null] holds null, needs positive whole numbers", [null]],
  [TypeError, "[an Array] holds an Array, needs positive whole numbers", [[4]]],
  [TypeError, 'is "4", needs a number or an array of numbers', "4"],
  [TypeError, "is undefined, needs a number or an array of numbers", undefined],
  [TypeError, "is an Int32Array, needs a number or an array of numbers", Int32Array.of(4)],
];

/** What is no Float32Array, and how it is called. */
const notArrays: [what: string, value: unknown][] = [
  ["null", null],
  ["5", 5],
  ["5n", 5n],
  ['"text"', "text"],
  ["true", true],
  ["Symbol(text)", Symbol("text")],
  ["a function", () => 0],
  ["an Array", [1, 2, 3, 4]],
  ["a Float64Array", new Float64Array(4)],
  ["a Uint8Array", new Uint8Array(4)],
  ["an Int8Array", new Int8Array(4)],
  ["an ArrayBuffer", new ArrayBuffer(16)],
  ["a DataView", new DataView(new ArrayBuffer(16))],
  ["an Object", Object.create(null)],
  ["an Object", { length: 4, [Symbol.toStringTag]: "Float32Array" }],
  ["a Float64Array", runInNewContext("new Float64Array(4)")],
];

/** Arguments beside x: their name in messages, the calls that take them, and how they are put there. */
export const beside: [argument: string, names: Name[], put: (value: unknown) => Values][] = [
  ["dy", BACKWARD, (dy) => ({ dy })],
  ["mean", centred(BACKWARD), (mean) => ({ mean })],
  ["rstd", BACKWARD, (rstd) => ({ rstd })],
  ["gamma", ALL, (gamma) => ({ gamma })],
  ["beta", centred(FORWARD), (beta) => ({ beta })],
  ["residual", ADDING, (residual) => ({ residual })],
  ["dsum", AFTER_ADDING, (dsum) => ({ dsum })],
  ["out", ONE, (out) => ({ out })],
  ["out.y", MANY, (y) => ({ out: { y } })],
  ["out.sum", ADDING, (sum) => ({ out: { sum } })],
  ["out.mean", centred(MANY), (mean) => ({ out: { mean } })],
  ["out.rstd", MANY, (rstd) => ({ out: { rstd } })],
  ["out.dx", BACKWARD, (dx) => ({ out: { dx } })],
  ["out.dgamma", BACKWARD, (dgamma) => ({ out: { dgamma } })],
  ["out.dbeta", centred(BACKWARD), (dbeta) => ({ out: { dbeta } })],
];

/** Results and the arguments of their size, which they must not be. */
const sharing: [
  output: string,
  names: Name[],
  put: (value: unknown) => Values,
  others: (keyof Arguments)[],
][] = [
  ["out.mean", centred(MANY), (mean) => ({ out: { mean } }), ["gamma", "beta"]],
  ["out.rstd", MANY, (rstd) => ({ out: { rstd } }), ["gamma"]],
  ["out.rstd", centred(MANY), (rstd) => ({ out: { rstd } }), ["beta"]],
  ["out.dx", BACKWARD, (dx) => ({ out: { dx } }), ["x"]],
  ["out.dx", AFTER_ADDING, (dx) => ({ out: { dx } }), ["dsum"]],
  ["out.dgamma", BACKWARD, (dgamma) => ({ out: { dgamma } }), ["gamma", "rstd"]],
  ["out.dgamma", centred(BACKWARD), (dgamma) => ({ out: { dgamma } }), ["mean"]],
  ["out.dbeta", centred(BACKWARD), (dbeta) => ({ out: { dbeta } }), ["gamma", "mean", "rstd"]],
];

export const NAMED = "needs an object with options by name";
const COUNT = "needs 4, one for each row of x";

// biome-ignore format: a table, which reads by its lines
export const forAnyKind: Failing[] = [
  ...wrongShapes.map(([error, message, normalizedShape]): Failing =>
    [ALL, error, `normalizedShape ${message}`, () => ({ normalizedShape })]),
  [FORWARD, RangeError, "eps is -1, needs a finite number of at least 0", () => ({ eps: -1 })],
  [FORWARD, RangeError, "eps is NaN, needs a finite number of at least 0", () => ({ eps: Number.NaN })],
  [FORWARD, RangeError, "eps is Infinity, needs a finite number of at least 0", () => ({ eps: 1 / 0 })],
  [FORWARD, TypeError, 'eps is "1e-5", needs a number', () => ({ eps: "1e-5" })],
  [FORWARD, TypeError, "eps is null, needs a number", () => ({ eps: null })],
  [ALL, TypeError, "axes is 1, needs an array of numbers", () => ({ axes: 1, shape: [4, 4] })],
  [ALL, TypeError, "axes is an Array, needs an array of numbers", () => ({ axes: ["1"], shape: [4, 4] })],
  [ALL, RangeError, "axes [2] holds 2, needs dimensions of x, which has 2", () => ({ axes: [2], shape: [4, 4] })],
  [ALL, RangeError, "axes [-3] holds -3, needs dimensions of x, which has 2", () => ({ axes: [-3], shape: [4, 4] })],
  [ALL, RangeError, "axes [0.5] holds 0.5, needs dimensions of x, which has 2", () => ({ axes: [0.5], shape: [4, 4] })],
  [ALL, RangeError, "axes [1, -1] names a dimension twice, needs each once",
    () => ({ axes: [1, -1], shape: [4, 4], normalizedShape: [4, 4] })],
  [ALL, RangeError, "axes [0] of x have the sizes [4], need to be normalizedShape [2]",
    () => ({ axes: [0], shape: [4, 4], normalizedShape: 2 })],
  [ALL, RangeError, "axes [0, 1] of x have the sizes [4, 4], need to be normalizedShape [4]",
    () => ({ axes: [0, 1], shape: [4, 4] })],
  [ALL, TypeError, 'unitOffset is "yes", needs a boolean', () => ({ unitOffset: "yes" })],
  [ALL, TypeError, "rowsPerSample is null, needs a number", () => ({ rowsPerSample: null })],
  ...[0, -1, 1.5, 3, Number.NaN].map((rows): Failing =>
    [ALL, RangeError, `rowsPerSample is ${rows}, needs a positive whole number that divides the 4 rows of x`,
      () => ({ rowsPerSample: rows })]),
  [ALL, RangeError, "gamma has 4 elements, normalizedShape [4] needs 4 for each of 2 samples, 8",
    (of) => ({ rowsPerSample: 2, gamma: of.gamma })],
  [notCentred(FORWARD), TypeError, "beta is 0, needs to be left out: RMSNorm has none", () => ({ beta: 0 })],
  [ALL, TypeError, `options is null, ${NAMED}`, () => ({ options: null })],
  [ALL, TypeError, `options is 5, ${NAMED}`, () => ({ options: 5 })],
  [ALL, TypeError, `options is an Array, ${NAMED}`, (of) => ({ options: [of.gamma] })],
  [centred(BACKWARD), TypeError, "mean is missing, needs the mean that the forward call gave", () => ({ options: undefined })],
  [centred(BACKWARD), TypeError, "mean is missing, needs the mean that the forward call gave", () => ({ mean: undefined })],
  [notCentred(BACKWARD), TypeError, "rstd is missing, needs the rstd that the forward call gave", () => ({ options: undefined })],
  [BACKWARD, TypeError, "rstd is missing, needs the rstd that the forward call gave", () => ({ rstd: undefined })],
  [ALL, TypeError, "x is undefined, needs a Float32Array or a Tensor", () => ({ x: undefined })],
  ...notArrays.map(([what, x]): Failing =>
    [ALL, TypeError, `x is ${what}, needs a Float32Array or a Tensor`, () => ({ x })]),
  ...beside.flatMap(([argument, names, put]) => notArrays.map(([what, value]): Failing =>
    [names, TypeError, `${argument} is ${what}, needs KIND, as x is`, () => put(value)])),
  [ALL, RangeError, "shape [2, 3] has 6 elements, x has 16", () => ({ shape: [2, 3] })],
  [ALL, RangeError, "shape [-4, -4] holds -4, needs whole numbers of at least 0", () => ({ shape: [-4, -4] })],
  [ALL, RangeError, "shape [0.5, 32] holds 0.5, needs whole numbers of at least 0", () => ({ shape: [0.5, 32] })],
  [ALL, TypeError, 'shape [4, "4"] holds "4", needs whole numbers of at least 0', () => ({ shape: [4, "4"] })],
  [ALL, TypeError, "shape is 16, needs an array of numbers", () => ({ shape: 16 })],
  [ALL, RangeError, "shape [1073741824, 1073741824] has more elements than a number counts exactly",
    () => ({ shape: [2 ** 30, 2 ** 30] })],
  [BACKWARD, RangeError, "dy has 4 elements, needs 16, as many as x", (of) => ({ dy: of.gamma })],
  [ADDING, RangeError, "residual has 4 elements, needs 16, as many as x", (of) => ({ residual: of.gamma })],
  [AFTER_ADDING, RangeError, "dsum has 4 elements, needs 16, as many as x", (of) => ({ dsum: of.gamma })],
  [centred(BACKWARD), RangeError, `mean has 3 elements, ${COUNT}`, (of) => ({ mean: of.three })],
  [BACKWARD, RangeError, `rstd has 1 element, ${COUNT}`, (of) => ({ rstd: of.one })],
  [ALL, RangeError, "gamma has 3 elements, normalizedShape [4] needs 4", (of) => ({ gamma: of.three })],
  [FORWARD, RangeError, "gamma has 1 element, normalizedShape [4, 4] needs 16",
    (of) => ({ gamma: of.one, normalizedShape: [4, 4] })],
  [centred(FORWARD), RangeError, "beta has 16 elements, normalizedShape [4] needs 4", (of) => ({ beta: of.x })],
  [ONE, RangeError, "out has 3 elements, needs 16, as many as x", (of) => ({ out: of.three })],
  [ONE, TypeError, "out is an Object, needs KIND, as x is", (of) => ({ out: { y: of.y } })],
  [MANY, RangeError, "out.y has 3 elements, needs 16, as many as x", (of) => ({ out: { y: of.three } })],
  [centred(MANY), RangeError, `out.mean has 3 elements, ${COUNT}`, (of) => ({ out: { mean: of.three } })],
  [MANY, RangeError, `out.rstd has 1 element, ${COUNT}`, (of) => ({ out: { rstd: of.one } })],
  [["layerNormForward"], TypeError, 'out has "dx", needs an object with some of y, mean, rstd', (of) => ({ out: { dx: of.y } })],
  [["layerNormForward"], TypeError, "out is null, needs an object with some of y, mean, rstd", () => ({ out: null })],
  [BACKWARD, RangeError, "out.dx has 3 elements, needs 16, as many as x", (of) => ({ out: { dx: of.three } })],
  [BACKWARD, RangeError, "out.dgamma has 3 elements, normalizedShape [4] needs 4", (of) => ({ out: { dgamma: of.three } })],
  [centred(BACKWARD), RangeError, "out.dbeta has 1 element, normalizedShape [4] needs 4", (of) => ({ out: { dbeta: of.one } })],
  [centred(BACKWARD), TypeError, 'out has "y", needs an object with some of dx, dgamma, dbeta', (of) => ({ out: { y: of.dx } })],
  [notCentred(BACKWARD), TypeError, 'out has "dbeta", needs an object with some of dx, dgamma', (of) => ({ out: { dbeta: of.dbeta } })],
  [["rmsNormForward"], TypeError, 'out has "mean", needs an object with some of y, rstd', (of) => ({ out: { mean: of.newMean } })],
  [["addLayerNorm"], TypeError, 'out has "dx", needs an object with some of y, sum, mean, rstd', (of) => ({ out: { dx: of.y } })],
  [BACKWARD, TypeError, 'accumulate is "no", needs a boolean', () => ({ accumulate: "no" })],
  [centred(BACKWARD), TypeError, 'skip is "dx", needs an array with some of dx, dgamma, dbeta', () => ({ skip: "dx" })],
  [notCentred(BACKWARD), TypeError, 'skip has "dbeta", needs some of dx, dgamma', () => ({ skip: ["dbeta"] })],
  [centred(BACKWARD), TypeError, 'skip has "y", needs some of dx, dgamma, dbeta', () => ({ skip: ["dx", "y"] })],
  ...sharing.flatMap(([output, names, put, inputs]) => inputs.map((input): Failing =>
    [names, RangeError, `${output} overlaps ${input}, needs memory of its own`, (of) => put(of[input])])),
  [ADDING, RangeError, "out.y overlaps out.sum, each needs memory of its own", (of) => ({ out: { y: of.y, sum: of.y } })],
  [centred(MANY), RangeError, "out.mean overlaps out.rstd, each needs memory of its own",
    (of) => ({ out: { mean: of.newMean, rstd: of.newMean } })],
  [centred(BACKWARD), RangeError, "out.dgamma overlaps out.dbeta, each needs memory of its own",
    (of) => ({ out: { dgamma: of.dgamma, dbeta: of.dgamma } })],
  [MANY, RangeError, "out.y overlaps gamma, needs memory of its own",
    (of) => ({ out: { y: of.y }, gamma: of.y, beta: undefined, normalizedShape: [4, 4] })],
  [["layerNorm"], RangeError, "out overlaps beta, needs memory of its own",
    (of) => ({ out: of.y, beta: of.y, gamma: undefined, normalizedShape: [4, 4] })],
];

// biome-ignore format: a table, which reads by its lines
export const forPlain: Failing[] = [
  [ALL, RangeError, "x has 16 elements, normalizedShape [3] needs a multiple of 3", () => ({ normalizedShape: 3 })],
  [ALL, RangeError, "x has 1 element, normalizedShape [2, 2] needs a multiple of 4", (of) => ({ x: of.one, normalizedShape: [2, 2] })],
  [ALL, RangeError, "x has shape [8, 2], its last dimensions need to be normalizedShape [4]", () => ({ shape: [8, 2] })],
  [ALL, RangeError, "x has shape [16], its last dimensions need to be normalizedShape [4, 4]",
    () => ({ shape: [16], normalizedShape: [4, 4] })],
  [ALL, TypeError, `options is a Float32Array, ${NAMED}`, (of) => ({ options: of.gamma })],
  [ONE, RangeError, "out overlaps x, needs memory of its own, or to be x itself",
    (of) => ({ x: of.x.subarray(0, 12), out: of.x.subarray(4) })],
  [ALL, TypeError, "shape is missing, needs the shape of x, whose dimensions axes are", () => ({ axes: [1] })],
  [notAdding(MANY), RangeError, "out.y overlaps x, needs memory of its own, or to be x itself",
    (of) => ({ x: of.x.subarray(4), out: { y: of.x.subarray(0, 12) } })],
  [centred(MANY), RangeError, "out.mean overlaps x, needs memory of its own", (of) => ({ out: { mean: of.x.subarray(12) } })],
  [MANY, RangeError, "out.y overlaps out.rstd, each needs memory of its own",
    (of) => ({ out: { y: of.y, rstd: of.y.subarray(0, 4) } })],
  [BACKWARD, RangeError, "out.dx overlaps dy, needs memory of its own, or to be dy itself",
    (of) => ({ x: of.x.subarray(4), dy: of.dy.subarray(4), dsum: undefined, mean: of.three, rstd: of.three, out: { dx: of.dy.subarray(0, 12) } })],
  [BACKWARD, RangeError, "out.dgamma overlaps dy, needs memory of its own", (of) => ({ out: { dgamma: of.dy.subarray(3, 7) } })],
  [centred(BACKWARD), RangeError, "out.dx overlaps out.dbeta, each needs memory of its own",
    (of) => ({ out: { dx: of.dx, dbeta: of.dx.subarray(12) } })],
];

// biome-ignore format: a table, which reads by its lines
export const forTensors: Failing[] = [
  [ALL, RangeError, "x has shape [4, 4], its last dimensions need to be normalizedShape [3]", () => ({ normalizedShape: 3 })],
  [ALL, RangeError, "shape is [16], the tensor x has shape [4, 4]", () => ({ shape: [16] })],
  [ALL, RangeError, "shape is [4, 2, 2], the tensor x has shape [4, 4]", () => ({ shape: [4, 2, 2] })],
  [ALL, TypeError, `options is an f32 Tensor, ${NAMED}`, (of) => ({ options: of.gamma })],
  [["layerNormForward"], TypeError, "out is an f32 Tensor, needs an object with some of y, mean, rstd", (of) => ({ out: of.y })],
  [ALL, TypeError, "x is a tensor of another runtime", (of) => ({ x: of.ofOtherRuntime })],
  ...beside.map(([argument, names, put]): Failing =>
    [names, TypeError, `${argument} is a tensor of another runtime`, (of) => put(of.ofOtherRuntime)]),
];

/** Arguments whose memory is gone. */
export const forGone = (message: string): Failing[] => [
  [ALL, TypeError, `x is ${message}`, (of) => ({ x: of.three })],
  ...beside.map(
    ([argument, names, put]): Failing => [
      names,
      TypeError,
      `${argument} is ${message}`,
      (of) => put(of.three),
    ],
  ),
];
