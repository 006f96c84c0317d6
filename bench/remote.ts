/** An engine that runs elsewhere: in a process of its own (process.ts), or in a worker of the page (page/). */
import type { Pass, Problem, Results } from "./engines/engine.js";
import type { EngineInfo } from "./engines/list.js";

export interface Remote {
  readonly info: EngineInfo;
  readonly version: string;
  /** Passes of operations that have been run for long enough to be compiled for good. */
  readonly warmed: Set<string>;
  /** `key` names it from then on: several problems can be there at once, to be timed in turns. */
  prepare(key: string, problem: Problem): Promise<{ passes: Pass[]; note: string }>;
  run(key: string, pass: Pass, repetitions: number): Promise<Elapsed>;
  /** What the pass computed last. */
  results(key: string, pass: Pass): Promise<Results>;
  dispose(key: string): Promise<void>;
  stop(): void;
}

export interface Elapsed {
  ns: number;
  /** Of that time, the part in which the process had a core; more than 1 where it uses more threads than one. */
  busy: number;
}
