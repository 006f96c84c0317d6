import { join } from "node:path";
import { root } from "../../scripts/toolchain.mjs";

/** Where the package is installed. */
export const folder = join(root, "test/packaging");

/** Where fixtures build to. */
export const out = join(root, "target/packaging");

export const fixture = (name: string) => join(folder, "fixtures", name);

/** What every fixture has to find: `fixtures/report.js`. */
export const expected = (engine: "simd128" | "js") => ({
  y: [-1.3416354656219482, -0.4472118020057678, 0.4472118020057678, 1.3416354656219482],
  error: "RangeError: layerNorm: gamma has 3 elements, normalizedShape [4] needs 4",
  engine,
});
