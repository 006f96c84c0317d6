/**
 * The parts of the competitors' interfaces that are used here. Their own types are there only after the benchmark has
 * installed them; these hold with and without.
 */
declare module "onnxruntime-web" {
  export class Tensor {
    constructor(type: "float32", data: Float32Array, dims: readonly number[]);
    readonly data: Float32Array;
  }
  export interface InferenceSession {
    run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
    release(): Promise<void>;
  }
  export const InferenceSession: {
    create(model: Uint8Array, options?: Record<string, unknown>): Promise<InferenceSession>;
  };
  export const env: { wasm: { numThreads: number; wasmPaths?: string }; logLevel: string };
}

declare module "@tensorflow/tfjs-core/dist/register_all_gradients.js";
