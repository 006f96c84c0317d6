import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { matrixProductModel } from "../../bench/engines/onnx-model.js";
import { root, run } from "../../scripts/toolchain.mjs";
import { checkedExample, examplesOf } from "../documentation.js";
import { folder } from "./support.js";

/* The example of docs/onnxruntime-web.md, on the installed packages and on models that do what it says of them. */

/** Below the folder where they are installed, so that imports find them. */
const cwd = join(folder, "target/onnxruntime-web");
const [example, ...others] = examplesOf("docs/onnxruntime-web.md");

/** The three of a row and their sum; then the last of those, and the first less the third. */
const ENCODER = [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1];
const HEAD = [0, 1, 0, 0, 0, -1, 1, 0];

beforeAll(() => {
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, "encoder.onnx"), matrixProductModel(2, [3, 4], Float32Array.from(ENCODER)));
  writeFileSync(join(cwd, "head.onnx"), matrixProductModel(2, [4, 2], Float32Array.from(HEAD)));
  writeFileSync(join(cwd, "example.ts"), example.code);
  const config = { extends: "../../../../tsconfig.json", include: ["*.ts"], exclude: [] };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify(config));
});

test("there is one example, and it type-checks", async () => {
  expect(others).toEqual([]);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { output } = await run([process.execPath, tsc, "--noEmit", "-p", cwd]);
  expect(output).toBe("");
});

test("it runs, and does what it says", async () => {
  writeFileSync(join(cwd, "example.mjs"), await checkedExample(example.code));
  const { code, output } = await run([process.execPath, "example.mjs"], { cwd, seconds: 60 });
  expect(code, output).toBe(0);
});
