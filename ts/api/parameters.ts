import type { Kernels } from "../engine/abi.js";
import type { Call, Place } from "./call.js";
import { count } from "./check.js";
import { dtypeOf, narrow, widen } from "./storage.js";
import type { Data } from "./tensor.js";

const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;

/**
 * Gamma, beta or a gradient of theirs as the kernels take it: f32, and a scale as it is. Where it is stored otherwise, it
 * is in working memory as long as they run.
 */
export class Parameter {
  readonly #data: Data | undefined;
  readonly #given: Place;
  readonly #dense: Place;
  readonly #cols: number;
  readonly #unitOffset: boolean;

  constructor(call: Call, data: Data | undefined, given: Place, cols: number, unitOffset = false) {
    this.#data = data;
    this.#given = given;
    const isDense = data === undefined || (dtypeOf(data) === "f32" && !unitOffset);
    this.#dense = isDense ? given : call.working(count(data) * F32_BYTES);
    this.#cols = cols;
    this.#unitOffset = unitOffset;
  }

  /** Makes it what the kernels read. */
  prepare(kernels: Kernels): void {
    const data = this.#data;
    if (data === undefined || this.#given === this.#dense) return;
    const { pointer } = this.#dense;
    widen(kernels, dtypeOf(data), this.#given.pointer, pointer, count(data));
    if (this.#unitOffset) kernels.plus_one_f32(pointer, pointer, count(data));
  }

  /** Stores what the kernels wrote. */
  finish(kernels: Kernels): void {
    const data = this.#data;
    if (data === undefined || this.#given === this.#dense) return;
    narrow(kernels, dtypeOf(data), this.#dense.pointer, this.#given.pointer, count(data));
  }

  /** Where that of a sample begins; 0 where it is absent. */
  at(sample: number): number {
    const { pointer } = this.#dense;
    return pointer === 0 ? 0 : pointer + sample * this.#cols * F32_BYTES;
  }
}
