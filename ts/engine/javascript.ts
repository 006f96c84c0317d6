import { type Engine, type GrowingMemory, gradientsBytes, type Kernels } from "./abi.js";
import { copyF32, copyNarrowBf16, copyNarrowF16, copyWidenBf16, copyWidenF16 } from "./javascript/copy.js";
import { BLOCK_ROWS, Gradients } from "./javascript/gradients.js";
import { backwardRow, forwardRow } from "./javascript/layer-norm.js";

/**
 * The kernels in plain JavaScript: for where WebAssembly SIMD is missing or forbidden, and to read.
 *
 * Every result has the bits of the WebAssembly: the operations of `crate/src` in the same order, each
 * rounded to f32. That is exact: IEEE 754 gives the same result for the sum, difference or product of two
 * f32, whether it is rounded to f32 at once or from f64. A store to a Float32Array rounds, elsewhere
 * `Math.fround` does.
 */
export function javascriptEngine(): Engine {
  const memory = new PlainMemory();
  return { name: "js", kernels: kernelsOn(memory), memory, heapBase: 64 };
}

const PAGE = 65536;

class PlainMemory implements GrowingMemory {
  buffer = new ArrayBuffer(PAGE);

  grow(pages: number): number {
    const before = this.buffer.byteLength;
    const grown = new ArrayBuffer(before + pages * PAGE);
    new Uint8Array(grown).set(new Uint8Array(this.buffer));
    this.buffer = grown;
    return before / PAGE;
  }
}

/** The ABI: byte offsets in, elements of views of the memory on to the rows. An absent argument stays 0. */
function kernelsOn(memory: PlainMemory): Kernels {
  return {
    layer_norm_forward_f32(x, gamma, beta, y, mean, rstd, rows, cols, eps, centred) {
      const f32 = new Float32Array(memory.buffer);
      for (let row = 0; row < rows; row++) {
        const start = row * cols;
        const saved = forwardRow(
          f32,
          x / 4 + start,
          gamma / 4,
          beta / 4,
          y / 4 + start,
          cols,
          eps,
          centred !== 0,
        );
        if (mean !== 0) f32[mean / 4 + row] = saved.mean;
        if (rstd !== 0) f32[rstd / 4 + row] = saved.rstd;
      }
    },

    // None: side by side, rows would be read a cache line for each element.
    layer_norm_forward_across_f32: () => 0,

    layer_norm_backward_f32(dy, x, mean, rstd, gamma, dx, gradients, firstRow, rows, cols) {
      const f32 = new Float32Array(memory.buffer);
      const sums = new Gradients(memory.buffer, gradients, cols);
      const at = { gamma: gamma / 4, dgamma: sums.dgamma, dbeta: sums.dbeta };
      for (let row = 0; row < rows; row++) {
        const start = row * cols;
        const saved = { mean: mean === 0 ? 0 : f32[mean / 4 + row], rstd: f32[rstd / 4 + row] };
        const dxRow = dx === 0 ? 0 : dx / 4 + start;
        backwardRow(f32, dy / 4 + start, x / 4 + start, saved, at, dxRow, cols, mean !== 0);
        if ((firstRow + row + 1) % BLOCK_ROWS === 0) sums.endBlock();
      }
    },

    gradients_start(gradients, _, cols) {
      new Uint8Array(memory.buffer, gradients, gradientsBytes(cols)).fill(0);
    },

    gradients_finish_f32(gradients, dgamma, dbeta, cols, accumulate) {
      const f32 = new Float32Array(memory.buffer);
      const sums = new Gradients(memory.buffer, gradients, cols);
      if (dgamma !== 0) sums.write(f32, 0, dgamma / 4, accumulate !== 0);
      if (dbeta !== 0) sums.write(f32, 1, dbeta / 4, accumulate !== 0);
    },

    copy_f32: (from, to, ...box) => copyF32(memory.buffer, from, to, box),
    widen_f16: (from, to, ...box) => copyWidenF16(memory.buffer, from, to, box),
    widen_bf16: (from, to, ...box) => copyWidenBf16(memory.buffer, from, to, box),
    narrow_f16: (from, to, ...box) => copyNarrowF16(memory.buffer, from, to, box),
    narrow_bf16: (from, to, ...box) => copyNarrowBf16(memory.buffer, from, to, box),

    add_f32(a, b, sum, count) {
      const f32 = new Float32Array(memory.buffer);
      for (let k = 0; k < count; k++) f32[sum / 4 + k] = f32[a / 4 + k] + f32[b / 4 + k];
    },

    plus_one_f32(from, to, count) {
      const f32 = new Float32Array(memory.buffer);
      for (let k = 0; k < count; k++) f32[to / 4 + k] = 1 + f32[from / 4 + k];
    },
  };
}
