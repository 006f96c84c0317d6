/** Every engine: its file, and how the benchmark treats it. To add one, add its file and a line here. */
export interface EngineInfo {
  id: string;
  name: string;
  /** Relative to this folder, without its ending. `native` is Python: a module of native/. */
  file: string;
  kind: "limit" | "ours" | "javascript" | "native";
  /** How far its answers may be from the f64 reference, in units of 2^-24 of each value's scale. */
  tolerance: Tolerance;
  /** Whether Node needs it bundled (bundle.ts). */
  bundle?: boolean;
  /** So slow that a quick run leaves out its large shapes. */
  slow?: boolean;
}

export type Tolerance = { y: number; dx: number; dgamma: number; dbeta: number };

/** What the package promises. */
const CONTRACT = { y: 16, dx: 32, dgamma: 32, dbeta: 32 };
/** For arithmetic in f32 without a promise, on rows of mean 0: about 1e-4, and sums over rows grow with the rows. */
const LOOSE = { y: 1024, dx: 1024, dgamma: 4096, dbeta: 4096 };

export const ENGINES: readonly EngineInfo[] = [
  limit("copy", "copy of the same streams", "copy"),
  ours("tensors", "layernorm-wasm, tensors", "ours-tensors"),
  ours("arrays", "layernorm-wasm, plain arrays", "ours-arrays"),
  ours("js", "layernorm-wasm/js", "ours-javascript"),
  javascript("plain", "best plain JavaScript", "plain-javascript", CONTRACT),
  javascript("onnxruntime-web", "onnxruntime-web, wasm", "competitors/onnxruntime-web"),
  { ...javascript("tfjs", "TensorFlow.js wasm, composed", "competitors/tfjs-composed"), bundle: true },
  {
    ...javascript("tfjs-layers", "TensorFlow.js wasm, layerNormalization", "competitors/tfjs-layers"),
    bundle: true,
    slow: true,
  },
  javascript("jax-js", "jax-js wasm, jit", "competitors/jax-js"),
  native("pytorch", "PyTorch, native", "pytorch"),
  native("onnxruntime", "ONNX Runtime, native", "onnx_runtime"),
  native("jax", "JAX, native, jit", "jax_jit"),
];

function limit(id: string, name: string, file: string): EngineInfo {
  return { id, name, file, kind: "limit", tolerance: CONTRACT };
}

function ours(id: string, name: string, file: string): EngineInfo {
  return { id, name, file, kind: "ours", tolerance: CONTRACT };
}

function javascript(id: string, name: string, file: string, tolerance = LOOSE): EngineInfo {
  return { id, name, file, kind: "javascript", tolerance };
}

function native(id: string, name: string, file: string): EngineInfo {
  return { id, name, file, kind: "native", tolerance: LOOSE };
}

/** Nothing of these is in a package that can be installed, or they have no layer norm. */
export const NOT_THERE = [
  "rten: no npm package of its engine is published, so its WebAssembly build cannot be installed.",
];
