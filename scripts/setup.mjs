// Brings a machine to where this project builds (`setup.mjs`), or builds, tests and checks (`setup.mjs --all`).
// Each step looks whether there is anything to do; a second run only looks.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import * as toolchain from "./toolchain.mjs";

const { cache, cargoTools, debian, root, wasmTarget } = toolchain;
const all = process.argv.includes("--all");

class Failure extends Error {
  /**
   * @param {string} tried
   * @param {string} output
   */
  constructor(tried, output) {
    const tail = output.trimEnd().split("\n").slice(-40).join("\n    ");
    super(`tried: ${tried}\n    ${tail}`);
  }
}

/** @typedef {(line: string) => void} Report */

/**
 * Runs a command, reports its latest line, throws if it fails.
 *
 * @param {string[]} command
 * @param {Report} report
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, seconds?: number }} [options]
 */
async function must(command, report, options) {
  const start = Date.now();
  let next = start + 20_000;
  let rest = "";
  const { code, output } = await toolchain.run(command, {
    ...options,
    onText(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      const line = lines.at(-1)?.trim();
      if (!line) return;
      if (process.stdout.isTTY) return report(line);
      // A log keeps every line: one now and then shows that the step is alive.
      if (Date.now() < next) return;
      next = Date.now() + 20_000;
      report(`${Math.round((Date.now() - start) / 1000)} s: ${line}`);
    },
  });
  const late = code === 124 ? ` (stopped after ${options?.seconds} s)` : "";
  if (code !== 0) throw new Failure(command.join(" ") + late, output);
  return output;
}

// --- npm packages: with Node alone, as nothing else is there yet ---------------------------------------------------

const lockStamp = join(root, "node_modules/.package-lock.sha256");
const lockHash = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");

async function npmPackages() {
  const complete = existsSync(join(root, "node_modules/.package-lock.json")) && existsSync(lockStamp);
  if (complete && readFileSync(lockStamp, "utf8") === lockHash()) return;
  console.log("npm packages: npm ci, about 20 s");
  // No package here needs its install script: esbuild's only makes its command start faster.
  await must(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], (line) =>
    console.log(`  ${line}`),
  );
  writeFileSync(lockStamp, lockHash());
}

// --- apt -----------------------------------------------------------------------------------------------------------

const hasApt =
  process.getuid?.() === 0 && existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get");

let aptListsFresh = false;

/**
 * @param {string[]} packages
 * @param {Report} report
 */
async function apt(packages, report) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  if (!aptListsFresh) await must(["apt-get", "update"], report, { env, seconds: 300 });
  aptListsFresh = true;
  // --no-remove: rustc-web conflicts with Debian's older rustc, and what someone else installed stays.
  const flags = ["-y", "--no-install-recommends", "--no-remove"];
  await must(["apt-get", "install", ...flags, ...packages], report, { env, seconds: 1200 });
}

// --- Rust for wasm32 -----------------------------------------------------------------------------------------------

/** @param {Report} report */
async function rustTarget(report) {
  if (process.env.LAYERNORM_TOOLCHAIN === "debian") return debianRust(report);
  try {
    // The limit is for networks that drop what they do not allow: the download itself takes seconds.
    await must(["rustup", "target", "add", wasmTarget], report, { seconds: 120 });
  } catch (error) {
    if (!hasApt) throw error;
    report("rustup cannot get it: Debian's compiler instead");
    await debianRust(report);
  }
}

/**
 * Debian packages a recent compiler and the library's source, but no wasm32 library: build that, once, into a
 * sysroot of our own. Nothing is written into Debian's.
 *
 * @param {Report} report
 */
async function debianRust(report) {
  if (!hasApt) throw new Failure("Debian's rustc-web", "this needs Debian, apt-get and root");
  await apt(["rustc-web", "rust-web-src", "rust-web-clippy"], report);

  const version = await must([debian.rustc, "-vV"], report);
  const host = /^host: (.+)$/m.exec(version)?.[1] ?? "";
  const theirs = (await must([debian.rustc, "--print", "sysroot"], report)).trim();
  const linker = join(toolchain.rustSysroot(), "lib/rustlib", host, "bin/rust-lld");
  if (!existsSync(linker))
    throw new Failure(linker, "the active toolchain has no rust-lld to link wasm32 with");

  // Built aside and moved into place when whole: a run that was stopped leaves nothing that looks ready.
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "building-"));
  try {
    const sysroot = join(work, "sysroot");
    link(join(theirs, "lib/rustlib/src"), join(sysroot, "lib/rustlib/src"));
    link(join(theirs, "lib/rustlib", host, "lib"), join(sysroot, "lib/rustlib", host, "lib"));
    link(linker, join(sysroot, "lib/rustlib", host, "bin/rust-lld"));
    wrapper(debian.rustc, join(sysroot, "bin/rustc"), debian.sysroot);
    wrapper(debian.rustdoc, join(sysroot, "bin/rustdoc"), debian.sysroot);

    const library = await buildStd(work, join(theirs, "lib/rustlib/src/rust/library"), report);
    const target = join(sysroot, "lib/rustlib", wasmTarget, "lib");
    mkdirSync(target, { recursive: true });
    for (const file of readdirSync(library)) {
      if (file.endsWith(".rlib") && !file.startsWith("libempty-"))
        copyFileSync(join(library, file), join(target, file));
    }
    writeFileSync(join(sysroot, "compiler"), toolchain.debianCompiler());
    rmSync(debian.sysroot, { recursive: true, force: true });
    renameSync(sysroot, debian.sysroot);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} work
 * @param {string} source
 * @param {Report} report
 */
