import { Call, copyOut, placed, scratchBytes } from "./call.js";
import {
  checkData,
  checkEachRow,
  checkEps,
  checkFlag,
  checkLike,
  checkNoBeta,
  checkNormalizedShape,
  checkOptions,
  checkOut,
  checkOutApart,
  checkOverlap,
  checkParameter,
  checkRows,
  checkRowsPerSample,
  count,
} from "./check.js";
import type { Context } from "./context.js";
import type { Layout } from "./layout.js";
import type { LayerNormSettings, NormalizedShape } from "./options.js";
import { Parameter } from "./parameters.js";
import { resultsLike } from "./results.js";
import { type Across, Boxes, boxRows, bytesOf, dtypeOf, type EachBox, narrow, widen } from "./storage.js";
import { type Data, Tensor } from "./tensor.js";

const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** A forward call of the family. */
export interface ForwardOperation {
  /** How errors call it. */
  readonly name: string;
  /** Whether the mean is subtracted: not by RMSNorm. */
  readonly centred: boolean;
  /** What it returns, where that is more than `y`. */
  readonly results?: readonly ResultName[];
}

type ResultName = "y" | "sum" | "mean" | "rstd";
/** The results of a forward call. */
type Results = { [name in ResultName]?: Data | undefined };
type Settings = LayerNormSettings<Data>;

const INPUTS = ["x", "residual", "gamma", "beta"] as const;
const OUTPUTS = ["y", "sum", "mean", "rstd"] as const;

/** The arguments of a forward call, checked. Parameters and `x` may be of different kinds. */
export interface Forward {
  readonly x: Data;
  readonly residual: Data | undefined;
  readonly gamma: Data | undefined;
  readonly beta: Data | undefined;
  readonly rows: number;
  readonly cols: number;
  readonly eps: number;
  readonly centred: boolean;
  readonly unitOffset: boolean;
  readonly rowsPerSample: number | undefined;
  readonly layout: Layout | undefined;
}

/** What all forward calls check alike. */
function checkForward(
  context: Context,
  { name, centred }: ForwardOperation,
  x: Data,
  residual: Data | undefined,
  normalizedShape: NormalizedShape,
  settings: Settings,
): Forward {
  const { gamma, beta, eps, shape, axes, unitOffset, rowsPerSample } = settings;
  const checkedEps = checkEps(name, eps);
  const cols = checkNormalizedShape(name, normalizedShape, axes);
  checkData(context, name, x);
  const layout = checkRows(name, x, shape, axes, cols, normalizedShape);
  const rows = count(x) / cols;
  const samples = checkRowsPerSample(name, rowsPerSample, rows);
  checkParameter(context, name, "gamma", gamma, x, cols, normalizedShape, samples);
  if (centred) checkParameter(context, name, "beta", beta, x, cols, normalizedShape, samples);
  else checkNoBeta(name, beta);
  return {
    x,
    residual,
    gamma,
    beta,
    rows,
    cols,
    eps: checkedEps,
    centred,
    unitOffset: checkFlag(name, "unitOffset", unitOffset),
    rowsPerSample,
    layout,
  };
}

/** @internal `y` alone. */
export function normalize<T extends Data>(
  context: Context,
  operation: ForwardOperation,
  x: T,
  normalizedShape: NormalizedShape,
  options: (Settings & { readonly out?: T | undefined }) | undefined,
): T {
  const { name } = operation;
  const settings = checkOptions(name, options);
  const { gamma, beta, out, shape, axes } = settings;
  const call = checkForward(context, operation, x, undefined, normalizedShape, settings);
  if (out !== undefined) {
    checkLike(context, name, "out", out, x);
    checkOutApart(context, name, x, gamma, beta, out);
    runForward(context, name, call, out, undefined, undefined, undefined);
    return out;
  }
  return context.allOrNothing(() => {
    const y = resultsLike(context, name, x, shape, normalizedShape, axes).x() as T;
    runForward(context, name, call, y, undefined, undefined, undefined);
    return y;
  });
}

