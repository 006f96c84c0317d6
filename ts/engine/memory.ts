import type { GrowingMemory } from "./abi.js";

const PAGE = 65536;
/** Of every allocation: a cache line, and more than any vector needs. */
const ALIGNMENT = 64;
/**
 * What large blocks have behind them: thirteen cache lines. Arrays whose sizes are multiples of a page would otherwise
 * begin at the same offset of one, and what is at the same place of several of them compete for the same lines of the
 * first-level cache.
 */
const STAGGER = 13 * ALIGNMENT;
/** Which blocks are large, in bytes. */
const STAGGERED_FROM = 16 * 1024;
/** What 32-bit addresses reach. */
export const ADDRESSABLE_BYTES = 2 ** 32;
/** How much of the memory plain arrays pass through in one go: the second-level cache holds it. */
const CHUNK_BYTES = 256 * 1024;
/** The most scratch that one call takes of an engine's memory, in bytes: the memory never shrinks. */
export const SCRATCH_LIMIT = 24 * 1024 * 1024;
/** The most scratch that is kept from one call to the next, in bytes. */
const SCRATCH_KEPT = 1024 * 1024;

interface Block {
  start: number;
  end: number;
}

/**
 * The only owner of an engine's memory: it places blocks in it, grows it, and makes views of it.
 *
 * One allocator serves both engines. It is first-fit over free blocks in the order of their addresses;
 * neighbours are joined when a block is freed. It advances only after the memory has grown.
 */
export class Memory {
  readonly #memory: GrowingMemory;
  readonly #maxBytes: number;
  /** Free blocks below `#top`, in the order of their addresses, no two of them touching. */
  readonly #free: Block[] = [];
  /** Size of each block in use, by its first byte. */
  readonly #sizes = new Map<number, number>();
  /** The first byte that was never in use, or is no longer. */
  #top: number;
  #usedBytes = 0;
  #peakBytes = 0;
  /** The memory as it is now. No one else makes it grow; reading `buffer` anew costs a small call a tenth. */
  #buffer: ArrayBuffer;
  #f32: Float32Array<ArrayBuffer>;
  #scratch = 0;
  #scratchBytes = 0;
  /** The view of scratch that was asked for last. */
  #scratchF32: Float32Array<ArrayBuffer> | undefined;

  constructor(memory: GrowingMemory, heapBase: number, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#top = align(heapBase);
    this.#buffer = memory.buffer;
    this.#f32 = new Float32Array(this.#buffer);
  }

  /** Bytes in blocks that are in use, without what staggers them. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that `usedBytes` has been. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Bytes that the engine holds, in use or not. */
  get memoryBytes(): number {
    return this.#buffer.byteLength;
  }

