import * as tf from "@tensorflow/tfjs-core";
import type { Prepared, Problem, Start } from "../engine.js";
import { load, place } from "./tfjs.js";

export const start: Start = async (host) => ({ version: await load(host), prepare });

function prepare(problem: Problem): Prepared {
  const { x, dy, gamma, beta } = place(problem);
  const layerNorm = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    const xhat = tf.mul(centred, tf.rsqrt(tf.add(variance, problem.eps)));
    return tf.add(tf.mul(xhat, gamma), beta);
  };
  const differentiated = tf.valueAndGrads(layerNorm);

  let y: tf.Tensor | undefined;
  let gradients: tf.Tensor[] = [];
  const clear = () => {
    for (const tensor of [y, ...gradients]) tensor?.dispose();
    gradients = [];
    y = undefined;
  };
  const forward = () => {
    clear();
    y = tf.tidy(() => layerNorm(x, gamma, beta));
  };
  const both = () => {
    clear();
    const { value, grads } = tf.tidy(() => differentiated([x, gamma, beta], dy));
    y = value;
    gradients = grads;
  };
  return {
    passes: { forward, both },
    results: (pass) => {
      const [dx, dgamma, dbeta] = gradients.map((tensor) => tensor.dataSync<"float32">());
      const values = y?.dataSync<"float32">() as Float32Array;
      return pass === "forward" ? { y: values } : { y: values, dx, dgamma, dbeta };
    },
    dispose: () => {
      clear();
      for (const tensor of [x, dy, gamma, beta]) tensor.dispose();
    },
  };
}
