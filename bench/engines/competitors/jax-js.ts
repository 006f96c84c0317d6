/**
 * jax-js on its WebAssembly back end, compiled by `jit`; inputs and results stay in its own memory. One thread: it
 * takes workers only where there are both SharedArrayBuffer and Worker, as not in Node 20 nor on the page.
 */
import { blockUntilReady, defaultDevice, init, jit, numpy as np, vjp } from "@jax-js/jax";
import type { Prepared, Problem, Start } from "../engine.js";

export const start: Start = async (host) => {
  await init("wasm");
  defaultDevice("wasm");
  return { version: host.version("@jax-js/jax"), prepare };
};

function prepare({ operation, rows, cols, eps, ...problem }: Problem): Prepared {
  const place = (values: Float32Array, shape: number[]) =>
    np.array(values as Float32Array<ArrayBuffer>, { shape });
  const x = place(problem.x, [rows, cols]);
  const dy = place(problem.dy, [rows, cols]);
  const gamma = place(problem.gamma, [cols]);
  const beta = place(problem.beta, [cols]);

  // Each argument is used up once by each function: `.ref` keeps it for another use.
  const layerNorm = (x: np.Array, gamma: np.Array, beta: np.Array) => {
    const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
    return centred
      .mul(np.reciprocal(np.sqrt(variance.add(eps))))
      .mul(gamma)
      .add(beta);
  };
  const rmsNorm = (x: np.Array, gamma: np.Array) => {
    const squares = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(squares.add(eps)))).mul(gamma);
  };
  const isRms = operation === "rms_norm";
  const normalize = (isRms ? rmsNorm : layerNorm) as (...inputs: np.Array[]) => np.Array;
  const inputs = isRms ? [x, gamma] : [x, gamma, beta];
  const forwardJit = jit(normalize);
  const bothJit = jit((dy: np.Array, ...inputs: np.Array[]) => {
    const [y, pull] = vjp(normalize, inputs);
    const gradients = pull(dy);
    pull.dispose();
    return [y, ...gradients];
  });
  const again = () => inputs.map((array) => array.ref);

  let latest: np.Array[] = [];
  const keep = (make: () => np.Array[]) => {
    for (const array of latest) array.dispose();
    latest = make();
    return blockUntilReady(latest);
  };
  return {
    passes: {
      forward: () => keep(() => [forwardJit(...again())]),
      both: () => keep(() => bothJit(dy.ref, ...again())),
    },
    results: (pass) => {
      const [y, dx, dgamma, dbeta] = latest.map((array) => array.ref.dataSync() as Float32Array);
      return pass === "forward" ? { y } : { y, dx, dgamma, dbeta };
    },
    dispose: () => {
      for (const array of [...latest, x, dy, gamma, beta]) array.dispose();
      forwardJit.dispose();
      bothJit.dispose();
    },
  };
}
