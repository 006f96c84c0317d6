/** Rows that are added in f32 before their sum goes to the f64 totals: see `crate/src/gradients.rs`. */
export const BLOCK_ROWS = 32;

/**
 * The running gradients of gamma and beta, in scratch of `gradientsBytes`: totals in f64, then the sums over a block
 * of rows in f32, first those of gamma, then those of beta.
 */
export class Gradients {
  /** The first elements of the sums over a block. */
  readonly dgamma: number;
  readonly dbeta: number;
  readonly #totals: Float64Array;
  readonly #block: Float32Array;

  constructor(buffer: ArrayBuffer, pointer: number, cols: number) {
    this.#totals = new Float64Array(buffer, pointer, 2 * cols);
    this.#block = new Float32Array(buffer, pointer + 16 * cols, 2 * cols);
    this.dgamma = pointer / 4 + 4 * cols;
    this.dbeta = this.dgamma + cols;
  }

  /** Adds the sums over a block to the totals, and clears them. */
  endBlock(): void {
    const [totals, block] = [this.#totals, this.#block];
    for (let k = 0; k < block.length; k++) totals[k] += block[k];
    block.fill(0);
  }

  /** Writes a gradient, 0 for that of gamma, or adds it to what is there. */
  write(f32: Float32Array, gradient: 0 | 1, out: number, accumulate: boolean): void {
    const cols = this.#block.length / 2;
    for (let k = 0; k < cols; k++) {
      const at = gradient * cols + k;
      const before = accumulate ? f32[out + k] : 0;
      f32[out + k] = before + (this.#totals[at] + this.#block[at]);
    }
  }
}
