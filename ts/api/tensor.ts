// Brings the type of `Symbol.dispose` to those whose `lib` has it not.
/// <reference lib="esnext.disposable" preserve="true" />

import { checkDtype, checkLive, checkShape, checkValues } from "./check.js";
import type { Context } from "./context.js";
import { bytesOf, narrow, widen } from "./storage.js";

/** How the elements of a tensor are stored. Arithmetic is in f32 or better, whatever the storage. */
export type Dtype = "f32" | "f16" | "bf16";

/** `Float32Array<ArrayBuffer>`, which TypeScript before 5.7 does not know by that name. */
export type Values = ReturnType<Float32Array["slice"]>;

/** What a tensor's elements are to JavaScript: f32 are numbers, the others bits. */
export type ValuesOf<D extends Dtype> = D extends "f32" ? Values : ReturnType<Uint16Array["slice"]>;

/** What the operations work on: a plain array, or a tensor in the memory of the kernels. */
export type Data = Float32Array | Tensor<Dtype>;

/** How many elements are converted at once. */
const CHUNK_ELEMENTS = 16 * 1024;

/**
 * Elements in the memory of the kernels, which read and write them in place, without a copy.
 *
 * Made by `tensor` and `tensorFrom`, and by every operation on tensors. `using`, or `dispose()`, gives the
 * memory back at once; a tensor that is forgotten is freed some time after it was garbage-collected, which
 * never happens within one synchronous loop.
 */
export class Tensor<D extends Dtype = "f32"> {
  /** The sizes of its dimensions. */
  readonly shape: readonly number[];
  /** The number of its elements: the product of `shape`. */
  readonly size: number;
  /** How its elements are stored. */
  readonly dtype: D;
  /** @internal The runtime that it belongs to. */
  readonly context: Context;
  /** @internal Its first byte in the runtime's memory, 0 when it is disposed. */
  pointer: number;
  #data: ValuesOf<Dtype> | undefined;

  /** @internal */
  constructor(context: Context, name: string, shape: readonly number[], size: number, dtype: D) {
    this.context = context;
    this.shape = Object.freeze([...shape]);
    this.size = size;
    this.dtype = dtype;
    this.pointer = context.allocate(name, size * bytesOf(dtype), this);
  }

  /**
   * Its elements, to read and to write: a Float32Array, or for `"f16"` and `"bf16"` a Uint16Array of their bits. The view
   * is right at this moment; memory that grows leaves it behind, so take it anew rather than keep it.
   *
   * @throws TypeError when the tensor, or its runtime, is disposed.
   */
  get data(): ValuesOf<D> {
    checkLive("Tensor.data", "this", this);
    const { memory } = this.context;
    const ofType = this.dtype === "f32" ? Float32Array : Uint16Array;
    this.#data = memory.view(ofType, this.pointer, this.size, this.#data) as ValuesOf<Dtype>;
    return this.#data as ValuesOf<D>;
  }

  /** Its elements, copied; those of `"f16"` and `"bf16"` exactly, for f32 holds them all. */
  toFloat32Array(): Values {
    const { data, context, dtype } = this;
    if (data instanceof Float32Array) return data.slice();
    const values = new Float32Array(this.size);
    throughScratch(context, "Tensor.toFloat32Array", this.size, (f32, scratch, first, count) => {
      widen(context.kernels, dtype, this.pointer + first * bytesOf(dtype), scratch, count);
      values.set(f32.subarray(0, count), first);
    });
    return values;
  }

  /** @internal Sets its elements, rounded to how they are stored. */
  setValues(name: string, values: ArrayLike<number>): void {
    const { data, context, dtype } = this;
    if (data instanceof Float32Array) {
      data.set(values);
      return;
    }
    const kept = keptWhenGrown(context, values);
    throughScratch(context, name, this.size, (f32, scratch, first, count) => {
      const bits = context.memory.view(Int32Array, scratch, count);
      for (let k = 0; k < count; k++) {
        const value = kept[first + k];
        f32[k] = value;
        // Rounded twice, a number could end up beside the nearest: so what f32 cannot hold becomes the neighbour whose last
        // bit is 1, which is no tie of 16 bits (Boldo, Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
        const rounded = f32[k];
        if (rounded !== value && !Number.isNaN(value) && bits[k] % 2 === 0)
          bits[k] += Math.abs(rounded) < Math.abs(value) ? 1 : -1;
      }
      narrow(context.kernels, dtype, scratch, this.pointer + first * bytesOf(dtype), count);
    });
  }

  /** Whether its memory was given back. */
  get disposed(): boolean {
    return this.pointer === 0;
  }

  /** Gives its memory back. Doing so twice is allowed. */
  dispose(): void {
    if (this.disposed) return;
    this.context.free(this.pointer, this);
    this.pointer = 0;
    this.#data = undefined;
  }

  /** `dispose()`, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Values, copied if they are a view of the memory, which would be gone if that grew. */
function keptWhenGrown(context: Context, values: ArrayLike<number>): ArrayLike<number> {
  return ArrayBuffer.isView(values) && context.memory.holds(values) ? Array.from(values) : values;
}

/** Calls `convert` for each chunk of `size` elements, with scratch for as many f32 and where that begins. */
function throughScratch(
  context: Context,
  name: string,
  size: number,
  convert: (f32: Values, scratch: number, first: number, count: number) => void,
): void {
  const most = Math.min(size, CHUNK_ELEMENTS);
  const scratch = context.scratch(name, most * Float32Array.BYTES_PER_ELEMENT);
  const f32 = context.memory.view(Float32Array, scratch, most);
  for (let first = 0; first < size; first += most) convert(f32, scratch, first, Math.min(most, size - first));
}

/** @internal A tensor of zeros. */
export function createTensor<D extends Dtype>(
  context: Context,
  shape: readonly number[],
  dtype = "f32" as D,
): Tensor<D> {
  const size = checkShape("tensor", shape);
  checkDtype("tensor", dtype);
  const result = new Tensor(context, "tensor", shape, size, dtype);
  result.data.fill(0);
  return result;
}

/** @internal A tensor of given values. */
export function createTensorFrom<D extends Dtype>(
  context: Context,
  values: ArrayLike<number>,
  shape?: readonly number[],
  dtype = "f32" as D,
): Tensor<D> {
  const name = "tensorFrom";
  const checked = checkValues(name, values, shape);
  checkDtype(name, dtype);
  const kept = keptWhenGrown(context, values);
  return context.allOrNothing(() => {
    const result = new Tensor(context, name, checked, values.length, dtype);
    result.setValues(name, kept);
    return result;
  });
}
