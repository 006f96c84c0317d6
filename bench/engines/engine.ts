/**
 * What an engine is to the benchmark. An engine's file exports `start`, and runs in Node (host.ts, a process for each
 * engine) as well as in a browser (page/), so it imports nothing of either.
 */
import type { Problem as LayerNormProblem } from "../../examples/mnist/reference.js";
import type { Sizes } from "../cases/problem.js";

/** `residual` is there where the operation adds it to x. */
export interface Problem extends LayerNormProblem, Sizes {
  residual?: Float32Array;
}

/**
 * `inference` writes y alone, `forward` what the engine's own backward pass needs too (y alone, where it has none),
 * `backward` dx, dgamma and dbeta (RMSNorm has none), `both` one after the other, or as the engine's differentiation
 * does it. An operation that adds first gives `sum` beside y.
 */
export type Pass = "inference" | "forward" | "backward" | "both";

export type ResultName = "y" | "sum" | "dx" | "dgamma" | "dbeta";

export type Results = Partial<Record<ResultName, Float32Array>>;

export interface Prepared {
  /** Each does the whole work before it returns, or before its promise resolves. */
  passes: Partial<Record<Pass, () => unknown>>;
  /** What the passes wrote last; called outside of the timing. */
  results(pass: Pass): Results | Promise<Results>;
  /** For the table: which variant was the fastest, say. */
  note?: string;
  dispose(): void;
}

export interface Engine {
  version: string;
  /** Places the inputs where the engine is fastest with them. list.ts says which operations it is asked for. */
  prepare(problem: Problem): Prepared | Promise<Prepared>;
}

/** What Node and the browser do in their own ways. */
export interface Host {
  /** The installed version of a package. */
  version(name: string): string;
  /** The folder of a package's files, ending in a slash, as its library takes it. */
  folder(name: string): string;
  /** The bytes of copy.wat, assembled. */
  copyModule(): Promise<Uint8Array<ArrayBuffer>>;
}

export type Start = (host: Host) => Promise<Engine>;
