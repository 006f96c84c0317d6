import type { Engine } from "./abi.js";
import { WASM_HEX } from "./generated/wasm-bytes.js";
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

/** From hexadecimal: gzip sees bytes in it, as it does not in base64. Eight digits at once, for the interpreter is slow. */
function bytes(): Uint8Array<ArrayBuffer> {
  const digits = `${WASM_HEX}000000`;
  const bytes = new DataView(new ArrayBuffer(digits.length / 2));
  for (let k = 0; k < WASM_HEX.length; k += 8) {
    bytes.setUint32(k / 2, Number.parseInt(digits.slice(k, k + 8), 16));
  }
  return new Uint8Array(bytes.buffer, 0, WASM_HEX.length / 2);
}
