import type { WasmExports } from "./generated/exports.js";

/**
 * The kernels: what every engine implements, as `crate/src/abi.rs` declares it.
 *
 * Arguments that are places in memory are byte offsets, 0 for one that is absent. The layout of a column
 * sum, the running total that becomes dgamma or dbeta, is the engines' own business: `columnSumBytes`.
 */
export type Kernels = Pick<
  WasmExports,
  "layer_norm_forward_f32" | "layer_norm_backward_f32" | "column_sum_start" | "column_sum_finish_f32"
>;

/** What `WebAssembly.Memory` is to those who use it: bytes that grow, in a new `buffer` each time. */
export interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; a `RangeError` where there is no room. */
  grow(pages: number): number;
}

/** A memory, and the kernels that work on it. */
export interface Engine {
  readonly name: "simd128" | "js";
  readonly kernels: Kernels;
  readonly memory: GrowingMemory;
  /** The first byte that the kernels leave to their caller. */
  readonly heapBase: number;
}

/** Bytes of a column sum of `cols` columns: totals in f64, a block in f32. */
export function columnSumBytes(cols: number): number {
  return cols * (Float64Array.BYTES_PER_ELEMENT + Float32Array.BYTES_PER_ELEMENT);
}
