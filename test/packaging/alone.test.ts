import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../scripts/toolchain.mjs";
import { tarball } from "./support.js";

/* The package and nothing else: TensorFlow.js is an optional peer. Away from the checkout, which has TensorFlow.js. */

const cwd = mkdtempSync(join(tmpdir(), "layernorm-wasm-alone-"));
const evaluate = (code: string) => run([process.execPath, "--input-type=module", "--eval", code], { cwd });

beforeAll(async () => {
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ private: true }));
  const { code, output } = await run(["npm", "install", "--offline", "--ignore-scripts", tarball], { cwd });
  expect(code, output).toBe(0);
  expect(output).not.toMatch(/peer|tensorflow/i);
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("nothing comes with it, and it works", async () => {
  const installed = readdirSync(join(cwd, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed).toEqual(["layernorm-wasm"]);
  const { code, output } = await evaluate(
    'import { layerNorm } from "layernorm-wasm"; console.log(layerNorm(Float32Array.of(1, 3), 2, { eps: 0 }).join());',
  );
  expect(output).toBe("-1,1\n");
  expect(code).toBe(0);
});

test("an import of ./tfjs names what is missing", async () => {
  const { code, output } = await evaluate('import "layernorm-wasm/tfjs";');
  expect(output).toContain("Cannot find package '@tensorflow/tfjs-core'");
  expect(code).not.toBe(0);
});
