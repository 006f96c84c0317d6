// Writes the site to site/out/, then serves it to this machine: `site.mjs --port 8000`. `site.mjs --build` writes it only.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { context } from "esbuild";
import { installCompetitors } from "../bench/setup.js";
import { buildSite } from "../site/build.js";
import { root, run } from "./toolchain.mjs";

const { values } = parseArgs({ options: { build: { type: "boolean" }, port: { type: "string" } } });

const missing = installCompetitors();
if (missing) console.log(`The benchmark is without the competitors: ${missing}`);

const { code, output } = await run([process.execPath, join(root, "scripts/docs.mjs")]);
if (code !== 0) {
  console.error(output);
  process.exit(code);
}
const folder = join(root, "site/out");
await buildSite(folder, join(root, "docs/api"));
console.log("site/out: for any web server, in any folder");

if (!values.build) {
  const server = await (await context({})).serve({
    servedir: folder,
    host: "127.0.0.1",
    port: Number(values.port ?? 8000),
  });
  console.log(`\nhttp://localhost:${server.port}/\n\nCtrl+C ends the server.`);
}
