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
  const rmsNorm = (x: tf.Tensor, gamma: tf.Tensor) => {
    const squares = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(squares, problem.eps))), gamma);
  };
  const isRms = problem.operation === "rms_norm";
  const inputs = isRms ? [x, gamma] : [x, gamma, beta];
  const normalize = isRms ? () => rmsNorm(x, gamma) : () => layerNorm(x, gamma, beta);
  const differentiated = tf.valueAndGrads((...inputs: tf.Tensor[]) =>
    isRms ? rmsNorm(inputs[0], inputs[1]) : layerNorm(inputs[0], inputs[1], inputs[2]),
  );

  let y: tf.Tensor | undefined;
  let gradients: tf.Tensor[] = [];
  const clear = () => {
    for (const tensor of [y, ...gradients]) tensor?.dispose();
    gradients = [];
    y = undefined;
  };
  const forward = () => {
    clear();
    y = tf.tidy(normalize);
  };
  const both = () => {
    clear();
    const { value, grads } = tf.tidy(() => differentiated(inputs, dy));
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
