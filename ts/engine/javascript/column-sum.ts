/** Rows that are added in f32 before their sum goes to the f64 totals: see `crate/src/column_sum.rs`. */
export const BLOCK_ROWS = 32;

/** The first element of the block of the column sum at byte `sum`, behind its totals; 0 for none. */
export function columnSumBlock(sum: number, cols: number): number {
  return sum === 0 ? 0 : sum / 4 + 2 * cols;
}

/** Adds the block of a column sum to its totals, and clears it. */
export function endBlock(f32: Float32Array, f64: Float64Array, sum: number, cols: number): void {
  const totals = sum / 8;
  const block = columnSumBlock(sum, cols);
  for (let k = 0; k < cols; k++) {
    f64[totals + k] += f32[block + k];
    f32[block + k] = 0;
  }
}
