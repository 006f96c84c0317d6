import type { Kernels } from "../engine/abi.js";
import type { Dimension, Layout } from "./layout.js";
import { type Data, type Dtype, Tensor } from "./tensor.js";

/*
 * The norm kernels take rows that are f32, whole and in order: dense. What is stored otherwise passes through boxes of as
 * many rows as a first-level cache holds.
 */

const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;
/** The elements of a box, unless a row has more. */
const BOX_ELEMENTS = 6 * 1024;
/** The same of rows that are spread: as many as a second-level cache holds, for the runs that are read to be long. */
const SPREAD_BOX_ELEMENTS = 32 * 1024;
/** A run of so many elements is a whole number of cache lines, however they are stored. */
const RUN = 32;

/** How elements are stored, and the kernels that copy them to f32 and back. */
const STORAGE = {
  f32: { bytes: 4, widen: "copy_f32", narrow: "copy_f32" },
  f16: { bytes: 2, widen: "widen_f16", narrow: "narrow_f16" },
  bf16: { bytes: 2, widen: "widen_bf16", narrow: "narrow_bf16" },
} as const satisfies Record<Dtype, { bytes: number; widen: keyof Kernels; narrow: keyof Kernels }>;

/** Bytes of an element. */
export function bytesOf(dtype: Dtype): number {
  return STORAGE[dtype].bytes;
}

/** How data is stored. */
export function dtypeOf(data: Data): Dtype {
  return data instanceof Tensor ? data.dtype : "f32";
}

/** The rows of a box. */
export function boxRows(cols: number, elements = BOX_ELEMENTS): number {
  return Math.max(1, Math.floor(elements / cols));
}

/** Copies `count` elements of `dtype` to f32. */
export function widen(kernels: Kernels, dtype: Dtype, from: number, to: number, count: number): void {
  kernels[STORAGE[dtype].widen](from, to, 1, 1, count, 0, 0, 1, 0, 0, 1);
}

/** Copies `count` f32 to elements of `dtype`, each rounded to the nearest. */
export function narrow(kernels: Kernels, dtype: Dtype, from: number, to: number, count: number): void {
  kernels[STORAGE[dtype].narrow](from, to, 1, 1, count, 0, 0, 1, 0, 0, 1);
}

/** A dimension of a box. */
interface Step extends Dimension {
  /** Elements from one to the next where the box is dense. */
  readonly dense: number;
  /** Whether the last box has fewer. */
  readonly varies: boolean;
}

/** Rows that lie side by side: as many as are done without a box, of so many from `row` on, at `offset`. */
export type Across = (row: number, rows: number, offset: number) => number;

/** What is done for a box: its first row, of those at hand; how many it has; and how many elements in it begins. */
export type EachBox = (row: number, rows: number, offset: number) => void;

/** The rows of a call, a box at a time. */
export class Boxes {
  readonly #dtype: Dtype;
  /** The most rows of a box. */
  readonly #rows: number;
  /** Rows and elements of a slab; without a layout, of a row. */
  readonly #slab: { readonly rows: number; readonly size: number };
  /** The dimensions that number boxes within a slab; the last one, in steps of as many as a box has of it. */
  readonly #between: readonly Dimension[];
  /** The dimensions of a box, at least three; the last two are those that are contiguous, stored or dense. */
  readonly #steps: readonly Step[];

  /** Boxes of at most `most` rows, or of as many as fit. */
  constructor(dtype: Dtype, cols: number, layout: Layout | undefined, most = 0) {
    this.#dtype = dtype;
    this.#slab = layout ?? { rows: 1, size: cols };
    const limit = most || boxRows(cols, layout === undefined ? BOX_ELEMENTS : SPREAD_BOX_ELEMENTS);
    if (layout === undefined) {
      this.#rows = limit;
      this.#between = [];
      this.#steps = [ONCE, ONCE, { size: limit * cols, stride: 1, dense: 1, varies: true }];
      return;
    }
    // The last of the dimensions that number rows, as many as fit, and a part of the one before.
    const { outer, inner } = layout;
    let split = outer.length - 1;
    let rows = 1;
    while (split > 0 && rows * outer[split].size <= limit) rows *= outer[split--].size;
    const fit = Math.floor(limit / rows) || 1;
    const part = outer[split] ?? ONCE;
    const size = Math.min(part.size, fit < RUN ? fit : fit - (fit % RUN));
    this.#rows = rows * size;
    this.#between = outer.slice(0, split + 1);
    this.#steps = stepsOf({ size, stride: part.stride }, [...outer.slice(split + 1), ...inner]);
  }

