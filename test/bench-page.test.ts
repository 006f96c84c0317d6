import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../bench/cases/operations.js";
import { does, ENGINES, type EngineInfo } from "../bench/engines/list.js";
import { serve } from "../bench/page/serve.js";
import { root } from "../scripts/toolchain.mjs";
import { browsers, open } from "./browsers.js";

/*
 * The benchmark's page, on a few small shapes: it comes to its end in each browser, and says what it found. Which
 * figures it found is left to the machine.
 */

const SHAPES = ["4x64", "33x67"];
const FAMILY = ["6x40", "2x12x9"];
const RELATIVES = ["rms", "add", "axes", "half"];
const NAMES = ["[4, 64]", "[33, 67]"];
/** What needs nothing but this package. The others may be unable to start in a browser, and then say so. */
const OWN = ["copy", "tensors", "arrays", "js", "plain"];

const competitors = existsSync(join(root, "bench/engines/competitors/node_modules/onnxruntime-web"));

/** What the page showed when it had ended. */
interface Shown {
  readonly agent: string;
  readonly about: string;
  readonly status: string;
  readonly text: string;
  readonly charts: number;
  readonly tables: number;
  readonly complaints: readonly string[];
}

/** Comes before the page's own script: presses the button, and sends what is there at the end. */
const watcher = `<script>
const complaints = [];
addEventListener("error", (event) => complaints.push(String(event.message)));
addEventListener("unhandledrejection", (event) => complaints.push(String(event.reason)));
const { error } = console;
console.error = (...what) => { complaints.push(what.join(" ")); error(...what); };
const of = (id) => document.getElementById(id);
const watch = setInterval(() => {
  const status = of("status").textContent;
  if (status === "") of("quick").click();
  if (!/^(Done|Stopped)/.test(status)) return;
  clearInterval(watch);
  const shown = {
    agent: navigator.userAgent,
    about: of("about").textContent,
    status,
    text: of("text").value,
    charts: of("charts").querySelectorAll("figure svg").length,
    tables: of("tables").querySelectorAll("table").length,
    complaints,
  };
  fetch("/shown", { method: "POST", body: JSON.stringify(shown) });
}, 100);
</script>`;

let page: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  if (competitors) page = await serve(0);
});
afterAll(() => page?.close());

/** Passes on what the page's server has, with the watcher in the page. */
async function passOn({ url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
  const there = await fetch(new URL(url, page.address));
  const type = there.headers.get("content-type") ?? "";
  const body = Buffer.from(await there.arrayBuffer());
  response.writeHead(there.status, { "content-type": type });
  response.end(type.startsWith("text/html") ? body.toString().replace("<script", `${watcher}<script`) : body);
}

/** What the page shows at its end, in a browser, at an address with this query. */
async function shownIn(browser: (typeof browsers)[number], query: string): Promise<Shown> {
  const server = createServer();
  const shown = new Promise<Shown>((resolve, reject) => {
    server.on("request", async (request, response) => {
      if (request.url !== "/shown") return passOn(request, response).catch(reject);
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      response.end();
      resolve(JSON.parse(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await open(browser, `http://localhost:${port}/?${query}`, shown);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The cells of the table with this title, row by row. */
function tableOf(text: string, title: string): string[][] {
  const lines = text.split("\n");
  const at = lines.indexOf(title);
  expect(at, `${title}, in ${text}`).toBeGreaterThan(-1);
  // The title, an empty line, the head and a rule; an empty line comes after the last row.
  const rows = lines.slice(at + 4);
  return rows.slice(0, rows.indexOf("")).map((line) => line.split(/ {3,}/));
}

const FORWARD = "Forward, layernorm-wasm, tensors";
const BACKWARD = "Backward, layernorm-wasm, tensors";
const ERRORS =
  "Worst error against the f64 reference, and what is allowed, in units of 2^-24 of each value's scale";

/** Every answer of these engines was checked, and none was wrong. */
function expectChecked(text: string, operation: Operation, name: (info: EngineInfo) => string): void {
  const errors = new Map(tableOf(text, ERRORS).map(([name, ...worst]) => [name, worst]));
  expect(text).not.toContain("Not timed");
  for (const info of ENGINES) {
    if (info.kind === "native" || info.kind === "limit" || !does(info, operation)) continue;
    const worst = errors.get(name(info));
    const isOwn = info.kind === "way" || OWN.includes(info.id);
    if (worst === undefined && !isOwn) expect(text).toContain(`${info.name} does not start`);
    else expect(worst?.[0], `${name(info)}, y`).toMatch(/ of /);
    for (const each of worst?.filter(Boolean) ?? []) {
      const [error, allowed] = each.split(" of ").map(Number);
      expect(error, `${name(info)}: ${each}`).toBeLessThanOrEqual(allowed);
    }
  }
}

test.for(browsers)("the benchmark's page in $kind", async (browser, { skip }) => {
  skip(!browser.program, `${browser.kind} is not here`);
  skip(!competitors, "the competitors are not here: npm run bench -- --page installs them");
  const { agent, about, status, text, charts, tables, complaints } = await shownIn(
    browser,
    `shapes=${SHAPES}`,
  );
  expect(complaints).toEqual([]);
  expect(status).toBe("Done.");
  for (const said of [about, text]) {
    expect(said).toContain("Engine of the package: simd128.");
    expect(said).toContain(agent);
  }
  for (const title of [FORWARD, BACKWARD]) {
    const rows = tableOf(text, title);
    expect(rows.map(([shape]) => shape)).toEqual(NAMES);
    for (const [shape, ms] of rows) expect(Number(ms), `${title}, ${shape}: ${ms}`).toBeGreaterThan(0);
  }
  expectChecked(text, "layer_norm", ({ name }) => name);
  expect(charts).toBeGreaterThanOrEqual(3);
  expect(tables).toBeGreaterThan(4);
});

test.for(browsers)("the family on the benchmark's page in $kind", async (browser, { skip }) => {
  skip(!browser.program, `${browser.kind} is not here`);
  skip(!competitors, "the competitors are not here: npm run bench -- --page installs them");
  const { status, text, complaints } = await shownIn(browser, `shapes=${FAMILY}&only=${RELATIVES}`);
  expect(complaints).toEqual([]);
  expect(status).toBe("Done.");
  for (const operation of OPERATIONS.filter((operation) => operation !== "layer_norm"))
    expectChecked(text, operation, ({ name }) => `${operation}: ${name}`);
});
