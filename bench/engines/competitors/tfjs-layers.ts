/** Its layer `layerNormalization`. Its gradients do not come into question: forward alone takes seconds. */
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import type { Prepared, Problem, Start } from "../engine.js";
import { load, place } from "./tfjs.js";

export const start: Start = async (host) => ({ version: await load(host), prepare });

function prepare(problem: Problem): Prepared {
  const { x, dy, gamma, beta } = place(problem);
  const layer = layers.layerNormalization({ axis: -1, epsilon: problem.eps });
  layer.build([problem.rows, problem.cols]);
  layer.setWeights([gamma, beta]);

  let y: tf.Tensor | undefined;
  const forward = () => {
    y?.dispose();
    y = tf.tidy(() => layer.apply(x) as tf.Tensor);
  };
  return {
    passes: { forward },
    results: () => ({ y: y?.dataSync<"float32">() as Float32Array }),
    dispose: () => {
      y?.dispose();
      for (const weight of layer.weights) weight.dispose();
      for (const tensor of [x, dy, gamma, beta]) tensor.dispose();
    },
  };
}
