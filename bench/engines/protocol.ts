/** What the runner asks of an engine's process, and what it answers: a line of JSON each. host.ts and native/host.py. */
import type { Sizes } from "../cases/problem.js";
import type { Pass, ResultName } from "./engine.js";

/** `key` names a prepared case: several can be there at once, to be timed in turns. */
export type Question = { key: string } & (
  | ({ ask: "prepare"; eps: number; files: Files } & Sizes)
  | { ask: "run"; pass: Pass; repetitions: number }
  /** Writes what the pass computed into `folder`: a file of f32 for each result, named as it. */
  | { ask: "results"; pass: Pass; folder: string }
  | { ask: "dispose" }
);

/** f32 in the machine's order of bytes; `model` is for those who read ONNX, where there is one for the operation. */
export interface Files {
  x: string;
  dy: string;
  gamma: string;
  beta: string;
  residual?: string;
  model?: string;
}

/** The first line of a process has its version, or an error. */
export interface Answer {
  version?: string;
  passes?: Pass[];
  note?: string;
  ns?: number;
  /** Of that time, the part in which the process had a core; more than 1 where it uses more threads than one. */
  busy?: number;
  names?: ResultName[];
  error?: string;
}
