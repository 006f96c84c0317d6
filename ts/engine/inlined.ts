import type { Engine } from "./abi.js";
import { WASM_BASE64 } from "./generated/wasm-bytes.js";
import { javascriptEngine } from "./javascript.js";
import { compile, compileAsync, instantiate } from "./simd128.js";

/**
 * The inlined WebAssembly file, compiled once for all engines made from it. Where it does not compile, the
 * JavaScript engine takes its place: WebAssembly or its SIMD is missing, or a security policy forbids it.
 */
export class InlinedModule {
  #module: WebAssembly.Module | undefined;

  /** Compiles ahead of the first call. */
  async load(): Promise<void> {
    this.#module ??= await compileAsync(bytes());
  }

  /** A new engine. */
  start(): Engine {
    this.#module ??= compile(bytes());
    return this.#module === undefined ? javascriptEngine() : instantiate(this.#module);
  }
}

function bytes(): Uint8Array<ArrayBuffer> {
  // A loop: Uint8Array.from with a callback took 4 ms of a start.
  const text = atob(WASM_BASE64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}
