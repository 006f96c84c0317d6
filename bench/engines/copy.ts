/** Not layer normalization: the same streams through WebAssembly memory without its arithmetic (copy.wat). */
import type { Prepared, Problem, Start } from "./engine.js";

interface Exports {
  memory: WebAssembly.Memory;
  copy(x: number, y: number, bytes: number): void;
  add(dy: number, x: number, dx: number, bytes: number): void;
}

const PAGE = 65536;

export const start: Start = async (host) => {
  const module = await WebAssembly.compile(await host.copyModule());
  const prepare = async ({ x, dy }: Problem): Promise<Prepared> => {
    // An instance for each case: memory cannot shrink.
    const { exports } = await WebAssembly.instantiate(module);
    const { memory, copy, add } = exports as unknown as Exports;
    const bytes = Math.ceil((x.length * 4) / 64) * 64;
    const [atX, atDy, atOut] = [0, bytes, 2 * bytes] as const;
    memory.grow(Math.ceil((3 * bytes) / PAGE));
    new Float32Array(memory.buffer, atX, x.length).set(x);
    new Float32Array(memory.buffer, atDy, x.length).set(dy);
    const out = new Float32Array(memory.buffer, atOut, x.length);

    const forward = () => copy(atX, atOut, bytes);
    const backward = () => add(atDy, atX, atOut, bytes);
    const both = () => {
      forward();
      backward();
    };
    forward();
    if (out.some((value, k) => value !== x[k])) throw new Error("copy.wat does not copy");
    backward();
    if (out.some((value, k) => value !== Math.fround(dy[k] + x[k]))) throw new Error("copy.wat does not add");
    return { passes: { forward, backward, both }, results: () => ({}), dispose: () => {} };
  };
  return { version: "memory.copy; v128 dx = dy + x", prepare };
};
