import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../ts/engine/abi.js";
import { javascriptEngine } from "../ts/engine/javascript.js";
import { instantiate } from "../ts/engine/simd128.js";

/*
 * What moves elements between storages, by both engines. Rust's tests have the WebAssembly's bits against other sources, so
 * that the JavaScript engine has to have the same is all that is left.
 */

const file = readFileSync(fileURLToPath(import.meta.resolve("layernorm-wasm/layernorm.wasm")));
const engines: Engine[] = [instantiate(new WebAssembly.Module(file)), javascriptEngine()];

/** Bytes of what is read, and of what is written. */
const SPACE = 1 << 19;
for (const { memory, heapBase } of engines) memory.grow(Math.ceil((heapBase + 2 * SPACE) / 65536));

/** What of each engine is written, where `bytes` are read. */
function run(bytes: Uint8Array, call: (kernels: Engine["kernels"], from: number, to: number) => void) {
  return engines.map(({ kernels, memory, heapBase }) => {
    const from = Math.ceil(heapBase / 64) * 64;
    new Uint8Array(memory.buffer, from, SPACE).set(bytes);
    const written = new Uint8Array(memory.buffer, from + SPACE, SPACE - 64).fill(0x5a);
    call(kernels, from, from + SPACE);
    return Buffer.from(written);
  });
}

const copies = ["copy_f32", "widen_f16", "widen_bf16", "narrow_f16", "narrow_bf16"] as const;

/** Whole numbers of 32 bits that look random, always the same. */
function numbers(count: number, seed: number): Uint32Array<ArrayBuffer> {
  let state = seed;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state ^ (state >>> 15);
  });
}

const bytesOf = (array: ArrayBufferView<ArrayBuffer>) => new Uint8Array(array.buffer);

describe.each(copies)("%s has the same bits on both engines", (copy) => {
  test("for all halves, what they are in f32, and what is around that", () => {
    const count = 65536;
    const dense = [1, 1, count, 0, 0, 1, 0, 0, 1] as const;
    const halves = Uint16Array.from({ length: count }, (_, half) => half);
    const inputs: ArrayBufferView<ArrayBuffer>[] = copy.startsWith("widen")
      ? [halves]
      : [0, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001].flatMap((low) => [
          Uint32Array.from(halves, (half) => half * 65536 + low), // bfloat16, middles, and their neighbours
          // The same of binary16, from where it is denormal, and from where it is normal to infinity.
          ...[0x33000000, 0x38000000].map((first) =>
            Uint32Array.from(halves, (half) => (half << 31) | (first + half * 0x1000 + (low & 0xfff))),
          ),
        ]);
    for (const input of inputs) {
      const [wasm, js] = run(bytesOf(input), (kernels, from, to) => kernels[copy](from, to, ...dense));
      expect(js.equals(wasm)).toBe(true);
      expect(wasm.equals(Buffer.alloc(wasm.length, 0x5a))).toBe(false);
    }
  });

  test("in any layout", () => {
    const input = bytesOf(numbers(SPACE / 4, 1));
    const size = fc.nat({ max: 40 });
    const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });
    const layout = fc.tuple(order, fc.tuple(fc.integer({ min: 1, max: 2 }), fc.nat({ max: 5 })));
    fc.assert(
      fc.property(fc.tuple(fc.nat({ max: 3 }), size, size), layout, layout, (sizes, ...layouts) => {
        const strides = layouts.flatMap(([order, [first, gap]]) => {
          const strides = [0, 0, 0];
          let next = first;
          for (const dimension of order) {
            strides[dimension] = next;
            next = next * Math.max(1, sizes[dimension]) + gap;
          }
          return strides;
        }) as [number, number, number, number, number, number];
        const [wasm, js] = run(input, (kernels, from, to) => kernels[copy](from, to, ...sizes, ...strides));
        expect(js.equals(wasm)).toBe(true);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

test("sums have the same bits on both engines", () => {
  const [a, b] = [1, 2].map((seed) => Float32Array.from(numbers(1001, seed), (bits) => bits / 2 ** 31 - 1));
  const input = bytesOf(Float32Array.of(...a, ...b));
  for (const count of [0, 1, 3, 4, 67, 1001]) {
    const view = (bytes: Buffer) => new Float32Array(Uint8Array.from(bytes).buffer, 0, count);
    const [wasm, js] = run(input, (kernels, from, to) =>
      kernels.add_f32(from, from + a.byteLength, to, count),
    );
    expect(js.equals(wasm)).toBe(true);
    expect(view(wasm)).toEqual(a.slice(0, count).map((x, k) => x + b[k]));
    const [wasm1, js1] = run(input, (kernels, from, to) => kernels.plus_one_f32(from, to, count));
    expect(js1.equals(wasm1)).toBe(true);
    expect(view(wasm1)).toEqual(a.slice(0, count).map((x) => 1 + x));
  }
});
