/** Without tensors of f16 and bf16: the values are converted by a loop into tensors of f32, and the results back. */
import { layerNormBackward, layerNormForward, tensor, tensorFrom } from "layernorm-wasm";
import { isHalf } from "../../cases/operations.js";
import type { Prepared, Problem, Start } from "../engine.js";
import { fromHalf, toHalf } from "./half.js";

export const start: Start = async (host) => ({ version: host.version("layernorm-wasm"), prepare });

function prepare({ operation, rows, cols, eps, ...problem }: Problem): Prepared {
  if (!isHalf(operation)) throw new Error(`${operation} has nothing to convert`);
  const [widen, narrow] = [fromHalf[operation], toHalf[operation]];
  const half = () => new Uint16Array(rows * cols);
  const [xBits, dyBits] = [narrow(problem.x, half()), narrow(problem.dy, half())];
  const [yBits, dxBits] = [half(), half()];
  const gamma = tensorFrom(problem.gamma);
  const beta = tensorFrom(problem.beta);
  const [x, y] = [tensor([rows, cols]), tensor([rows, cols])];
  const [dy, dx] = [tensor([rows, cols]), tensor([rows, cols])];
  const [mean, rstd] = [tensor([rows]), tensor([rows])];
  const [dgamma, dbeta] = [tensor([cols]), tensor([cols])];
  const forward = () => {
    widen(xBits, x.data);
    layerNormForward(x, cols, { gamma, beta, eps, out: { y, mean, rstd } });
    narrow(y.data, yBits);
  };
  // x as well: what is kept between the passes is half as large as f32.
  const backward = () => {
    widen(xBits, x.data);
    widen(dyBits, dy.data);
    layerNormBackward(dy, x, cols, { mean, rstd, gamma, out: { dx, dgamma, dbeta } });
    narrow(dx.data, dxBits);
  };
  forward();
  return {
    passes: { forward, backward },
    results: () => ({
      y: widen(yBits, new Float32Array(rows * cols)),
      dx: widen(dxBits, new Float32Array(rows * cols)),
      dgamma: dgamma.toFloat32Array(),
      dbeta: dbeta.toFloat32Array(),
    }),
    dispose: () => {
      for (const each of [gamma, beta, x, y, dy, dx, mean, rstd, dgamma, dbeta]) each.dispose();
    },
  };
}
