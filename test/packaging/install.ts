import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../scripts/toolchain.mjs";
import { folder, out } from "./support.js";

/** Once for all fixtures: what they need, and then the package, as its users would install it. */
export default async function install(): Promise<void> {
  const time = (file: string) => statSync(join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (time("node_modules/.package-lock.json") < time("package-lock.json")) {
    console.log("Bundlers and runtimes for test/packaging: npm ci, about 40 s");
    await must(["npm", "ci", "--ignore-scripts"], folder);
  }
  mkdirSync(out, { recursive: true });
  const packed = await must(["npm", "pack", "--json", "--pack-destination", out]);
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf("[")));
  // npm would take the tarball of before for this one, which has the same version.
  rmSync(join(folder, "node_modules/layernorm-wasm"), { recursive: true, force: true });
  const options = ["--no-save", "--offline", "--ignore-scripts"];
  await must(["npm", "install", ...options, join(out, filename)], folder);
}

async function must(command: string[], cwd?: string): Promise<string> {
  const { code, output } = await run(command, cwd === undefined ? {} : { cwd });
  if (code !== 0) throw new Error(`${command.join(" ")}\n${output}`);
  return output;
}
