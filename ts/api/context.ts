import type { Engine, Kernels } from "../engine/abi.js";
import { ADDRESSABLE_BYTES, Memory } from "../engine/memory.js";
import { type Apart, checkAllocated, checkMaxBytes, checkNotDisposed } from "./check.js";

/** How much memory a runtime starts with, and may grow to, in bytes. */
export interface MemoryLimits {
  readonly initialBytes: number;
  readonly maxBytes: number;
}

const NO_LIMITS: MemoryLimits = { initialBytes: 0, maxBytes: ADDRESSABLE_BYTES };

/** What the operations of one runtime share: its engine, started on first use, and the engine's memory. */
export class Context {
  readonly #start: () => Engine;
  readonly #limits: MemoryLimits;
  /** Frees the memory of tensors that were forgotten. Cloudflare's workers have none before 2025-05-05. */
  readonly #forgotten: FinalizationRegistry<number> | undefined;
  #engine: Engine | undefined;
  #memory: Memory | undefined;
  /** What was allocated in `allOrNothing`, each owner followed by its block. */
  #allocated: (object | number)[] | undefined;
  #disposed = false;
  /** Small arrays that were found to be apart. */
  apart: Apart | undefined;

  constructor(start: () => Engine, limits: MemoryLimits = NO_LIMITS) {
    this.#start = start;
    this.#limits = limits;
    if (typeof FinalizationRegistry === "function")
      this.#forgotten = new FinalizationRegistry((pointer) => this.#memory?.free(pointer));
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  get engine(): Engine {
    return this.#engine ?? this.#begin().engine;
  }

  get kernels(): Kernels {
    return this.engine.kernels;
  }

  get memory(): Memory {
    return this.#memory ?? this.#begin().memory;
  }

  /** Starts the engine, if it has not started. */
  begin(): void {
    if (this.#engine === undefined) this.#begin();
  }

  #begin(): { engine: Engine; memory: Memory } {
    const engine = this.#start();
    const { initialBytes, maxBytes } = this.#limits;
    const memory = new Memory(engine.memory, engine.heapBase, maxBytes);
    checkMaxBytes("createRuntime", maxBytes, memory.memoryBytes);
    if (!memory.reserve(initialBytes)) checkAllocated("createRuntime", 0, initialBytes, memory.bytesLeft);
    this.#engine = engine;
    this.#memory = memory;
    return { engine, memory };
  }

  /** A block of `bytes` that is freed with `owner`, or by `free`. */
  allocate(name: string, bytes: number, owner: object): number {
    checkNotDisposed(name, this.#disposed);
    const pointer = checkAllocated(name, this.memory.allocate(bytes), bytes, this.memory.bytesLeft);
    this.#forgotten?.register(owner, pointer, owner);
    this.#allocated?.push(owner, pointer);
    return pointer;
  }

  /** What `make` returns. Where it fails, what it has allocated is freed. */
  allOrNothing<T>(make: () => T): T {
    const allocated: (object | number)[] = [];
    this.#allocated = allocated;
    try {
      return make();
    } catch (error) {
      for (let k = 0; k < allocated.length; k += 2)
        this.free(allocated[k + 1] as number, allocated[k] as object);
      throw error;
    } finally {
      this.#allocated = undefined;
    }
  }

  /** Frees the block of `owner`. */
  free(pointer: number, owner: object): void {
    this.#forgotten?.unregister(owner);
    this.#memory?.free(pointer);
  }

  /** Scratch of `bytes`, valid until the next call. */
  scratch(name: string, bytes: number): number {
    if (bytes === 0) return 0;
    return checkAllocated(name, this.memory.scratch(bytes), bytes, this.memory.bytesLeft);
  }

  /** Drops the engine, and with it all memory. */
  dispose(): void {
    this.#disposed = true;
    this.#engine = undefined;
    this.#memory = undefined;
    this.apart = undefined;
  }
}
