import { gradientsBytes, type Kernels } from "../engine/abi.js";
import { Call } from "./call.js";
import {
  checkData,
  checkFlag,
  checkGradient,
  checkLike,
  checkNormalizedShape,
  checkOptions,
  checkOut,
  checkOverlap,
  checkParameter,
  checkRows,
  checkRowsPerSample,
  checkSkip,
  checkStatistic,
  count,
} from "./check.js";
import type { Context } from "./context.js";
import { eachSample, isPlain, pointerOf } from "./forward.js";
import type { Layout } from "./layout.js";
import type { NormalizedShape, ScaleOptions } from "./options.js";
import { Parameter } from "./parameters.js";
import { resultsLike } from "./results.js";
import { Boxes, bytesOf, dtypeOf } from "./storage.js";
import { type Data, Tensor } from "./tensor.js";

const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;

type Name = "dx" | "dgamma" | "dbeta";
type Results = { [name in Name]?: Data | undefined };

interface Settings extends ScaleOptions<Data> {
  readonly mean?: Data | undefined;
  readonly rstd?: Data | undefined;
  readonly dsum?: Data | undefined;
  readonly out?: Results | undefined;
  readonly accumulate?: boolean | undefined;
  readonly skip?: readonly string[] | undefined;
}

const INPUTS = ["dy", "x", "mean", "rstd", "gamma", "dsum"] as const;
const INPUTS_OF_SUM = ["dy", "sum", "mean", "rstd", "gamma", "dsum"] as const;
const OUTPUTS = ["dx", "dgamma", "dbeta"] as const;
const OUTPUTS_OF_RMS = ["dx", "dgamma"] as const;

/** A backward call of the family. */
export interface BackwardOperation {
  /** How errors call it. */
  readonly name: string;
  /** Whether the mean was subtracted: not by RMSNorm. */
  readonly centred: boolean;
  /** Whether `x` is the sum of a residual addition. */
  readonly adds: boolean;
}

/** @internal The gradients of a forward call on `x`. */
export function normalizeBackward(
  context: Context,
  { name, centred, adds }: BackwardOperation,
  dy: Data,
  x: Data,
  normalizedShape: NormalizedShape,
  options: Settings | undefined,
): Results {
  const settings = checkOptions(name, options);
  const { mean, rstd, gamma, shape, axes, skip, rowsPerSample } = settings;
  const out: Results = settings.out === undefined ? {} : settings.out;
  const names: readonly Name[] = centred ? OUTPUTS : OUTPUTS_OF_RMS;
  checkOut(name, out, names);
  checkSkip(name, skip, names);
  const accumulate = checkFlag(name, "accumulate", settings.accumulate);
  const unitOffset = checkFlag(name, "unitOffset", settings.unitOffset);
  const cols = checkNormalizedShape(name, normalizedShape, axes);
  checkData(context, name, x);
  const layout = checkRows(name, x, shape, axes, cols, normalizedShape);
  const rows = count(x) / cols;
  const samples = checkRowsPerSample(name, rowsPerSample, rows);
  checkLike(context, name, "dy", dy, x);
  if (centred) checkStatistic(context, name, "mean", mean, x, rows);
  checkStatistic(context, name, "rstd", rstd, x, rows);
  checkParameter(context, name, "gamma", gamma, x, cols, normalizedShape, samples);
  checkGradient(context, name, "out.dgamma", out.dgamma, gamma, x, cols, normalizedShape, samples);
  checkGradient(context, name, "out.dbeta", out.dbeta, undefined, x, cols, normalizedShape, samples);
  if (out.dx !== undefined) checkLike(context, name, "out.dx", out.dx, x);
  const dsum = adds ? settings.dsum : undefined;
  if (dsum !== undefined) checkLike(context, name, "dsum", dsum, x);
  const inputs = [dy, x, centred ? mean : undefined, rstd, gamma, dsum];
  checkOverlap(name, adds ? INPUTS_OF_SUM : INPUTS, inputs, OUTPUTS, [out.dx, out.dgamma, out.dbeta], 1, 1);

  return context.allOrNothing(() => {
    const like = resultsLike(context, name, x, shape, normalizedShape, axes);
    const results: Results = {};
    for (const result of names) {
      if (skip?.includes(result)) continue;
      results[result] = out[result] ?? (result === "dx" ? like.x() : like.parameter(gamma, cols, samples));
    }
    runBackward(context, name, {
      dy,
      x,
      mean: centred ? mean : undefined,
      rstd: rstd as Data,
      gamma,
      dsum,
      dx: results.dx,
      dgamma: results.dgamma,
      dbeta: results.dbeta,
      // New arrays have nothing to add to.
      addsToDgamma: accumulate && out.dgamma !== undefined,
      addsToDbeta: accumulate && out.dbeta !== undefined,
      rows,
      cols,
      unitOffset,
      rowsPerSample,
      layout,
    });
    return results;
  });
}

/** The arguments of a backward call, checked. Parameters and `x` may be of different kinds. */
export interface Backward {
  readonly dy: Data;
  readonly x: Data;
  /** Nothing for RMSNorm. */
  readonly mean: Data | undefined;
  readonly rstd: Data;
  readonly gamma: Data | undefined;
  readonly dsum: Data | undefined;
  readonly dx: Data | undefined;
  readonly dgamma: Data | undefined;
  readonly dbeta: Data | undefined;
  /** Whether `dgamma` is added to. */
  readonly addsToDgamma: boolean;
  /** Whether `dbeta` is added to. */
  readonly addsToDbeta: boolean;
  readonly rows: number;
  readonly cols: number;
  readonly unitOffset: boolean;
  readonly rowsPerSample: number | undefined;
  readonly layout: Layout | undefined;
}

