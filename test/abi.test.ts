import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

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
  const [, inlined] = read("../dist/index.js").match(/"(0061736d[^"]+)"/) ?? [];
  expect(Buffer.from(inlined ?? "", "hex").equals(file)).toBe(true);
});