  /** Bytes that could still be allocated, if in pieces. */
  get bytesLeft(): number {
    return (
      Math.max(0, this.#maxBytes - this.#top) +
      this.#free.reduce((sum, { start, end }) => sum + end - start, 0)
    );
  }

  /** All of the memory as f32, as it is now: not to be kept, growth makes it stale. */
  get f32(): Float32Array<ArrayBuffer> {
    return this.#f32;
  }

  /** `count` elements at `pointer`: `view` itself where it still is that, else a new one. */
  view<T extends ArrayBufferView>(
    ofType: new (buffer: ArrayBuffer, pointer: number, count: number) => T,
    pointer: number,
    count: number,
    view?: T,
  ): T {
    return view?.buffer === this.#buffer ? view : new ofType(this.#buffer, pointer, count);
  }

  /** Whether an array is a view of this memory, which dies when the memory grows. */
  holds(array: ArrayBufferView): boolean {
    return array.buffer === this.#buffer;
  }

  /** Makes sure that `bytes` of memory are there. False where they cannot be had. */
  reserve(bytes: number): boolean {
    const missing = bytes - this.memoryBytes;
    if (missing <= 0) return true;
    if (bytes > this.#maxBytes) return false;
    // An eighth more than is missing, so that many small blocks do not each grow the memory.
    const generous = Math.min(missing + this.memoryBytes / 8, this.#maxBytes - this.memoryBytes);
    return this.#grow(generous) || this.#grow(missing);
  }

  #grow(bytes: number): boolean {
    try {
      this.#memory.grow(Math.ceil(bytes / PAGE));
    } catch {
      return false;
    }
    this.#buffer = this.#memory.buffer;
    this.#f32 = new Float32Array(this.#buffer);
    this.#scratchF32 = undefined;
    return true;
  }

  /** The first byte of a block of at least `bytes`, its contents undefined; 0 where there is no room. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, align(bytes)) + (bytes < STAGGERED_FROM ? 0 : STAGGER);
    const start = this.#fromFree(size) || this.#fromTop(size);
    if (start === 0) return 0;
    this.#sizes.set(start, size);
    this.#usedBytes += withoutStagger(size);
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return start;
  }

  #fromFree(size: number): number {
    const index = this.#free.findIndex(({ start, end }) => end - start >= size);
    const block = this.#free[index];
    if (block === undefined) return 0;
    const { start } = block;
    block.start += size;
    if (block.start === block.end) this.#free.splice(index, 1);
    return start;
  }

  #fromTop(size: number): number {
    const start = this.#top;
    if (!this.reserve(start + size)) return 0;
    this.#top = start + size;
    return start;
  }

  /** Gives a block back. */
  free(start: number): void {
    const size = this.#sizes.get(start);
    if (size === undefined) return;
    this.#sizes.delete(start);
    this.#usedBytes -= withoutStagger(size);
    const free = this.#free;
    let next = free.findIndex((block) => block.start > start);
    if (next === -1) next = free.length;
    const joined = { start, end: start + size };
    const [before, after] = [free[next - 1], free[next]];
    let from = next;
    let count = 0;
    if (before?.end === joined.start) {
      joined.start = before.start;
      from--;
      count++;
    }
    if (after?.start === joined.end) {
      joined.end = after.end;
      count++;
    }
    if (joined.end === this.#top) {
      this.#top = joined.start;
      free.splice(from, count);
    } else {
      free.splice(from, count, joined);
    }
  }

  /**
   * A block for plain arrays to pass through, valid until the next call; 0 where there is no room. It is
   * kept for the next call, unless it is large.
   */
  scratch(bytes: number): number {
    if (bytes <= this.#scratchBytes) return this.#scratch;
    this.#dropScratch();
    this.#scratch = this.allocate(bytes);
    this.#scratchBytes = this.#scratch === 0 ? 0 : bytes;
    return this.#scratch;
  }

  /** Scratch that is there already, so that nothing grows, for what passes through in one go; else 0. */
  scratchAtHand(bytes: number): number {
    return bytes <= this.#scratchBytes && bytes <= CHUNK_BYTES ? this.#scratch : 0;
  }

  /** The first `count` f32 of scratch. */
  scratchF32(count: number): Float32Array<ArrayBuffer> {
    if (this.#scratchF32?.length === count) return this.#scratchF32;
    this.#scratchF32 = new Float32Array(this.#buffer, this.#scratch, count);
    return this.#scratchF32;
  }

  /** Gives scratch back that is too large to be kept. */
  trimScratch(): void {
    if (this.#scratchBytes > SCRATCH_KEPT) this.#dropScratch();
  }

  /** Gives scratch back. */
  #dropScratch(): void {
    if (this.#scratchBytes === 0) return;
    this.free(this.#scratch);
    this.#scratch = 0;
    this.#scratchBytes = 0;
    this.#scratchF32 = undefined;
  }
}

/** `bytes`, or the next multiple of the alignment. */
export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Rows of `rowBytes` that pass through scratch in one go: at least one. */
export function rowsPerChunk(rows: number, rowBytes: number): number {
  return Math.max(1, Math.min(rows, Math.floor(CHUNK_BYTES / rowBytes)));
}

function withoutStagger(size: number): number {
  return size > STAGGERED_FROM ? size - STAGGER : size;
}
