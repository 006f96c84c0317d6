// Calls on few plain arrays take a shorter way once scratch is there, and remember which arrays were apart: the same
// results and the same errors as on the way of all others.
import { describe, expect, test } from "vitest";
import { type Api, batchOf, engines, normal, runEverywhere, sameBits } from "./support.js";

/** A runtime whose scratch holds what a small call needs. */
function warm(api: Api) {
  const runtime = api.createRuntime();
  runtime.layerNorm(normal(4096, 1), 64);
  return runtime;
}

describe.each(engines)("%s:", (_, api) => {
  test("the first call, the next and one of many rows give the same bits", () => {
    for (const [rows, cols] of [
      [1, 1],
      [1, 8],
      [1, 64],
      [3, 67],
      [70, 33],
      [300, 500],
    ] as const) {
      for (const affine of [
        { gamma: true, beta: true },
        { gamma: true, beta: false },
        { gamma: false, beta: true },
        { gamma: false, beta: false },
      ]) {
        const batch = batchOf(rows, cols, affine);
        const { x, gamma, beta } = batch;
        const { y, mean, rstd } = runEverywhere(batch);
        const runtime = api.createRuntime();
        const out = { y: normal(rows * cols, 9), mean: normal(rows, 9), rstd: normal(rows, 9) };
        for (let k = 0; k < 3; k++) {
          const what = `[${rows}, ${cols}], call ${k}`;
          const alone = runtime.layerNorm(x, cols, { gamma, beta });
          const all = runtime.layerNormForward(x, cols, { gamma, beta });
          sameBits(what, { alone, ...all }, { alone: y, y, mean, rstd });
          runtime.layerNorm(x, cols, { gamma, beta, out: out.y.fill(7) });
          sameBits(what, { y: out.y }, { y });
          sameBits(what, runtime.layerNormForward(x, cols, { gamma, beta, out }), { y, mean, rstd });
        }
        const inPlace = x.slice();
        for (let k = 0; k < 2; k++) {
          inPlace.set(x);
          expect(runtime.layerNorm(inPlace, cols, { gamma, beta, out: inPlace })).toBe(inPlace);
          sameBits("in place", { y: inPlace }, { y });
        }
        // Rows of a larger array, one by one.
        for (let row = 0; row < Math.min(rows, 3); row++) {
          const part = (all: Float32Array) => all.subarray(row * cols, (row + 1) * cols);
          const one = runtime.layerNorm(part(x), cols, { gamma, beta, out: part(out.y).fill(7) });
          sameBits("a row", { y: one }, { y: part(y) });
        }
        sameBits("all rows", { y: out.y }, { y });
        runtime.dispose();
      }
    }
  });

  test("calls of different sizes in turn, and tensors beside them", () => {
    const runtime = warm(api);
    const tensor = runtime.tensorFrom(normal(64, 5));
    for (const size of [8, 64, 3, 4096, 64, 100_000, 64]) {
      const batch = batchOf(1, size);
      sameBits(
        `${size}`,
        { y: runtime.layerNorm(batch.x, size, batch) },
        { y: api.layerNorm(batch.x, size, batch) },
      );
      runtime.tensor([size]);
    }
    sameBits("the tensor", { x: tensor.data }, { x: normal(64, 5) });
    runtime.dispose();
  });

  test("what was apart is looked at again when it is not the same", () => {
    const runtime = warm(api);
    const buffer = normal(40, 1);
    const [x, gamma, beta, out] = [normal(4, 1), normal(4, 2), normal(4, 3), normal(4, 4)];
    runtime.layerNorm(x, 4, { gamma, beta, out });
    runtime.layerNorm(x, 4, { gamma, beta, out });
    const held = { x: x.slice(), gamma: gamma.slice(), out: out.slice(), buffer: buffer.slice() };
    const [a, b] = [buffer.subarray(0, 4), buffer.subarray(3, 7)];
    const fails: [call: () => unknown, message: string][] = [
      [
        () => runtime.layerNorm(x, 4, { gamma, beta, out: gamma }),
        "out overlaps gamma, needs memory of its own",
      ],
      [
        () => runtime.layerNorm(x, 4, { gamma: out, beta, out }),
        "out overlaps gamma, needs memory of its own",
      ],
      [
        () => runtime.layerNorm(x, 4, { gamma, beta: out, out }),
        "out overlaps beta, needs memory of its own",
      ],
      [
        () => runtime.layerNorm(a, 4, { gamma, beta, out: b }),
        "out overlaps x, needs memory of its own, or to be x itself",
      ],
      [
        () => runtime.layerNorm(x, 4, { gamma: a, beta, out: b }),
        "out overlaps gamma, needs memory of its own",
      ],
    ];
    for (const [call, message] of [...fails, ...fails])
      expect(call).toThrow(new RangeError(`layerNorm: ${message}`));
    sameBits("arguments", { x, gamma, out, buffer }, held);
    // Apart, in one buffer; and again.
    const y = runtime.layerNorm(a, 4, { out: buffer.subarray(4, 8) });
    sameBits("neighbours", { y }, { y: api.layerNorm(held.buffer.subarray(0, 4), 4) });
    runtime.dispose();
  });

  test("what was apart is checked otherwise: sizes, memory that is gone, a runtime that is gone", () => {
    const runtime = warm(api);
    const [x, gamma, beta, out] = [normal(4, 1), normal(4, 2), normal(4, 3), normal(4, 4)];
    const call = (cols = 4) => runtime.layerNorm(x, cols, { gamma, beta, out });
    call();
    call();
    const held = out.slice();
    expect(() => call(2)).toThrow("layerNorm: gamma has 4 elements, normalizedShape [2] needs 2");
    structuredClone(beta, { transfer: [beta.buffer as ArrayBuffer] });
    expect(() => call()).toThrow("layerNorm: beta is detached: its memory was transferred away");
    sameBits("out", { out }, { out: held });
    runtime.dispose();
    expect(() => call()).toThrow("layerNorm: the runtime is disposed, make a new one");
  });

  test("a small call into the data of a tensor, and out of it", () => {
    const runtime = warm(api);
    const batch = batchOf(2, 32);
    const [x, y] = [runtime.tensorFrom(batch.x), runtime.tensor([64])];
    for (let k = 0; k < 3; k++) {
      const { data } = y;
      expect(runtime.layerNorm(x.data, 32, { ...batch, out: data })).toBe(data);
      sameBits("y", { y: y.data }, { y: runEverywhere(batch).y });
      y.data.fill(k);
    }
    runtime.dispose();
  });
});
