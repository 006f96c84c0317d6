// Builds dist/: the kernels to WebAssembly (wasm-pack), their bytes and types into ts/engine/generated/, TypeScript to
// JavaScript (esbuild) and to declarations (tsc). A stage whose inputs and outputs are as it left them is not run again.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { echo, nativeEnvironment, root, run, wasmEnvironment } from "./toolchain.mjs";
import { textOf } from "./wasm-text.mjs";

const wasmFile = join(root, "crate/pkg/layernorm_wasm_bg.wasm");
const generated = join(root, "ts/engine/generated");
const dist = join(root, "dist");

const stages = [
  {
    name: "wasm",
    inputs: [
      "Cargo.toml",
      "Cargo.lock",
      ".cargo",
      "crate/Cargo.toml",
      "crate/src",
      "node_modules/binaryen/package.json",
    ],
    outputs: ["crate/pkg", "ts/engine/generated"],
    build: buildWasm,
  },
  {
    name: "dist",
    inputs: [
      "ts",
      "tsconfig.json",
      "tsconfig.build.json",
      "node_modules/typescript/package.json",
      "node_modules/esbuild/package.json",
      "node_modules/@tensorflow/tfjs-core/package.json",
      "node_modules/@tensorflow/tfjs-layers/package.json",
    ],
    outputs: ["dist"],
    build: buildDist,
  },
];

async function buildWasm() {
  rmSync(join(root, "crate/pkg"), { recursive: true, force: true });
  await must(
    ["wasm-pack", "build", "crate", "--target", "web", "--release", "--no-pack", "--mode", "no-install"],
    {
      env: wasmEnvironment(),
    },
  );
  writeFileSync(wasmFile, withoutCustomSections(readFileSync(wasmFile)));
  mkdirSync(generated, { recursive: true });
  const header = "// Made by scripts/build.mjs.\n\n";
  const { alphabet, text } = textOf(readFileSync(wasmFile));
  writeFileSync(
    join(generated, "wasm-bytes.ts"),
    `${header}/** The WebAssembly file, as scripts/wasm-text.mjs writes it. */
export const WASM_TEXT: string =\n  ${JSON.stringify(text)};
/** The character of each byte that has one of its own. */
export const WASM_ALPHABET: string =\n  ${JSON.stringify(alphabet)};\n`,
  );

  // The names with __ are wasm-bindgen's own. A .ts file and not wasm-bindgen's own .d.ts, which tsc would not copy to dist/.
  const declarations = readFileSync(`${wasmFile}.d.ts`, "utf8").matchAll(
    /^export const (?!__)(\w+): (.+);$/gm,
  );
  const members = Array.from(declarations, ([, name, type]) => `  readonly ${name}: ${type};\n`);
  const contract = `export interface WasmExports {\n${members.join("")}}\n`;
  writeFileSync(
    join(generated, "exports.ts"),
    `${header}/** What the WebAssembly file exports. */\n${contract}`,
  );
}

/**
 * A WebAssembly file without what is there for tools alone: who made it, and which features it needs.
 *
 * @param {Buffer} file
 */
function withoutCustomSections(file) {
  const header = 8;
  const kept = [file.subarray(0, header)];
  for (let start = header, end = header; start < file.length; start = end) {
    // A section is its kind, 0 for custom, its length in LEB128, and its contents.
    let [length, shift, at] = [0, 0, start + 1];
    for (; file[at] >= 128; at++, shift += 7) length += (file[at] - 128) * 2 ** shift;
    end = at + 1 + length + file[at] * 2 ** shift;
    if (file[start] !== 0) kept.push(file.subarray(start, end));
  }
  return Buffer.concat(kept);
}

async function buildDist() {
  rmSync(dist, { recursive: true, force: true });
  const env = nativeEnvironment();
  await must(["tsc", "-p", "tsconfig.build.json"], { env });
  // One file for each entry and some for what they share, so that Tensor is one class: to load fifteen modules takes
  // longer than to compile the kernels. Neither minified nor merged further: that is for the user's bundler.
  const entries = ["index", "slim", "js", "workerd", "edge-light"].map((entry) => `ts/${entry}.ts`);
  const bundle = [
    "--bundle",
    "--splitting",
    "--format=esm",
    "--target=es2022",
    "--chunk-names=shared-[hash]",
  ];
  const files = ["--external:*/layernorm.wasm", "--external:*/layernorm.wasm?module"];
  const end = ["--outdir=dist", "--log-level=warning"];
  await must(["esbuild", ...entries, ...bundle, ...files, ...end], { env });
  // By itself, on index.js as it is: or what both need would be in a third file, which index.js would have to load.
  const peers = ["--external:@tensorflow/*", "--external:*/index.js"];
  await must(["esbuild", "ts/tfjs.ts", ...bundle, ...peers, ...end], { env });
  copyFileSync(wasmFile, join(dist, "layernorm.wasm"));
  const bytes = readFileSync(wasmFile);
  const sizes = [bytes, gzipSync(bytes, { level: 9 })].map(
    ({ length }) => `${(length / 1024).toFixed(1)} KiB`,
  );
  console.log(`dist/layernorm.wasm: ${sizes[0]}, ${sizes[1]} gzipped`);
}

/**
 * @param {string[]} command
 * @param {{ env: NodeJS.ProcessEnv }} options
 */
async function must(command, options) {
  console.log(`> ${command.join(" ")}`);
  const { code, output } = await run(command, { ...options, onText: echo });
  if (code === 127) console.error(`${output}\nRun the set-up first: npm run setup`);
  if (code !== 0) process.exit(code);
}

/**
 * One hash over names and contents of files and folders.
 *
 * @param {string[]} paths
 */
function hashOf(paths) {
  const hash = createHash("sha256");
  /** @param {string} path */
  const add = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) add(join(path, name));
    } else {
      hash
        .update(`${relative(root, path)}\0`)
        .update(readFileSync(path))
        .update("\0");
    }
  };
  for (const path of paths) add(join(root, path));
  return hash.digest("hex");
}

for (const { name, inputs, outputs, build } of stages) {
  // Beside cargo's outputs and not in dist/, which is published whole.
  const stamp = join(root, "target", `built-${name}.txt`);
  const state = () =>
    `${hashOf([...inputs, "scripts/build.mjs", "scripts/wasm-text.mjs"])} ${hashOf(outputs)}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state()) continue;
  rmSync(stamp, { force: true });
  await build();
  mkdirSync(join(root, "target"), { recursive: true });
  writeFileSync(stamp, state());
}
