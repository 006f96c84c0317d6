/** copy.wat with two arrays in its own memory. */

export interface Streams {
  /** x to `out`. */
  copy(): void;
  /** dy + x to `out`. */
  add(): void;
  out: Float32Array;
}

interface Exports {
  memory: WebAssembly.Memory;
  copy(x: number, y: number, bytes: number): void;
  add(dy: number, x: number, dx: number, bytes: number): void;
}

const PAGE = 65536;

/** An instance for each case: memory cannot shrink. */
export async function streams(
  module: WebAssembly.Module,
  x: Float32Array,
  dy: Float32Array,
): Promise<Streams> {
  const { exports } = await WebAssembly.instantiate(module);
  const { memory, copy, add } = exports as unknown as Exports;
  const bytes = Math.ceil((x.length * 4) / 64) * 64;
  const [atX, atDy, atOut] = [0, bytes, 2 * bytes] as const;
  memory.grow(Math.ceil((3 * bytes) / PAGE));
  new Float32Array(memory.buffer, atX, x.length).set(x);
  new Float32Array(memory.buffer, atDy, x.length).set(dy);
  return {
    copy: () => copy(atX, atOut, bytes),
    add: () => add(atDy, atX, atOut, bytes),
    out: new Float32Array(memory.buffer, atOut, x.length),
  };
}
