import { LayerNorm } from "layernorm-wasm";
import { Adam, type Update } from "./adam.js";
import { type Matrix, multiply, multiplyByTransposed, multiplyTransposed } from "./matrix.js";
import type { Random } from "./random.js";

/**
 * One layer: `a = x W`, then, in a hidden layer, `relu(LN(a; gamma, beta))`, or `relu(a + bias)` without normalization.
 * As in the paper, LN stands on the summed inputs, before the non-linearity, and its beta takes the place of the bias.
 */
interface Layer {
  weights: Matrix;
  bias: Float32Array | undefined;
  norm: LayerNorm | undefined;
  relu: boolean;
}

/** What the way back needs from the way there. */
interface Trace {
  x: Matrix;
  output: Matrix;
}

export class Network {
  readonly #layers: Layer[];
  readonly #adam = new Adam(1e-3);

  /** `sizes`: of the input, of each hidden layer, of the output, which is never normalized (paper, section 6.6). */
  constructor(sizes: readonly number[], normalized: boolean, random: Random) {
    this.#layers = sizes.slice(1).map((cols, i) => {
      const rows = sizes[i] as number;
      const hidden = i < sizes.length - 2;
      // He et al., arXiv 1502.01852: keeps the size of the activations through ReLU layers, uniform form.
      const bound = Math.sqrt((hidden ? 6 : 3) / rows);
      return {
        weights: { values: random.uniform(rows * cols, -bound, bound), rows, cols },
        bias: hidden && normalized ? undefined : new Float32Array(cols),
        norm: hidden && normalized ? new LayerNorm(cols) : undefined,
        relu: hidden,
      };
    });
  }

  /** [rows, 10]: the summed inputs of the softmax. */
  predict(x: Matrix): Matrix {
    return (this.#forward(x).at(-1) as Trace).output;
  }

  /** One step of Adam on one batch; returns the batch's mean loss before the step. */
  train(x: Matrix, labels: Uint8Array): number {
    const traces = this.#forward(x);
    const { loss, dlogits } = crossEntropy((traces.at(-1) as Trace).output, labels);
    this.#adam.step(this.#backward(traces, dlogits));
    return loss;
  }

  dispose(): void {
    for (const { norm } of this.#layers) norm?.dispose();
  }

  #forward(x: Matrix): Trace[] {
    return this.#layers.map(({ weights, bias, norm, relu }) => {
      const a = multiply(x, weights);
      if (bias) addToRows(a, bias);
      const output = norm ? { ...a, values: norm.forward(a.values) } : a;
      if (relu) rectify(output.values);
      const trace = { x, output };
      x = output;
      return trace;
    });
  }

  #backward(traces: Trace[], dlogits: Matrix): Update[] {
    const updates: Update[] = [];
    let dy = dlogits;
    for (const [i, { weights, bias, norm, relu }] of [...this.#layers.entries()].reverse()) {
      const { x, output } = traces[i] as Trace;
      if (relu) rectifyGradient(dy.values, output.values);
      let da = dy;
      if (norm) {
        norm.zeroGrad();
        da = { ...dy, values: norm.backward(dy.values) };
      }
      if (bias) updates.push({ values: bias, gradient: sumOfRows(da) });
      updates.push({ values: weights.values, gradient: multiplyTransposed(x, da).values });
      if (i > 0) dy = multiplyByTransposed(da, weights);
    }
    // Only now, when nothing more is allocated: a view is no longer valid once the package's memory has grown.
    for (const { norm } of this.#layers) {
      for (const { value, gradient } of norm?.parameters() ?? []) {
        updates.push({ values: value.data, gradient: gradient.data });
      }
    }
    return updates;
  }
}

/** Softmax and its mean cross-entropy; the gradient is `(probability - one hot) / rows`. */
export function crossEntropy(logits: Matrix, labels: Uint8Array): { loss: number; dlogits: Matrix } {
  const { rows, cols } = logits;
  const gradient = new Float32Array(rows * cols);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const z = logits.values.subarray(row * cols, (row + 1) * cols);
    const label = labels[row] as number;
    const largest = Math.max(...z); // exp() must not overflow
    const sum = z.reduce((total, value) => total + Math.exp(value - largest), 0);
    loss += Math.log(sum) - ((z[label] as number) - largest);
    for (let i = 0; i < cols; i++) {
      const probability = Math.exp((z[i] as number) - largest) / sum;
      gradient[row * cols + i] = (probability - (i === label ? 1 : 0)) / rows;
    }
  }
  return { loss: loss / rows, dlogits: { values: gradient, rows, cols } };
}

function addToRows({ values, cols }: Matrix, bias: Float32Array): void {
  for (let row = 0; row < values.length; row += cols) {
    for (let i = 0; i < cols; i++) values[row + i] = (values[row + i] as number) + (bias[i] as number);
  }
}

function sumOfRows({ values, cols }: Matrix): Float32Array {
  const sum = new Float32Array(cols);
  for (let row = 0; row < values.length; row += cols) {
    for (let i = 0; i < cols; i++) sum[i] = (sum[i] as number) + (values[row + i] as number);
  }
  return sum;
}

function rectify(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i] as number);
}

function rectifyGradient(dy: Float32Array, y: Float32Array): void {
  for (let i = 0; i < dy.length; i++) if ((y[i] as number) <= 0) dy[i] = 0;
}
