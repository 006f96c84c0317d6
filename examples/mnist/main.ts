/**
 * The package at work on 10,000 handwritten digits, in two parts:
 * forward and backward checked and timed (compare.ts), then the paper's network trained with and without (train.ts).
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { createRuntime } from "layernorm-wasm";
import { checkAndTime, WrongAnswer } from "./compare.js";
import { loadDigits, PIXELS, split } from "./data.js";
import { writePage } from "./page.js";
import { progress } from "./progress.js";
import { Random } from "./random.js";
import { resultsTable } from "./results.js";
import { textTable } from "./table.js";
import { type Curve, type Plan, train } from "./train.js";

const SEED = 1607_06450;
const TRAIN_ROWS = 8000;
const SIZES = [PIXELS, 300, 300, 10];
const PLANS: Plan[] = [
  { batch: 128, epochs: 8 },
  { batch: 4, epochs: 2 },
].flatMap((plan) => [true, false].map((normalized) => ({ ...plan, normalized, sizes: SIZES, seed: SEED })));
const PAGE = fileURLToPath(new URL("output/curves.html", import.meta.url));

const INTRODUCTION = [
  "The experiment of the paper (Ba, Kiros, Hinton, arXiv 1607.06450, section 6.6): a plain network on handwritten " +
    "digits that knows nothing of the image's shape, at batch 128 and at batch 4, with and without layer norm.",
  `Here: ${TRAIN_ROWS} digits to train on, the other 2000 to test; ${SIZES.join("-")} instead of the paper's ` +
    "784-1000-1000-10, and few epochs, because batch 4 updates every weight 2000 times an epoch and this has to end " +
    "within minutes. ReLU, Adam (rate 1e-3). Layer norm on the hidden layers only; the two networks of a batch size " +
    "start from the same weights and see the same digits in the same order.",
];

async function main(): Promise<void> {
  const digits = loadDigits();
  console.log(`\n1. Forward and backward over ${digits.rows} digits of ${PIXELS} pixels\n`);
  const random = new Random(SEED);
  const problem = {
    x: digits.x,
    dy: random.uniform(digits.x.length, -1, 1),
    gamma: random.uniform(PIXELS, 0.5, 1.5),
    beta: random.uniform(PIXELS, -0.5, 0.5),
    rows: digits.rows,
    cols: PIXELS,
    eps: 1e-5,
  };
  const { checks, timings } = checkAndTime(problem, console.log);
  console.log(`\n${textTable(checks)}\n\n${textTable(timings)}\n\n${machine()}`);

  console.log(`\n2. Training\n\n${INTRODUCTION.join("\n")}\n`);
  const sets = split(digits, TRAIN_ROWS, SEED);
  const curves: Curve[] = [];
  for (const plan of PLANS) {
    const shown = progress(plan, TRAIN_ROWS);
    curves.push(await train(plan, sets, shown.point));
    shown.end();
  }
  const results = resultsTable(curves, TRAIN_ROWS, sets.test.rows);
  console.log(`\n${textTable(results)}\n`);

  writePage(PAGE, {
    introduction: INTRODUCTION,
    curves,
    results,
    timing: [timings, checks],
    machine: machine(),
  });
  console.log(PAGE);
}

/** What the timings were measured on: `simd128`, or `js` where WebAssembly SIMD is missing. */
function machine(): string {
  using runtime = createRuntime();
  const { engine } = runtime.info();
  return `Engine ${engine}; Node ${process.versions.node}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, one used.`;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof WrongAnswer)) throw error;
  console.error(`\nWrong answer: ${error.message}`);
  process.exitCode = 1;
}
