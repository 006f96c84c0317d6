import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Runtime, RuntimeOptions, Tensor } from "layernorm-wasm";
import { describe, expect, test } from "vitest";
import { keepsContract } from "./reference.js";
import { type Api, batchOf, engines, mapValues, normal, runEverywhere, sameBits } from "./support.js";

const MB = 2 ** 20;
/** WebAssembly's memory is of whole pages. */
const PAGE = 2 ** 16;

/** Runs `use` on a runtime of its own. */
function withRuntime<T>(api: Api, use: (runtime: Runtime) => T, options?: RuntimeOptions): T {
  const runtime = api.createRuntime(options);
  try {
    return use(runtime);
  } finally {
    runtime.dispose();
  }
}

/** The message of the RangeError of `call`. */
function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return (error as Error).message;
  }
  throw new Error("did not fail");
}

describe.each(engines)("%s: a runtime", (engine, api) => {
  test("tells its engine and memory", () =>
    withRuntime(api, (runtime) => {
      const start = runtime.info();
      expect(start).toMatchObject({ engine, usedBytes: 0, peakBytes: 0 });
      expect(start.memoryBytes).toBeLessThanOrEqual(2 * MB);
      const [a, b] = [runtime.tensor([1000]), runtime.tensor([3])];
      expect(runtime.info()).toMatchObject({ usedBytes: 4032 + 64, peakBytes: 4096 });
      a.dispose();
      expect(runtime.info()).toMatchObject({ usedBytes: 64, peakBytes: 4096 });
      b.dispose();
      b.dispose();
      expect(runtime.info()).toMatchObject({ usedBytes: 0, peakBytes: 4096, memoryBytes: start.memoryBytes });
    }));

  test("starts with initialBytes", () => {
    for (const initialBytes of [0, 1, 2 * MB, 16 * MB + 1]) {
      withRuntime(
        api,
        (runtime) => {
          const { memoryBytes } = runtime.info();
          expect(memoryBytes).toBeGreaterThanOrEqual(initialBytes);
          expect(memoryBytes).toBeLessThanOrEqual(initialBytes * 1.125 + 3 * MB);
        },
        { initialBytes },
      );
    }
  });

  test("grows to maxBytes at most, says what is asked and left, and goes on", () => {
    for (const maxBytes of [2 * MB, 3 * MB + 1, 5 * MB - 1]) {
      withRuntime(
        api,
        (runtime) => {
          const tensors: Tensor[] = [];
          const fill = () => {
            for (;;) tensors.push(runtime.tensor([10_000]));
          };
          const left = /^tensor: out of memory: 40000 bytes needed, (\d+) left of what the runtime may use$/;
          const [, bytes] = messageOf(fill).match(left) ?? [];
          expect(Number(bytes)).toBeLessThan(40_000);
          expect(runtime.info().memoryBytes).toBeLessThanOrEqual(Math.ceil(maxBytes / PAGE) * PAGE);
          expect(runtime.info().usedBytes).toBeGreaterThan(maxBytes - 1.5 * MB);
          const { usedBytes } = runtime.info();
          // What has room still works; what was freed is used again.
          const values = normal(100, 1);
          expect(runtime.layerNorm(values, 10)).toEqual(api.layerNorm(values, 10));
          tensors.pop()?.dispose();
          tensors.push(runtime.tensor([10_000]));
          messageOf(() => runtime.tensor([10_000]));
          for (const tensor of tensors) tensor.dispose();
          expect(runtime.info().usedBytes).toBeLessThan(usedBytes / 10);
          runtime.tensor([Math.floor((maxBytes - 1.5 * MB) / 4)]).dispose();
        },
        { maxBytes },
      );
    }
  });

  test("has no less memory where a call finds none, and changes none of its arguments", () =>
    withRuntime(
      api,
      (runtime) => {
        const [rows, cols] = [60, 1000];
        const values = normal(rows * cols, 1);
        const x = runtime.tensorFrom(values, [rows, cols]);
        const { mean, rstd } = runtime.layerNormForward(x, cols);
        const gamma = runtime.tensorFrom(normal(cols, 2));
        const layer = new runtime.LayerNorm(cols);
        layer.forward(x).dispose();
        // Each step leaves room for some of the results, and not for all.
        for (const room of [0, 1000, 4000, 230_000, 242_000, 244_000, 247_000, 251_000]) {
          const used = runtime.info().usedBytes;
          const full: Tensor[] = [];
          const reserve = room > 0 ? runtime.tensor([room / 4]) : undefined;
          for (const size of [20_000, 1000, 16]) {
            try {
              for (;;) full.push(runtime.tensor([size]));
            } catch {}
          }
          reserve?.dispose();
          const before = runtime.info().usedBytes;
          const calls: (() => object)[] = [
            () => runtime.layerNorm(x, cols, { gamma }),
            () => runtime.layerNormForward(x, cols, { gamma }),
            () => runtime.layerNormBackward(x, x, cols, { mean, rstd }),
            () => layer.forward(x),
            () => layer.backward(x),
            () => new runtime.LayerNorm(20_000),
            () => runtime.tensorFrom(values),
          ];
          for (const call of calls) {
            try {
              const made: object = call();
              const results = Symbol.dispose in made ? [made] : Object.values(made);
              for (const result of results) result.dispose();
            } catch (error) {
              expect((error as Error).message).toMatch(/^\S+: out of memory: \d+ bytes needed, \d+ left of/);
              expect(runtime.info().usedBytes, `${call}, ${room}`).toBe(before);
            }
          }
          sameBits("x", { x: x.toFloat32Array() }, { x: values });
          for (const tensor of full) tensor.dispose();
          expect(runtime.info().usedBytes - used).toBeLessThan(3 * MB);
        }
      },
      { maxBytes: 8 * MB },
    ));

  test("tensors of another one are TypeErrors, and neither sees the other", () => {
    withRuntime(api, (one) =>
      withRuntime(api, (two) => {
        const [a, b] = [one.tensorFrom([1, 2, 3, 4]), two.tensorFrom([5, 6, 7, 9])];
        expect(() => one.layerNorm(b, 4)).toThrow(TypeError);
        expect(() => api.layerNorm(a, 4)).toThrow(TypeError);
        expect(() => one.layerNorm(a, 4, { gamma: b })).toThrow(TypeError);
        one.layerNorm(a, 4, { out: a });
        expect(Array.from(b.data)).toEqual([5, 6, 7, 9]);
        one.dispose();
        expect(() => a.data).toThrow(TypeError);
        expect(Array.from(two.layerNorm(b, 4).data)).toEqual(
          Array.from(api.layerNorm(b.toFloat32Array(), 4)),
        );
      }),
    );
  });

  test("disposed: all of it throws, but for disposing again", () => {
    const runtime = api.createRuntime();
    const [x, layer] = [runtime.tensor([4]), new runtime.LayerNorm(4)];
    runtime.dispose();
    runtime.dispose();
    runtime[Symbol.dispose]();
    const calls = {
      layerNorm: () => runtime.layerNorm(normal(4, 1), 4),
      wide: () => runtime.layerNorm(new Float32Array(8e6), 8e6),
      forward: () => runtime.layerNormForward(x, 4),
      tensor: () => runtime.tensor([4]),
      tensorFrom: () => runtime.tensorFrom([4]),
      LayerNorm: () => new runtime.LayerNorm(4),
      info: () => runtime.info(),
      data: () => x.data,
      copy: () => x.toFloat32Array(),
      layer: () => layer.forward(normal(4, 1)),
    };
    for (const [name, call] of Object.entries(calls)) expect(call, name).toThrow(TypeError);
    x.dispose();
    layer.dispose();
  });
});

