import { layerNormForward } from "layernorm-wasm";
import { layerNormForward as inJavaScript } from "layernorm-wasm/js";
import { describe, expect, test } from "vitest";

/*
 * Rows that lie side by side, `[samples, cols, rows]` normalised over `cols`, are done many at a time, but for the last few
 * and those out of the ordinary: whichever way a row takes, its bits are those of a row in order.
 */

const [SAMPLES, COLS] = [3, 21];

/** Values that are not random, of mean 0 but where a row has one of its own. */
function elementOf(sample: number, row: number, col: number): number {
  return Math.fround(Math.sin(1 + 7.3 * sample + 3.7 * row + 1.9 * col) + (row % 5 === 3 ? 10 * row : 0));
}

describe.each([1, 4, 7, 49, 700])("%i rows", (rows) => {
  const at = (sample: number, row: number, col: number) => (sample * COLS + col) * rows + row;
  const inOrder = (sample: number, row: number, col: number) => (sample * rows + row) * COLS + col;

  /** The elements of a matrix of rows in order, as they are side by side. */
  function sideBySide(values: Float32Array): Float32Array {
    const result = new Float32Array(values.length);
    for (let sample = 0; sample < SAMPLES; sample++)
      for (let row = 0; row < rows; row++)
        for (let col = 0; col < COLS; col++) result[at(sample, row, col)] = values[inOrder(sample, row, col)];
    return result;
  }

  test.each([
    ["ordinary", []],
    ["NaN in one", [[1, Number.NaN]]],
    // biome-ignore format: a row of a table
    ["far out of range, here and there", [[0, 1e30], [2, 3e38], [5, Number.POSITIVE_INFINITY]]],
  ] as [string, [number, number][]][])("%s", (_, strange) => {
    const x = new Float32Array(SAMPLES * rows * COLS);
    for (let sample = 0; sample < SAMPLES; sample++)
      for (let row = 0; row < rows; row++)
        for (let col = 0; col < COLS; col++) x[inOrder(sample, row, col)] = elementOf(sample, row, col);
    for (const [k, value] of strange) x[inOrder(1, (k * rows) >> 3, 2)] = value;
    const gamma = Float32Array.from({ length: COLS }, (_, col) => 1 + col / 8);
    const beta = Float32Array.from({ length: COLS }, (_, col) => col - 3);

    const expected = inJavaScript(x, COLS, { gamma, beta });
    const across = sideBySide(x);
    const options = { gamma, beta, axes: [1], shape: [SAMPLES, COLS, rows] };
    const result = layerNormForward(across, COLS, options);
    expect(result.y).toEqual(sideBySide(expected.y));
    expect(result.mean).toEqual(expected.mean);
    expect(result.rstd).toEqual(expected.rstd);
    const inPlace = layerNormForward(across, COLS, { ...options, out: { y: across } });
    expect(inPlace).toEqual({ y: result.y, mean: expected.mean, rstd: expected.rstd });
  });
});
