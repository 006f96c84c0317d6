import type { Kernels } from "../engine/abi.js";
import type { Context } from "./context.js";
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
  // As it is said: an f32 Tensor, a Uint8Array.
  return `${/^(?:[AEIO]|f\d)/.test(kind) ? "an" : "a"} ${kind}`;
}

const list = (numbers: readonly number[]): string => `[${Array.from(numbers, describe).join(", ")}]`;
const elements = (count: number): string => `${count} element${count === 1 ? "" : "s"}`;
const sizes = (normalizedShape: number | readonly number[]): string =>
  list(typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape);

/** A value of a wrong type. Out of the checks themselves, which a small call runs a dozen of: they stay short. */
function wrongType(name: string, argument: string, value: unknown, needed: string): never {
  throw new TypeError(`${name}: ${argument} is ${describe(value)}, needs ${needed}`);
}

/** Data of a wrong size. */
function wrongCount(name: string, argument: string, data: Data, needed: string): never {
  throw new RangeError(`${name}: ${argument} has ${elements(count(data))}, ${needed}`);
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

/** `product(normalizedShape)`: the elements of a row. */
export function checkNormalizedShape(name: string, normalizedShape: number | readonly number[]): number {
  if (typeof normalizedShape !== "number") {
    if (!Array.isArray(normalizedShape))
      wrongType(name, "normalizedShape", normalizedShape, "a number or an array of numbers");
    if (normalizedShape.length === 0)
      throw new RangeError(`${name}: normalizedShape is [], needs at least one size`);
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

/** What the API names and this version does not do yet. */
export function notYet(name: string): never {
  throw new Error(`${name} is not available yet`);
}

/** An option that the API names and this version does not have yet. */
export function checkNotYet(name: string, option: string, value: unknown): void {
  if (value !== undefined) throw new Error(`${name}: ${option} is not available yet`);
}

/** That `value` can be used on `context`: a Float32Array, or a live f32 tensor of its memory. */
export function checkData(
  context: Context,
  name: string,
  argument: string,
  value: unknown,
): asserts value is Data {
  if (value instanceof Tensor) {
    checkTensor(context, name, argument, value);
    return;
  }
  checkNotDisposed(name, context.disposed);
  if (!isFloat32Array(value)) {
    wrongType(name, argument, value, "a Float32Array or a Tensor");
  }
  checkAttached(name, argument, value);
}

/** That an array still has its memory. */
function checkAttached(name: string, argument: string, array: Float32Array): void {
  if (array.length === 0 && isDetached(array))
    throw new TypeError(`${name}: ${argument} is detached: its memory was transferred away`);
}

function checkTensor(context: Context, name: string, argument: string, tensor: Tensor): void {
  if (tensor.context !== context) throw new TypeError(`${name}: ${argument} is a tensor of another runtime`);
  checkLive(name, argument, tensor);
}

/** That a tensor still has its memory. */
export function checkLive(name: string, argument: string, tensor: Tensor): void {
  if (tensor.disposed) throw new TypeError(`${name}: ${argument} is a disposed tensor`);
  if (tensor.context.disposed) throw new TypeError(`${name}: ${argument} is a tensor of a disposed runtime`);
}

/** That `value` is of the same kind as `x`. */
function checkSameKind(
  context: Context,
  name: string,
  argument: string,
  value: unknown,
  x: Data,
): asserts value is Data {
  if (x instanceof Tensor) {
    if (!(value instanceof Tensor)) wrongType(name, argument, value, "a Tensor, as x is");
    checkTensor(context, name, argument, value);
  } else {
    if (!isFloat32Array(value)) wrongType(name, argument, value, "a Float32Array, as x is");
    checkAttached(name, argument, value);
  }
}

/** `gamma` or `beta`, where given: `cols` elements. */
export function checkParameter<T extends Data>(
  context: Context,
  name: string,
  argument: string,
  value: T | undefined,
  x: Data,
  cols: number,
  normalizedShape: number | readonly number[],
): T | undefined {
  if (value === undefined) return undefined;
  checkSameKind(context, name, argument, value, x);
  if (count(value) !== cols) {
    wrongCount(name, argument, value, `normalizedShape ${sizes(normalizedShape)} needs ${cols}`);
  }
  return value;
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
  checkCount(context, name, argument, value, x, rows, "one for each row of x");
}

/** That `value` has `needed` elements. */
export function checkCount(
  context: Context,
  name: string,
  argument: string,
  value: Data | undefined,
  x: Data,
  needed: number,
  why: string,
): void {
  checkSameKind(context, name, argument, value, x);
  if (count(value) !== needed) {
    wrongCount(name, argument, value, `needs ${needed}, ${why}`);
  }
}

/** Elements of an array or tensor. */
export function count(data: Data): number {
  return data instanceof Tensor ? data.size : data.length;
}

/** The rows of `x`, whose last dimensions must be `normalizedShape`. */
export function checkRows(
  name: string,
  x: Data,
  shape: readonly number[] | undefined,
  cols: number,
  normalizedShape: number | readonly number[],
): number {
  const size = count(x);
  const xShape = x instanceof Tensor ? x.shape : shape;
  if (shape !== undefined) checkShapeOption(name, x, shape);
  if (xShape !== undefined) checkLastDimensions(name, xShape, normalizedShape);
  if (size % cols !== 0) {
    wrongCount(name, "x", x, `normalizedShape ${sizes(normalizedShape)} needs a multiple of ${cols}`);
  }
  return size / cols;
}

/** That the last dimensions of the shape of `x` are `normalizedShape`. */
export function checkLastDimensions(
  name: string,
  xShape: readonly number[],
  normalizedShape: number | readonly number[],
): void {
  if (endsWith(xShape, normalizedShape)) return;
  throw new RangeError(
    `${name}: x has shape ${list(xShape)}, its last dimensions need to be normalizedShape ${sizes(normalizedShape)}`,
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
    throw new RangeError(`${name}: shape ${list(shape)} has ${elements(size)}, x has ${count(x)}`);
  }
  if (
    x instanceof Tensor &&
    !(shape.length === x.shape.length && shape.every((size, k) => size === x.shape[k]))
  ) {
    throw new RangeError(`${name}: shape is ${list(shape)}, the tensor x has shape ${list(x.shape)}`);
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
  if (dtype === "f16" || dtype === "bf16") throw new Error(`${name}: dtype ${dtype} is not available yet`);
  if (dtype !== "f32") wrongType(name, "dtype", dtype, '"f32", "f16" or "bf16"');
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
 * That no output shares memory with an input or another output. `inPlace` is the one input that the first output
 * may be. Names and data stand in the same order; the one output that has no name is `out` itself.
 */
export function checkOverlap(
  name: string,
  inputNames: readonly string[],
  inputs: readonly (Data | undefined)[],
  outputNames: readonly string[],
  outputs: readonly (Data | undefined)[],
  inPlace: Data,
): void {
  const from = inputs.map(memoryOf);
  const to = outputs.map(memoryOf);
  outputs.forEach((written, k) => {
    if (written === undefined) return;
    inputs.forEach((read, i) => {
      if (from[i] !== to[k] || read === undefined || !overlaps(read, written)) return;
      const mayBeSame = k === 0 && read === inPlace;
      if (mayBeSame && sameElements(read, written)) return;
      const hint = mayBeSame ? `, or to be ${inputNames[i]} itself` : "";
      overlapping(name, outputNames[k], inputNames[i], `needs memory of its own${hint}`);
    });
    outputs.forEach((alsoWritten, other) => {
      if (other <= k || to[other] !== to[k] || alsoWritten === undefined || !overlaps(written, alsoWritten))
        return;
      overlapping(name, outputNames[k], `out.${outputNames[other]}`, "each needs memory of its own");
    });
  });
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
    checkOverlap(name, ["x", "gamma", "beta"], [x, gamma, beta], [], [out], x);
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

/** A parameter of a state to load: there, and of the right size. */
export function checkState(name: string, value: unknown, key: string, size: number): ArrayLike<number> {
  if (value === undefined)
    throw new TypeError(`${name}: ${key} is missing from the state, needs ${elements(size)}`);
  if (value instanceof Tensor) checkLive(name, key, value);
  const values = (value instanceof Tensor ? value.data : value) as ArrayLike<number>;
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
  if (value.isDisposed) throw new TypeError(`${name}: ${argument} is a disposed tensor`);
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
