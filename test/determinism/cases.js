/*
 * Fixed inputs for every language and engine: integers from a generator that works on 32 bits, scaled by powers of two,
 * and a hash of results. crate/tests/kernels/hashes.rs does the same.
 */

/**
 * A batch. Values of `x` are `(mean + spread * r) * 2^exponent`, those of `dy` are `r * 2^dyExponent`, rounded to f32
 * once, with `r` whole and random, from -2^15 to 2^15 - 1; `special` says what stands in the middle of `x`. RMSNorm is not
 * `centred`, and has no beta. `storage` is that of `x`, `dy`, `y` and `dx`, by its number in `DTYPES`.
 *
 * @typedef {{
 *   rows: number, cols: number, mean: number, spread: number, exponent: number, special: number, dyExponent: number,
 *   eps: number, gamma: number, beta: number, centred: number, storage: number,
 * }} Case
 */

/** @type {(keyof Case)[]} */
const FIELDS = [
  "rows",
  "cols",
  "mean",
  "spread",
  "exponent",
  "special",
  "dyExponent",
  "eps",
  "gamma",
  "beta",
  "centred",
  "storage",
];

/** @type {readonly ("f32" | "f16" | "bf16")[]} */
export const DTYPES = ["f32", "f16", "bf16"];

/**
 * A case in one line: its numbers.
 *
 * @param {Case} of
 */
export const nameOf = (of) => FIELDS.map((field) => of[field]).join(" ");

/**
 * @param {string} name
 * @returns {Case}
 */
function caseOf(name) {
  const numbers = name.split(" ").map(Number);
  return /** @type {any} */ (Object.fromEntries(FIELDS.map((field, k) => [field, numbers[k]])));
}

/** What may stand in the middle of `x`, by its number; 0 for nothing special. */
const SPECIALS = [0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 66];

/**
 * Whole numbers from -2^15 to 2^15 - 1: the high half of a linear congruential generator ("Numerical Recipes", 7.1).
 *
 * @param {number} seed
 */
function whole(seed) {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) - 32768;
  };
}

/**
 * The batch of a case, the `index`-th.
 *
 * @param {string} name
 * @param {number} index
 */
export function batchOfCase(name, index) {
  const of = caseOf(name);
  const { rows, cols, mean, spread, exponent, special, dyExponent, eps } = of;
  /** @type {(count: number, which: number, f: (r: number) => number) => Float32Array} */
  const values = (count, which, f) => {
    const random = whole(4 * index + which);
    return Float32Array.from({ length: count }, () => f(random()));
  };
  const x = values(rows * cols, 0, (r) => (mean + spread * r) * 2 ** exponent);
  if (special > 0) x[(rows * cols) >> 1] = SPECIALS[special] ?? 0;
  return {
    rows,
    cols,
    eps,
    x,
    dy: values(rows * cols, 1, (r) => r * 2 ** dyExponent),
    gamma: of.gamma ? values(cols, 2, (r) => r * 2 ** -14) : undefined,
    beta: of.beta ? values(cols, 3, (r) => r * 2 ** -14) : undefined,
    centred: of.centred === 1,
    dtype: DTYPES[of.storage] ?? "f32",
  };
}

/**
 * A hash of the bits of arrays: MurmurHash3 (Austin Appleby, public domain), 32 bits. All NaN are one.
 *
 * @param {Float32Array[]} arrays
 */
export function hashOf(...arrays) {
  let hash = 0;
  let length = 0;
  for (const array of arrays) {
    for (const bits of new Uint32Array(array.slice().buffer)) {
      const word = (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
      const k = Math.imul(word, 0xcc9e2d51);
      hash ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
    length += array.length * 4;
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
}
