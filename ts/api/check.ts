import type { Kernels } from "../engine/abi.js";
import type { Context } from "./context.js";
import { type Layout, layoutOf } from "./layout.js";
import type { SafetensorsEntry } from "./safetensors.js";
import { dtypeOf } from "./storage.js";
import { type Data, type Dtype, Tensor } from "./tensor.js";

/*
 * Every error that a user can meet is made here. A message names the function, the argument, what it was and
 * what was expected. `name` is the function's name throughout, `argument` the argument's.
 */

/** What a wrong value was, in few words. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object") return `${value instanceof Function ? "a function" : String(value)}`;
  const kind = value instanceof Tensor ? `${value.dtype} Tensor` : (value.constructor?.name ?? "Object");
  return withArticle(kind);
}

/** As it is said: an f32 Tensor, a Uint8Array. */
const withArticle = (kind: string): string => `${/^(?:[AEIO]|f\d)/.test(kind) ? "an" : "a"} ${kind}`;

const list = (numbers: readonly number[]): string => `[${Array.from(numbers, describe).join(", ")}]`;
const elements = (count: number): string => `${count} element${count === 1 ? "" : "s"}`;
const sizes = (normalizedShape: number | readonly number[]): string =>
  list(typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape);

/** What is normalised, as the call of that name has it. */
function xOf(name: string): string {
  if (name.endsWith(".backward")) return "the x of forward";
  return /^add\w+Backward$/.test(name) ? "sum" : "x";
}

/** An argument, as the call of that name has it. */
const called = (name: string, argument: string): string => (argument === "x" ? xOf(name) : argument);

/** A value of a wrong type. Out of the checks themselves, which a small call runs a dozen of: they stay short. */
function wrongType(name: string, argument: string, value: unknown, needed: string): never {
  throw new TypeError(`${name}: ${called(name, argument)} is ${describe(value)}, needs ${needed}`);
}

/** Data of a wrong size. */
function wrongCount(name: string, argument: string, data: Data, needed: string): never {
  throw new RangeError(`${name}: ${called(name, argument)} has ${elements(count(data))}, ${needed}`);
}

/** A Float32Array of any realm: test runners and frames have constructors of their own. */
function isFloat32Array(value: unknown): value is Float32Array {
  return ArrayBuffer.isView(value) && (value as Float32Array)[Symbol.toStringTag] === "Float32Array";
}

