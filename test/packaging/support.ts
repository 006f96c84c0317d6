import { join } from "node:path";
import { expect } from "vitest";
import { root } from "../../scripts/toolchain.mjs";

/** Where the package is installed. */
export const folder = join(root, "test/packaging");

/** Where fixtures build to. */
export const out = join(root, "target/packaging");

/** The packed package: `install.ts`. */
export const tarball = join(out, "layernorm-wasm.tgz");

export const fixture = (name: string) => join(folder, "fixtures", name);

/** What every fixture has to find: `fixtures/report.js`; the bits of `y` are those of `docs/numerics.md`. */
export const expected = (engine: "simd128" | "js") => ({
  y: [-1.3416354656219482, -0.4472118318080902, 0.4472118318080902, 1.3416354656219482],
  error: "RangeError: layerNorm: gamma has 3 elements, normalizedShape [4] needs 4",
  engine,
});

/** What every fixture has to find in TensorFlow.js, on the back ends cpu and wasm: `fixtures/tfjs/report.js`. */
const inTfjs = {
  y: [
    [-1.3411043882369995, -0.4470348060131073, 0.4470348060131073, 1.3411043882369995],
    [-1.3416353464126587, -0.4472118020057678, 0.4472118020057678, 1.3416353464126587],
  ].flat(),
  difference: expect.closeTo(0, 5),
  gradientDifference: expect.closeTo(0, 5),
  error: "RangeError: layerNorm: x has shape [2, 4], its last dimensions need to be normalizedShape [3]",
  leftOver: [0, 0],
};
export const expectedInTfjs = { cpu: inTfjs, wasm: inTfjs };
