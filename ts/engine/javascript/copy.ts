import { narrowBf16, narrowF16, widenBf16, widenF16 } from "./storage.js";

/** Three sizes of a box, three strides of where it is, three of where it goes, in elements. */
export type Box = readonly [number, number, number, number, number, number, number, number, number];

/** Copies `count` elements from one place to another, each so many further on than the last one. */
type CopyRow = (from: number, to: number, count: number, fromStride: number, toStride: number) => void;

/** Copies a box: the JavaScript of `crate/src/copy.rs`. The first elements are `from` and `to`. */
function copyRows(from: number, to: number, box: Box, copyRow: CopyRow): void {
  const [planes, rows, cols, fromPlane, fromRow, fromCol, toPlane, toRow, toCol] = box;
  for (let i = 0; i < planes; i++) {
    for (let j = 0; j < rows; j++) {
      copyRow(from + i * fromPlane + j * fromRow, to + i * toPlane + j * toRow, cols, fromCol, toCol);
    }
  }
}

// A loop for each conversion, so that an engine compiles each for the one that it has. Pointers are in bytes.

/** f32 as it is. */
export function copyF32(buffer: ArrayBuffer, from: number, to: number, box: Box): void {
  const bits = new Int32Array(buffer);
  copyRows(from / 4, to / 4, box, (from, to, count, fromStride, toStride) => {
    for (let k = 0; k < count; k++) bits[to + k * toStride] = bits[from + k * fromStride];
  });
}

/** binary16 to f32. */
export function copyWidenF16(buffer: ArrayBuffer, from: number, to: number, box: Box): void {
  const [halves, bits] = [new Uint16Array(buffer), new Int32Array(buffer)];
  copyRows(from / 2, to / 4, box, (from, to, count, fromStride, toStride) => {
    for (let k = 0; k < count; k++) bits[to + k * toStride] = widenF16(halves[from + k * fromStride]);
  });
}

/** bfloat16 to f32. */
export function copyWidenBf16(buffer: ArrayBuffer, from: number, to: number, box: Box): void {
  const [halves, bits] = [new Uint16Array(buffer), new Int32Array(buffer)];
  copyRows(from / 2, to / 4, box, (from, to, count, fromStride, toStride) => {
    for (let k = 0; k < count; k++) bits[to + k * toStride] = widenBf16(halves[from + k * fromStride]);
  });
}

/** f32 to binary16. */
export function copyNarrowF16(buffer: ArrayBuffer, from: number, to: number, box: Box): void {
  const [bits, halves] = [new Int32Array(buffer), new Uint16Array(buffer)];
  copyRows(from / 4, to / 2, box, (from, to, count, fromStride, toStride) => {
    for (let k = 0; k < count; k++) halves[to + k * toStride] = narrowF16(bits[from + k * fromStride]);
  });
}

/** f32 to bfloat16. */
export function copyNarrowBf16(buffer: ArrayBuffer, from: number, to: number, box: Box): void {
  const [bits, halves] = [new Int32Array(buffer), new Uint16Array(buffer)];
  copyRows(from / 4, to / 2, box, (from, to, count, fromStride, toStride) => {
    for (let k = 0; k < count; k++) halves[to + k * toStride] = narrowBf16(bits[from + k * fromStride]);
  });
}
