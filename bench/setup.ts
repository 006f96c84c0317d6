/** Brings in what the benchmark compares with: npm packages beside their engines, and a Python of its own. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cache } from "../scripts/toolchain.mjs";

const competitors = fileURLToPath(new URL("engines/competitors/", import.meta.url));
const requirements = fileURLToPath(new URL("engines/native/requirements.txt", import.meta.url));

/** False, with the reason, where they could not be installed: the benchmark then goes on without them. */
export function installCompetitors(): string {
  const state = hashOf(join(competitors, "package-lock.json"));
  const stamp = join(competitors, "node_modules/.installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state) return "";
  console.log("Installing the competitors: npm ci in bench/engines/competitors, about 10 s (250 MB) ...");
  const { status, stderr } = spawnSync("npm", ["ci", "--ignore-scripts"], {
    cwd: competitors,
    encoding: "utf8",
  });
  if (status !== 0) return `npm ci failed: ${lastLine(stderr)}`;
  writeFileSync(stamp, state);
  return "";
}

/** LAYERNORM_BENCH_PYTHON names another Python that has the libraries. */
const environment = join(cache, "bench-python");
export const python =
  process.env.LAYERNORM_BENCH_PYTHON ??
  join(environment, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

const stamp = join(environment, "installed");

export const hasPython = () => existsSync(process.env.LAYERNORM_BENCH_PYTHON ?? stamp);

/** The same for the native engines: some gigabytes, so only when asked for. */
export function installNative(): string {
  if (process.env.LAYERNORM_BENCH_PYTHON) return hasPython() ? "" : `${python} is not there`;
  const state = hashOf(requirements);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state) return "";
  console.log(`Installing the native engines into ${environment}: about 3 GB, some minutes ...`);
  mkdirSync(cache, { recursive: true });
  for (const command of [
    ["python3", "-m", "venv", environment],
    [python, "-m", "pip", "install", "--disable-pip-version-check", "--requirement", requirements],
  ]) {
    const [program, ...args] = command;
    const { status, error } = spawnSync(program, args, { stdio: "inherit" });
    if (status !== 0) return `${command.join(" ")} failed${error ? `: ${error.message}` : ""}`;
  }
  writeFileSync(stamp, state);
  return "";
}

const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

const lastLine = (text: string | null) => text?.trim().split("\n").at(-1) ?? "no message";
