/** The package through its public API, results written to arrays or tensors made before. */
import type * as Package from "layernorm-wasm";
import type { Dtype } from "layernorm-wasm";
import { isHalf, type Operation } from "../cases/operations.js";
import type { Engine, Prepared, Problem } from "./engine.js";

type Api = Pick<
  typeof Package,
  | "layerNorm"
  | "layerNormForward"
  | "layerNormBackward"
  | "rmsNormForward"
  | "rmsNormBackward"
  | "addLayerNorm"
  | "addRmsNorm"
>;

/** Arguments of one kind, `Float32Array` or `Tensor`. TypeScript picks an overload by it; either stands for both. */
interface Places {
  give(values: Float32Array, shape: number[], dtype?: Dtype): Float32Array;
  make(shape: number[], dtype?: Dtype): Float32Array;
  read(data: Float32Array): Float32Array;
  dispose(data: Float32Array[]): void;
}

const arrays: Places = {
  give: (values) => values,
  make: (shape) => new Float32Array(shape.reduce((a, b) => a * b)),
  read: (data) => data,
  dispose: () => {},
};

function tensors({ tensor, tensorFrom }: Pick<typeof Package, "tensor" | "tensorFrom">): Places {
  const places = {
    give: (values: Float32Array, shape: number[], dtype: Dtype = "f32") => tensorFrom(values, shape, dtype),
    make: (shape: number[], dtype: Dtype = "f32") => tensor(shape, dtype),
    read: (data: Package.Tensor) => data.toFloat32Array(),
    dispose: (data: Package.Tensor[]) => {
      for (const each of data) each.dispose();
    },
  };
  return places as unknown as Places;
}

export const onArrays = (api: Api, version: string): Engine => engine(api, arrays, version);

export const onTensors = (
  api: Api & Pick<typeof Package, "tensor" | "tensorFrom">,
  version: string,
): Engine => engine(api, tensors(api), version);

function engine(api: Api, places: Places, version: string): Engine {
  return { version, prepare: (problem) => OPERATIONS[problem.operation](api, places, problem) };
}

type Prepare = (api: Api, places: Places, problem: Problem) => Prepared;

const OPERATIONS: Record<Operation, Prepare> = {
  layer_norm: layerNormOf,
  f16: layerNormOf,
  bf16: layerNormOf,
  axes: layerNormOverAxes,
  rms_norm: rmsNormOf,
  add_layer_norm: addLayerNormOf,
  add_rms_norm: addRmsNormOf,
};

/** In each of these, options are written out in each call, as users do. */
function layerNormOf(
  api: Api,
  places: Places,
  { operation, rows, cols, eps, ...problem }: Problem,
): Prepared {
  const { layerNorm, layerNormForward, layerNormBackward } = api;
  const dtype = isHalf(operation) ? operation : "f32";
  const x = places.give(problem.x, [rows, cols], dtype);
  const dy = places.give(problem.dy, [rows, cols], dtype);
  const gamma = places.give(problem.gamma, [cols]);
  const beta = places.give(problem.beta, [cols]);
  const y = places.make([rows, cols], dtype);
  const mean = places.make([rows]);
  const rstd = places.make([rows]);
  const dx = places.make([rows, cols], dtype);
  const dgamma = places.make([cols]);
  const dbeta = places.make([cols]);
  const inference = () => layerNorm(x, cols, { gamma, beta, eps, out: y });
  const forward = () => layerNormForward(x, cols, { gamma, beta, eps, out: { y, mean, rstd } });
  const backward = () => layerNormBackward(dy, x, cols, { mean, rstd, gamma, out: { dx, dgamma, dbeta } });
  const passes = { inference, forward, backward };
  return prepared(places, passes, { y, dx, dgamma, dbeta }, [x, dy, gamma, beta, mean, rstd]);
}

