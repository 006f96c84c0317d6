/*
 * Writes hashes.json: cases, and the hashes of what docs/numerics.md says that they come to.
 *
 *     npx tsx test/determinism/generate.ts
 */

import { writeFileSync } from "node:fs";
import { batchOfCase, type Case, nameOf } from "./cases.js";
import { hashesOf } from "./transcription.js";

/** Values of `x` from -2 to 2 about 0, all else at its simplest. */
const PLAIN: Case = {
  rows: 3,
  cols: 100,
  mean: 0,
  spread: 1,
  exponent: -14,
  special: 0,
  dyExponent: -14,
  eps: 1e-5,
  gamma: 1,
  beta: 1,
  centred: 1,
  storage: 0,
};

const cases: Case[] = [];
const add = (of: Partial<Case>) => cases.push({ ...PLAIN, ...of });

for (let cols = 1; cols <= 67; cols++) add({ cols, gamma: cols & 1, beta: (cols >> 1) & 1 });
for (const cols of [127, 128, 129, 255, 256, 257, 258, 509, 768, 1000, 1001, 1024, 2049, 4096]) {
  for (const rows of [1, 2, 33]) add({ rows, cols, gamma: rows & 1 });
}
for (const rows of [1, 2, 31, 32, 33, 64, 70, 200]) add({ rows, cols: 20, beta: 0 });
// Means of one to 2^30 spreads, for rows that fit the shift's sample and rows that do not.
for (const cols of [3, 17, 100, 768]) {
  for (let power = 13; power <= 45; power += 4) add({ cols, mean: 2 ** power + 1, gamma: power & 1 });
  add({ cols, mean: -(2 ** 28), beta: 0 });
}
// Magnitudes, from numbers too small for a normal f32 to those whose squares and sums overflow.
for (const exponent of [
  -165, -160, -149, -130, -100, -70, -54, -53, -40, 20, 24, 25, 26, 27, 60, 90, 111, 112,
]) {
  for (const eps of [0, 1e-5, 1e30]) add({ cols: 33, exponent, eps });
}
for (const eps of [0, 1e-12, 2 ** -80, 1, 2 ** 80, 1e30]) {
  for (const mean of [0, 1, 0x123457, 2 ** 40]) add({ cols: 50, mean, spread: 0, eps }); // constant
}
for (const cols of [2, 16, 100]) {
  for (const special of [1, 2, 3, 4]) add({ cols, special });
}
for (const dyExponent of [-149, -130, -100, 60, 100, 112]) {
  add({ dyExponent });
  add({ dyExponent, mean: 2 ** 25, gamma: 0 });
}
// Large calls: the kernels choose their loops by size.
add({ rows: 600, cols: 1000 });
add({ rows: 40, cols: 3000, mean: 2 ** 22 });
add({ rows: 300, cols: 1000, mean: 2 ** 13 });
add({ rows: 2, cols: 65537, gamma: 0, beta: 0 });

// RMSNorm: each way of the kernels, each kind of row.
const rms = (of: Partial<Case>) => add({ ...of, centred: 0, beta: 0 });
for (const cols of [1, 2, 3, 5, 8, 15, 16, 17, 31, 64, 65, 127, 256, 257, 768, 1000, 4096]) {
  for (const rows of [1, 4, 33]) rms({ rows, cols, gamma: rows & 1 });
}
for (const cols of [3, 100, 768]) for (const power of [13, 25, 45]) rms({ cols, mean: 2 ** power + 1 });
for (const exponent of [-165, -149, -100, -54, 25, 60, 112]) {
  for (const eps of [0, 1e-5]) rms({ cols: 33, exponent, eps });
}
for (const special of [1, 2, 3, 4]) rms({ cols: 50, special });
for (const dyExponent of [-149, -130, 112]) rms({ dyExponent });
rms({ rows: 600, cols: 1000 });
// Storage in 16 bits: numbers about 1, denormal ones, those that overflow.
for (const storage of [1, 2]) {
  for (const cols of [1, 7, 33, 768]) add({ rows: 5, cols, storage });
  for (const exponent of [-45, -30, 0, 2, 100]) add({ exponent, storage });
  for (const dyExponent of [-160, -40, -30, 1, 110]) add({ dyExponent, storage });
  for (const special of [1, 2]) add({ special, storage });
}

const names = [...new Set(cases.map(nameOf))];
const lines = names.map((name, index) => {
  return `  "${name}": "${hashesOf(batchOfCase(name, index))}"`;
});
writeFileSync(new URL("hashes.json", import.meta.url), `{\n${lines.join(",\n")}\n}\n`);