/** @internal All results of a forward call. */
export function normalizeForward(
  context: Context,
  operation: ForwardOperation,
  x: Data,
  residual: Data | undefined,
  normalizedShape: NormalizedShape,
  options: (Settings & { readonly out?: Results | undefined }) | undefined,
): Results {
  const { name, centred, results: names = [] } = operation;
  const settings = checkOptions(name, options);
  const { gamma, beta, shape, axes } = settings;
  const out: Results = settings.out === undefined ? {} : settings.out;
  const adds = names.includes("sum");
  checkOut(name, out, names);
  const call = checkForward(context, operation, x, residual, normalizedShape, settings);
  if (adds) checkLike(context, name, "residual", residual, x);
  const { rows } = call;
  if (out.y !== undefined) checkLike(context, name, "out.y", out.y, x);
  if (out.sum !== undefined) checkLike(context, name, "out.sum", out.sum, x);
  if (out.mean !== undefined) checkEachRow(context, name, "out.mean", out.mean, x, rows);
  if (out.rstd !== undefined) checkEachRow(context, name, "out.rstd", out.rstd, x, rows);
  const written = [out.y, out.sum, out.mean, out.rstd];
  checkOverlap(name, INPUTS, [x, residual, gamma, beta], OUTPUTS, written, adds ? 2 : 1, 2);
  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, shape, normalizedShape, axes);
    const y = out.y ?? like.x();
    const sum = adds ? (out.sum ?? like.x()) : undefined;
    const mean = centred ? (out.mean ?? like.rows(rows)) : undefined;
    const rstd = out.rstd ?? like.rows(rows);
    runForward(context, name, call, y, sum, mean, rstd);
    if (adds) return centred ? { y, sum, mean, rstd } : { y, sum, rstd };
    return centred ? { y, mean, rstd } : { y, rstd };
  });
}

/** The first byte of a tensor, 0 for none. */
export function pointerOf(tensor: Data | undefined): number {
  return tensor === undefined ? 0 : (tensor as Tensor).pointer;
}

/** Whether the kernels take all rows as they are. */
export function isPlain({
  x,
  unitOffset,
  rowsPerSample,
  layout,
}: Pick<Forward, "x" | "unitOffset" | "rowsPerSample" | "layout">): boolean {
  return layout === undefined && rowsPerSample === undefined && !unitOffset && dtypeOf(x) === "f32";
}

/** @internal Runs the kernels over all rows. */
export function runForward(
  context: Context,
  name: string,
  forward: Forward,
  y: Data,
  sum: Data | undefined,
  mean: Data | undefined,
  rstd: Data | undefined,
): void {
  const { x, gamma, beta, rows, cols, eps, centred } = forward;
  if (forward.residual !== undefined || !isPlain(forward)) {
    if (!runInPieces(context, name, forward, y, sum, mean, rstd))
      runInBoxes(context, name, forward, y, sum, mean, rstd);
    return;
  }
  if (x instanceof Tensor) {
    // All are tensors: nothing passes through scratch, and a small call is spared the bookkeeping.
    context.kernels.layer_norm_forward_f32(
      x.pointer,
      pointerOf(gamma),
      pointerOf(beta),
      pointerOf(y),
      pointerOf(mean),
      pointerOf(rstd),
      rows,
      cols,
      eps,
      Number(centred),
    );
    return;
  }
  if (!runAtOnce(context, forward, y, mean, rstd))
    runInBoxes(context, name, forward, y, undefined, mean, rstd);
}

/**
 * Runs the kernels on tensors that are summed or converted first, and that is all that is done to them: what `runInBoxes`
 * does, without the bookkeeping, which takes as long as a small call. False where it is not.
 */
