import type { Engine } from "../engine/abi.js";
import { compile, compileAsync, instantiate } from "../engine/simd128.js";
import { checkAnswer, checkCompiled, checkInitialised, checkModule, checkSource } from "./check.js";

/** The package's WebAssembly file, compiled, or its bytes. */
export type ModuleOrBytes = WebAssembly.Module | ArrayBuffer | ArrayBufferView;

/** The package's WebAssembly file: compiled, its bytes, the answer that brings them, or where they are. */
export type Source = ModuleOrBytes | Response | URL;

/** @internal The WebAssembly file that a user brings, compiled once for all engines made from it. The first one stays. */
export class GivenModule {
  #module: WebAssembly.Module | undefined;

  async load(given: Source | PromiseLike<Source>): Promise<void> {
    const source = await given;
    const answer = source instanceof URL ? await read(source) : source;
    const file = isAnswer(answer) ? await checkAnswer("init", answer).arrayBuffer() : answer;
    const needed = "a WebAssembly.Module, its bytes, a Response or a URL";
    const isBytes = checkSource("init", file, needed);
    this.#set("init", isBytes ? checkCompiled("init", file, await compileAsync(file)) : file);
  }

  loadNow(file: ModuleOrBytes): void {
    const isBytes = checkSource("initSync", file, "a WebAssembly.Module or its bytes");
    this.#set("initSync", isBytes ? checkCompiled("initSync", file, compile(file)) : file);
  }

  #set(name: string, module: WebAssembly.Module): void {
    checkModule(name, "source", module);
    this.#module ??= module;
  }

  /** A new engine. */
  start(): Engine {
    return instantiate(checkInitialised(this.#module));
  }
}

/** What has bytes to give: a Response of any realm. */
function isAnswer(source: unknown): source is Response {
  return typeof (source as Response | null | undefined)?.arrayBuffer === "function";
}

interface NodeFiles {
  readFile(url: URL): Promise<Uint8Array>;
}

/** Fetches a URL. Node's `fetch` knows no files, and an import of `node:fs` would break bundles for browsers. */
function read(url: URL): Promise<Response | Uint8Array> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): NodeFiles } };
  const files = url.protocol === "file:" ? process?.getBuiltinModule?.("node:fs/promises") : undefined;
  return files === undefined ? fetch(url) : files.readFile(url);
}
