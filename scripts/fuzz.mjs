// Lets libFuzzer look for batches on which the kernels do not keep their properties: `fuzz.mjs --seconds 60`. What it
// has learnt stays in target/fuzz/corpus for the next run. `fuzz.mjs FILE` tries one that it has found again.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { nativeEnvironment, root } from "./toolchain.mjs";

// cargo-fuzz asks for nightly to add Address Sanitizer and to build the library anew. Guards around each array and the
// library's own checks do here, and coverage of stable code is a matter of flags, those that cargo-fuzz gives too. Not
// tracing comparisons, as it does, is twice as fast, and reaches the same code: they are those of loops.
const instrumented = [
  "--cfg=fuzzing",
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
].join(" ");

const folder = join(root, "target/fuzz");
const corpus = join(folder, "corpus");
const findings = join(folder, "findings");

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} [more]
 */
function run([program = "", ...args], more = {}) {
  const env = { ...nativeEnvironment(), ...more };
  const { status, error } = spawnSync(program, args, { cwd: root, env, stdio: "inherit" });
  if (error) throw error;
  return status ?? 1;
}

/** @param {string[]} command */
function must(command) {
  if (run(command) !== 0) process.exit(1);
}

const { values, positionals } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, jobs: { type: "string", default: "1" } },
  allowPositionals: true,
});
if (![values.seconds, values.jobs].every((text) => /^[1-9]\d*$/.test(text))) {
  console.error("npm run fuzz -- [--seconds N] [--jobs N] [FILE ...]");
  process.exit(2);
}

const host = /^host: (.+)$/m.exec(spawnSync("rustc", ["-vV"], { encoding: "utf8" }).stdout ?? "")?.[1] ?? "";
// With a target named, the flags are not for build scripts: those could not be linked.
const build = ["cargo", "build", "--package=layernorm-fuzz", "--profile=fuzz", `--target=${host}`];
if (run([...build, `--target-dir=${folder}`], { RUSTFLAGS: instrumented }) !== 0) process.exit(1);
const fuzzer = join(folder, host, "fuzz/layernorm-fuzz");

if (positionals.length > 0) {
  process.exitCode = run([fuzzer, ...positionals.map((file) => resolve(file))]);
} else {
  for (const each of [corpus, findings]) mkdirSync(each, { recursive: true });
  must(["cargo", "run", "--quiet", "--package=layernorm-fuzz", "--", corpus]);
  const before = new Set(readdirSync(findings));
  const jobs = Number(values.jobs);
  const code = run([
    fuzzer,
    corpus,
    `-artifact_prefix=${findings}/`,
    `-max_total_time=${values.seconds}`,
    "-max_len=1024",
    "-timeout=20",
    "-print_final_stats=1",
    "-entropic_scale_per_exec_time=1", // large batches are a hundred times as slow
    ...(jobs > 1 ? [`-fork=${jobs}`, "-ignore_crashes=0"] : []),
  ]);
  for (const name of readdirSync(findings).filter((each) => !before.has(each)))
    console.log(`Found: npm run fuzz -- ${relative(root, join(findings, name))}`);
  process.exitCode = code;
}
