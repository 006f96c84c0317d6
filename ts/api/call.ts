import type { Kernels } from "../engine/abi.js";
import { javascriptEngine } from "../engine/javascript.js";
import { align, rowsPerChunk, SCRATCH_LIMIT } from "../engine/memory.js";
import { Context } from "./context.js";
import { type Data, Tensor } from "./tensor.js";

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** An argument of a kernel, and where it stands in memory. */
export class Place {
  /** Its first byte, for the rows at hand; 0 for an argument that is absent. */
  pointer: number;
  /** The argument, where it is a plain array: it passes through scratch. */
  array: Float32Array | undefined;
  /** Its elements for each row; 0 for an argument that belongs to all rows. */
  readonly width: number;
  /** Whether a plain array is copied in before the kernel runs. */
  readonly read: boolean;
  /** Whether a plain array is copied out after the kernel has run. */
  readonly written: boolean;
  /** The place that a plain array shares, where each element is read before it is written. */
  readonly over: Place | undefined;
  /** Bytes of working memory. */
  readonly working: number;
  readonly #data: Data | undefined;

  constructor(
    data: Data | undefined,
    width: number,
    read: boolean,
    written: boolean,
    over: Place | undefined,
    working: number,
  ) {
    const tensor = data instanceof Tensor;
    this.pointer = tensor ? data.pointer : 0;
    this.array = tensor ? undefined : data;
    this.width = width;
    this.read = read;
    this.written = written;
    this.over = over;
    this.working = working;
    this.#data = data;
  }

  /** Takes a tensor for a plain array, so that it can pass through the memory of another engine. */
  takeAsPlain(): void {
    // Beside plain arrays, which are f32, all are.
    if (this.#data instanceof Tensor) this.array = this.#data.data as Float32Array;
  }

  /** Elements of a plain array for so many rows. */
  elements(rows: number): number {
    if (this.array === undefined) return 0;
    return this.width > 0 ? this.width * rows : this.array.length;
  }

  /** Bytes of scratch that it needs for so many rows. */
  scratchBytes(rows: number): number {
    return this.over === undefined ? align(this.elements(rows) * BYTES + this.working) : 0;
  }
}

/** The place of all arguments that are absent: its pointer stays 0. */
const ABSENT = /* @__PURE__ */ new Place(undefined, 0, false, false, undefined, 0);

/** What runs, with the kernels of the memory that the arguments were placed in. */
export interface Steps {
  before?(kernels: Kernels): void;
  rows(kernels: Kernels, firstRow: number, rows: number): void;
  after?(kernels: Kernels): void;
}

/**
 * The arguments of one kernel call, on their way into memory and back. Tensors stand there already. Plain
 * arrays pass through scratch: what has a row for each row of `x` in chunks of rows, the rest as a whole.
 */
export class Call {
  readonly #rows: number;
  readonly #places: Place[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  /** An argument that is read, with `width` elements for each row or for all of them. */
  input(data: Data | undefined, width = 0): Place {
    return data === undefined ? ABSENT : this.#add(new Place(data, width, true, false, undefined, 0));
  }

  /** A result with `width` elements for each row. */
  output(data: Data | undefined, width: number, over?: Place): Place {
    return data === undefined ? ABSENT : this.#add(new Place(data, width, false, true, over, 0));
  }

  /** A result for all rows; `read`, where what it holds counts. */
  total(data: Data | undefined, read: boolean): Place {
    return data === undefined ? ABSENT : this.#add(new Place(data, 0, read, true, undefined, 0));
  }

  /** Working memory of so many bytes. */
  working(bytes: number): Place {
    return this.#add(new Place(undefined, 0, false, false, undefined, bytes));
  }

  #add(place: Place): Place {
    this.#places.push(place);
    return place;
  }

