// What the other scripts build and test with: pinned versions, where each tool is, and the environment of child
// processes. Everything is derived from the disk at each start, so nothing remembered can go stale.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Outside the checkout, so that another clone finds what this one built. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "layernorm-wasm");

const tools = join(cache, "tools");

export const wasmTarget = "wasm32-unknown-unknown";

/**
 * Programs that `cargo install` builds. A test runner must speak the exact protocol of the wasm-bindgen that the
 * crate links, so that version is the crate's own pin. `exact` is false for a driver: it has to suit the browser.
 *
 * @type {Record<string, { version: string, bin: string, exact: boolean, minutes: number }>}
 */
export const cargoTools = {
  "wasm-pack": { version: "0.15.1", bin: "wasm-pack", exact: true, minutes: 3 },
  "wasm-bindgen-cli": { version: wasmBindgenPin(), bin: "wasm-bindgen", exact: true, minutes: 2 },
  geckodriver: { version: "0.37.1", bin: "geckodriver", exact: false, minutes: 2 },
};

function wasmBindgenPin() {
  const manifest = readFileSync(join(root, "crate/Cargo.toml"), "utf8");
  const pin = /^wasm-bindgen\s*=.*"=(\d+\.\d+\.\d+)"/m.exec(manifest)?.[1];
  if (!pin)
    throw new Error(
      'crate/Cargo.toml has no line `wasm-bindgen = "=X.Y.Z"`: the tools must match it exactly',
    );
  return pin;
}

/**
 * Debian's compiler under a sysroot of our own: links to Debian's files plus the wasm32 library that set-up builds.
 * `bin` holds wrappers named rustc and rustdoc, because wasm-pack asks the `rustc` on PATH and cargo asks $RUSTC.
 */
export const debian = {
  rustc: "/usr/bin/rustc",
  rustdoc: "/usr/bin/rustdoc",
  cargoClippy: "/usr/bin/cargo-clippy",
  sysroot: join(cache, "debian-rust"),
  bin: join(cache, "debian-rust/bin"),
  stamp: join(cache, "debian-rust/compiler"),
};

/**
 * Tells one build of Debian's compiler from the next: a library fits only the compiler that built it. The leading
 * number is that of the recipe in setup.mjs: raise it when the library must be built anew.
 */
export function debianCompiler() {
  const file = statSync(debian.rustc, { throwIfNoEntry: false });
  return file ? `1 ${file.size} ${file.mtimeMs}` : "none";
}

export function debianReady() {
  return existsSync(debian.stamp) && readFileSync(debian.stamp, "utf8") === debianCompiler();
}

/** @type {string | undefined} */
let sysroot;

/** The active toolchain's folder, or "" where there is no Rust. */
export function rustSysroot() {
  sysroot ??=
    spawnSync("rustc", ["--print", "sysroot"], { cwd: root, encoding: "utf8" }).stdout?.trim() ?? "";
  return sysroot;
}

/** LAYERNORM_TOOLCHAIN=debian chooses Debian's compiler even where rustup's would do, to test that path. */
export function usesDebian() {
  if (process.env.LAYERNORM_TOOLCHAIN === "debian") return true;
  return !existsSync(join(rustSysroot(), "lib/rustlib", wasmTarget));
}

/**
 * @param {NodeJS.ProcessEnv} [more]
 * @param {string[]} [first] folders before all others on PATH
 */
function environment(more = {}, first = []) {
  const { PATH, CHROMEWEBDRIVER, GECKOWEBDRIVER } = process.env; // the last two: folders, on GitHub's runners
  const path = [
    ...first,
    join(tools, "bin"),
    join(root, "node_modules/.bin"),
    PATH,
    CHROMEWEBDRIVER,
    GECKOWEBDRIVER,
  ];
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, ...more, PATH: path.filter(Boolean).join(delimiter) };
  // RUSTFLAGS would replace the flags of .cargo/config.toml, and the kernels would silently lose SIMD.
  delete env.RUSTFLAGS;
  delete env.CARGO_ENCODED_RUSTFLAGS;
  // wasm-bindgen's runner takes the first driver that it finds named here, whichever browser was asked for.
  delete env.CHROMEDRIVER;
  delete env.GECKODRIVER;
  return env;
}