/** Whether the memory of an array was transferred away. */
function isDetached({ buffer }: Float32Array): boolean {
  if (buffer.byteLength !== 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** `product(normalizedShape)`: the elements of a row. It has no sizes where there are no axes. */
export function checkNormalizedShape(
  name: string,
  normalizedShape: number | readonly number[],
  axes?: readonly number[],
): number {
  if (typeof normalizedShape !== "number") {
    if (!Array.isArray(normalizedShape))
      wrongType(name, "normalizedShape", normalizedShape, "a number or an array of numbers");
    if (normalizedShape.length === 0 && axes?.length !== 0)
      throw new RangeError(`${name}: normalizedShape is [], needs at least one size, or axes: []`);
  } else if (Number.isSafeInteger(normalizedShape) && normalizedShape > 0) {
    return normalizedShape;
  }
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  return product(name, "normalizedShape", shape, 1, "positive whole numbers");
}

/** The elements of a shape, each of whose sizes is a whole number of at least `least`. */
function product(
  name: string,
  argument: string,
  shape: readonly number[],
  least: number,
  needed: string,
): number {
  let size = 1;
  for (const dimension of shape) {
    if (!(Number.isSafeInteger(dimension) && dimension >= least)) {
      const message = `${name}: ${argument} ${list(shape)} holds ${describe(dimension)}, needs ${needed}`;
      throw typeof dimension === "number" ? new RangeError(message) : new TypeError(message);
    }
    size *= dimension;
  }
  if (!Number.isSafeInteger(size))
    throw new RangeError(
      `${name}: ${argument} ${list(shape)} has more elements than a number counts exactly`,
    );
  return size;
}

/** `eps`, or its default. */
export function checkEps(name: string, eps: number | undefined): number {
  if (eps === undefined) return 1e-5;
  if (typeof eps !== "number") wrongType(name, "eps", eps, "a number");
  if (!(eps >= 0 && eps < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${name}: eps is ${eps}, needs a finite number of at least 0`);
  }
  return eps;
}

/** `options`, or none. */
export function checkOptions<O extends object>(name: string, options: O | undefined): Partial<O> {
  if (options === undefined) return {};
  if (
    typeof options !== "object" ||
    options === null ||
    Array.isArray(options) ||
    ArrayBuffer.isView(options) ||
    options instanceof Tensor
  ) {
    wrongType(name, "options", options, "an object with options by name");
  }
  return options;
}

/** That what is normalised can be used on `context`: a Float32Array, or a live tensor of its memory. */
export function checkData(context: Context, name: string, value: unknown): asserts value is Data {
  if (value instanceof Tensor) {
    checkTensor(context, name, "x", value);
    return;
  }
  checkNotDisposed(name, context.disposed);
  if (!isFloat32Array(value)) wrongType(name, "x", value, "a Float32Array or a Tensor");
  checkAttached(name, "x", value);
}

/** That an array still has its memory. */
function checkAttached(name: string, argument: string, array: Float32Array): void {
  if (array.length === 0 && isDetached(array))
    throw new TypeError(`${name}: ${called(name, argument)} is detached: its memory was transferred away`);
}

function checkTensor(context: Context, name: string, argument: string, tensor: Tensor<Dtype>): void {
  if (tensor.context !== context)
    throw new TypeError(`${name}: ${called(name, argument)} is a tensor of another runtime`);
  checkLive(name, argument, tensor);
}

/** That a tensor still has its memory. */
export function checkLive(name: string, argument: string, tensor: Tensor<Dtype>): void {
  if (tensor.disposed) throw new TypeError(`${name}: ${called(name, argument)} is a disposed tensor`);
  if (tensor.context.disposed)
    throw new TypeError(`${name}: ${called(name, argument)} is a tensor of a disposed runtime`);
}

/** How an argument has to be stored: as `x` is, as f32, or as either. */
type Storage = "x" | "f32" | "either";

/** That `value` is of the same kind as `x`, and stored as it has to be. */
function checkSameKind(
  context: Context,
  name: string,
  argument: string,
  value: unknown,
  x: Data,
  storage: Storage,
): asserts value is Data {
  if (x instanceof Tensor) {
    if (!(value instanceof Tensor)) wrongType(name, argument, value, `a Tensor, as ${xOf(name)} is`);
    checkTensor(context, name, argument, value);
    if (
      value.dtype === "f32"
        ? storage === "x" && x.dtype !== "f32"
        : storage === "f32" || value.dtype !== x.dtype
    )
      wrongStorage(name, argument, value, x, storage);
  } else {
    if (!isFloat32Array(value)) wrongType(name, argument, value, `a Float32Array, as ${xOf(name)} is`);
    checkAttached(name, argument, value);
  }
}

function wrongStorage(name: string, argument: string, value: Data, x: Data, storage: Storage): never {
  const dtype = storage === "f32" ? "f32" : dtypeOf(x);
  const needed = `${withArticle(storage === "either" && dtype !== "f32" ? `${dtype} or f32` : dtype)} Tensor`;
  wrongType(name, argument, value, dtype === "f32" ? needed : `${needed}, as ${xOf(name)} is ${dtype}`);
}

/** `gamma` or `beta`, where given: `cols` elements, for each sample. */
export function checkParameter(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  x: Data,
  cols: number,
  normalizedShape: number | readonly number[],
  samples: number | undefined,
): void {
  if (value !== undefined)
    checkParameterOf(context, name, argument, value, x, "either", cols, normalizedShape, samples);
}

/** The gradient of a parameter, where there is one: stored as the parameter is, if that is known. */
export function checkGradient(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  parameter: Data | undefined,
  x: Data,
  cols: number,
  normalizedShape: number | readonly number[],
  samples: number | undefined,
): void {
  if (value === undefined) return;
  const storage = parameter === undefined ? "either" : dtypeOf(parameter) === "f32" ? "f32" : "x";
  checkParameterOf(context, name, argument, value, x, storage, cols, normalizedShape, samples);
}

function checkParameterOf(
  context: Context,
  name: string,
  argument: string,
  value: Data,
  x: Data,
  storage: Storage,
  cols: number,
  normalizedShape: number | readonly number[],
  samples: number | undefined,
): void {
  checkSameKind(context, name, argument, value, x, storage);
  const needed = samples === undefined ? cols : samples * cols;
  if (count(value) === needed) return;
  const each = samples === undefined ? "" : ` for each of ${samples} samples, ${needed}`;
  wrongCount(name, argument, value, `normalizedShape ${sizes(normalizedShape)} needs ${cols}${each}`);
}

/** RMSNorm has no beta. */
export function checkNoBeta(name: string, beta: unknown): void {
  if (beta !== undefined) wrongType(name, "beta", beta, "to be left out: RMSNorm has none");
}

/** How many samples there are, of so many rows each; nothing where rows are not so grouped. */
export function checkRowsPerSample(
  name: string,
  rowsPerSample: number | undefined,
  rows: number,
): number | undefined {
  if (rowsPerSample === undefined) return undefined;
  if (typeof rowsPerSample !== "number") wrongType(name, "rowsPerSample", rowsPerSample, "a number");
  if (!(Number.isSafeInteger(rowsPerSample) && rowsPerSample > 0 && rows % rowsPerSample === 0)) {
    throw new RangeError(
      `${name}: rowsPerSample is ${rowsPerSample}, needs a positive whole number that divides the ${rows} rows of ${xOf(name)}`,
    );
  }
  return rows / rowsPerSample;
}

/** `mean` or `rstd` of a backward call: required, one for each row. */
export function checkStatistic(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  x: Data,
  rows: number,
): void {
  if (value === undefined) {
    throw new TypeError(`${name}: ${argument} is missing, needs the ${argument} that the forward call gave`);
  }
  checkEachRow(context, name, argument, value, x, rows);
}

/** That `value` has an element for each row, stored as f32. */
export function checkEachRow(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  x: Data,
  rows: number,
): void {
  checkSameKind(context, name, argument, value, x, "f32");
  if (count(value) !== rows)
    wrongCount(name, argument, value, `needs ${rows}, one for each row of ${xOf(name)}`);
}

/** That `value` has as many elements as `x`, stored as its are. */
export function checkLike(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  x: Data,
): void {
  checkSameKind(context, name, argument, value, x, "x");
  if (count(value) !== count(x))
    wrongCount(name, argument, value, `needs ${count(x)}, as many as ${xOf(name)}`);
}

/** Elements of an array or tensor. */
export function count(data: Data): number {
  return data instanceof Tensor ? data.size : data.length;
}

/** That the last dimensions of `x`, or those that are `axes`, are `normalizedShape`; how its rows lie, if not in order. */
export function checkRows(
  name: string,
  x: Data,
  shape: readonly number[] | undefined,
  axes: readonly number[] | undefined,
  cols: number,
  normalizedShape: number | readonly number[],
): Layout | undefined {
  const xShape = x instanceof Tensor ? x.shape : shape;
  if (shape !== undefined) checkShapeOption(name, x, shape);
  if (axes !== undefined) {
    const ofX = checkAxes(name, axes, xShape, normalizedShape);
    return layoutOf(xShape as readonly number[], ofX);
  }
  if (xShape !== undefined) checkLastDimensions(name, xShape, normalizedShape);
  if (count(x) % cols !== 0) {
    wrongCount(name, "x", x, `normalizedShape ${sizes(normalizedShape)} needs a multiple of ${cols}`);
  }
  return undefined;
}

/** The dimensions of `x` that `normalizedShape` has the sizes of, counted from the first. */
function checkAxes(
  name: string,
  axes: readonly number[],
  xShape: readonly number[] | undefined,
  normalizedShape: number | readonly number[],
): readonly number[] {
  if (!Array.isArray(axes)) wrongType(name, "axes", axes, "an array of numbers");
  if (xShape === undefined)
    throw new TypeError(
      `${name}: shape is missing, needs the shape of ${xOf(name)}, whose dimensions axes are`,
    );
  const rank = xShape.length;
  const ofX = axes.map((axis) => {
    if (typeof axis !== "number") wrongType(name, "axes", axes, "an array of numbers");
    if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    throw new RangeError(
      `${name}: axes ${list(axes)} holds ${axis}, needs dimensions of ${xOf(name)}, which has ${rank}`,
    );
  });
  if (new Set(ofX).size !== ofX.length)
    throw new RangeError(`${name}: axes ${list(axes)} names a dimension twice, needs each once`);
  const wanted = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  if (wanted.length !== ofX.length || wanted.some((size, k) => size !== xShape[ofX[k]])) {
    const found = list(ofX.map((axis) => xShape[axis]));
    throw new RangeError(
      `${name}: axes ${list(axes)} of ${xOf(name)} have the sizes ${found}, need to be normalizedShape ${list(wanted)}`,
    );
  }
  return ofX;
}

/** That the last dimensions of the shape of `x` are `normalizedShape`. */
export function checkLastDimensions(
  name: string,
  xShape: readonly number[],
  normalizedShape: number | readonly number[],
): void {
  if (endsWith(xShape, normalizedShape)) return;
  throw new RangeError(
    `${name}: ${xOf(name)} has shape ${list(xShape)}, its last dimensions need to be normalizedShape ${sizes(normalizedShape)}`,
  );
}

/** Whether the last dimensions of a shape are `normalizedShape`. */
function endsWith(shape: readonly number[], normalizedShape: number | readonly number[]): boolean {
  if (typeof normalizedShape === "number") return shape[shape.length - 1] === normalizedShape;
  const offset = shape.length - normalizedShape.length;
  return normalizedShape.every((size, k) => shape[offset + k] === size);
}

function checkShapeOption(name: string, x: Data, shape: readonly number[]): void {
  const size = checkShape(name, shape);
  if (size !== count(x)) {
    throw new RangeError(`${name}: shape ${list(shape)} has ${elements(size)}, ${xOf(name)} has ${count(x)}`);
  }
  if (
    x instanceof Tensor &&
    !(shape.length === x.shape.length && shape.every((size, k) => size === x.shape[k]))
  ) {
    throw new RangeError(
      `${name}: shape is ${list(shape)}, the tensor ${xOf(name)} has shape ${list(x.shape)}`,
    );
  }
}

/** The elements of a tensor of this shape. Zero is a size, and [] the shape of one element. */
export function checkShape(name: string, shape: readonly number[]): number {
  if (!Array.isArray(shape)) wrongType(name, "shape", shape, "an array of numbers");
  return product(name, "shape", shape, 0, "whole numbers of at least 0");
}

/** A tensor's values: numbers in an array of any type, as many as its shape has. */
export function checkValues(
  name: string,
  values: ArrayLike<number>,
  shape: readonly number[] | undefined,
): readonly number[] {
  checkNumbers(name, "values", values);
  const { length } = values;
  if (shape === undefined) return [length];
  const size = checkShape(name, shape);
  if (size !== length) {
    throw new RangeError(`${name}: values has ${elements(length)}, shape ${list(shape)} needs ${size}`);
  }
  return shape;
}

/** An array of numbers, of any type. */
function checkNumbers(name: string, argument: string, values: ArrayLike<number>): void {
  if (ArrayBuffer.isView(values)) {
    const { [Symbol.toStringTag]: type } = values as unknown as Float32Array;
    if (/^(?:Float|Int|Uint)/.test(type)) {
      checkAttached(name, argument, values as unknown as Float32Array);
      return;
    }
  } else if (Array.isArray(values)) {
    const wrong = values.findIndex((value) => typeof value !== "number");
    if (wrong === -1) return;
    wrongType(name, `${argument}[${wrong}]`, values[wrong], "a number");
  }
  wrongType(name, argument, values, "an array of numbers");
}

/** The storage type of a tensor. */
export function checkDtype(name: string, dtype: Dtype): void {
  if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16")
    wrongType(name, "dtype", dtype, '"f32", "f16" or "bf16"');
}

/** The results of an `out` object must be among `names`. */
export function checkOut(name: string, out: object, names: readonly string[]): void {
  if (typeof out !== "object" || out === null || ArrayBuffer.isView(out) || out instanceof Tensor) {
    wrongType(name, "out", out, `an object with some of ${names.join(", ")}`);
  }
  for (const key in out) {
    if (names.includes(key)) continue;
    throw new TypeError(
      `${name}: out has ${JSON.stringify(key)}, needs an object with some of ${names.join(", ")}`,
    );
  }
}

/** The names of results that are not wanted. */
export function checkSkip(name: string, skip: readonly string[] | undefined, names: readonly string[]): void {
  if (skip === undefined) return;
  if (!Array.isArray(skip)) wrongType(name, "skip", skip, `an array with some of ${names.join(", ")}`);
  for (const result of skip) {
    if (!names.includes(result)) {
      throw new TypeError(`${name}: skip has ${describe(result)}, needs some of ${names.join(", ")}`);
    }
  }
}

/** A flag, false unless given. */
export function checkFlag(name: string, argument: string, value: boolean | undefined): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") wrongType(name, argument, value, "a boolean");
  return value;
}

/**
 * That no output shares memory with an input or another output. Any of the first `mostOutputs` may be one of the first
 * `mostInputs`. Names and data stand in the same order; the one output that has no name is `out` itself.
 */
export function checkOverlap(
  name: string,
  inputNames: readonly string[],
  inputs: readonly (Data | undefined)[],
  outputNames: readonly string[],
  outputs: readonly (Data | undefined)[],
  mostInputs: number,
  mostOutputs: number,
): void {
  // Loops: each call pays for this.
  for (let k = 0; k < outputs.length; k++) {
    const written = outputs[k];
    if (written === undefined) continue;
    const memory = memoryOf(written);
    for (let i = 0; i < inputs.length; i++) {
      const read = inputs[i];
      if (read === undefined || memoryOf(read) !== memory || !overlaps(read, written)) continue;
      const mayBeSame = k < mostOutputs && i < mostInputs;
      if (mayBeSame && sameElements(read, written)) continue;
      const hint = mayBeSame ? `, or to be ${inputNames[i]} itself` : "";
      overlapping(name, outputNames[k], inputNames[i], `needs memory of its own${hint}`);
    }
    for (let other = k + 1; other < outputs.length; other++) {
      const alsoWritten = outputs[other];
      if (alsoWritten === undefined || memoryOf(alsoWritten) !== memory || !overlaps(written, alsoWritten))
        continue;
      overlapping(name, outputNames[k], `out.${outputNames[other]}`, "each needs memory of its own");
    }
  }
}

/** The arguments of a `layerNorm` on plain arrays, of which `out` shares a buffer with no other. */
export type Apart = readonly [x: Data, gamma: Data | undefined, beta: Data | undefined, out: Data];

/** The most bytes of a buffer that is kept alive by being known. */
const KNOWN_BYTES = 16 * 1024;

/**
 * `checkOverlap` for `layerNorm`, where it would be a third of a small call. An array never gets another buffer, so
 * those of the last call, if small, need not be asked for theirs again.
 */
export function checkOutApart(
  context: Context,
  name: string,
  x: Data,
  gamma: Data | undefined,
  beta: Data | undefined,
  out: Data,
): void {
  const known = context.apart;
  if (known !== undefined && known[0] === x && known[1] === gamma && known[2] === beta && known[3] === out)
    return;
  const memory = memoryOf(out);
  if ((x === out || memoryOf(x) !== memory) && memoryOf(gamma) !== memory && memoryOf(beta) !== memory) {
    if (isSmall(x) && isSmall(gamma) && isSmall(beta) && isSmall(out)) context.apart = [x, gamma, beta, out];
  } else {
    checkOverlap(name, ["x", "gamma", "beta"], [x, gamma, beta], [], [out], 1, 1);
  }
}

/** Whether data, if given, is an array in a small buffer. A tensor is not kept: it could not be forgotten. */
function isSmall(data: Data | undefined): boolean {
  return data === undefined || (!(data instanceof Tensor) && data.buffer.byteLength <= KNOWN_BYTES);
}

function overlapping(name: string, output: string | undefined, argument: string, needed: string): never {
  const out = output === undefined ? "out" : `out.${output}`;
  throw new RangeError(`${name}: ${out} overlaps ${argument}, ${needed}`);
}

/** What data must share to overlap: a tensor overlaps itself alone. To ask for a buffer is a slow call. */
function memoryOf(data: Data | undefined): object | undefined {
  return data === undefined || data instanceof Tensor ? data : data.buffer;
}

/** Whether data in the same memory share elements. */
function overlaps(a: Data, b: Data): boolean {
  if (a instanceof Tensor || b instanceof Tensor) return count(a) > 0;
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

function sameElements(a: Data, b: Data): boolean {
  if (a instanceof Tensor || b instanceof Tensor) return a === b;
  return a.byteOffset === b.byteOffset && a.length === b.length;
}

/** A block that was asked for: there must be one. */
export function checkAllocated(name: string, pointer: number, bytes: number, bytesLeft: number): number {
  if (pointer === 0) {
    throw new RangeError(
      `${name}: out of memory: ${bytes} bytes needed, ${bytesLeft} left of what the runtime may use`,
    );
  }
  return pointer;
}

/** The memory that a runtime starts with and may grow to. */
export function checkBytes(
  name: string,
  argument: string,
  bytes: number | undefined,
  otherwise: number,
  most: number,
): number {
  if (bytes === undefined) return otherwise;
  if (typeof bytes !== "number") wrongType(name, argument, bytes, "a number of bytes");
  if (!(Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= most)) {
    throw new RangeError(`${name}: ${argument} is ${bytes}, needs a whole number of bytes from 0 to ${most}`);
  }
  return bytes;
}

/** This package's WebAssembly file, compiled. */
export function checkModule(name: string, argument: string, module: unknown): void {
  if (!isModule(module)) {
    wrongType(name, argument, module, "a WebAssembly.Module");
  }
  const kernel = "layer_norm_forward_f32" satisfies keyof Kernels;
  if (!WebAssembly.Module.exports(module).some(({ name }) => name === kernel)) {
    throw new TypeError(`${name}: ${argument} is another one, needs this package's layernorm.wasm, compiled`);
  }
}

function isModule(value: unknown): value is WebAssembly.Module {
  return typeof WebAssembly === "object" && value instanceof WebAssembly.Module;
}

/** The WebAssembly file that a user brings, a module or bytes. Whether it is bytes. */
export function checkSource(name: string, source: unknown, needed: string): source is BufferSource {
  if (isModule(source)) return false;
  if (!ArrayBuffer.isView(source) && Object(source)[Symbol.toStringTag] !== "ArrayBuffer")
    throw new TypeError(`${name}: source is ${describe(source)}, needs ${needed}`);
  return true;
}

/** The answer that should bring the WebAssembly file. */
export function checkAnswer(name: string, answer: Response): Response {
  if (answer.ok === false) {
    const { status, url } = answer;
    throw new TypeError(
      `${name}: source is an answer with status ${status} from ${url}, needs layernorm.wasm`,
    );
  }
  return answer;
}

/** The module that bytes were compiled to, unless they could not be. */
export function checkCompiled(
  name: string,
  bytes: BufferSource,
  module: WebAssembly.Module | undefined,
): WebAssembly.Module {
  if (module !== undefined) return module;
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes);
  const start = String.fromCharCode(...new Uint8Array(buffer, byteOffset, Math.min(4, byteLength)));
  if (start !== "\0asm") {
    throw new TypeError(
      `${name}: source begins with ${JSON.stringify(start)}, needs the bytes of layernorm.wasm`,
    );
  }
  throw new Error(
    `${name}: source does not compile: it is damaged, or SIMD is missing or forbidden here; layernorm-wasm/js needs none`,
  );
}

/** The module of `layernorm-wasm/slim`, once it was given. */
export function checkInitialised(module: WebAssembly.Module | undefined): WebAssembly.Module {
  if (module === undefined) {
    throw new Error(
      "layernorm-wasm/slim has no WebAssembly yet: call `await init(source)` or `initSync(source)` first, with " +
        "layernorm-wasm/layernorm.wasm",
    );
  }
  return module;
}

/** That a runtime may use the memory that its engine starts with. */
export function checkMaxBytes(name: string, maxBytes: number, memoryBytes: number): void {
  if (memoryBytes > maxBytes) {
    throw new RangeError(
      `${name}: maxBytes is ${maxBytes}, needs the ${memoryBytes} that the engine starts with`,
    );
  }
}

/** That a runtime can still be used. */
export function checkNotDisposed(name: string, disposed: boolean): void {
  if (disposed) throw new TypeError(`${name}: the runtime is disposed, make a new one`);
}

/** That a layer's backward call comes after its forward call. */
export function checkForwardRan<T>(name: string, saved: T | undefined): T {
  if (saved === undefined)
    throw new Error(`${name}: there is no forward call to go back through, call forward first`);
  return saved;
}

/** That a layer's parameters go with `x`. */
export function checkLayerDtype(name: string, x: Data, dtype: Dtype): void {
  if (dtype !== "f32" && dtypeOf(x) !== dtype)
    wrongType(name, "x", x, `${withArticle(dtype)} Tensor, as the layer's parameters are`);
}

/** How elements of each type of a `.safetensors` file that can be read are stored, in bytes. */
const SAFETENSORS_BYTES: { readonly [dtype: string]: number | undefined } = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
};

/** What a `.safetensors` file has under `key`, if anything, and its bytes. */
export function checkSafetensors(
  name: string,
  file: ArrayBuffer | Uint8Array,
  key: string,
): { entry: SafetensorsEntry | undefined; data: Uint8Array } {
  const isBytes = ArrayBuffer.isView(file) || Object(file)[Symbol.toStringTag] === "ArrayBuffer";
  if (!isBytes) wrongType(name, "file", file, "the bytes of a .safetensors file");
  const bytes = ArrayBuffer.isView(file)
    ? new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
    : new Uint8Array(file);
  const header = safetensorsHeader(bytes);
  if (header === undefined)
    throw new TypeError(`${name}: file is of another format, needs the bytes of a .safetensors file`);
  const entry = Object.hasOwn(header.entries, key) ? header.entries[key] : undefined;
  if (entry === undefined) return { entry, data: bytes.subarray(0, 0) };
  const size = SAFETENSORS_BYTES[entry.dtype];
  if (size === undefined)
    throw new TypeError(`${name}: ${key} is stored as ${describe(entry.dtype)}, needs F64, F32, F16 or BF16`);
  const [start, end] = entry.data_offsets;
  const count = entry.shape.reduce((product, size) => product * size, 1);
  const data = bytes.subarray(header.end + start, header.end + end);
  if (data.length !== count * size || end - start !== data.length)
    throw new RangeError(
      `${name}: ${key} has ${data.length} bytes in file, needs ${count * size} for its shape ${list(entry.shape)}`,
    );
  return { entry, data };
}

/** What the header of a file says, and where it ends; nothing where there is none. */
function safetensorsHeader(
  bytes: Uint8Array,
): { entries: { readonly [name: string]: SafetensorsEntry }; end: number } | undefined {
  if (bytes.length < 8) return undefined;
  const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (end > bytes.length) return undefined;
  try {
    return { entries: JSON.parse(new TextDecoder().decode(bytes.subarray(8, end))), end };
  } catch {
    return undefined;
  }
}

/** A parameter of a state to load: there, and of the right size. */
export function checkState(name: string, value: unknown, key: string, size: number): ArrayLike<number> {
  if (value === undefined)
    throw new TypeError(`${name}: ${key} is missing from the state, needs ${elements(size)}`);
  if (value instanceof Tensor) checkLive(name, key, value);
  const values = (value instanceof Tensor ? value.toFloat32Array() : value) as ArrayLike<number>;
  checkNumbers(name, key, values);
  if (values.length !== size)
    throw new RangeError(`${name}: ${key} has ${elements(values.length)}, needs ${size}`);
  return values;
}

/** A state to load, with no key but those of the layer. */
export function checkStateKeys(name: string, state: unknown, keys: readonly string[]): void {
  if (typeof state !== "object" || state === null) {
    wrongType(name, "state", state, `an object with ${keys.join(", ") || "no keys"}`);
  }
  for (const key of Object.keys(state)) {
    if (!keys.includes(key)) {
      throw new TypeError(
        `${name}: state has ${JSON.stringify(key)}, the layer has ${keys.join(", ") || "no parameters"}`,
      );
    }
  }
}

/** That `value` is one of TensorFlow.js's tensors, as its own `instanceof` says, of float32. */
export function checkTfjsTensor(
  name: string,
  argument: string,
  value: { readonly dtype?: string; readonly isDisposed?: boolean },
  isTensor: boolean,
): void {
  if (!isTensor) wrongType(name, argument, value, "a tf.Tensor");
  if (value.isDisposed) throw new TypeError(`${name}: ${called(name, argument)} is a disposed tensor`);
  if (value.dtype !== "float32") {
    throw new TypeError(`${name}: ${argument} is of dtype ${value.dtype}, needs float32`);
  }
}

/** That two arguments have one shape. */
export function checkSameShape(
  name: string,
  argument: string,
  shape: readonly number[],
  other: string,
  otherShape: readonly number[],
): void {
  if (shape.length === otherShape.length && shape.every((size, k) => size === otherShape[k])) return;
  throw new RangeError(
    `${name}: ${argument} has shape ${list(shape)}, needs ${list(otherShape)}, as ${other} has`,
  );
}

/** The one tensor that a layer is called with, in an array or not. */
export function checkOneTensor<T extends object>(name: string, inputs: T | readonly T[]): T {
  if (!Array.isArray(inputs)) return inputs as T;
  if (inputs.length !== 1) throw new TypeError(`${name}: called with ${inputs.length} tensors, needs one`);
  return inputs[0];
}