  /**
   * Runs `steps`, over as many rows at a time as pass through scratch together.
   *
   * Rows too wide for scratch go through a JavaScript engine of their own, which gives the same bits: the
   * memory of the WebAssembly stays small, for it could never shrink again. So do plain arrays that are views
   * of that memory, which would die if scratch made it grow.
   */
  run(context: Context, name: string, steps: Steps): void {
    let rowBytes = 0;
    let views = false;
    for (const place of this.#places) {
      if (place.array === undefined) continue;
      if (place.over === undefined) rowBytes += place.width * BYTES;
      views ||= context.memory.holds(place.array);
    }
    const chunk = rowBytes === 0 ? this.#rows : rowsPerChunk(this.#rows, rowBytes);
    const bytes = this.#scratchBytes(chunk);
    if (views || (rowBytes > 0 && bytes > SCRATCH_LIMIT)) {
      for (const place of this.#places) place.takeAsPlain();
      this.#runOn(new Context(javascriptEngine), name, this.#scratchBytes(chunk), chunk, steps);
    } else {
      this.#runOn(context, name, bytes, chunk, steps);
    }
  }

  #scratchBytes(rows: number): number {
    let bytes = 0;
    for (const place of this.#places) bytes += place.scratchBytes(rows);
    return bytes;
  }

  #runOn(context: Context, name: string, bytes: number, chunk: number, steps: Steps): void {
    const { kernels } = context;
    this.#place(context.scratch(name, bytes), chunk);
    // Nothing grows the memory before the last copy, so one view of it will do.
    const { f32 } = context.memory;
    this.#copyIn(f32, 0, 0, false);
    steps.before?.(kernels);
    for (let first = 0; first < this.#rows; first += chunk) {
      const rows = Math.min(chunk, this.#rows - first);
      this.#copyIn(f32, first, rows, true);
      steps.rows(kernels, first, rows);
      this.#copyOut(f32, first, rows, true);
    }
    steps.after?.(kernels);
    this.#copyOut(f32, 0, 0, false);
    context.memory.trimScratch();
  }

  #place(scratch: number, chunk: number): void {
    let next = scratch;
    for (const place of this.#places) {
      const bytes = place.scratchBytes(chunk);
      if (bytes > 0) place.pointer = next;
      else if (place.array !== undefined && place.over !== undefined) place.pointer = place.over.pointer;
      next += bytes;
    }
  }

  /** Copies in what is read, of arguments with rows or of the others. */
  #copyIn(f32: Float32Array, firstRow: number, rows: number, withRows: boolean): void {
    for (const { array, width, read, pointer } of this.#places) {
      if (array === undefined || !read || width > 0 !== withRows) continue;
      const start = firstRow * width;
      const count = withRows ? rows * width : array.length;
      const at = pointer / BYTES;
      if (count <= FEW) for (let k = 0; k < count; k++) f32[at + k] = array[start + k];
      else f32.set(count === array.length ? array : array.subarray(start, start + count), at);
    }
  }

  /** Copies out what is written, of arguments with rows or of the others. */
  #copyOut(f32: Float32Array, firstRow: number, rows: number, withRows: boolean): void {
    for (const { array, width, written, pointer } of this.#places) {
      if (array === undefined || !written || width > 0 !== withRows) continue;
      const start = firstRow * width;
      const count = withRows ? rows * width : array.length;
      copyOut(f32, pointer / BYTES, array, start, count);
    }
  }
}

/** Bytes of scratch that a plain array takes. */
export function scratchBytes(data: Data | undefined): number {
  return data === undefined || data instanceof Tensor ? 0 : align(data.length * BYTES);
}

/** The first byte of an argument, where a plain array is copied to `at`; 0 for one that is absent. */
export function placed(f32: Float32Array, data: Data | undefined, at: number): number {
  if (data === undefined) return 0;
  if (data instanceof Tensor) return data.pointer;
  f32.set(data, at / BYTES);
  return at;
}

/** Copies `count` elements of the memory, from the one at `at`, to an array. */
export function copyOut(
  f32: Float32Array,
  at: number,
  array: Float32Array,
  start: number,
  count: number,
): void {
  if (count <= FEW) for (let k = 0; k < count; k++) array[start + k] = f32[at + k];
  else array.set(f32.subarray(at, at + count), start);
}

/** As many elements are copied faster one by one than by a view that has to be made first. */
const FEW = 64;
