import { count } from "./check.js";
import type { Context } from "./context.js";
import type { NormalizedShape } from "./options.js";
import { type Data, type Dtype, Tensor } from "./tensor.js";

/** @internal Makes results of the kind of `x`. */
export function resultsLike(
  context: Context,
  name: string,
  x: Data,
  shape: readonly number[] | undefined,
  normalizedShape: NormalizedShape,
  axes: readonly number[] | undefined,
) {
  const normalized = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const make = (shape: readonly number[], size: number, dtype: Dtype): Data =>
    x instanceof Tensor ? new Tensor(context, name, shape, size, dtype) : new Float32Array(size);
  const xShape = x instanceof Tensor ? x.shape : (shape ?? []);
  const left = xShape.length - normalized.length;
  const isRow = (_: number, axis: number): boolean =>
    axes === undefined ? axis < left : !axes.includes(axis) && !axes.includes(axis - xShape.length);
  return {
    /** Of the shape and storage of `x`. */
    x: (): Data => make(xShape, count(x), x instanceof Tensor ? x.dtype : "f32"),
    /** One for each row. */
    rows: (rows: number): Data => make(xShape.filter(isRow), rows, "f32"),
    /** As `gamma`, or as it would be. */
    parameter: (gamma: Data | undefined, cols: number, samples: number | undefined): Data => {
      const like = gamma ?? x;
      const dtype = like instanceof Tensor ? like.dtype : "f32";
      return samples === undefined
        ? make(normalized, cols, dtype)
        : make([samples, ...normalized], samples * cols, dtype);
    },
  };
}
