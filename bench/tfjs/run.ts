// `LayerNormalization` of layernorm-wasm/tfjs beside TensorFlow.js's own layer, on its WebAssembly back end with one
// thread, interleaved: node --import tsx bench/tfjs/run.ts [rows cols [rounds]], after a build.

import { setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { layers, version_layers } from "@tensorflow/tfjs-layers";
import { LayerNormalization } from "../../dist/tfjs.js";

const [rows = 512, cols = 768, rounds = 15] = process.argv.slice(2).map(Number);

setThreadsCount(1);
await tf.setBackend("wasm");
const x = tf.randomNormal([rows, cols]);

/** The milliseconds of calls that take some 20 ms together, each. */
function time(call: () => void): number {
  const start = performance.now();
  let calls = 0;
  do {
    call();
    calls++;
  } while (performance.now() - start < 20);
  return (performance.now() - start) / calls;
}

const competitors = [new LayerNormalization(), layers.layerNormalization()].map((layer) => {
  layer.build([null, cols]);
  const optimizer = tf.train.sgd(0.01);
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const apply = (input: tf.Tensor) => layer.apply(input) as tf.Tensor;
  const dy = tf.randomNormal([rows, cols]);
  return {
    forward: () => apply(x).dispose(),
    // The gradients of x, gamma and beta for a dy that is given.
    both: () =>
      tf.dispose(tf.grads((input: tf.Tensor, ..._: tf.Tensor[]) => apply(input))([x, ...variables], dy)),
    // A loss and a step of the optimizer: what training has beside it is the same for both.
    step: () => optimizer.minimize(() => tf.mean(tf.square(apply(x))), false, variables),
  };
});

const passes = ["forward", "both", "step"] as const;
console.log(
  `[${rows}, ${cols}], Node ${process.versions.node}, tfjs-layers ${version_layers}, wasm ${version_wasm}`,
);
for (const pass of passes) {
  const times: number[][] = competitors.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [k, competitor] of competitors.entries()) {
      const milliseconds = time(competitor[pass]);
      if (round >= 0) times[k].push(milliseconds); // the first is to warm up
    }
  }
  const [ours, theirs] = times.map((each) => each.sort((a, b) => a - b)[each.length >> 1]);
  console.log(
    `${pass}: ${ours.toFixed(3)} ms, its own ${theirs.toFixed(2)} ms: ${(theirs / ours).toFixed(1)} times`,
  );
}
