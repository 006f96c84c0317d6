/** Every engine: its file, and how the benchmark treats it. To add one, add its file and a line here. */
import { isHalf, type Operation } from "../cases/operations.js";
import type { ResultName } from "./engine.js";

export interface EngineInfo {
  id: string;
  name: string;
  /** Relative to this folder, without its ending. `native` is Python: a module of native/. */
  file: string;
  /** `way` is the package again, used as it is where the measured call is not there. */
  kind: "limit" | "ours" | "way" | "javascript" | "native";
  /** Layer normalization alone, where it is left out. */
  operations?: readonly Operation[];
  /** How far its answers may be from the f64 reference, in units of 2^-24 of each value's scale. */
  tolerance: Tolerance;
  /** Whether Node needs it bundled (bundle.ts). */
  bundle?: boolean;
  /** So slow that a quick run leaves out its large shapes. */
  slow?: boolean;
}

export type Tolerance = Record<ResultName, number>;

/** What the package promises. A sum of two is rounded once. */
const CONTRACT = { y: 16, sum: 1, dx: 32, dgamma: 32, dbeta: 32 };
/** For arithmetic in f32 without a promise, on rows of mean 0: about 1e-4, and sums over rows grow with the rows. */
const LOOSE = { y: 1024, sum: 1, dx: 1024, dgamma: 4096, dbeta: 4096 };

const ADDING = ["add_layer_norm", "add_rms_norm"] as const;
const HALF = ["f16", "bf16"] as const;
const F32 = ["layer_norm", "rms_norm", ...ADDING, "axes"] as const;

export const ENGINES: readonly EngineInfo[] = [
  limit("copy", "copy of the same streams", "copy"),
  ours("tensors", "layernorm-wasm, tensors", "ours-tensors", [...F32, ...HALF]),
  ours("arrays", "layernorm-wasm, plain arrays", "ours-arrays", F32),
  ours("js", "layernorm-wasm/js", "ours-javascript", F32),
  way("add-loop", "adding by a loop, then tensors", "two-calls-loop", ADDING),
  way("add-simd", "adding by another WebAssembly, then tensors", "two-calls-simd", ADDING),
  way("add-free", "adding elsewhere and not copying, then tensors", "two-calls-free", ADDING),
  way("last-axis", "tensors, as many rows over the last axis", "last-axis", ["axes"]),
  way("permuted", "permuting by a loop, tensors, permuting back", "permuted", ["axes"]),
  way("f32", "tensors, the same values as f32", "as-f32", HALF),
  way("converted", "converting by a loop, f32 tensors, converting back", "converted", HALF),
  javascript("plain", "best plain JavaScript", "plain-javascript", {
    tolerance: CONTRACT,
    operations: ["layer_norm", "rms_norm"],
  }),
  javascript("onnxruntime-web", "onnxruntime-web, wasm", "competitors/onnxruntime-web", {
    operations: ["layer_norm", "rms_norm", ...ADDING],
  }),
  javascript("tfjs", "TensorFlow.js wasm, composed", "competitors/tfjs-composed", {
    operations: ["layer_norm", "rms_norm"],
    bundle: true,
  }),
  javascript("tfjs-layers", "TensorFlow.js wasm, layerNormalization", "competitors/tfjs-layers", {
    bundle: true,
    slow: true,
  }),
  javascript("jax-js", "jax-js wasm, jit", "competitors/jax-js", { operations: ["layer_norm", "rms_norm"] }),
  native("pytorch", "PyTorch, native", "pytorch", [...F32, ...HALF]),
  native("onnxruntime", "ONNX Runtime, native", "onnx_runtime", ["layer_norm", "rms_norm", ...ADDING]),
  native("jax", "JAX, native, jit", "jax_jit"),
];

export const does = ({ operations = ["layer_norm"] }: EngineInfo, operation: Operation) =>
  operations.includes(operation);

/**
 * An f16 has 11 bits and a bf16 has 8: results of x's size are rounded to them, and dx may be twice its scale. Others
 * round sums over rows as well, on their way.
 */
export function allowed({ tolerance, id, kind }: EngineInfo, operation: Operation): Tolerance {
  if (!isHalf(operation) || id === "f32") return tolerance;
  const rounding = 2 ** (24 - (operation === "f16" ? 11 : 8));
  const ofSums = kind === "native" ? 4 * rounding : 0;
  const { sum, y, dx, dgamma, dbeta } = tolerance;
  return { sum, y: y + rounding, dx: dx + 2 * rounding, dgamma: dgamma + ofSums, dbeta: dbeta + ofSums };
}

function limit(id: string, name: string, file: string): EngineInfo {
  return { id, name, file, kind: "limit", tolerance: CONTRACT };
}

function ours(id: string, name: string, file: string, operations: readonly Operation[]): EngineInfo {
  return { id, name, file, kind: "ours", tolerance: CONTRACT, operations };
}

function way(id: string, name: string, file: string, operations: readonly Operation[]): EngineInfo {
  return { id, name, file: `other-ways/${file}`, kind: "way", tolerance: CONTRACT, operations };
}

function javascript(id: string, name: string, file: string, options: Partial<EngineInfo> = {}): EngineInfo {
  return { id, name, file, kind: "javascript", tolerance: LOOSE, ...options };
}

function native(
  id: string,
  name: string,
  file: string,
  operations: readonly Operation[] = ["layer_norm"],
): EngineInfo {
  return { id, name, file, kind: "native", tolerance: LOOSE, operations };
}

/** Nothing of these is in a package that can be installed, or they have no layer norm. */
export const NOT_THERE = [
  "rten: no npm package of its engine is published, so its WebAssembly build cannot be installed.",
];
