/** Serves the page to this machine. */
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { type Content, offered, pageFiles } from "./files.js";
import { page } from "./html.js";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** `port` 0 takes any. */
export async function serve(port: number): Promise<{ address: string; close: () => void }> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const files = new Map<string, Content>([
    ["index.html", encode(page(offered()))],
    ["favicon.ico", encode("")],
    ...(await pageFiles()),
  ]);

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const name = path === "/" ? "index.html" : path.slice(1);
    const found = files.get(name);
    if (found === undefined) return response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "cache-control": "no-store",
    });
    if (found instanceof Uint8Array) response.end(found);
    else createReadStream(found.path).pipe(response);
  });
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", resolve),
  );
  const address = `http://localhost:${(server.address() as AddressInfo).port}/`;
  return { address, close: () => server.close() };
}