describe.each(engines)("%s: tensors", (_, api) => {
  test("data is never stale", () =>
    withRuntime(api, (runtime) => {
      const x = runtime.tensorFrom([1, 2, 3, 4]);
      const { memoryBytes } = runtime.info();
      for (let k = 0; k < 5; k++) {
        x.data[0] = k;
        runtime.tensor([1_000_000]);
        expect(x.data[0]).toBe(k);
        x.data[1] = -k;
        expect(Array.from(x.toFloat32Array())).toEqual([k, -k, 3, 4]);
        const mean = (k - k + 3 + 4) / 4;
        expect(runtime.layerNormForward(x, 4).mean.data[0]).toBe(mean);
      }
      expect(runtime.info().memoryBytes).toBeGreaterThan(memoryBytes + 20e6);
      // No new view where the memory is as it was.
      expect(x.data).toBe(x.data);
    }));

  test("disposed: throws, but for disposing again", () => {
    const x = api.tensor([4]);
    x.dispose();
    x.dispose();
    x[Symbol.dispose]();
    expect(x.disposed).toBe(true);
    for (const use of [() => x.data, () => x.toFloat32Array(), () => api.layerNorm(x, 4)]) {
      expect(use).toThrow(TypeError);
    }
    expect([x.size, x.shape, x.dtype]).toEqual([4, [4], "f32"]);
    // Its place is another tensor's now, which disposing it again does not touch.
    const y = api.tensorFrom([1, 2, 3, 4]);
    x.dispose();
    expect(Array.from(y.data)).toEqual([1, 2, 3, 4]);
    y.dispose();
  });

  test("[Symbol.dispose] is dispose", () =>
    withRuntime(api, (runtime) => {
      const x = runtime.tensor([4]);
      x[Symbol.dispose]();
      expect(x.disposed).toBe(true);
      expect(runtime.info().usedBytes).toBe(0);
      const layer = new runtime.LayerNorm(4);
      layer[Symbol.dispose]();
      expect(runtime.info().usedBytes).toBe(0);
    }));

  test("any order of making and disposing: blocks never overlap, and nothing is lost", () =>
    withRuntime(api, (runtime) => {
      const live = new Map<Tensor, number>();
      for (const [k, value] of normal(3000, 5, 0, 1000).entries()) {
        const size = Math.abs(Math.round(value));
        if (live.size > 40 || (k % 3 === 0 && live.size > 0)) {
          const [tensor, tag] = [...live][size % live.size];
          expect(tensor.data.every((value) => value === tag)).toBe(true);
          tensor.dispose();
          live.delete(tensor);
        } else {
          const tensor = runtime.tensor([size]);
          expect(tensor.data.byteOffset % 64).toBe(0);
          tensor.data.fill(k);
          live.set(tensor, k);
        }
      }
      for (const tensor of live.keys()) tensor.dispose();
      expect(runtime.info().usedBytes).toBe(0);
      expect(runtime.info().memoryBytes).toBeLessThan(4 * MB);
      runtime.tensor([runtime.info().peakBytes / 4]).dispose();
    }));

  test("many cycles do not grow the memory", () =>
    withRuntime(api, (runtime) => {
      const cycle = () => {
        const x = runtime.tensorFrom(normal(64 * 64, 1), [64, 64]);
        const { y, mean, rstd } = runtime.layerNormForward(x, 64);
        const gradients = runtime.layerNormBackward(y, x, 64, { mean, rstd });
        runtime.layerNorm(normal(1000, 1), 100);
        for (const tensor of [x, y, mean, rstd, ...Object.values(gradients)]) tensor.dispose();
      };
      for (let k = 0; k < 3; k++) cycle();
      const before = runtime.info();
      for (let k = 0; k < 300; k++) cycle();
      expect(runtime.info()).toEqual(before);
    }));

  // Freed some time after a garbage collection, when the program is idle: looked for, not timed.
  test("forgotten: freed", async () => {
    const runtime = api.createRuntime();
    (() => {
      for (let k = 0; k < 100; k++) runtime.layerNormForward(runtime.tensor([100, 10]), 10);
    })();
    const before = runtime.info().usedBytes;
    expect(before).toBeGreaterThan(800_000);
    for (let k = 0; k < 500 && runtime.info().usedBytes > before / 10; k++) {
      globalThis.gc?.();
      await wait(2);
    }
    expect(runtime.info().usedBytes).toBeLessThanOrEqual(before / 10);
    runtime.dispose();
  });
});

