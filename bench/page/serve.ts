/** Bundles the page and serves it to this machine, from memory; the competitors' own files from where they are. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { nodeHost } from "../engines/node-host.js";
import { page } from "./html.js";

const PACKAGES = ["layernorm-wasm", "onnxruntime-web", "@tensorflow/tfjs-core", "@jax-js/jax"];
const FOLDERS = ["onnxruntime-web", "@tensorflow/tfjs-backend-wasm"];
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** `port` 0 takes any. */
export async function serve(port: number): Promise<{ address: string; close: () => void }> {
  const files = new Map<string, string | Uint8Array>([["/index.html", page()]]);
  files.set("/favicon.ico", "");
  files.set("/copy.wasm", await nodeHost.copyModule());
  for (const [name, contents] of await bundle()) files.set(name, contents);

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const name = path === "/" ? "/index.html" : path;
    const found = files.get(name);
    const file = found === undefined ? packageFile(name) : undefined;
    if (found === undefined && file === undefined) return response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "cache-control": "no-store",
    });
    if (file === undefined) response.end(found);
    else createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", resolve),
  );
  const address = `http://localhost:${(server.address() as AddressInfo).port}/`;
  return { address, close: () => server.close() };
}

/** `/files/PACKAGE/FILE`, and nothing above the package's folder. */
function packageFile(path: string): string | undefined {
  const name = FOLDERS.find((folder) => path.startsWith(`/files/${folder}/`));
  if (name === undefined) return undefined;
  const folder = nodeHost.folder(name);
  const file = resolve(folder, path.slice(`/files/${name}/`.length));
  return file.startsWith(resolve(folder) + sep) && existsSync(file) ? file : undefined;
}

async function bundle(): Promise<[string, Uint8Array][]> {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [here("main.ts"), here("worker.ts")],
    outdir: "/",
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    write: false,
    mainFields: ["browser", "module", "main"],
    // Its smallest file, of WebAssembly alone, is at another entry.
    alias: { "onnxruntime-web": join(nodeHost.folder("onnxruntime-web"), "ort.wasm.bundle.min.mjs") },
    define: { VERSIONS: JSON.stringify(Object.fromEntries(PACKAGES.map((name) => [name, version(name)]))) },
    logLevel: "error",
  });
  return outputFiles.map(({ path, contents }) => [`/${basename(path)}`, contents]);
}

function version(name: string): string {
  try {
    return nodeHost.version(name);
  } catch {
    return ""; // it is not installed
  }
}