/** @internal Runs the kernels over all rows. */
export function runBackward(context: Context, name: string, given: Backward): void {
  if (given.x instanceof Tensor && given.dsum === undefined && isPlain(given))
    runOnTensors(context, name, given);
  else runInBoxes(context, name, given);
}

/** Runs the kernels on tensors that they take as they are: a small call is spared the bookkeeping of a `Call`. */
function runOnTensors(context: Context, name: string, given: Backward): void {
  const { rows, cols } = given;
  const gamma = pointerOf(given.gamma);
  const gradients = context.scratch(name, gradientsBytes(cols));
  const { kernels } = context;
  kernels.gradients_start(gradients, gamma, cols);
  kernels.layer_norm_backward_f32(
    pointerOf(given.dy),
    pointerOf(given.x),
    pointerOf(given.mean),
    pointerOf(given.rstd),
    gamma,
    pointerOf(given.dx),
    gradients,
    0,
    rows,
    cols,
  );
  kernels.gradients_finish_f32(gradients, pointerOf(given.dgamma), 0, cols, Number(given.addsToDgamma));
  kernels.gradients_finish_f32(gradients, 0, pointerOf(given.dbeta), cols, Number(given.addsToDbeta));
  context.memory.trimScratch();
}

/** Runs the kernels in boxes of rows: as many at once as there are, where nothing is done to them before or after. */
function runInBoxes(context: Context, name: string, given: Backward): void {
  const { rows, cols, layout, addsToDgamma, addsToDbeta } = given;
  const { rowsPerSample = rows } = given;
  const dtype = dtypeOf(given.x);
  const boxed = layout !== undefined || dtype !== "f32";
  const addsDsum = given.dsum !== undefined && given.dx !== undefined;
  const boxes = new Boxes(dtype, cols, layout, boxed || addsDsum ? 0 : rows);
  const slabRows = layout?.rows ?? 1;
  const width = slabRows * cols;
  const call = new Call(rows / slabRows);
  const gamma = new Parameter(call, given.gamma, call.input(given.gamma), cols, given.unitOffset);
  const dyAt = call.input(given.dy, width);
  const xAt = call.input(given.x, width);
  const meanAt = call.input(given.mean, slabRows);
  const rstdAt = call.input(given.rstd, slabRows);
  const dsumAt = call.input(addsDsum ? given.dsum : undefined, width);
  const dxAt = call.output(given.dx, width, dyAt);
  const dgamma = new Parameter(call, given.dgamma, call.total(given.dgamma, addsToDgamma), cols);
  const dbeta = new Parameter(call, given.dbeta, call.total(given.dbeta, addsToDbeta), cols);
  const gradients = call.working(gradientsBytes(cols));
  const [dyBox, xBox] = [0, 1].map(() => call.working(boxed ? boxes.bytes(cols) : 0));
  const start = (kernels: Kernels, sample: number) =>
    kernels.gradients_start(gradients.pointer, gamma.at(sample), cols);
  const finish = ({ gradients_finish_f32: finish }: Kernels, sample: number) => {
    finish(gradients.pointer, dgamma.at(sample), 0, cols, Number(addsToDgamma));
    finish(gradients.pointer, 0, dbeta.at(sample), cols, Number(addsToDbeta));
  };
  call.run(context, name, {
    before(kernels) {
      gamma.prepare(kernels);
      if (addsToDgamma) dgamma.prepare(kernels);
      if (addsToDbeta) dbeta.prepare(kernels);
    },
    rows(kernels, firstSlab, slabs) {
      const firstRow = firstSlab * slabRows;
      boxes.each(slabs, (row, count, offset) => {
        const bytes = offset * bytesOf(dtype);
        const dxBytes = dxAt.pointer + bytes;
        let [dy, x, dx] = [dyAt.pointer + bytes, xAt.pointer + bytes, dxBytes];
        if (boxed) {
          boxes.gather(kernels, dy, dyBox.pointer, count);
          boxes.gather(kernels, x, xBox.pointer, count);
          [dy, x, dx] = [dyBox.pointer, xBox.pointer, dyBox.pointer];
        }
        eachSample(firstRow + row, count, rowsPerSample, (first, count, sample) => {
          const elements = (first - firstRow - row) * cols * F32_BYTES;
          const statistics = (first - firstRow) * F32_BYTES;
          const rowOfSample = first - sample * rowsPerSample;
          if (rowOfSample === 0) start(kernels, sample);
          kernels.layer_norm_backward_f32(
            dy + elements,
            x + elements,
            given.mean === undefined ? 0 : meanAt.pointer + statistics,
            rstdAt.pointer + statistics,
            gamma.at(sample),
            given.dx === undefined ? 0 : dx + elements,
            gradients.pointer,
            rowOfSample,
            count,
            cols,
          );
          if (rowOfSample + count === rowsPerSample) finish(kernels, sample);
        });
        if (given.dx === undefined) return;
        if (addsDsum) {
          let dsum = dsumAt.pointer + bytes;
          if (boxed) {
            boxes.gather(kernels, dsum, xBox.pointer, count);
            dsum = xBox.pointer;
          }
          kernels.add_f32(dx, dsum, dx, count * cols);
        }
        if (boxed) boxes.scatter(kernels, dx, dxBytes, count);
      });
    },
    after(kernels) {
      if (rows === 0 && given.rowsPerSample === undefined) {
        start(kernels, 0);
        finish(kernels, 0);
      }
      dgamma.finish(kernels);
      dbeta.finish(kernels);
    },
  });
}
