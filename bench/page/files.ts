/** What the page fetches, each by its address beside the page: scripts made here, other packages' files as they are. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ENGINES, type EngineInfo } from "../engines/list.js";
import { nodeHost } from "../engines/node-host.js";

/** Contents, or the path of a file that has them. */
export type Content = Uint8Array | { path: string };

const PACKAGES = ["layernorm-wasm", "onnxruntime-web", "@tensorflow/tfjs-core", "@jax-js/jax"];
/** What the competitors themselves fetch, of all that is in their folders. */
const FETCHED: Record<string, RegExp> = {
  "onnxruntime-web": /^ort-wasm-simd-threaded\.(mjs|wasm)$/,
  "@tensorflow/tfjs-backend-wasm": /\.wasm$/,
};

const isCompetitor = ({ file }: EngineInfo) => file.startsWith("competitors/");
const competitors = () => existsSync(nodeHost.folder("onnxruntime-web"));

/**
 * The engines that run in a browser, those of others where they are installed. Other ways to use the package are there
 * without being chosen.
 */
export const offered = (): EngineInfo[] =>
  ENGINES.filter(
    (engine) => !["native", "way"].includes(engine.kind) && (competitors() || !isCompetitor(engine)),
  );

/** `more` are scripts of another page that the benchmark is a part of: what they share with it is bundled once. */
export async function pageFiles(more: readonly string[] = []): Promise<Map<string, Content>> {
  const files = new Map<string, Content>(await bundle(more));
  files.set("copy.wasm", await nodeHost.copyModule());
  if (!competitors()) return files;
  for (const [name, fetched] of Object.entries(FETCHED)) {
    const folder = nodeHost.folder(name);
    for (const file of readdirSync(folder).filter((file) => fetched.test(file)))
      files.set(`files/${name}/${file}`, { path: join(folder, file) });
  }
  return files;
}

async function bundle(more: readonly string[]): Promise<[string, Uint8Array][]> {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  // Its smallest file, of WebAssembly alone, is at another entry.
  const onnxruntime = join(nodeHost.folder("onnxruntime-web"), "ort.wasm.bundle.min.mjs");
  const { outputFiles } = await build({
    entryPoints: [here("main.ts"), here("worker.ts"), ...more],
    outdir: "/",
    entryNames: "[name]", // all beside each other, wherever the sources are
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    write: false,
    mainFields: ["browser", "module", "main"],
    define: { VERSIONS: JSON.stringify(Object.fromEntries(PACKAGES.map((name) => [name, version(name)]))) },
    ...(competitors()
      ? { alias: { "onnxruntime-web": onnxruntime } }
      : { external: ["onnxruntime-web", "@tensorflow/*", "@jax-js/jax"] }),
    logLevel: "error",
  });
  return outputFiles.map(({ path, contents }) => [basename(path), contents]);
}

function version(name: string): string {
  try {
    return nodeHost.version(name);
  } catch {
    return ""; // it is not installed
  }
}
