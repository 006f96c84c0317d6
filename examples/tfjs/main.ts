/**
 * A small transformer on handwritten digits in TensorFlow.js, on its WebAssembly back end: with its own layer for layer
 * norm, with this package's, and without any, to see what is left. `npm run example:tfjs -- STEPS` takes as many steps.
 */
import { cpus } from "node:os";
import { setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import { Presets, SingleBar } from "cli-progress";
import { layerNormalization } from "layernorm-wasm/tfjs";
import { loadDigits, split } from "../mnist/data.js";
import { type Table, textTable } from "../mnist/table.js";
import { type Run, trainInTurns } from "./train.js";

const SEED = 1607_06450;
const BATCH = 32;
const TRAIN_ROWS = 8000;
const STEPS = Number(process.argv[2] ?? 150);

const NORMS = {
  "layernorm-wasm/tfjs": layerNormalization,
  "tf.layers.layerNormalization": layers.layerNormalization,
  "no layer norm": undefined,
};

/** A bar on a terminal; elsewhere a line now and then, so that a log stays short. */
function progress() {
  const text = (losses: number[]) => losses.map((loss) => loss.toFixed(4)).join("   ");
  if (!process.stdout.isTTY) {
    const every = Math.ceil(STEPS / 10);
    const step = (step: number, losses: number[]) => {
      if (step % every === 0 || step === STEPS)
        console.log(`  step ${step} of ${STEPS}   losses ${text(losses)}`);
    };
    return { step, end: () => {} };
  }
  const format = "  {bar} step {value} of {total}   losses {losses}   {eta_formatted} left";
  const bar = new SingleBar({ format, stream: process.stdout, hideCursor: true }, Presets.shades_classic);
  bar.start(STEPS, 0, { losses: "" });
  const step = (step: number, losses: number[]) => bar.update(step, { losses: text(losses) });
  return { step, end: () => bar.stop() };
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

function results(runs: Run[]): Table {
  const [ours, theirs, without] = runs;
  const rest = median(without.milliseconds);
  const differences = ours.losses.map((loss, step) => Math.abs(loss - theirs.losses[step]));
  const largest = (steps: number) => Math.max(...differences.slice(0, steps)).toPrecision(1);
  const some = Math.min(20, STEPS);
  return {
    title: `${STEPS} steps of ${BATCH} digits`,
    head: ["", "ms a step", "layer norm", "s in all", `loss, last ${some} steps`, "test accuracy"],
    rows: runs.map(({ name, losses, milliseconds, accuracy }) => [
      name,
      median(milliseconds).toFixed(1),
      name === without.name ? "" : `${(100 * (1 - rest / median(milliseconds))).toFixed(0)} %`,
      (sum(milliseconds) / 1000).toFixed(1),
      (sum(losses.slice(-some)) / some).toFixed(4),
      `${(100 * accuracy).toFixed(1)} %`,
    ]),
    notes: [
      `The losses of the first two differ by ${largest(some)} at most in the first ${some} steps, by ${largest(STEPS)} in all: ` +
        "what they round differently, training amplifies.",
      "Layer norm: the part of a step beyond one of the network without. Times of steps are medians.",
    ],
  };
}

if (!(Number.isInteger(STEPS) && STEPS > 0))
  throw new Error(`${process.argv[2]} steps: needs a positive number`);

const start = performance.now();
setThreadsCount(1);
if (!(await tf.setBackend("wasm"))) throw new Error("TensorFlow.js's WebAssembly back end does not start");
console.log(
  `\nA transformer of two blocks reads handwritten digits row by row. Three networks take turns, from the\n` +
    `same weights on the same batches: ${Object.keys(NORMS).join(", ")}.\n`,
);
const shown = progress();
const sets = split(loadDigits(), TRAIN_ROWS, SEED);
const runs = await trainInTurns(NORMS, sets, { batch: BATCH, steps: STEPS, seed: SEED }, shown.step);
shown.end();
console.log(`\n${textTable(results(runs))}\n`);
console.log(
  `${((performance.now() - start) / 1000).toFixed(0)} s in all. TensorFlow.js ${tf.version_core}, wasm ${version_wasm}, one thread; ` +
    `Node ${process.versions.node}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, one used.`,
);
