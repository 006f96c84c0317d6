/** onnxruntime-web on its WebAssembly back end, one thread. It has no backward pass. */
import * as ort from "onnxruntime-web";
import type { Prepared, Problem, Start } from "../engine.js";
import { onnxModel } from "../onnx-model.js";

export const start: Start = async (host) => {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = host.folder("onnxruntime-web");
  ort.env.logLevel = "error";
  return { version: host.version("onnxruntime-web"), prepare };
};

async function prepare(problem: Problem): Promise<Prepared> {
  const { rows, cols, x, residual } = problem;
  const model = onnxModel(problem);
  if (model === undefined) throw new Error(`it has no ${problem.operation}`);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
  });
  const place = (values: Float32Array) => new ort.Tensor("float32", values, [rows, cols]);
  const feeds = { X: place(x), ...(residual && { residual: place(residual) }) };
  let latest: Record<string, ort.Tensor> = {};
  // It makes its result. One given in `fetches` comes back as it was, in 1.30 with tensors on the CPU.
  const forward = async () => {
    latest = await session.run(feeds);
  };
  return {
    passes: { forward },
    results: () => ({ y: latest.Y.data, ...(latest.sum && { sum: latest.sum.data }) }),
    dispose: () => void session.release(),
  };
}
