/** What addLayerNorm and addRmsNorm do in one call: `add` writes the sum, and a second call normalises it. */
import { layerNormForward, rmsNormForward, type Tensor, tensor, tensorFrom } from "layernorm-wasm";
import type { Prepared, Problem } from "../engine.js";

export function twoCalls(
  problem: Problem,
  sum: Tensor,
  add: () => void,
  others: readonly Tensor[] = [],
): Prepared {
  const { operation, rows, cols, eps } = problem;
  const gamma = tensorFrom(problem.gamma);
  const beta = tensorFrom(problem.beta);
  const y = tensor([rows, cols]);
  const mean = tensor([rows]);
  const rstd = tensor([rows]);
  const normalize =
    operation === "add_rms_norm"
      ? () => rmsNormForward(sum, cols, { gamma, eps, out: { y, rstd } })
      : () => layerNormForward(sum, cols, { gamma, beta, eps, out: { y, mean, rstd } });
  const forward = () => {
    add();
    normalize();
  };
  return {
    passes: { forward },
    results: () => ({ y: y.toFloat32Array(), sum: sum.toFloat32Array() }),
    dispose: () => {
      for (const each of [gamma, beta, y, mean, rstd, sum, ...others]) each.dispose();
    },
  };
}
