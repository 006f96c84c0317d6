import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "./engine.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** The product is the repository itself; the others are never installed with it. */
const packageFolder = (name: string) =>
  name === "layernorm-wasm" ? root : join(here, "competitors/node_modules", name);

export const nodeHost: Host = {
  version: (name) => JSON.parse(readFileSync(join(packageFolder(name), "package.json"), "utf8")).version,
  folder: (name) => join(packageFolder(name), "dist") + sep,
  copyModule: assembleCopyModule,
};

/** copy.wat as bytes. Assembling takes a large library that needs seconds to load, so the result is kept. */
export async function assembleCopyModule(): Promise<Uint8Array<ArrayBuffer>> {
  const text = readFileSync(join(here, "copy.wat"), "utf8");
  const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const kept = join(root, `bench/output/copy-${name}.wasm`);
  if (existsSync(kept)) return Uint8Array.from(readFileSync(kept));
  const { default: binaryen } = await import("binaryen");
  const { SIMD128, BulkMemory, BulkMemoryOpt } = binaryen.Features;
  const module = binaryen.parseText(text);
  module.setFeatures(SIMD128 | BulkMemory | BulkMemoryOpt);
  if (!module.validate()) throw new Error("copy.wat is not valid");
  const bytes = Uint8Array.from(module.emitBinary());
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, bytes);
  return bytes;
}
