import type { Engine } from "./abi.js";
import type { WasmExports } from "./generated/exports.js";

/**
 * Instantiates the WebAssembly. Each call makes an instance, and so a memory, of its own: wasm-bindgen's
 * own glue would keep one for the whole program.
 */
export function instantiate(module: WebAssembly.Module): Engine {
  const instance = new WebAssembly.Instance(module, imports(module));
  const exports = instance.exports as unknown as WasmExports & { memory: { buffer: ArrayBuffer } };
  return { name: "simd128", kernels: exports, memory: exports.memory, heapBase: exports.heap_base() };
}

/** The compiled module; nothing where WebAssembly or its SIMD is missing, or a security policy forbids it. */
export function compile(bytes: BufferSource): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(bytes);
  } catch {
    return undefined;
  }
}

/** `compile`, off the main thread. */
export async function compileAsync(bytes: BufferSource): Promise<WebAssembly.Module | undefined> {
  try {
    return await WebAssembly.compile(bytes);
  } catch {
    return undefined;
  }
}

/**
 * wasm-bindgen declares a function that fills a table of JavaScript values. The kernels take numbers alone
 * and never touch that table, so that function, and any other that is declared, does nothing.
 */
function imports(module: WebAssembly.Module): WebAssembly.Imports {
  const declared: Record<string, Record<string, () => void>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    declared[from] ??= {};
    declared[from][name] = () => {};
  }
  return declared;
}