async function buildStd(work, source, report) {
  const empty = join(work, "empty");
  mkdirSync(join(empty, "src"), { recursive: true });
  writeFileSync(
    join(empty, "Cargo.toml"),
    '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n',
  );
  writeFileSync(join(empty, "src/lib.rs"), "#![no_std]\n");
  const flags = ["-Zbuild-std=std,panic_abort,test,proc_macro", "--target", wasmTarget, "--release"];
  const vendored = [
    'source.crates-io.replace-with="vendor"',
    `source.vendor.directory="${join(source, "vendor")}"`,
  ];
  const env = {
    ...toolchain.nativeEnvironment(),
    RUSTC: debian.rustc,
    RUSTC_BOOTSTRAP: "1", // -Zbuild-std on a stable compiler
    RUSTFLAGS: "-C embed-bitcode=yes", // cargo leaves it out, but our release profile has `lto`
    CARGO_TARGET_DIR: join(work, "target"),
  };
  await must(["cargo", "build", ...flags, ...vendored.flatMap((line) => ["--config", line])], report, {
    cwd: empty,
    env,
  });
  return join(work, "target", wasmTarget, "release/deps");
}

/**
 * @param {string} to
 * @param {string} at
 */
function link(to, at) {
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(to, at);
}

/**
 * @param {string} program
 * @param {string} at
 * @param {string} sysroot
 */
function wrapper(program, at, sysroot) {
  mkdirSync(dirname(at), { recursive: true });
  const quoted = `'${sysroot.replaceAll("'", "'\\''")}'`;
  writeFileSync(at, `#!/bin/sh\nexec ${program} --sysroot ${quoted} "$@"\n`, { mode: 0o755 });
}

// --- the steps -----------------------------------------------------------------------------------------------------

/** @typedef {{ title: string, done: () => boolean, task: (report: Report) => Promise<unknown>, advice: string }} Step */

/**
 * @param {string} name
 * @returns {Step}
 */
function cargoTool(name) {
  const { version, minutes } = cargoTools[name] ?? {};
  return {
    title: `${name} ${version}: cargo install, about ${minutes} min`,
    done: () => toolchain.hasCargoTool(name),
    task: (report) => must(toolchain.cargoInstall(name), report),
    advice: `Put ${name} ${version} on PATH yourself, from its own release page or your system's packages.`,
  };
}

/** @type {Step} */
const rust = {
  title: `Rust's library for ${wasmTarget}: rustup target add, about 20 s (else Debian's, 2 min)`,
  done: () => toolchain.rustSysroot() !== "" && (toolchain.usesDebian() ? toolchain.debianReady() : true),
  task: async (report) => {
    if (!toolchain.rustSysroot()) throw new Failure("rustc --print sysroot", "there is no Rust on PATH");
    await rustTarget(report);
  },
  advice: `Install Rust (stable) with rustup, then run: rustup target add ${wasmTarget}`,
};

/** @type {Step} */
const browsers = {
  title: "Chrome, Firefox and chromedriver: apt-get install, about 1 min",
  done: () =>
    Boolean(toolchain.browser("chrome") && toolchain.browser("firefox") && toolchain.which("chromedriver")),
  task: async (report) => {
    if (!hasApt)
      throw new Failure("Chrome, Firefox and chromedriver on PATH", "at least one of them is not there");
    await apt(["chromium", "chromium-driver", "firefox-esr"], report);
  },
  advice:
    "Install Chrome or Chromium with the chromedriver of the same version, and Firefox; put chromedriver on PATH.",
};

const forBuilding = [rust, cargoTool("wasm-pack"), cargoTool("wasm-bindgen-cli")];
const forTesting = [browsers, cargoTool("geckodriver")];

try {
  await npmPackages();
} catch (error) {
  fail("npm packages", error, "Is the npm registry reachable? `npm ci` by hand shows more.");
}

const steps = (all ? [...forBuilding, ...forTesting] : forBuilding).filter((step) => !step.done());
if (steps.length > 0) {
  const { Listr } = await import("listr2");
  /** @param {Step} step */
  const listed = (step) => ({
    title: step.title,
    task: async (/** @type {unknown} */ _, /** @type {{ output: string }} */ task) => {
      try {
        await step.task((line) => {
          task.output = line;
        });
      } catch (error) {
        throw Object.assign(new Error("see below"), { stopped: () => fail(step.title, error, step.advice) });
      }
    },
  });
  await new Listr(steps.map(listed), { fallbackRenderer: "simple" }).run().catch((error) => error.stopped());
}

/**
 * @param {string} title
 * @param {unknown} error
 * @param {string} advice
 * @returns {never}
 */
function fail(title, error, advice) {
  console.error(`\nSet-up stopped at: ${title}`);
  console.error(
    `  ${error instanceof Failure ? error.message : error instanceof Error ? error.stack : error}`,
  );
  console.error(`  ${advice}\n  What is done is kept: run the same command again to go on from here.`);
  process.exit(1);
}
