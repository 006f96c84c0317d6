import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, run } from "../../scripts/toolchain.mjs";
import { browsers, open } from "../browsers.js";
import { batchOfCase } from "./cases.js";
import table from "./hashes.json" with { type: "json" };
import { hashesOf } from "./transcription.js";

/*
 * One file of work, one table of hashes, and every JavaScript engine that is here. The native build of the kernels has
 * the same table, in crate/tests/kernels/hashes.rs.
 */

interface Hashes {
  readonly engine: "simd128" | "js";
  readonly simd128: readonly string[];
  readonly js: readonly string[];
}

/** Fails where an engine has other bits than the table. */
function areThoseOfTheTable({ engine, simd128, js }: Hashes): void {
  expect(engine).toBe("simd128");
  const cases = Object.entries(table);
  for (const [name, hashes] of Object.entries({ simd128, js })) {
    expect(hashes.length).toBe(cases.length);
    const wrong = cases.filter(([, hash], k) => hashes[k] !== hash).map(([name]) => name);
    expect(wrong, `${name} has other bits in these cases`).toEqual([]);
  }
}

const temporary = mkdtempSync(join(tmpdir(), "layernorm-wasm-engines-"));
const bundle = join(temporary, "workload.mjs");
const printer = join(temporary, "print.mjs");

beforeAll(async () => {
  const entryPoints = [join(root, "test/determinism/workload.js")];
  await build({ entryPoints, bundle: true, format: "esm", outfile: bundle, logLevel: "warning" });
  writeFileSync(printer, `import { hashes } from "./workload.mjs"; console.log(JSON.stringify(hashes));\n`);
});

afterAll(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

test("the table is that of the document", () => {
  for (const [k, [name, expected]] of Object.entries(table).entries()) {
    expect(hashesOf(batchOfCase(name, k)), name).toBe(expected);
  }
});

// --- on the command line -----------------------------------------------------------------------------------

const runtimes = join(root, "test/determinism/runtimes/node_modules");
const platform = `${process.platform}-${process.arch}`;
const glibc = process.platform === "linux" ? "-glibc" : "";
const bunPlatform = platform.replace("arm64", "aarch64");

/** What runs a file: the program, and its arguments before the file. */
const programs: Record<string, string[]> = {
  "this Node": [process.execPath],
  "this Node, without optimising compilers": [process.execPath, "--liftoff-only", "--no-opt"],
  "this Node, with nothing but optimised WebAssembly": [process.execPath, "--no-liftoff"],
  "this Node, on a processor without AVX": [process.execPath, "--no-enable-avx"],
  "Node 22": [join(runtimes, `node22-${platform}/bin/node`)],
  "Node 24": [join(runtimes, `node24-${platform}/bin/node`)],
  "Node 26": [join(runtimes, `node26-${platform}/bin/node`)],
  Bun: [join(runtimes, `@oven/bun-${bunPlatform}/bin/bun`)],
  Deno: [join(runtimes, `@deno/${platform}${glibc}/deno`), "run"],
};

describe("the same bits in", () => {
  test.for(Object.entries(programs))("%s", async ([name, [program, ...args]], { skip }) => {
    skip(
      !existsSync(program),
      `${name} is not here: npm ci --ignore-scripts --prefix test/determinism/runtimes`,
    );
    const { code, output } = await run([program, ...args, printer], { cwd: temporary, seconds: 100 });
    expect(code, output).toBe(0);
    const line = output.split("\n").find((line) => line.startsWith('{"engine"'));
    areThoseOfTheTable(JSON.parse(line ?? "{}"));
  });
});

// --- in a browser ------------------------------------------------------------------------------------------

const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
const answer = (what) => fetch("/answer", { method: "POST", body: JSON.stringify(what) });
import("/workload.mjs").then(({ hashes }) => answer({ hashes }), (error) => answer({ error: String(error.stack) }));
</script>`;

/** A server of the page, and what the page answers. */
async function serve(): Promise<{ server: Server; answer: Promise<{ hashes?: Hashes; error?: string }> }> {
  const server = createServer();
  const answer = new Promise<{ hashes?: Hashes; error?: string }>((resolve) => {
    server.on("request", async (request, response) => {
      if (request.url === "/answer") {
        let body = "";
        for await (const part of request.setEncoding("utf8")) body += part;
        response.end();
        resolve(JSON.parse(body));
      } else if (request.url === "/workload.mjs") {
        response.setHeader("content-type", "text/javascript").end(readFileSync(bundle));
      } else {
        response.setHeader("content-type", "text/html").end(page);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, answer };
}

describe("the same bits in", () => {
  test.for(browsers)("$kind", async (browser, { skip }) => {
    skip(!browser.program, `${browser.kind} is not here`);
    const { server, answer } = await serve();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      const { hashes, error } = await open(browser, url, answer);
      expect(error).toBeUndefined();
      areThoseOfTheTable(hashes as Hashes);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
