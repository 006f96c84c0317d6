/** What the package adds to a page, in bytes. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export interface Sizes {
  /** dist/layernorm.wasm. */
  wasm: number;
  /** The default entry with all that it exports, WebAssembly inlined: bundled, minified, gzipped. */
  entryGzipped: number;
}

const dist = (name: string) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));

export async function measureSizes(): Promise<Sizes> {
  const { outputFiles } = await build({
    entryPoints: [dist("index.js")],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return {
    wasm: readFileSync(dist("layernorm.wasm")).length,
    entryGzipped: gzipSync(outputFiles[0].contents, { level: 9 }).length,
  };
}