/** The environment of what runs on this machine: cargo test, tsc, vitest. */
export function nativeEnvironment() {
  const found = { CHROME: browser("chrome"), FIREFOX: browser("firefox") };
  return environment(Object.fromEntries(Object.entries(found).filter(([, path]) => path)));
}

/** The environment of what compiles for wasm32. */
export function wasmEnvironment() {
  if (!usesDebian()) return environment();
  const built = statSync(debian.stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const rust = {
    RUSTC: join(debian.bin, "rustc"),
    RUSTDOC: join(debian.bin, "rustdoc"),
    // cargo cannot see that set-up built the library anew, which what is compiled must fit: a folder for each.
    CARGO_TARGET_DIR: join(root, "target", `debian-${Math.round(built).toString(36)}`),
    SYSROOT: debian.sysroot, // for clippy-driver, which does not start the wrapper
  };
  return environment(rust, [debian.bin]);
}

/**
 * The path of a program, or undefined.
 *
 * @param {string} name
 */
export function which(name) {
  const folders = (environment().PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

const browsers = {
  chrome: ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"],
  firefox: ["firefox", "firefox-esr"],
};
const macApplications = {
  chrome: "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  firefox: "/Applications/Firefox.app/Contents/MacOS/firefox",
};

/**
 * The path of a browser, or undefined.
 *
 * @param {"chrome" | "firefox"} kind
 */
export function browser(kind) {
  const onPath = browsers[kind].map(which).find(Boolean);
  return onPath ?? [macApplications[kind]].find((file) => existsSync(file));
}

/**
 * Whether a program of `cargoTools` is here: built by us (which its list tells without starting it), or on PATH.
 *
 * @param {string} name
 */
export function hasCargoTool(name) {
  const tool = cargoTools[name];
  if (!tool) throw new Error(`${name} is not in the list of tools`);
  const list = join(tools, ".crates2.json");
  const ours = existsSync(list) && readFileSync(list, "utf8").includes(`"${name} ${tool.version} (`);
  if (ours && existsSync(join(tools, "bin", tool.bin))) return true;
  const path = which(tool.bin);
  if (!path || !tool.exact) return path !== undefined;
  return (
    spawnSync(path, ["--version"], { encoding: "utf8" }).stdout?.trim().endsWith(` ${tool.version}`) ?? false
  );
}

/**
 * The command that builds a program of `cargoTools`.
 *
 * @param {string} name
 */
export function cargoInstall(name) {
  return [
    "cargo",
    "install",
    "--locked",
    "--root",
    tools,
    name,
    "--version",
    cargoTools[name]?.version ?? "*",
  ];
}

/**
 * Runs a command to its end and gives its exit code (127: not found, 124: out of time) and all that it printed.
 *
 * @param {string[]} command
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, seconds?: number, onText?: (text: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(
  [program = "", ...args],
  { env = nativeEnvironment(), cwd = root, seconds, onText } = {},
) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let late = false;
    const stop = () => {
      late = true;
      child.kill();
    };
    const timer = seconds === undefined ? undefined : setTimeout(stop, seconds * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        onText?.(text);
      });
    }
    child.on("error", (error) => resolve({ code: 127, output: `${program}: ${error.message}` }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: late ? 124 : (code ?? 1), output });
    });
  });
}

/**
 * Installs the packages of a folder that has a lock file of its own, where they are not the locked ones: gives what
 * went wrong, or "".
 *
 * @param {string} folder
 * @param {string} what
 */
export async function installPackages(folder, what) {
  const cwd = join(root, folder);
  /** @param {string} file */
  const time = (file) => statSync(join(cwd, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (time("node_modules/.package-lock.json") >= time("package-lock.json")) return "";
  console.log(`${what} for ${folder}: npm ci`);
  const { code, output } = await run(["npm", "ci", "--ignore-scripts"], { cwd });
  return code === 0 ? "" : output;
}

/** @param {string} text */
export const echo = (text) => process.stdout.write(text);
