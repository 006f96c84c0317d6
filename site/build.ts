/** Writes the site: files that any web server can have, in any folder, as all addresses are relative. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { offered, pageFiles } from "../bench/page/files.js";
import { root } from "../scripts/toolchain.mjs";
import { page } from "./page.js";

/** `reference` is a folder with the reference of every export, as scripts/docs.mjs writes it. */
export async function buildSite(folder: string, reference?: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = await pageFiles([fileURLToPath(new URL("playground.ts", import.meta.url))]);
  for (const [name, content] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content instanceof Uint8Array) writeFileSync(path, content);
    else cpSync(content.path, path);
  }
  const there = reference !== undefined && existsSync(join(reference, "index.html"));
  if (there) cpSync(reference, join(folder, "reference"), { recursive: true });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const around = { engines: offered(), reference: there ? "reference/index.html" : undefined, version };
  writeFileSync(join(folder, "index.html"), page(around));
}
