import * as tf from "@tensorflow/tfjs-core";
import {
  initializers,
  input,
  type LayersModel,
  layers,
  model,
  type SymbolicTensor,
} from "@tensorflow/tfjs-layers";
import { PIXELS } from "../mnist/data.js";

/** Makes the layers for layer norm, such as `tf.layers.layerNormalization`; undefined leaves them out. */
export type Norm = (() => layers.Layer) | undefined;

/** A row of a digit is a token. */
export const TOKENS = 28;
export const CLASSES = 10;
const [WIDTH, HEADS, BLOCKS] = [64, 4, 2];

/**
 * A small transformer that reads digits, `[batch, 28, 28]`, row by row. Layer norm stands first in each half of a block,
 * and once more at the end (Xiong et al., arXiv 2002.04745): five times in all. The seed settles the initial weights.
 */
export function transformer(norm: Norm, seed: number): LayersModel {
  let next = seed;
  const random = () => initializers.glorotUniform({ seed: next++ });
  const dense = (units: number) => layers.dense({ units, kernelInitializer: random() });
  const apply = (layer: layers.Layer, ...inputs: SymbolicTensor[]) =>
    layer.apply(inputs.length > 1 ? inputs : inputs[0]) as SymbolicTensor;
  const normalized = (x: SymbolicTensor) => (norm ? apply(norm(), x) : x);

  const digits = input({ shape: [TOKENS, PIXELS / TOKENS] });
  let x = apply(new Positions(random()), apply(dense(WIDTH), digits));
  for (let block = 0; block < BLOCKS; block++) {
    const a = normalized(x);
    const attention = apply(new Attention(), ...[1, 2, 3].map(() => apply(dense(WIDTH), a)));
    x = apply(layers.add(), x, apply(dense(WIDTH), attention));
    const hidden = apply(layers.reLU(), apply(dense(2 * WIDTH), normalized(x)));
    x = apply(layers.add(), x, apply(dense(WIDTH), hidden));
  }
  const pooled = apply(layers.globalAveragePooling1d({}), normalized(x));
  const outputs = apply(layers.softmax(), apply(dense(CLASSES), pooled));
  return model({ inputs: digits, outputs });
}

/** Adds to each token a vector that is learned, so that its place counts. */
class Positions extends layers.Layer {
  static className = "Positions";

  readonly #initializer: ReturnType<typeof initializers.glorotUniform>;

  constructor(initializer: ReturnType<typeof initializers.glorotUniform>) {
    super();
    this.#initializer = initializer;
  }

  override build([, tokens, width]: number[]): void {
    this.addWeight("positions", [tokens, width], "float32", this.#initializer);
    this.built = true;
  }

  override call([x]: tf.Tensor[]): tf.Tensor {
    return tf.add(x, this.weights[0].read());
  }
}

/** Scaled dot-product attention (Vaswani et al., arXiv 1706.03762) of queries, keys and values, in heads. */
class Attention extends layers.Layer {
  static className = "Attention";

  override computeOutputShape([queries]: number[][]): number[] {
    return queries;
  }

  override call(inputs: tf.Tensor[]): tf.Tensor {
    const [, tokens, width] = inputs[0].shape;
    const cols = width / HEADS;
    const [queries, keys, values] = inputs.map((x) =>
      tf.transpose(tf.reshape(x, [-1, tokens, HEADS, cols]), [0, 2, 1, 3]),
    );
    const scores = tf.matMul(queries, keys, false, true);
    const weights = tf.softmax(tf.mul(scores, 1 / Math.sqrt(cols)));
    return tf.reshape(tf.transpose(tf.matMul(weights, values), [0, 2, 1, 3]), [-1, tokens, width]);
  }
}
