/**
 * TensorFlow.js on its WebAssembly back end, one thread. That back end is synchronous: an operation has computed its
 * values when it returns, so nothing needs to be read back. Results are disposed when the next ones come.
 */

import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import type { Host, Problem } from "../engine.js";

export async function load(host: Host): Promise<string> {
  setWasmPaths(host.folder("@tensorflow/tfjs-backend-wasm"));
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  if (tf.getBackend() !== "wasm") throw new Error(`its back end is ${tf.getBackend()}, not wasm`);
  return host.version("@tensorflow/tfjs-core");
}

export function place({ x, dy, gamma, beta, rows, cols }: Problem) {
  return {
    x: tf.tensor(x, [rows, cols]),
    dy: tf.tensor(dy, [rows, cols]),
    gamma: tf.tensor(gamma, [cols]),
    beta: tf.tensor(beta, [cols]),
  };
}
