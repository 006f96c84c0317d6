import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browsers, open } from "../browsers.js";
import { bundlers, viteServer } from "./bundles.js";
import { expected, expectedInTfjs, folder, out } from "./support.js";

/* The installed package in browsers: as it is, under security policies, in workers, and as bundlers pack it. */

const strict = (scripts: string) => `default-src 'none'; connect-src 'self'; script-src 'self' ${scripts}`;

interface Case {
  /** The page's script, and the policy that it comes with. */
  readonly script: string;
  readonly policy?: string;
  /** Where it is not that of `expected("simd128")`. */
  readonly answer?: object;
}

const cases: Record<string, Case> = {
  "a script": { script: "/fixtures/browser/plain.js" },
  "a strict policy with 'wasm-unsafe-eval'": {
    script: "/fixtures/browser/plain.js",
    policy: strict("'wasm-unsafe-eval'"),
  },
  "a strict policy without it": {
    script: "/fixtures/browser/plain.js",
    policy: strict(""),
    answer: expected("js"),
  },
  "a module worker": { script: "/fixtures/browser/starts-worker.js" },
  "a shared worker": { script: "/fixtures/browser/starts-shared-worker.js" },
  "./slim and a file": { script: "/fixtures/browser/slim.js" },
};
for (const name of Object.keys(bundlers)) cases[`a bundle of ${name}`] = { script: `/${name}-page/index.js` };
// Those that see the file in `new URL` and bring it along.
const assets = ["Vite", "webpack", "Rspack"];
for (const name of assets) cases[`./slim, by ${name}`] = { script: `/${name}-slim/index.js` };
// Those that take the CommonJS which TensorFlow.js depends on without a plugin.
const takeTfjs = ["Vite", "webpack", "Rspack", "esbuild"];
for (const name of takeTfjs)
  cases[`./tfjs, by ${name}`] = { script: `/${name}-tfjs/index.js`, answer: expectedInTfjs };
/** The pages of the development server of Vite. */
const pages: Record<string, { path: string; answer: object }> = {
  "the development server of Vite": { path: "fixtures/", answer: expected("simd128") },
  "./tfjs, by the development server of Vite": { path: "fixtures/tfjs/", answer: expectedInTfjs },
};

const TYPES: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm" };
const names = Object.keys({ ...cases, ...pages });

interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}

/** Who waits for the answers of a browser. */
const waiting: ((answers: Record<string, Answer>) => void)[] = [];
let urls: Record<string, string> = {};

const page = (body: string) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${body}`;

const server: Server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  if (pathname === "/answers") {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    response.end();
    waiting.shift()?.(JSON.parse(body));
  } else if (pathname === "/case") {
    const { script, policy } = cases[searchParams.get("name") ?? ""] as Case;
    if (policy) response.setHeader("content-security-policy", policy);
    response.setHeader("content-type", "text/html");
    response.end(
      page(
        `<script src="/fixtures/browser/errors.js"></script><script type="module" src="${script}"></script>`,
      ),
    );
  } else if (pathname === "/") {
    response.setHeader("content-type", "text/html");
    const data = JSON.stringify(urls).replaceAll("&", "&amp;").replaceAll("'", "&#39;");
    response.end(
      page(`<body data-cases='${data}'><script type="module" src="/fixtures/browser/all.js"></script>`),
    );
  } else {
    const file = [folder, out].map((root) => join(root, pathname)).find((file) => existsSync(file));
    response.statusCode = file ? 200 : 404;
    response.setHeader("content-type", TYPES[extname(pathname)] ?? "application/octet-stream");
    response.end(file && readFileSync(file));
  }
});

let vite: Awaited<ReturnType<typeof viteServer>>;
let address: string;

beforeAll(async () => {
  for (const [name, bundle] of Object.entries(bundlers)) await bundle("entry.js", `${name}-page`);
  for (const name of assets) await bundlers[name]?.("slim-entry.js", `${name}-slim`);
  for (const name of takeTfjs) await bundlers[name]?.("tfjs/entry.js", `${name}-tfjs`);
  vite = await viteServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  urls = Object.fromEntries(
    Object.keys(cases).map((name) => [name, `/case?name=${encodeURIComponent(name)}`]),
  );
  for (const [name, { path }] of Object.entries(pages)) urls[name] = vite.url + path;
});

afterAll(async () => {
  await vite.close();
  server.closeAllConnections();
  server.close();
});

describe.each(browsers)("$kind:", (browser) => {
  let answers: Record<string, Answer> = {};
  beforeAll(async () => {
    const answered = new Promise<Record<string, Answer>>((resolve) => waiting.push(resolve));
    if (browser.program) answers = await open(browser, address, answered);
  });

  test.for(names)("%s", (name, { skip }) => {
    skip(!browser.program, `${browser.kind} is not here`);
    expect(answers[name]).toEqual({ result: (cases[name] ?? pages[name])?.answer ?? expected("simd128") });
  });
});
