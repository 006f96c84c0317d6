import type { Kernels } from "../engine/abi.js";
import { javascriptEngine } from "../engine/javascript.js";
import { align, rowsPerChunk, SCRATCH_KEPT, SCRATCH_LIMIT } from "../engine/memory.js";
import { Context } from "./context.js";
import { type Data, Tensor } from "./tensor.js";

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** An argument of a kernel, and where it stands in memory. */
export interface Place {
  /** The argument; nothing for one that is absent, and for working memory. */
  data: Data | undefined;
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
  /** Its first byte, for the rows at hand; 0 for an argument that is absent. */
  pointer: number;
}

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
    return this.#add({ data, width, read: true, written: false, over: undefined, working: 0, pointer: 0 });
  }

  /** A result with `width` elements for each row. */
  output(data: Data | undefined, width: number, over?: Place): Place {
    return this.#add({ data, width, read: false, written: true, over, working: 0, pointer: 0 });
  }

  /** A result for all rows; `read`, where what it holds counts. */
  total(data: Data | undefined, read: boolean): Place {
    return this.#add({ data, width: 0, read, written: true, over: undefined, working: 0, pointer: 0 });
  }

  /** Working memory of so many bytes; absent for none. */
  working(bytes: number): Place {
    return this.#add({
      data: undefined,
      width: 0,
      read: false,
      written: false,
      over: undefined,
      working: bytes,
      pointer: 0,
    });
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
    const rowBytes = this.#places.reduce(
      (sum, place) => sum + (place.width > 0 ? scratchBytes(place, 1) : 0),
      0,
    );
    const chunk = rowBytes === 0 ? this.#rows : rowsPerChunk(this.#rows, rowBytes);
    const views = this.#places.some(({ data }) => isPlain(data) && context.memory.holds(data));
    if (views || (rowBytes > 0 && this.#scratchBytes(chunk) > SCRATCH_LIMIT)) {
      for (const place of this.#places) if (place.data instanceof Tensor) place.data = place.data.data;
      this.#runOn(new Context(javascriptEngine), name, chunk, steps);
    } else {
      this.#runOn(context, name, chunk, steps);
    }
  }

  #scratchBytes(rows: number): number {
    return this.#places.reduce((sum, place) => sum + align(scratchBytes(place, rows)), 0);
  }

  #runOn(context: Context, name: string, chunk: number, steps: Steps): void {
    const { kernels, memory } = context;
    this.#place(context.scratch(name, this.#scratchBytes(chunk)), chunk);
    // Nothing grows the memory before the last copy, so one view of it will do.
    const { f32 } = memory;
    const passing = this.#places.filter(({ data, width }) => width > 0 && isPlain(data));
    const staying = this.#places.filter(({ data, width }) => width === 0 && isPlain(data));
    for (const place of staying) if (place.read) copyIn(f32, place, 0, count(place, 1));
    steps.before?.(kernels);
    for (let first = 0; first < this.#rows; first += chunk) {
      const rows = Math.min(chunk, this.#rows - first);
      for (const place of passing)
        if (place.read) copyIn(f32, place, first * place.width, count(place, rows));
      steps.rows(kernels, first, rows);
      for (const place of passing)
        if (place.written) copyOut(f32, place, first * place.width, count(place, rows));
    }
    steps.after?.(kernels);
    for (const place of staying) if (place.written) copyOut(f32, place, 0, count(place, 1));
    memory.dropScratch(SCRATCH_KEPT);
  }

  #place(scratch: number, chunk: number): void {
    let next = scratch;
    for (const place of this.#places) {
      const bytes = scratchBytes(place, chunk);
      if (place.data instanceof Tensor) place.pointer = place.data.pointer;
      else if (place.over !== undefined) place.pointer = place.data === undefined ? 0 : place.over.pointer;
      else if (bytes > 0) place.pointer = next;
      next += align(bytes);
    }
  }
}

function isPlain(data: Data | undefined): data is Float32Array {
  return data !== undefined && !(data instanceof Tensor);
}

/** Elements of a place, for so many rows. */
function count({ data, width }: Place, rows: number): number {
  return width > 0 ? width * rows : (data as Float32Array).length;
}

/** Bytes of scratch that a place needs for so many rows. */
function scratchBytes(place: Place, rows: number): number {
  if (place.over !== undefined || !isPlain(place.data)) return place.working;
  return count(place, rows) * BYTES;
}

function copyIn(f32: Float32Array, place: Place, from: number, elements: number): void {
  f32.set((place.data as Float32Array).subarray(from, from + elements), place.pointer / BYTES);
}

function copyOut(f32: Float32Array, place: Place, to: number, elements: number): void {
  const start = place.pointer / BYTES;
  (place.data as Float32Array).set(f32.subarray(start, start + elements), to);
}
