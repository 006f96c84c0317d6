import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import * as api from "layernorm-wasm";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nativeEnvironment, run } from "../../scripts/toolchain.mjs";
import { expected, fixture, folder, out } from "./support.js";

/* Servers and workers that bring a runtime of their own. */

describe("workerd", () => {
  // From before it had FinalizationRegistry, and from after.
  test.for(["2024-01-01", "2026-01-01"])("as it was on %s", async (compatibilityDate) => {
    const outdir = join(out, "workerd");
    rmSync(outdir, { recursive: true, force: true });
    await build({
      entryPoints: [fixture("workerd.js")],
      bundle: true,
      format: "esm",
      conditions: ["workerd"],
      loader: { ".wasm": "copy" },
      outdir,
    });
    const modules = readdirSync(outdir).map((path) => {
      const type = path.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const);
      return { type, path, contents: readFileSync(join(outdir, path)) };
    });
    modules.sort(({ path }) => (path === "workerd.js" ? -1 : 1));
    const worker = new Miniflare({ modules, modulesRoot: ".", compatibilityDate });
    try {
      const answer = await worker.dispatchFetch("http://localhost/");
      expect(await answer.json()).toEqual({ ...expected("simd128"), names: Object.keys(api).sort() });
    } finally {
      await worker.dispose();
    }
  });
});

describe("Next.js", () => {
  const cwd = fixture("next");
  const next = join(folder, "node_modules/next/dist/bin/next");
  const env = { ...nativeEnvironment(), NEXT_TELEMETRY_DISABLED: "1" };
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const { code, output } = await run([process.execPath, next, "build"], { cwd, env });
    expect(code, output).toBe(0);
    server = spawn(process.execPath, [next, "start", "--hostname", "127.0.0.1", "--port", "0"], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    url = await new Promise<string>((resolve, reject) => {
      server.once("exit", () => reject(new Error("the server ended")));
      // Read to the end: a server that cannot print any more ends.
      server.stdout?.setEncoding("utf8").on("data", (text) => {
        const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
        if (address) resolve(address);
      });
    });
  });
  afterAll(async () => {
    server?.kill();
    if (server?.exitCode === null && server.signalCode === null) await once(server, "exit");
  });

  const pages = {
    "rendered on the server": "/",
    "rendered ahead, for the browser": "/client",
    "on the edge": "/edge",
  };
  test.for(Object.entries(pages))("%s", async ([, path]) => {
    const text = await (await fetch(`${url}${path}`)).text();
    const [json] = /\{"y".*?"simd128"\}/.exec(text.replaceAll("&quot;", '"')) ?? [text];
    expect(JSON.parse(json)).toEqual(expected("simd128"));
  });
});
