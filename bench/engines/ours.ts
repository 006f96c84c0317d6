/** The package through its public API, results written to arrays or tensors made before. */
import type * as Package from "layernorm-wasm";
import type { Engine, Prepared, Problem } from "./engine.js";

type Api = Pick<typeof Package, "layerNorm" | "layerNormForward" | "layerNormBackward">;

/** Arguments of one kind, `Float32Array` or `Tensor`. TypeScript picks an overload by it; either stands for both. */
interface Places {
  give(values: Float32Array, shape: number[]): Float32Array;
  make(shape: number[]): Float32Array;
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
    give: (values: Float32Array, shape: number[]) => tensorFrom(values, shape),
    make: (shape: number[]) => tensor(shape),
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

function engine({ layerNorm, layerNormForward, layerNormBackward }: Api, places: Places, version: string) {
  const prepare = (problem: Problem): Prepared => {
    const { rows, cols, eps } = problem;
    const x = places.give(problem.x, [rows, cols]);
    const dy = places.give(problem.dy, [rows, cols]);
    const gamma = places.give(problem.gamma, [cols]);
    const beta = places.give(problem.beta, [cols]);
    const y = places.make([rows, cols]);
    const mean = places.make([rows]);
    const rstd = places.make([rows]);
    const dx = places.make([rows, cols]);
    const dgamma = places.make([cols]);
    const dbeta = places.make([cols]);
    // Options are written out in each call, as users do.
    const inference = () => layerNorm(x, cols, { gamma, beta, eps, out: y });
    const forward = () => layerNormForward(x, cols, { gamma, beta, eps, out: { y, mean, rstd } });
    const backward = () => layerNormBackward(dy, x, cols, { mean, rstd, gamma, out: { dx, dgamma, dbeta } });
    const both = () => {
      forward();
      backward();
    };
    forward(); // backward takes mean and rstd
    return {
      passes: { inference, forward, backward, both },
      results: () => ({
        y: places.read(y),
        dx: places.read(dx),
        dgamma: places.read(dgamma),
        dbeta: places.read(dbeta),
      }),
      dispose: () => places.dispose([x, dy, gamma, beta, y, mean, rstd, dx, dgamma, dbeta]),
    };
  };
  return { version, prepare };
}
