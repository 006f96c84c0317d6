import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rspack } from "@rspack/core";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";
import { fixture, folder, out } from "./support.js";

/* Each bundler with as little configuration as it takes. */

/** Bundles a file of `fixtures/` as a module: gives the folder, in which it is `index.js`. */
export type Bundle = (entry: string, name: string) => Promise<string>;

const outFor = (name: string) => {
  const path = join(out, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
};

/** What webpack and Rspack take alike. */
const settings = (entry: string, path: string) => ({
  mode: "production" as const,
  context: folder,
  entry: fixture(entry),
  target: ["web" as const, "es2022" as const],
  output: { path, filename: "index.js", publicPath: "auto", library: { type: "module" as const } },
});

interface Stats {
  hasErrors(): boolean;
  toString(): string;
}

/** Waits for the callback that webpack and Rspack call. */
const finished = (start: (done: (error: Error | null, stats?: Stats) => void) => void) =>
  new Promise<void>((resolve, reject) => {
    start((error, stats) =>
      error || stats?.hasErrors() ? reject(error ?? new Error(`${stats}`)) : resolve(),
    );
  });

export const bundlers: Record<string, Bundle> = {
  async Vite(entry, name) {
    const path = outFor(name);
    await vite.build({
      root: folder,
      configFile: false,
      logLevel: "warn",
      base: "./",
      build: {
        target: "es2022",
        chunkSizeWarningLimit: 2000, // TensorFlow.js alone has more than the 500 kB of the default
        outDir: path,
        emptyOutDir: true,
        rolldownOptions: {
          input: fixture(entry),
          preserveEntrySignatures: "exports-only",
          output: { entryFileNames: "index.js" },
        },
      },
    });
    return path;
  },
  async webpack(entry, name) {
    const path = outFor(name);
    await finished((done) =>
      webpack({ ...settings(entry, path), experiments: { outputModule: true } }, done),
    );
    return path;
  },
  async Rspack(entry, name) {
    const path = outFor(name);
    await finished((done) => rspack(settings(entry, path), done));
    return path;
  },
  async esbuild(entry, name) {
    const path = outFor(name);
    const outfile = join(path, "index.js");
    await esbuild.build({
      entryPoints: [fixture(entry)],
      bundle: true,
      minify: true,
      format: "esm",
      outfile,
      logLevel: "error",
    });
    return path;
  },
  async Rollup(entry, name) {
    const path = outFor(name);
    const bundle = await rollup({ input: fixture(entry), plugins: [nodeResolve()] });
    await bundle.write({ file: join(path, "index.js"), format: "es" });
    return path;
  },
};

/** The development server of Vite, for the pages of `fixtures/`. */
export async function viteServer(): Promise<{ url: string; close(): Promise<void> }> {
  const cacheDir = outFor("vite-dev");
  writeFileSync(join(cacheDir, "keep"), "");
  const server = await vite.createServer({
    root: folder,
    configFile: false,
    logLevel: "warn",
    cacheDir,
    server: { host: "127.0.0.1", port: 0 },
  });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() };
}
