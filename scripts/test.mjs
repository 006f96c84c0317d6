// Runs every test of a build, or one part: `test.mjs rust`, `test.mjs wasm`, `test.mjs ts`; or, only when asked for,
// `test.mjs packaging`, which takes minutes. Goes on after a failure; the last line is the sum.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { echo, installPackages, nativeEnvironment, run, wasmEnvironment } from "./toolchain.mjs";

const temporary = mkdtempSync(join(tmpdir(), "layernorm-wasm-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

const report = join(temporary, "vitest.json");
/** @param {string[]} where */
const wasmPack = (...where) => ["wasm-pack", "test", ...where, "--release", "--mode", "no-install", "crate"];
// The runner's own 20 s are for one page of tests; a busy machine with two cores needs more.
const patient = { WASM_BINDGEN_TEST_TIMEOUT: "300", WASM_BINDGEN_TEST_DRIVER_TIMEOUT: "60" };
const inNode = () => ({ ...wasmEnvironment(), ...patient });
// Tests that do not say where they run would be skipped in a browser: the same tests are for every engine.
const inBrowser = () => ({ ...inNode(), WASM_BINDGEN_USE_BROWSER: "1" });

const vitest = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];

const suites = [
  {
    part: "rust",
    title: "Rust, natively",
    command: ["cargo", "test", "--workspace"],
    env: nativeEnvironment,
  },
  { part: "wasm", title: "WebAssembly in Node", command: wasmPack("--node"), env: inNode },
  {
    part: "wasm",
    title: "WebAssembly in Chrome",
    command: wasmPack("--headless", "--chrome"),
    env: inBrowser,
  },
  {
    part: "wasm",
    title: "WebAssembly in Firefox",
    command: wasmPack("--headless", "--firefox"),
    env: inBrowser,
  },
  { part: "ts", title: "TypeScript", command: vitest, env: nativeEnvironment, count: countVitest },
  {
    part: "packaging",
    title: "The packed package",
    command: [...vitest, "--config=test/packaging/vitest.config.ts"],
    env: nativeEnvironment,
    count: countVitest,
  },
];

/**
 * cargo and wasm-bindgen close each test binary with the same line.
 *
 * @param {string} output
 */
function countCargo(output) {
  const count = { passed: 0, failed: 0 };
  for (const [, passed, failed] of output.matchAll(/^test result: .*?(\d+) passed; (\d+) failed/gm)) {
    count.passed += Number(passed);
    count.failed += Number(failed);
  }
  return count;
}

function countVitest() {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) };
  } catch {
    return { passed: 0, failed: 0 }; // it stopped before its report
  }
}

const part = process.argv[2];
const chosen = suites.filter((suite) => suite.part === part || (!part && suite.part !== "packaging"));
if (chosen.length === 0)
  console.error(
    `There is no part "${part}": say rust, wasm, ts or packaging, or nothing for the first three.`,
  );

// Other JavaScript engines; a test whose engine is not here is skipped.
if (chosen.some(({ command }) => command[0] === "vitest")) {
  const trouble = await installPackages("test/determinism/runtimes", "Node, Bun and Deno");
  if (trouble) console.log(`${trouble}\nThe tests go on without them.`);
}

const total = { passed: 0, failed: 0 };
for (const { title, command, env, count = countCargo } of chosen) {
  console.log(`\n=== ${title}: ${command.filter((word) => !word.includes(report)).join(" ")}`);
  const { code, output } = await run(command, { env: env(), onText: echo });
  const { passed, failed } = count(stripVTControlCharacters(output));
  // A runner that broke off, or found no test, has failed even if no test of it did.
  const broken = failed === 0 && (code !== 0 || passed === 0);
  if (code === 127) console.log(output);
  if (broken) console.log(`${title}: ${code === 0 ? "no test ran" : `stopped with exit code ${code}`}`);
  total.passed += passed;
  total.failed += broken ? 1 : failed;
}

console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