  /** Bytes of a box that is dense. */
  bytes(cols: number): number {
    return this.#rows * cols * F32_BYTES;
  }

  /** Calls `each` for the boxes of so many slabs; without a layout, of so many rows; not for those that `across` does. */
  each(slabs: number, each: EachBox, across: Across = none): void {
    const { rows, size } = this.#slab;
    if (this.#between.length === 0) {
      const step = this.#rows;
      for (let row = 0; row < slabs * rows; row += step)
        each(row, Math.min(step, slabs * rows - row), (row / rows) * size);
      return;
    }
    for (let slab = 0; slab < slabs; slab++)
      this.#eachWithin(0, slab * rows, rows, slab * size, each, across);
  }

  #eachWithin(depth: number, row: number, rows: number, offset: number, each: EachBox, across: Across): void {
    const { size, stride } = this.#between[depth];
    const rowsOfOne = rows / size;
    const isLast = depth === this.#between.length - 1;
    const step = isLast ? this.#rows / rowsOfOne : 1;
    for (let k = 0; k < size; ) {
      const [first, at] = [row + k * rowsOfOne, offset + k * stride];
      const done = isLast ? across(first, size - k, at) : 0;
      if (!isLast) this.#eachWithin(depth + 1, first, rowsOfOne, at, each, across);
      else if (done === 0) each(first, Math.min(step, size - k) * rowsOfOne, at);
      k += done || step;
    }
  }

  /** Copies a box of so many rows to where it is dense. */
  gather(kernels: Kernels, stored: number, dense: number, rows: number): void {
    this.#copy(kernels[STORAGE[this.#dtype].widen], false, 0, stored, dense, rows);
  }

  /** Copies a box of so many rows from where it is dense. */
  scatter(kernels: Kernels, dense: number, stored: number, rows: number): void {
    this.#copy(kernels[STORAGE[this.#dtype].narrow], true, 0, stored, dense, rows);
  }

  /** Copies what is at one place in the first `depth` dimensions, to where it is dense, or `back`. */
  #copy(
    copy: Kernels["copy_f32"],
    back: boolean,
    depth: number,
    stored: number,
    dense: number,
    rows: number,
  ): void {
    const steps = this.#steps;
    const [a, b, c] = [steps[depth], steps[depth + 1], steps[depth + 2]];
    const size = this.#sizeOf(a, rows);
    if (depth < steps.length - 3) {
      const [storedBytes, denseBytes] = [a.stride * bytesOf(this.#dtype), a.dense * F32_BYTES];
      for (let k = 0; k < size; k++)
        this.#copy(copy, back, depth + 1, stored + k * storedBytes, dense + k * denseBytes, rows);
      return;
    }
    const [sizeB, sizeC] = [this.#sizeOf(b, rows), this.#sizeOf(c, rows)];
    if (back)
      copy(dense, stored, size, sizeB, sizeC, a.dense, b.dense, c.dense, a.stride, b.stride, c.stride);
    else copy(stored, dense, size, sizeB, sizeC, a.stride, b.stride, c.stride, a.dense, b.dense, c.dense);
  }

  #sizeOf({ size, varies }: Step, rows: number): number {
    return varies ? (size * rows) / this.#rows : size;
  }
}

/** No rows are done across. */
const none: Across = () => 0;

/** A dimension that is none. */
const ONCE: Step = { size: 1, stride: 0, dense: 0, varies: false };

/** The dimensions of a box, `first` the one that varies, in the order in which a kernel copies best. */
function stepsOf(first: Dimension, rest: readonly Dimension[]): Step[] {
  const steps: Step[] = [];
  let dense = 1;
  for (const dimension of [first, ...rest].reverse()) {
    const varies = dimension === first;
    const { size, stride } = dimension;
    if (varies || size > 1) steps.unshift({ size, stride, dense, varies });
    dense *= size;
  }
  const contiguity = ({ stride, dense }: Step) => (dense === 1 ? 2 : stride === 1 ? 1 : 0);
  steps.sort((a, b) => contiguity(a) - contiguity(b));
  while (steps.length < 3) steps.unshift(ONCE);
  return steps;
}
