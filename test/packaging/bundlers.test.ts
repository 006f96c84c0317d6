import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { bundlers } from "./bundles.js";
import { expected } from "./support.js";

/* Bundles of the installed package, run in Node. What browsers make of them is in browsers.test.ts. */

describe.each(Object.entries(bundlers))("%s", (name, bundle) => {
  /** Builds a fixture: gives its code, and what it exports when it runs. */
  const built = async (entry: string) => {
    const file = join(await bundle(`${entry}.js`, `${name}-${entry}`), "index.js");
    const { result } = await import(pathToFileURL(file).href);
    return { code: readFileSync(file, "utf8"), result };
  };

  test("the bundle works", async () => {
    const { result } = await built("entry");
    expect(result).toEqual(expected("simd128"));
  });

  test("what is not used leaves nothing behind", async () => {
    const { code, result } = await built("unused");
    expect(result).toBe(1);
    expect(code.length, code).toBeLessThan(1000);
    expect(code).not.toMatch(/WebAssembly|FinalizationRegistry|atob/);
  });

  test("a bundle that uses only tensors has no layers", async () => {
    const { code, result } = await built("tensor");
    expect(result).toBe(6);
    expect(code).toContain("FinalizationRegistry");
    expect(code).not.toMatch(/zeroGrad|loadStateDict|layerNormBackward/);
  });

  test("a bundle that uses only rmsNorm has no layers and no backward pass", async () => {
    const { code, result } = await built("rms-norm");
    expect(result).toBe(1);
    expect(code).not.toMatch(/zeroGrad|loadStateDict|safetensors|rmsNormBackward/);
  });
});
