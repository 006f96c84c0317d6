/** The best plain JavaScript: of several forms (plain/), the one that is fastest on this shape, on this machine. */
import * as example from "../../examples/mnist/plain-javascript.js";
import type { Prepared, Problem, Results, Start } from "./engine.js";
import * as backwards from "./plain/backward.js";
import * as forwards from "./plain/forward.js";
import * as rmsBackwards from "./plain/rms-backward.js";
import * as rmsForwards from "./plain/rms-forward.js";

interface Variant {
  name: string;
  run: () => void;
}

export const start: Start = async () => ({ version: "sums in f64", prepare });

const prepare = (problem: Problem): Prepared =>
  problem.operation === "rms_norm" ? rmsNorm(problem) : layerNorm(problem);

const array = (size: number) => new Float32Array(size);

function layerNorm({ x, dy, gamma, beta, rows, cols, eps }: Problem): Prepared {
  const there = { y: array(rows * cols), mean: array(rows), rstd: array(rows) };
  const back = { dx: array(rows * cols), dgamma: array(cols), dbeta: array(cols) };
  const sums = { dgamma: new Float64Array(cols), dbeta: new Float64Array(cols) };

  const forms: Variant[] = Object.entries(forwards).map(([name, run]) => ({
    name,
    run: () => run(x, gamma, beta, eps, there),
  }));
  const backForms: Variant[] = Object.entries(backwards).map(([name, run]) => ({
    name,
    run: () => run(dy, x, gamma, there, sums, back),
  }));
  if (cols % 4 === 0)
    forms.push({ name: "subarrays", run: () => example.forward(x, gamma, beta, eps, there) });
  if (rows % 2 === 0)
    backForms.push({ name: "example", run: () => example.backward(dy, x, gamma, there, back) });
  return best(forms, backForms, { y: there.y, ...back });
}

function rmsNorm({ x, dy, gamma, rows, cols, eps }: Problem): Prepared {
  const there = { y: array(rows * cols), rstd: array(rows) };
  const back = { dx: array(rows * cols), dgamma: array(cols) };
  const sums = new Float64Array(cols);

  const forms: Variant[] = Object.entries(rmsForwards).map(([name, run]) => ({
    name,
    run: () => run(x, gamma, eps, there),
  }));
  const backForms: Variant[] = Object.entries(rmsBackwards).map(([name, run]) => ({
    name,
    run: () => run(dy, x, gamma, there.rstd, sums, back),
  }));
  return best(forms, backForms, { y: there.y, ...back });
}

function best(forms: Variant[], backForms: Variant[], results: Results): Prepared {
  const forward = fastest(forms);
  const backward = fastest(backForms);
  return {
    passes: {
      inference: forward.run,
      forward: forward.run,
      backward: backward.run,
      both: () => {
        forward.run();
        backward.run();
      },
    },
    results: () => results,
    note: `${forward.name} forward, ${backward.name} backward`,
    dispose: () => {},
  };
}

/** By the best of interleaved rounds of about two milliseconds; those of the first half are to warm up. */
function fastest(variants: Variant[]): Variant {
  const calls = new Map(variants.map((variant) => [variant, callsIn(2, variant)]));
  const best = new Map(variants.map((variant) => [variant, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < 8; round++) {
    for (const [variant, count] of calls) {
      const time = timeOf(variant, count) / count;
      if (round >= 4) best.set(variant, Math.min(best.get(variant) ?? time, time));
    }
  }
  return [...best].reduce((a, b) => (b[1] < a[1] ? b : a))[0];
}

function callsIn(ms: number, variant: Variant): number {
  let count = 1;
  while (timeOf(variant, count) < ms) count *= 2;
  return count;
}

function timeOf({ run }: Variant, count: number): number {
  const start = performance.now();
  for (let k = 0; k < count; k++) run();
  return performance.now() - start;
}
