import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { createRuntime } from "layernorm-wasm";
import { expect, test } from "vitest";
import { textOf } from "../scripts/wasm-text.mjs";
import { bytesOf } from "../ts/engine/inlined.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the kernels of abi.ts are those of the file, and of the JavaScript engine", async () => {
  const file = readFileSync(fileURLToPath(import.meta.resolve("layernorm-wasm/layernorm.wasm")));
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(file)).filter(
    ({ name, kind }) => kind === "function" && name !== "heap_base" && !name.startsWith("__"),
  );
  const names = exported.map(({ name }) => name).sort();

  const [, union] = read("../ts/engine/abi.ts").match(/type Kernels = Pick<\s*WasmExports,([^>]*)>/) ?? [];
  const typed = Array.from(union?.matchAll(/"(\w+)"/g) ?? [], ([, name]) => name);
  expect(typed.sort()).toEqual(names);

  const { javascriptEngine } = await import("../ts/engine/javascript.js");
  const { kernels } = javascriptEngine();
  expect(Object.keys(kernels).sort()).toEqual(names);
  expect(names.length).toBeGreaterThan(0);
});

test("the inlined file is the file", () => {
  const file = readFileSync(fileURLToPath(import.meta.resolve("layernorm-wasm/layernorm.wasm")));
  const compiled: Uint8Array[] = [];
  const { Module } = WebAssembly;
  WebAssembly.Module = new Proxy(Module, {
    construct(Compiled, [bytes]: [Uint8Array<ArrayBuffer>]) {
      compiled.push(bytes);
      return new Compiled(bytes);
    },
  });
  try {
    createRuntime().dispose();
  } finally {
    WebAssembly.Module = Module;
  }
  expect(compiled.map((bytes) => Buffer.from(bytes).equals(file))).toEqual([true]);
});

test("bytes written as text are read as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000, size: "max" }), (bytes) => {
      const { text, alphabet } = textOf(bytes);
      expect(JSON.stringify(text + alphabet)).toMatch(/^"[ !#-[\]-~]*"$/); // ASCII, and nothing to escape
      expect(bytesOf(text, alphabet)).toEqual(bytes);
    }),
  );
  const each = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const { text, alphabet } = textOf(each);
  expect(bytesOf(text, alphabet)).toEqual(each);
});
