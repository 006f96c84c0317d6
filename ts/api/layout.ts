/*
 * Where the rows of `x` lie, when its normalised dimensions are not the last ones.
 */

/** A dimension as a loop over it: how many, and how many elements from one to the next. */
export interface Dimension {
  readonly size: number;
  readonly stride: number;
}

/**
 * `x` as slabs, one after the other, whose rows are spread over the whole of a slab: the dimensions before the first
 * normalised one number the slabs.
 */
export interface Layout {
  /** Elements of a slab. */
  readonly size: number;
  /** Rows of a slab. */
  readonly rows: number;
  /** The dimensions of a slab that number its rows, the last one the fastest. */
  readonly outer: readonly Dimension[];
  /** The dimensions of a row, as `normalizedShape` has them. */
  readonly inner: readonly Dimension[];
  /** Whether a slab is a matrix whose columns are the rows: they lie side by side. */
  readonly across: boolean;
}

/** The layout of `x`, whose dimensions `axes` are normalised: nothing where the rows are whole and in order. */
export function layoutOf(shape: readonly number[], axes: readonly number[]): Layout | undefined {
  const dimensions: Dimension[] = [];
  let size = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    dimensions[axis] = { size: shape[axis], stride: size };
    size *= shape[axis];
  }
  const inner = merged(axes.map((axis) => dimensions[axis]));
  const first = Math.min(...axes.filter((axis) => shape[axis] > 1), shape.length);
  const outer = merged(dimensions.filter((_, k) => k >= first && !axes.includes(k)));
  const isPlain = outer.length === 0 && inner.length <= 1 && (inner[0]?.stride ?? 1) === 1;
  if (size === 0 || inner.length === 0 || isPlain) return undefined;
  const rows = product(outer);
  const across = outer.length === 1 && outer[0].stride === 1 && inner.length === 1;
  return { size: rows * product(inner), rows, outer, inner, across };
}

/** The same elements in the same order in fewer dimensions. */
function merged(dimensions: readonly Dimension[]): Dimension[] {
  const result: Dimension[] = [];
  for (const dimension of dimensions) {
    const last = result[result.length - 1];
    if (dimension.size === 1) continue;
    if (last?.stride === dimension.size * dimension.stride)
      result[result.length - 1] = { size: last.size * dimension.size, stride: dimension.stride };
    else result.push(dimension);
  }
  return result;
}

/** How many elements the dimensions number. */
export function product(dimensions: readonly Dimension[]): number {
  return dimensions.reduce((product, { size }) => product * size, 1);
}
