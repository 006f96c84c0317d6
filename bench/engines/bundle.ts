/**
 * TensorFlow.js for Node leaves its gradients out, and its modules, which have them, are written for bundlers: so an
 * engine that uses it is bundled before it is loaded.
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** The address of the bundle, beside the packages that it is made of. */
export async function bundle(name: string): Promise<string> {
  const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const outfile = path(`competitors/node_modules/.bundled/${name.split("/").at(-1)}.cjs`);
  await build({
    entryPoints: [path(`${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"],
    logLevel: "error",
  });
  return pathToFileURL(outfile).href;
}
