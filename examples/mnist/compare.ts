/**
 * Part 1: forward and backward over all digits, checked against the f64 reference, then timed beside plain JavaScript.
 */
import { layerNormBackward, layerNormForward, tensor, tensorFrom } from "layernorm-wasm";
import * as plain from "./plain-javascript.js";
import { type Problem, type Reference, reference, worstError } from "./reference.js";
import type { Table } from "./table.js";

/** The package's promise, in units of 2^-24 of each value's scale (reference.ts). */
const BOUNDS = { y: 16, dx: 32, dgamma: 32, dbeta: 32 } as const;
const RESULTS = ["y", "dx", "dgamma", "dbeta"] as const;
const ROUNDS = 21;

type Results = Record<(typeof RESULTS)[number], Float32Array>;

interface Engine {
  name: string;
  forward(): void;
  backward(): void;
  results(): Results;
  dispose(): void;
}

/** A wrong answer: the run must not go on to time it. */
export class WrongAnswer extends Error {}

/** Throws a WrongAnswer before anything is timed. */
export function checkAndTime(
  problem: Problem,
  log: (text: string) => void,
): { checks: Table; timings: Table } {
  const engines = [ourTensors(problem), ourArrays(problem), plainJavaScript(problem)];
  try {
    const checks = check(engines, reference(problem));
    log("  answers checked; timing ...");
    return { checks, timings: time(engines, problem) };
  } finally {
    for (const engine of engines) engine.dispose();
  }
}

/** No copies: the data lie in the WebAssembly memory, the results are written there. */
function ourTensors({ rows, cols, eps, ...problem }: Problem): Engine {
  const shape = [rows, cols];
  const x = tensorFrom(problem.x, shape);
  const dy = tensorFrom(problem.dy, shape);
  const gamma = tensorFrom(problem.gamma, [cols]);
  const beta = tensorFrom(problem.beta, [cols]);
  const there = { y: tensor(shape), mean: tensor([rows]), rstd: tensor([rows]) };
  const back = { dx: tensor(shape), dgamma: tensor([cols]), dbeta: tensor([cols]) };
  return {
    name: "layernorm-wasm, tensors",
    forward: () => layerNormForward(x, cols, { gamma, beta, eps, out: there }),
    backward: () => layerNormBackward(dy, x, cols, { mean: there.mean, rstd: there.rstd, gamma, out: back }),
    results: () => ({
      y: there.y.data,
      dx: back.dx.data,
      dgamma: back.dgamma.data,
      dbeta: back.dbeta.data,
    }),
    dispose: () => {
      for (const it of [x, dy, gamma, beta, ...Object.values(there), ...Object.values(back)]) it.dispose();
    },
  };
}

/** The same call on plain arrays: the package copies them in and out, in chunks. */
function ourArrays({ x, dy, gamma, beta, rows, cols, eps }: Problem): Engine {
  const { there, back } = arrays(rows, cols);
  return {
    name: "layernorm-wasm, plain arrays",
    forward: () => layerNormForward(x, cols, { gamma, beta, eps, out: there }),
    backward: () => layerNormBackward(dy, x, cols, { mean: there.mean, rstd: there.rstd, gamma, out: back }),
    results: () => ({ y: there.y, ...back }),
    dispose: () => {},
  };
}

function plainJavaScript({ x, dy, gamma, beta, rows, cols, eps }: Problem): Engine {
  const { there, back } = arrays(rows, cols);
  return {
    name: "plain JavaScript",
    forward: () => plain.forward(x, gamma, beta, eps, there),
    backward: () => plain.backward(dy, x, gamma, there, back),
    results: () => ({ y: there.y, ...back }),
    dispose: () => {},
  };
}

function arrays(rows: number, cols: number) {
  const array = (size: number) => new Float32Array(size);
  return {
    there: { y: array(rows * cols), mean: array(rows), rstd: array(rows) },
    back: { dx: array(rows * cols), dgamma: array(cols), dbeta: array(cols) },
  };
}

function check(engines: Engine[], expected: Reference): Table {
  const rows = engines.map((engine) => {
    engine.forward();
    engine.backward();
    const results = engine.results();
    const errors = RESULTS.map((name) => {
      const error = worstError(results[name], expected[name]);
      if (!(error <= BOUNDS[name])) {
        throw new WrongAnswer(
          `${engine.name}: ${name} is ${error.toPrecision(3)} units of 2^-24 from the f64 reference, ` +
            `at most ${BOUNDS[name]} are allowed`,
        );
      }
      return error.toFixed(1);
    });
    return [engine.name, ...errors];
  });
  checkSameBits(engines);
  const allowed = ["allowed", ...RESULTS.map((name) => String(BOUNDS[name]))];
  return {
    title: "Worst error against the f64 reference, in units of 2^-24 of each value's scale",
    head: ["", ...RESULTS],
    rows: [...rows, allowed],
    notes: ["Tensors and plain arrays gave the same bits."],
  };
}

/** The package promises the same bits for tensors and for plain arrays: its two engines stand first in the list. */
function checkSameBits([a, b]: Engine[]): void {
  if (!a || !b) return;
  for (const name of RESULTS) {
    const [one, other] = [a.results()[name], b.results()[name]].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
    );
    if (Buffer.compare(one as Buffer, other as Buffer) !== 0) {
      throw new WrongAnswer(`${name}: ${a.name} and ${b.name} differ in their bits`);
    }
  }
}

/** Interleaved, A B C A B C: noise of the machine then falls on all alike. */
function time(engines: Engine[], { rows, cols }: Problem): Table {
  const table: string[][] = [];
  for (const pass of ["forward", "backward"] as const) {
    const times = engines.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, engine] of engines.entries()) {
        const start = performance.now();
        engine[pass]();
        times[i]?.push(performance.now() - start);
      }
    }
    const slowest = quantile(times.at(-1) as number[], 0.5); // plain JavaScript stands last
    for (const [i, engine] of engines.entries()) {
      const [low, median, high] = [0.25, 0.5, 0.75].map((q) => quantile(times[i] as number[], q)) as number[];
      table.push([
        `${pass}, ${engine.name}`,
        (median as number).toFixed(2),
        `${low?.toFixed(2)} - ${high?.toFixed(2)}`,
        ((rows * cols) / (median as number) / 1e6).toFixed(2),
        `${(slowest / (median as number)).toFixed(1)} x`,
      ]);
    }
  }
  return {
    title: `Time for [${rows}, ${cols}], medians of ${ROUNDS} interleaved rounds`,
    head: ["", "ms", "middle half of the rounds", "10^9 elements/s", "against plain JavaScript"],
    rows: table,
  };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(q * (sorted.length - 1))] as number;
}
