import type { WasmExports } from "./generated/exports.js";

/**
 * The kernels: what every engine implements, as `crate/src/abi.rs` declares it.
 *
 * Arguments that are places in memory are byte offsets, 0 for one that is absent. How the running
 * gradients of gamma and beta are laid out is the engines' own business: `gradientsBytes`.
 */
export type Kernels = Pick<
  WasmExports,
  | "layer_norm_forward_f32"
  | "layer_norm_forward_across_f32"
  | "layer_norm_backward_f32"
  | "gradients_start"
  | "gradients_finish_f32"
  | "copy_f32"
  | "widen_f16"
  | "widen_bf16"
  | "narrow_f16"
  | "narrow_bf16"
  | "add_f32"
  | "plus_one_f32"
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

/** Bytes of the running gradients of gamma and beta, of `cols` columns: see `crate/src/gradients.rs`. */
export function gradientsBytes(cols: number): number {
  return Math.ceil(cols / 4) * 4 * (2 * Float64Array.BYTES_PER_ELEMENT + 3 * Float32Array.BYTES_PER_ELEMENT);
}
