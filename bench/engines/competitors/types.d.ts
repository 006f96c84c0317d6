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

declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    dataSync(): Float32Array;
    dispose(): void;
  }
  export function add(a: Tensor, b: Tensor | number): Tensor;
  export function sub(a: Tensor, b: Tensor): Tensor;
  export function mul(a: Tensor, b: Tensor): Tensor;
  export function square(x: Tensor): Tensor;
  export function rsqrt(x: Tensor): Tensor;
  export function mean(x: Tensor, axis: number, keepDims: boolean): Tensor;
  export function tensor(values: Float32Array, shape: number[]): Tensor;
  export function tidy<T>(f: () => T): T;
  export function valueAndGrads(
    f: (...args: Tensor[]) => Tensor,
  ): (args: Tensor[], dy: Tensor) => { grads: Tensor[]; value: Tensor };
  export function setBackend(name: string): Promise<boolean>;
  export function getBackend(): string;
  export function ready(): Promise<void>;
}

declare module "@tensorflow/tfjs-backend-wasm" {
  export function setWasmPaths(folder: string): void;
  export function setThreadsCount(count: number): void;
}

declare module "@tensorflow/tfjs-layers" {
  import type { Tensor } from "@tensorflow/tfjs-core";
  export const layers: {
    layerNormalization(options: { axis: number; epsilon: number }): {
      build(shape: number[]): void;
      setWeights(weights: Tensor[]): void;
      apply(x: Tensor): Tensor;
      weights: { dispose(): void }[];
    };
  };
}

declare module "@tensorflow/tfjs-core/dist/register_all_gradients.js";