describe.each(engines)("%s: plain arrays", (_, api) => {
  test.each([
    ["many elements", 14_000, 768],
    ["many rows", 2_600_000, 4],
    ["wide rows", 11, 1_000_000],
    ["one very wide row", 1, 2_000_000],
    ["wider than any scratch", 1, 10_000_000],
  ])("%s: [%d, %d] pass through little memory, and give what tensors give", (_, rows, cols) => {
    const pattern = normal(100_003, 3, 5);
    const repeat = (count: number) => {
      const array = new Float32Array(count);
      for (let at = 0; at < count; at += pattern.length) array.set(pattern.subarray(0, count - at), at);
      return array;
    };
    const x = repeat(rows * cols);
    const dy = x.slice().reverse();
    const gamma = cols === 768 ? normal(cols, 4) : undefined;
    const { y, mean, rstd, dx, dgamma, dbeta } = withRuntime(api, (runtime) => {
      const forward = runtime.layerNormForward(x, cols, { gamma });
      const backward = runtime.layerNormBackward(dy, x, cols, { ...forward, gamma });
      const { memoryBytes, usedBytes } = runtime.info();
      expect(memoryBytes).toBeLessThanOrEqual(32 * MB);
      expect(usedBytes).toBeLessThanOrEqual(2 * MB);
      return { ...forward, ...backward };
    });
    const results = { y, mean, rstd, dx, dgamma, dbeta };
    if (cols === 2_000_000) keepsContract("the contract", { rows, cols, x, dy, gamma }, results);
    withRuntime(api, (runtime) => {
      const of = (values: Float32Array, shape = [rows, cols]) => runtime.tensorFrom(values, shape);
      const [xTensor, gammaTensor] = [of(x), gamma && of(gamma, [cols])];
      const forward = runtime.layerNormForward(xTensor, cols, { gamma: gammaTensor });
      sameBits("y", { y: forward.y.data }, { y });
      forward.y.dispose();
      const backward = runtime.layerNormBackward(of(dy), xTensor, cols, { ...forward, gamma: gammaTensor });
      const { mean: m, rstd: r } = forward;
      const tensors = mapValues({ mean: m, rstd: r, ...backward }, (tensor) => tensor.data);
      sameBits("the rest", tensors, { mean, rstd, dx, dgamma, dbeta });
    });
  });

  test("scratch is kept where it is small, and given back where it is not", () =>
    withRuntime(api, (runtime) => {
      runtime.layerNorm(normal(1000, 1), 100);
      const { usedBytes } = runtime.info();
      expect(usedBytes).toBeLessThanOrEqual(MB);
      for (let k = 0; k < 10; k++) runtime.layerNorm(normal(1000, 1), 100);
      expect(runtime.info().usedBytes).toBe(usedBytes);
      runtime.layerNorm(normal(500_000, 1), 500_000);
      expect(runtime.info().usedBytes).toBeLessThanOrEqual(MB);
    }));
});

test("a compiled module serves several runtimes", () => {
  const [[, api]] = engines;
  const file = new URL(import.meta.resolve("layernorm-wasm/layernorm.wasm"));
  const module = new WebAssembly.Module(readFileSync(file));
  const batch = batchOf(3, 40);
  const expected = runEverywhere(batch);
  for (let k = 0; k < 3; k++) {
    withRuntime(
      api,
      (runtime) => {
        expect(runtime.info().engine).toBe("simd128");
        const { gamma, beta } = batch;
        const results = runtime.layerNormForward(batch.x, 40, { gamma, beta });
        sameBits(
          "results",
          mapValues(results, (a) => a),
          { y: expected.y, mean: expected.mean, rstd: expected.rstd },
        );
      },
      { module },
    );
  }
});
