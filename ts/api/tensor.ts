// Brings the type of `Symbol.dispose` to those whose `lib` has it not.
/// <reference lib="esnext.disposable" preserve="true" />

import { checkDtype, checkLive, checkShape, checkValues } from "./check.js";
import type { Context } from "./context.js";

/** How the elements of a tensor are stored. Arithmetic is in f32 or better, whatever the storage. */
export type Dtype = "f32" | "f16" | "bf16";

/** `Float32Array<ArrayBuffer>`, which TypeScript before 5.7 does not know by that name. */
export type Values = ReturnType<Float32Array["slice"]>;

/** What the operations work on: a plain array, or a tensor in the memory of the kernels. */
export type Data = Float32Array | Tensor;

/**
 * Elements in the memory of the kernels, which read and write them in place, without a copy.
 *
 * Made by `tensor` and `tensorFrom`, and by every operation on tensors. `using`, or `dispose()`, gives the
 * memory back at once; a tensor that is forgotten is freed some time after it was garbage-collected, which
 * never happens within one synchronous loop.
 */
export class Tensor {
  /** The sizes of its dimensions. */
  readonly shape: readonly number[];
  /** The number of its elements: the product of `shape`. */
  readonly size: number;
  /** How its elements are stored. */
  readonly dtype: Dtype = "f32";
  /** @internal The runtime that it belongs to. */
  readonly context: Context;
  /** @internal Its first byte in the runtime's memory, 0 when it is disposed. */
  pointer: number;
  #data: Values | undefined;

  /** @internal */
  constructor(context: Context, name: string, shape: readonly number[], size: number) {
    this.context = context;
    this.shape = Object.freeze([...shape]);
    this.size = size;
    this.pointer = context.allocate(name, size * Float32Array.BYTES_PER_ELEMENT, this);
  }

  /**
   * Its elements, to read and to write. The view is right at this moment; memory that grows leaves it
   * behind, so take it anew rather than keep it.
   *
   * @throws TypeError when the tensor, or its runtime, is disposed.
   */
  get data(): Values {
    checkLive("Tensor.data", "this", this);
    this.#data = this.context.memory.viewF32(this.pointer, this.size, this.#data);
    return this.#data;
  }

  /** Its elements, copied. */
  toFloat32Array(): Values {
    return this.data.slice();
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

/** @internal A tensor of zeros. */
export function createTensor(context: Context, shape: readonly number[], dtype: Dtype = "f32"): Tensor {
  const size = checkShape("tensor", shape);
  checkDtype("tensor", dtype);
  const result = new Tensor(context, "tensor", shape, size);
  result.data.fill(0);
  return result;
}

/** @internal A tensor of given values. */
export function createTensorFrom(
  context: Context,
  values: ArrayLike<number>,
  shape?: readonly number[],
): Tensor {
  const checked = checkValues("tensorFrom", values, shape);
  // The new tensor may grow the memory, and a view of it would be gone.
  const copied = ArrayBuffer.isView(values) && context.memory.holds(values) ? Array.from(values) : values;
  const result = new Tensor(context, "tensorFrom", checked, values.length);
  result.data.set(copied);
  return result;
}
