/** onnxruntime-web on its WebAssembly back end, one thread. It has no backward pass. */
import * as ort from "onnxruntime-web";
import type { Prepared, Problem, Start } from "../engine.js";
import { layerNormalizationModel } from "../onnx-model.js";

export const start: Start = async (host) => {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = host.folder("onnxruntime-web");
  ort.env.logLevel = "error";
  return { version: host.version("onnxruntime-web"), prepare };
};

async function prepare(problem: Problem): Promise<Prepared> {
  const { rows, cols } = problem;
  const session = await ort.InferenceSession.create(layerNormalizationModel(problem), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
  });
  const feeds = { X: new ort.Tensor("float32", problem.x, [rows, cols]) };
  let latest: Record<string, ort.Tensor> = {};
  // It makes its result. One given in `fetches` comes back as it was, in 1.30 with tensors on the CPU.
  const forward = async () => {
    latest = await session.run(feeds);
  };
  return {
    passes: { forward },
    results: () => ({ y: latest.Y.data }),
    dispose: () => void session.release(),
  };
}