function layerNormOverAxes(
  { layerNormForward, layerNormBackward }: Api,
  places: Places,
  { rows, cols, inner, eps, ...problem }: Problem,
): Prepared {
  const shape = [rows / inner, cols, inner];
  const x = places.give(problem.x, shape);
  const dy = places.give(problem.dy, shape);
  const gamma = places.give(problem.gamma, [cols]);
  const beta = places.give(problem.beta, [cols]);
  const y = places.make(shape);
  const mean = places.make([rows / inner, inner]);
  const rstd = places.make([rows / inner, inner]);
  const dx = places.make(shape);
  const dgamma = places.make([cols]);
  const dbeta = places.make([cols]);
  const axes = [1];
  const forward = () => layerNormForward(x, cols, { gamma, beta, eps, axes, shape, out: { y, mean, rstd } });
  const backward = () =>
    layerNormBackward(dy, x, cols, { mean, rstd, gamma, axes, shape, out: { dx, dgamma, dbeta } });
  const results = { y, dx, dgamma, dbeta };
  return prepared(places, { forward, backward }, results, [x, dy, gamma, beta, mean, rstd]);
}

function rmsNormOf(
  { rmsNormForward, rmsNormBackward }: Api,
  places: Places,
  { rows, cols, eps, ...problem }: Problem,
): Prepared {
  const x = places.give(problem.x, [rows, cols]);
  const dy = places.give(problem.dy, [rows, cols]);
  const gamma = places.give(problem.gamma, [cols]);
  const y = places.make([rows, cols]);
  const rstd = places.make([rows]);
  const dx = places.make([rows, cols]);
  const dgamma = places.make([cols]);
  const forward = () => rmsNormForward(x, cols, { gamma, eps, out: { y, rstd } });
  const backward = () => rmsNormBackward(dy, x, cols, { rstd, gamma, out: { dx, dgamma } });
  return prepared(places, { forward, backward }, { y, dx, dgamma }, [x, dy, gamma, rstd]);
}

function addLayerNormOf(
  { addLayerNorm }: Api,
  places: Places,
  { rows, cols, eps, ...problem }: Problem,
): Prepared {
  const x = places.give(problem.x, [rows, cols]);
  const residual = places.give(residualOf(problem), [rows, cols]);
  const gamma = places.give(problem.gamma, [cols]);
  const beta = places.give(problem.beta, [cols]);
  const y = places.make([rows, cols]);
  const sum = places.make([rows, cols]);
  const mean = places.make([rows]);
  const rstd = places.make([rows]);
  const forward = () => addLayerNorm(x, residual, cols, { gamma, beta, eps, out: { y, sum, mean, rstd } });
  return prepared(places, { forward }, { y, sum }, [x, residual, gamma, beta, mean, rstd]);
}

function addRmsNormOf(
  { addRmsNorm }: Api,
  places: Places,
  { rows, cols, eps, ...problem }: Problem,
): Prepared {
  const x = places.give(problem.x, [rows, cols]);
  const residual = places.give(residualOf(problem), [rows, cols]);
  const gamma = places.give(problem.gamma, [cols]);
  const y = places.make([rows, cols]);
  const sum = places.make([rows, cols]);
  const rstd = places.make([rows]);
  const forward = () => addRmsNorm(x, residual, cols, { gamma, eps, out: { y, sum, rstd } });
  return prepared(places, { forward }, { y, sum }, [x, residual, gamma, rstd]);
}

export function residualOf({ residual }: Pick<Problem, "residual">): Float32Array {
  if (residual === undefined) throw new Error("there is no residual");
  return residual;
}

/** `both` is one pass after the other. */
function prepared(
  places: Places,
  passes: Prepared["passes"],
  results: Record<string, Float32Array>,
  others: Float32Array[],
): Prepared {
  const { forward, backward } = passes;
  forward?.(); // backward takes mean and rstd
  const both = () => {
    forward?.();
    backward?.();
  };
  return {
    passes: backward ? { ...passes, both } : passes,
    results: () =>
      Object.fromEntries(Object.entries(results).map(([name, data]) => [name, places.read(data)])),
    dispose: () => places.dispose([...Object.values(results), ...others]),
  };
}
