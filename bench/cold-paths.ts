// What the guards for hard rows cost where there are none: the kernels beside the same without guards, second reads and
// the way in f64, interleaved: node --import tsx bench/cold-paths.ts [rounds], after a build.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { echo, root, run, wasmEnvironment } from "../scripts/toolchain.mjs";
import { gradientsBytes } from "../ts/engine/abi.js";
import { instantiate } from "../ts/engine/simd128.js";
import { quantile } from "./statistics.js";

const SHAPES = [
  [4096, 8],
  [64, 64],
  [128, 1000],
  [512, 768],
  [8192, 768],
  [4096, 4096],
] as const;
const rounds = Number(process.argv[2] ?? 31);
const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;

const folder = join(root, "target/unguarded");
const build = [
  "wasm-pack",
  "build",
  "crate",
  "--release",
  "--target",
  "web",
  "--no-pack",
  "--mode",
  "no-install",
];
const { code } = await run([...build, "--out-dir", folder, "--features", "unguarded"], {
  env: wasmEnvironment(),
  onText: echo,
});
if (code !== 0) process.exit(code);

/** The kernels of a file on a batch of ordinary rows, and the bits of their results. */
function prepare(file: string, rows: number, cols: number) {
  const { kernels, memory, heapBase } = instantiate(new WebAssembly.Module(readFileSync(file)));
  let end = heapBase;
  const place = (bytes: number) => {
    const start = Math.ceil(end / 64) * 64;
    // Not all at the same offset of a page: see ts/engine/memory.ts.
    end = start + bytes + 13 * 64;
    return start;
  };
  const matrix = rows * cols * F32_BYTES;
  const [x, dy, y, dx] = [matrix, matrix, matrix, matrix].map(place);
  const [gamma, beta, dgamma, dbeta] = [0, 0, 0, 0].map(() => place(cols * F32_BYTES));
  const [mean, rstd] = [0, 0].map(() => place(rows * F32_BYTES));
  const gradients = place(gradientsBytes(cols));
  memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65536) + 1);
  const f32 = new Float32Array(memory.buffer);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  // Of one sign and the other in turn: the sample that a row's shift is taken from then never misleads.
  const count = (dgamma - x) / F32_BYTES;
  for (let k = 0; k < count; k++) f32[x / F32_BYTES + k] = (1.5 + 0.5 * random()) * (k % 2 === 0 ? 1 : -1);
  return {
    forward: () => kernels.layer_norm_forward_f32(x, gamma, beta, y, mean, rstd, rows, cols, 1e-5, 1),
    backward() {
      kernels.gradients_start(gradients, gamma, cols);
      kernels.layer_norm_backward_f32(dy, x, mean, rstd, gamma, dx, gradients, 0, rows, cols);
      kernels.gradients_finish_f32(gradients, dgamma, dbeta, cols, 0);
    },
    bits: () => Buffer.from(memory.buffer, y, end - y),
  };
}

/** The milliseconds of a call, of calls that take some two together. */
function time(call: () => void): number {
  const start = performance.now();
  let calls = 0;
  do {
    call();
    calls++;
  } while (performance.now() - start < 2);
  return (performance.now() - start) / calls;
}

console.log(`Time with guards over time without, median and quartiles of ${rounds} rounds:`);
for (const [rows, cols] of SHAPES) {
  const builds = ["dist/layernorm.wasm", "target/unguarded/layernorm_wasm_bg.wasm"].map((file) =>
    prepare(join(root, file), rows, cols),
  );
  for (const pass of ["forward", "backward"] as const) {
    for (const { forward, backward } of builds) {
      forward();
      backward();
    }
    if (!builds[0].bits().equals(builds[1].bits())) throw new Error(`[${rows}, ${cols}]: other results`);
    const ratios = Array.from({ length: rounds }, (_, round) => {
      // Each of the two goes first in turn.
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const times = [0, 0];
      for (const k of order) times[k] = time(builds[k][pass]);
      return times[0] / times[1];
    });
    const [low, median, high] = [0.25, 0.5, 0.75].map((q) => quantile(ratios, q).toFixed(3));
    console.log(`${pass.padEnd(8)} [${rows}, ${cols}]`.padEnd(24), median, ` ${low} to ${high}`);
  }
}