function runInPieces(
  context: Context,
  name: string,
  forward: Forward,
  y: Data,
  sum: Data | undefined,
  mean: Data | undefined,
  rstd: Data | undefined,
): boolean {
  const { x, residual, gamma, beta, rows, cols, eps, centred, unitOffset, rowsPerSample, layout } = forward;
  const dtype = dtypeOf(x);
  const rowsAreTaken =
    x instanceof Tensor && layout === undefined && (dtype === "f32" || residual === undefined);
  const parametersAre = rowsPerSample === undefined && !unitOffset && isF32(gamma) && isF32(beta);
  if (!rowsAreTaken || !parametersAre) return false;
  const step = boxRows(cols);
  const box = dtype === "f32" ? 0 : context.scratch(name, Math.min(step, rows) * cols * F32_BYTES);
  const { kernels } = context;
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const bytes = row * cols * bytesOf(dtype);
    let [from, to] = [pointerOf(x) + bytes, pointerOf(y) + bytes];
    if (residual === undefined) {
      widen(kernels, dtype, from, box, count * cols);
      from = to = box;
    } else {
      const sumAt = pointerOf(sum) + bytes;
      kernels.add_f32(from, pointerOf(residual) + bytes, sumAt, count * cols);
      from = sumAt;
    }
    kernels.layer_norm_forward_f32(
      from,
      pointerOf(gamma),
      pointerOf(beta),
      to,
      mean === undefined ? 0 : pointerOf(mean) + row * F32_BYTES,
      rstd === undefined ? 0 : pointerOf(rstd) + row * F32_BYTES,
      count,
      cols,
      eps,
      Number(centred),
    );
    if (residual === undefined) narrow(kernels, dtype, box, pointerOf(y) + bytes, count * cols);
  }
  context.memory.trimScratch();
  return true;
}

/** Whether a parameter is absent, or a tensor that the kernels take as it is. */
function isF32(parameter: Data | undefined): boolean {
  return parameter === undefined || (parameter instanceof Tensor && parameter.dtype === "f32");
}

/** Runs the kernels over boxes of rows: as many at once as there are, where nothing is done to them first. */
function runInBoxes(
  context: Context,
  name: string,
  forward: Forward,
  y: Data,
  sum: Data | undefined,
  mean: Data | undefined,
  rstd: Data | undefined,
): void {
  const { x, residual, rows, cols, eps, centred, unitOffset, layout } = forward;
  const { rowsPerSample = rows } = forward;
  const dtype = dtypeOf(x);
  const boxed = layout !== undefined || dtype !== "f32";
  const boxes = new Boxes(dtype, cols, layout, boxed || residual !== undefined ? 0 : rows);
  const slabRows = layout?.rows ?? 1;
  const width = slabRows * cols;
  const call = new Call(rows / slabRows);
  const gamma = new Parameter(call, forward.gamma, call.input(forward.gamma), cols, unitOffset);
  const beta = new Parameter(call, forward.beta, call.input(forward.beta), cols);
  const xAt = call.input(x, width);
  const residualAt = call.input(residual, width);
  const sumAt = call.output(sum, width, xAt);
  const yAt = call.output(y, width, residual === undefined ? xAt : residualAt);
  const meanAt = call.output(mean, slabRows);
  const rstdAt = call.output(rstd, slabRows);
  const box = call.working(boxed ? boxes.bytes(cols) : 0);
  const added = call.working(boxed && residual !== undefined ? boxes.bytes(cols) : 0);
  call.run(context, name, {
    before(kernels) {
      gamma.prepare(kernels);
      beta.prepare(kernels);
    },
    rows(kernels, firstSlab, slabs) {
      const firstRow = firstSlab * slabRows;
      // Rows side by side, of a sample.
      const across: Across = (row, count, offset) => {
        if (layout?.across !== true || dtype !== "f32" || residual !== undefined) return 0;
        const sample = Math.floor((firstRow + row) / rowsPerSample);
        return kernels.layer_norm_forward_across_f32(
          xAt.pointer + offset * F32_BYTES,
          gamma.at(sample),
          beta.at(sample),
          yAt.pointer + offset * F32_BYTES,
          mean === undefined ? 0 : meanAt.pointer + row * F32_BYTES,
          rstd === undefined ? 0 : rstdAt.pointer + row * F32_BYTES,
          Math.min(count, (sample + 1) * rowsPerSample - firstRow - row),
          cols,
          slabRows,
          eps,
          Number(centred),
        );
      };
      const each: EachBox = (row, count, offset) => {
        const bytes = offset * bytesOf(dtype);
        let from = xAt.pointer + bytes;
        let to = yAt.pointer + bytes;
        if (boxed) {
          boxes.gather(kernels, from, box.pointer, count);
          from = to = box.pointer;
        }
        if (residual !== undefined) {
          const sumBytes = sumAt.pointer + bytes;
          let other = residualAt.pointer + bytes;
          if (boxed) {
            boxes.gather(kernels, other, added.pointer, count);
            other = added.pointer;
          }
          const into = boxed ? box.pointer : sumBytes;
          kernels.add_f32(from, other, into, count * cols);
          from = into;
          if (boxed) {
            boxes.scatter(kernels, into, sumBytes, count);
            // What is normalised is the sum as it is stored.
            if (dtype !== "f32") boxes.gather(kernels, sumBytes, into, count);
          }
        }
        eachSample(firstRow + row, count, rowsPerSample, (first, count, sample) => {
          const elements = (first - firstRow - row) * cols * F32_BYTES;
          const statistics = (first - firstRow) * F32_BYTES;
          kernels.layer_norm_forward_f32(
            from + elements,
            gamma.at(sample),
            beta.at(sample),
            to + elements,
            mean === undefined ? 0 : meanAt.pointer + statistics,
            rstd === undefined ? 0 : rstdAt.pointer + statistics,
            count,
            cols,
            eps,
            Number(centred),
          );
        });
        if (boxed) boxes.scatter(kernels, box.pointer, yAt.pointer + bytes, count);
      };
      boxes.each(slabs, each, across);
    },
  });
}

