import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as inlined from "layernorm-wasm";
import * as js from "layernorm-wasm/js";
import type { Source } from "layernorm-wasm/slim";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

/* `layernorm-wasm/slim`: what it takes as its WebAssembly, and what it says where there is none. */

const url = new URL(import.meta.resolve("layernorm-wasm/layernorm.wasm"));
const bytes = readFileSync(url);
const x = Float32Array.of(1, 2, 3, 4);

/** The entry as it is before `init`. */
async function fresh(): Promise<typeof import("layernorm-wasm/slim")> {
  vi.resetModules();
  return import("layernorm-wasm/slim");
}

const server = createServer((request, response) => {
  response.statusCode = request.url === "/layernorm.wasm" ? 200 : 404;
  response.end(response.statusCode === 200 ? bytes : "not here");
});
const at = (path: string) => new URL(path, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
beforeAll(() => new Promise<void>((done) => server.listen(0, "127.0.0.1", done)));
afterAll(() => void server.close());

const sources: Record<string, () => Source | Promise<Source>> = {
  "a module": () => new WebAssembly.Module(bytes),
  "a typed array": () => bytes,
  "an ArrayBuffer": () => new Uint8Array(bytes).buffer,
  "the URL of a file": () => url,
  "a URL": () => at("/layernorm.wasm"),
  "a Response": () => fetch(at("/layernorm.wasm")).then((response) => response),
  "a promise of a Response": () => fetch(at("/layernorm.wasm")),
};

describe("init takes", () => {
  test.for(Object.entries(sources))("%s", async ([, source]) => {
    const slim = await fresh();
    await slim.init(source());
    expect(slim.layerNorm(x, 4)).toEqual(inlined.layerNorm(x, 4));
    expect(slim.createRuntime().info().engine).toBe("simd128");
  });
});

test("initSync takes a module or bytes; the first one stays", async () => {
  for (const source of [new WebAssembly.Module(bytes), bytes]) {
    const slim = await fresh();
    slim.initSync(source);
    await slim.init(source);
    expect(slim.layerNorm(x, 4)).toEqual(inlined.layerNorm(x, 4));
  }
});

test("without it, calls say what to do, and work once it is done", async () => {
  const slim = await fresh();
  const module = new WebAssembly.Module(bytes);
  const calls = [() => slim.layerNorm(x, 4), () => slim.tensor([1]), () => new slim.LayerNorm(4)];
  for (const call of [...calls, () => slim.createRuntime()]) {
    expect(call).toThrow("call `await init(source)` or `initSync(source)` first");
    expect(call).not.toThrow(TypeError);
  }
  expect(slim.createRuntime({ module }).layerNorm(x, 4)).toEqual(inlined.layerNorm(x, 4));
  slim.initSync(module);
  for (const call of calls) expect(call).not.toThrow();
});

test("a wrong source is named", async () => {
  const slim = await fresh();
  const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  await expect(slim.init("/layernorm.wasm" as never)).rejects.toThrow(
    'init: source is "/layernorm.wasm", needs',
  );
  await expect(slim.init(module)).rejects.toThrow("init: source is another one, needs this package's");
  await expect(slim.init(at("/nowhere"))).rejects.toThrow("init: source is an answer with status 404 from");
  await expect(slim.init(new Response("<!doctype"))).rejects.toThrow(
    'init: source begins with "<!do", needs',
  );
  await expect(slim.init(bytes.subarray(0, 999))).rejects.toThrow("init: source does not compile");
  expect(() => slim.layerNorm(x, 4)).toThrow("has no WebAssembly yet");
});

test("every entry has the same names and types", async () => {
  const slim = await fresh();
  const { initSync, ...rest } = slim;
  expect(initSync).toBeTypeOf("function");
  expect(Object.keys(rest).sort()).toEqual(Object.keys(inlined).sort());
  expect(Object.keys(js).sort()).toEqual(Object.keys(inlined).sort());
  rest satisfies Omit<typeof inlined, "init">;
  js satisfies Omit<typeof inlined, "createRuntime">;
});
