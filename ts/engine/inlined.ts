import type { Engine } from "./abi.js";
import { WASM_ALPHABET, WASM_TEXT } from "./generated/wasm-bytes.js";
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

const bytes = () => bytesOf(WASM_TEXT, WASM_ALPHABET);

/**
 * The bytes of what `scripts/wasm-text.mjs` wrote. Most bytes are one character, so that gzip sees them, as it does not
 * in base64.
 */
export function bytesOf(text: string, alphabet: string): Uint8Array<ArrayBuffer> {
  const byteOf = new Int16Array(128).fill(-1);
  for (let byte = 0; byte < alphabet.length; byte++) byteOf[alphabet.charCodeAt(byte)] = byte;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const byte = byteOf[code];
    bytes[length++] = byte < 0 ? (code & 7) * 32 + (text.charCodeAt(++at) & 31) : byte;
  }
  return bytes.slice(0, length);
}