/** Calls `each` for those of `count` rows from `first` on that share a sample's parameters. */
export function eachSample(
  first: number,
  count: number,
  rowsPerSample: number,
  each: (first: number, count: number, sample: number) => void,
): void {
  const end = first + count;
  for (let row = first; row < end; ) {
    const sample = Math.floor(row / rowsPerSample);
    const next = Math.min(end, (sample + 1) * rowsPerSample);
    each(row, next - row, sample);
    row = next;
  }
}

/**
 * Runs the kernel on plain arrays that pass through scratch in one go: what a `Call` does, without the bookkeeping,
 * which takes several times as long as a small call. False where there is not that much scratch yet.
 */
function runAtOnce(
  context: Context,
  { x, gamma, beta, rows, cols, eps, centred }: Forward,
  y: Data,
  mean: Data | undefined,
  rstd: Data | undefined,
): boolean {
  const { memory } = context;
  const xBytes = scratchBytes(x);
  const gammaBytes = scratchBytes(gamma);
  const betaBytes = scratchBytes(beta);
  const meanBytes = scratchBytes(mean);
  const bytes = xBytes + gammaBytes + betaBytes + meanBytes + scratchBytes(rstd);
  const xAt = memory.scratchAtHand(bytes);
  if (xAt === 0) return false;
  const gammaAt = xAt + xBytes;
  const betaAt = gammaAt + gammaBytes;
  const meanAt = betaAt + betaBytes;
  const rstdAt = meanAt + meanBytes;
  const { f32 } = memory;
  f32.set(x as Float32Array, xAt / F32_BYTES);
  context.kernels.layer_norm_forward_f32(
    xAt,
    placed(f32, gamma, gammaAt),
    placed(f32, beta, betaAt),
    xAt,
    mean === undefined ? 0 : meanAt,
    rstd === undefined ? 0 : rstdAt,
    rows,
    cols,
    eps,
    Number(centred),
  );
  (y as Float32Array).set(memory.scratchF32(rows * cols));
  if (mean !== undefined) copyOut(f32, meanAt / F32_BYTES, mean as Float32Array, 0, rows);
  if (rstd !== undefined) copyOut(f32, rstdAt / F32_BYTES, rstd as Float32Array, 0, rows);
  return true;
}
