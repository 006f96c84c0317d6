// Everything that can be settled without running the library: format, lints, types, the boundaries between the
// rooms, what the package contains, its sizes, and the links of the documentation.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  debian,
  nativeEnvironment,
  root,
  run,
  usesDebian,
  wasmEnvironment,
  wasmTarget,
} from "./toolchain.mjs";

// --- boundaries ----------------------------------------------------------------------------------------------------

/**
 * `pattern` may occur in files that match `only`, and in no other file that matches `within`. Comments and strings do
 * not count, unless `raw`.
 *
 * @typedef {{ what: string, pattern: RegExp, within: RegExp, only?: RegExp, raw?: boolean, example: string }} Rule
 */

/** @type {Rule[]} */
const rules = [
  {
    what: "core::arch only in crate/src/vector/simd128.rs",
    pattern: /\b(?:core|std)::arch\b/,
    within: /^crate\/src\/.*\.rs$/,
    only: /^crate\/src\/vector\/simd128\.rs$/,
    example: "use core::arch::wasm32::v128;",
  },
  {
    what: "unsafe only in crate/src/row.rs, copy.rs, element.rs, gradients.rs, abi.rs and crate/src/vector",
    pattern: /\bunsafe\b/,
    within: /^crate\/src\/.*\.rs$/,
    only: /^crate\/src\/(?:(?:row|copy|element|gradients|abi)\.rs|vector\.rs|vector\/.*)$/,
    example: "unsafe { x }",
  },
  {
    // The JavaScript kernels stand on the memory as the WebAssembly's do: below what memory.ts owns.
    what: "the memory's buffer only in ts/engine/memory.ts and ts/engine/javascript.ts",
    pattern: /\bmemory\??\.buffer\b/,
    within: /^ts\/.*\.ts$/,
    only: /^ts\/engine\/(?:memory|javascript)\.ts$/,
    example: "new Float32Array(memory.buffer)",
  },
  {
    what: "the memory's growth only in ts/engine/memory.ts",
    pattern: /\.grow\(/,
    within: /^ts\/.*\.ts$/,
    only: /^ts\/engine\/memory\.ts$/,
    example: "engine.memory.grow(1)",
  },
  {
    what: "new WebAssembly.* only in ts/engine",
    pattern: /\bnew WebAssembly\./,
    within: /^ts\/.*\.ts$/,
    only: /^ts\/engine\//,
    example: "new WebAssembly.Module(bytes)",
  },
  {
    what: "throw new only in ts/api/check.ts",
    pattern: /\bthrow new\b/,
    within: /^ts\/.*\.ts$/,
    only: /^ts\/api\/check\.ts$/,
    example: "throw new RangeError()",
  },
  {
    what: "no mutable variable of a module",
    pattern: /^(?:export )?(?:let|var)\b/m,
    within: /^ts\/.*\.ts$/,
    example: "let count = 0;",
  },
  {
    what: "no path of one machine",
    pattern: /(?<![\w.~/-])\/(?:root|home|Users|work)\/[\w.]|\b[A-Z]:\\\w/,
    within: /^(?!scripts\/check\.mjs$)/,
    raw: true,
    example: `const cache = "${["", "root", ".cache"].join("/")}";`,
  },
  {
    what: "no address of a package registry",
    pattern: /https?:\/\/(?:[\w-]+\.)*(?:registry|index|static|deb)\.[\w-]+\./,
    within: /^(?!scripts\/check\.mjs$)/,
    raw: true,
    example: "https://registry.example.org/package",
  },
];

const literals = {
  // A quote in Rust also begins a lifetime: only a whole character literal is taken out.
  rs: /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[^']+|[^'\\\n])'/g,
  ts: /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g,
};

/**
 * The code of a file alone, each line where it was.
 *
 * @param {string} path
 * @param {string} text
 */
function codeOf(path, text) {
  return text.replace(path.endsWith(".rs") ? literals.rs : literals.ts, (found) =>
    found.replace(/[^\n]/g, " "),
  );
}

/** @param {string[]} files */
function boundaries(files) {
  const problems = [];
  for (const { what, pattern, within, only, raw, example } of rules) {
    // A rule that is misspelt would hold for ever: it has to find its example, and its own place.
    if (!pattern.test(example)) problems.push(`the rule "${what}" does not find its example`);
    let found = 0;
    for (const file of files.filter((name) => within.test(name))) {
      const text = readFileSync(join(root, file), "utf8");
      const match = pattern.exec(raw ? text : codeOf(file, text));
      if (!match) continue;
      if (only?.test(file)) found += 1;
      else problems.push(`${file}:${text.slice(0, match.index).split("\n").length}: ${what}`);
    }
    if (only && found === 0)
      problems.push(`the rule "${what}" finds nothing where it is allowed: is it out of date?`);
  }
  return problems;
}

// --- the list ------------------------------------------------------------------------------------------------------

const listed = await run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]);
const deleted = await run(["git", "ls-files", "--deleted"]);
const gone = new Set(deleted.output.split("\n"));
const files = listed.output.split("\n").filter((file) => file && !gone.has(file));
const documents = files.filter((file) => file.endsWith(".md"));

const wasmClippy = usesDebian() ? debian.cargoClippy : "cargo-clippy";
const clippy = ["clippy", "--workspace", "--all-targets"];
const denied = ["--", "-D", "warnings"];
// Nothing has types for the .wasm file itself.
const importable = [".", "--profile", "esm-only", "--exclude-entrypoints", "./layernorm.wasm"];
const links = ["remark", "--frail", "--quiet", "--use", "remark-validate-links=repository:false"];

/** @type {{ title: string, command?: string[], env?: NodeJS.ProcessEnv, find?: () => string[], repair?: string }[]} */
const checks = [
  { title: "Rust format", command: ["cargo", "fmt", "--all", "--check"], repair: "npm run format" },
  { title: "Rust lints", command: ["cargo", ...clippy, ...denied] },
  {
    title: `Rust lints for ${wasmTarget}`,
    command: [wasmClippy, ...clippy, "--target", wasmTarget, ...denied],
    env: wasmEnvironment(),
  },
  {
    title: "TypeScript format and lints",
    command: ["biome", "ci", "--error-on-warnings", "--colors=off"],
    repair: "npm run format",
  },
  { title: "TypeScript types", command: ["tsc", "--noEmit", "-p", "tsconfig.json"] },
  { title: "Boundaries", find: () => boundaries(files) },
  {
    title: "Exports and packages that nothing uses",
    command: ["knip", "--no-progress", "--no-config-hints"],
  },
  { title: "The package's manifest", command: ["publint", "--strict"] },
  { title: "The package's types, as imports find them", command: ["attw", "--pack", ...importable] },
  { title: "Sizes", command: ["size-limit"] },
  ...(documents.length > 0
    ? [{ title: "Links of the documentation", command: [...links, ...documents] }]
    : []),
];

let failed = 0;
for (const { title, command, env, find, repair } of checks) {
  const start = Date.now();
  const { code, output } = command
    ? await run(command, { env: env ?? nativeEnvironment() })
    : ((problems) => ({ code: problems.length, output: problems.join("\n") }))(find?.() ?? []);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${title} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  if (code === 0) continue;
  failed += 1;
  console.log(`${command ? `> ${command.join(" ")}\n` : ""}${output.trimEnd()}`);
  if (repair) console.log(`To repair: ${repair}`);
}
console.log(
  failed === 0 ? `All ${checks.length} checks hold` : `${failed} of ${checks.length} checks failed`,
);
process.exitCode = failed === 0 ? 0 : 1;
