/**
 * Matrix products for the network, by the library jax-js: it compiles SIMD WebAssembly at run time, without native code.
 *
 * Measured per training step, [batch, 784] through 784-400-400 with all its products and Adam (Node 20, AMD EPYC, ms,
 * batch 4 / batch 128): jax-js, weights uploaded at each step, Adam as a JavaScript loop 5.9 / 15.4 (this one); jax-js,
 * everything kept inside its memory 8.9 / 24; TensorFlow.js wasm with its own Adam 6.8 / 16.4; TensorFlow.js wasm,
 * uploaded 15.5 / 18.2. TensorFlow.js also installs 65 MB, jax-js 1.7 MB. numpy-ts takes 70 ms for one transposed product.
 */
import { defaultDevice, init, jit, numpy as np } from "@jax-js/jax";

export interface Matrix {
  values: Float32Array<ArrayBuffer>;
  rows: number;
  cols: number;
}

await init("wasm");
defaultDevice("wasm");

// The library owns its arrays and moves them: each one below is used exactly once, and its memory is free after that.
const products = {
  plain: jit((a: np.Array, b: np.Array) => np.matmul(a, b)),
  firstTransposed: jit((a: np.Array, b: np.Array) => np.matmul(np.transpose(a), b)),
  secondTransposed: jit((a: np.Array, b: np.Array) => np.matmul(a, np.transpose(b))),
};

/** a b */
export function multiply(a: Matrix, b: Matrix): Matrix {
  return { values: read(products.plain(upload(a), upload(b))), rows: a.rows, cols: b.cols };
}

/** a^T b */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  return { values: read(products.firstTransposed(upload(a), upload(b))), rows: a.cols, cols: b.cols };
}

/** a b^T */
export function multiplyByTransposed(a: Matrix, b: Matrix): Matrix {
  return { values: read(products.secondTransposed(upload(a), upload(b))), rows: a.rows, cols: b.rows };
}

function upload({ values, rows, cols }: Matrix): np.Array {
  return np.array(values, { shape: [rows, cols] });
}

function read(array: np.Array): Float32Array<ArrayBuffer> {
  return array.dataSync() as Float32Array<ArrayBuffer>;
}
