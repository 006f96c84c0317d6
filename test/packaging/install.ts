import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installPackages, run } from "../../scripts/toolchain.mjs";
import { folder, out, tarball } from "./support.js";

/** Once for all fixtures: what they need, and then the package, as its users would install it. */
export default async function install(): Promise<void> {
  const trouble = await installPackages("test/packaging", "Bundlers, a server and a worker runtime");
  if (trouble) throw new Error(trouble);
  mkdirSync(out, { recursive: true });
  const packed = await must(["npm", "pack", "--json", "--pack-destination", out]);
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf("[")));
  renameSync(join(out, filename), tarball);
  // npm would take the tarball of before for this one, which has the same version.
  rmSync(join(folder, "node_modules/layernorm-wasm"), { recursive: true, force: true });
  const options = ["--no-save", "--offline", "--ignore-scripts"];
  await must(["npm", "install", ...options, tarball], folder);
}

async function must(command: string[], cwd?: string): Promise<string> {
  const { code, output } = await run(command, cwd === undefined ? {} : { cwd });
  if (code !== 0) throw new Error(`${command.join(" ")}\n${output}`);
  return output;
}
