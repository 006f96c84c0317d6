/*
 * The sums over a row, in the order that `crate/src/row.rs` fixes: groups of four vectors of four lanes, whose vectors
 * are added pairwise; a running sum of groups in f32 for each lane, over a chunk of them; totals in f64. What fills no
 * group has a running sum of its own. Locals, not arrays: they stay in registers.
 */

const { fround } = Math;

/** The elements of four vectors. */
const GROUP = 16;
/** The elements of a chunk, forward and backward. */
const [FORWARD_CHUNK, BACKWARD_CHUNK] = [4 * GROUP, 8 * GROUP];
/** Rows of at most so many elements are not sampled. */
export const NARROW_COLS = 256;
/** Rows of at most so many elements are summed in f64 forward. */
export const F64_COLS = 16;

/** The sum of four lanes. */
function reduce(lane0: number, lane1: number, lane2: number, lane3: number): number {
  return fround(fround(lane0 + lane2) + fround(lane1 + lane3));
}

/** The sum of the four elements of a lane of a group, from element `at` on. */
function group(a: number, b: number, c: number, d: number): number {
  return fround(fround(a + b) + fround(c + d));
}

/**
 * What to sum a row's elements less of at first: near its mean, or 0 where the mean is small beside the elements. A
 * guess, from four vectors at the row's quarters.
 */
export function shiftOf(f32: Float32Array, x: number, cols: number): number {
  if (cols <= NARROW_COLS) return 0;
  const quarter = Math.floor(cols / 4);
  const lane = (k: number): number =>
    group(f32[x + k], f32[x + quarter + k], f32[x + 2 * quarter + k], f32[x + 3 * quarter + k]);
  const square = (k: number): number => fround(f32[x + k] * f32[x + k]);
  const squares = (k: number): number =>
    group(square(k), square(quarter + k), square(2 * quarter + k), square(3 * quarter + k));
  const mean = fround(reduce(lane(0), lane(1), lane(2), lane(3)) / 16);
  const meanSquare = fround(reduce(squares(0), squares(1), squares(2), squares(3)) / 16);
  return fround(mean * mean) < fround(0.375 * meanSquare) ? 0 : mean;
}

/** `sum(x - shift)` and `sum((x - shift)^2)`. */
export function shiftedSums(
  f32: Float32Array,
  x: number,
  cols: number,
  shift: number,
): { sum: number; squares: number } {
  const end = x + cols;
  if (cols <= F64_COLS) return f64Sums(f32, x, end, shift);
  // Subtracting 0 changes nothing, but takes its time.
  const unshifted = shift === 0;
  const groupsEnd = end - (cols % GROUP);
  let total0 = 0,
    total1 = 0,
    total2 = 0,
    total3 = 0;
  let totalSquare0 = 0,
    totalSquare1 = 0,
    totalSquare2 = 0,
    totalSquare3 = 0;
  let at = x;
  while (at < groupsEnd) {
    const stop = Math.min(groupsEnd, at + FORWARD_CHUNK);
    let s0 = 0,
      s1 = 0,
      s2 = 0,
      s3 = 0;
    let q0 = 0,
      q1 = 0,
      q2 = 0,
      q3 = 0;
    for (; at < stop; at += GROUP) {
      {
        const i = at;
        const a = unshifted ? f32[i] : fround(f32[i] - shift);
        const b = unshifted ? f32[i + 4] : fround(f32[i + 4] - shift);
        const c = unshifted ? f32[i + 8] : fround(f32[i + 8] - shift);
        const d = unshifted ? f32[i + 12] : fround(f32[i + 12] - shift);
        s0 = fround(s0 + group(a, b, c, d));
        q0 = fround(q0 + group(fround(a * a), fround(b * b), fround(c * c), fround(d * d)));
      }
      {
        const i = at + 1;
        const a = unshifted ? f32[i] : fround(f32[i] - shift);
        const b = unshifted ? f32[i + 4] : fround(f32[i + 4] - shift);
        const c = unshifted ? f32[i + 8] : fround(f32[i + 8] - shift);
        const d = unshifted ? f32[i + 12] : fround(f32[i + 12] - shift);
        s1 = fround(s1 + group(a, b, c, d));
        q1 = fround(q1 + group(fround(a * a), fround(b * b), fround(c * c), fround(d * d)));
      }
      {
        const i = at + 2;
        const a = unshifted ? f32[i] : fround(f32[i] - shift);
        const b = unshifted ? f32[i + 4] : fround(f32[i + 4] - shift);
        const c = unshifted ? f32[i + 8] : fround(f32[i + 8] - shift);
        const d = unshifted ? f32[i + 12] : fround(f32[i + 12] - shift);
        s2 = fround(s2 + group(a, b, c, d));
        q2 = fround(q2 + group(fround(a * a), fround(b * b), fround(c * c), fround(d * d)));
      }
      {
        const i = at + 3;
        const a = unshifted ? f32[i] : fround(f32[i] - shift);
        const b = unshifted ? f32[i + 4] : fround(f32[i + 4] - shift);
        const c = unshifted ? f32[i + 8] : fround(f32[i + 8] - shift);
        const d = unshifted ? f32[i + 12] : fround(f32[i + 12] - shift);
        s3 = fround(s3 + group(a, b, c, d));
        q3 = fround(q3 + group(fround(a * a), fround(b * b), fround(c * c), fround(d * d)));
      }
    }
    total0 += s0;
    total1 += s1;
    total2 += s2;
    total3 += s3;
    totalSquare0 += q0;
    totalSquare1 += q1;
    totalSquare2 += q2;
    totalSquare3 += q3;
  }
  let rest0 = 0,
    rest1 = 0,
    rest2 = 0,
    rest3 = 0;
  let restSquare0 = 0,
    restSquare1 = 0,
    restSquare2 = 0,
    restSquare3 = 0;
  for (; at < end; at += 4) {
    const c0 = fround(f32[at] - shift);
    const c1 = at + 1 < end ? fround(f32[at + 1] - shift) : 0;
    const c2 = at + 2 < end ? fround(f32[at + 2] - shift) : 0;
    const c3 = at + 3 < end ? fround(f32[at + 3] - shift) : 0;
    rest0 = fround(rest0 + c0);
    rest1 = fround(rest1 + c1);
    rest2 = fround(rest2 + c2);
    rest3 = fround(rest3 + c3);
    restSquare0 = fround(restSquare0 + fround(c0 * c0));
    restSquare1 = fround(restSquare1 + fround(c1 * c1));
    restSquare2 = fround(restSquare2 + fround(c2 * c2));
    restSquare3 = fround(restSquare3 + fround(c3 * c3));
  }
  total0 += rest0;
  total1 += rest1;
  total2 += rest2;
  total3 += rest3;
  totalSquare0 += restSquare0;
  totalSquare1 += restSquare1;
  totalSquare2 += restSquare2;
  totalSquare3 += restSquare3;
  return {
    sum: total0 + total2 + (total1 + total3),
    squares: totalSquare0 + totalSquare2 + (totalSquare1 + totalSquare3),
  };
}

/** {@link shiftedSums} of the elements from `x` to `end`, in f64: even ones apart from odd ones. */
function f64Sums(f32: Float32Array, x: number, end: number, shift: number): { sum: number; squares: number } {
  let [even, odd, evenSquares, oddSquares] = [0, 0, 0, 0];
  for (let at = x; at < end; at += 2) {
    const a = f32[at] - shift;
    const b = at + 1 < end ? f32[at + 1] - shift : 0;
    even += a;
    odd += b;
    evenSquares += a * a;
    oddSquares += b * b;
  }
  return { sum: even + odd, squares: evenSquares + oddSquares };
}

/**
 * With `t = x - shift` and `g = dy * gamma`: `sum(t)`, `sum(g)` and `sum(g * t)`. `sum(t)` is not needed where the shift
 * is 0, and not taken.
 */
export function gradientSums(
  f32: Float32Array,
  dy: number,
  x: number,
  shift: number,
  gamma: number,
  cols: number,
): { t: number; g: number; gt: number } {
  const unshifted = shift === 0;
  const groupsEnd = cols - (cols % GROUP);
  let totalT0 = 0,
    totalT1 = 0,
    totalT2 = 0,
    totalT3 = 0;
  let totalG0 = 0,
    totalG1 = 0,
    totalG2 = 0,
    totalG3 = 0;
  let totalGt0 = 0,
    totalGt1 = 0,
    totalGt2 = 0,
    totalGt3 = 0;
  let at = 0;
  while (at < groupsEnd) {
    const stop = Math.min(groupsEnd, at + BACKWARD_CHUNK);
    let t0 = 0,
      t1 = 0,
      t2 = 0,
      t3 = 0;
    let g0 = 0,
      g1 = 0,
      g2 = 0,
      g3 = 0;
    let p0 = 0,
      p1 = 0,
      p2 = 0,
      p3 = 0;
    for (; at < stop; at += GROUP) {
      {
        const i = at;
        const a = unshifted ? f32[x + i] : fround(f32[x + i] - shift);
        const b = unshifted ? f32[x + i + 4] : fround(f32[x + i + 4] - shift);
        const c = unshifted ? f32[x + i + 8] : fround(f32[x + i + 8] - shift);
        const d = unshifted ? f32[x + i + 12] : fround(f32[x + i + 12] - shift);
        const e = gamma === 0 ? f32[dy + i] : fround(f32[dy + i] * f32[gamma + i]);
        const f = gamma === 0 ? f32[dy + i + 4] : fround(f32[dy + i + 4] * f32[gamma + i + 4]);
        const g = gamma === 0 ? f32[dy + i + 8] : fround(f32[dy + i + 8] * f32[gamma + i + 8]);
        const h = gamma === 0 ? f32[dy + i + 12] : fround(f32[dy + i + 12] * f32[gamma + i + 12]);
        if (!unshifted) t0 = fround(t0 + group(a, b, c, d));
        g0 = fround(g0 + group(e, f, g, h));
        p0 = fround(p0 + group(fround(e * a), fround(f * b), fround(g * c), fround(h * d)));
      }
      {
        const i = at + 1;
        const a = unshifted ? f32[x + i] : fround(f32[x + i] - shift);
        const b = unshifted ? f32[x + i + 4] : fround(f32[x + i + 4] - shift);
        const c = unshifted ? f32[x + i + 8] : fround(f32[x + i + 8] - shift);
        const d = unshifted ? f32[x + i + 12] : fround(f32[x + i + 12] - shift);
        const e = gamma === 0 ? f32[dy + i] : fround(f32[dy + i] * f32[gamma + i]);
        const f = gamma === 0 ? f32[dy + i + 4] : fround(f32[dy + i + 4] * f32[gamma + i + 4]);
        const g = gamma === 0 ? f32[dy + i + 8] : fround(f32[dy + i + 8] * f32[gamma + i + 8]);
        const h = gamma === 0 ? f32[dy + i + 12] : fround(f32[dy + i + 12] * f32[gamma + i + 12]);
        if (!unshifted) t1 = fround(t1 + group(a, b, c, d));
        g1 = fround(g1 + group(e, f, g, h));
        p1 = fround(p1 + group(fround(e * a), fround(f * b), fround(g * c), fround(h * d)));
      }
      {
        const i = at + 2;
        const a = unshifted ? f32[x + i] : fround(f32[x + i] - shift);
        const b = unshifted ? f32[x + i + 4] : fround(f32[x + i + 4] - shift);
        const c = unshifted ? f32[x + i + 8] : fround(f32[x + i + 8] - shift);
        const d = unshifted ? f32[x + i + 12] : fround(f32[x + i + 12] - shift);
        const e = gamma === 0 ? f32[dy + i] : fround(f32[dy + i] * f32[gamma + i]);
        const f = gamma === 0 ? f32[dy + i + 4] : fround(f32[dy + i + 4] * f32[gamma + i + 4]);
        const g = gamma === 0 ? f32[dy + i + 8] : fround(f32[dy + i + 8] * f32[gamma + i + 8]);
        const h = gamma === 0 ? f32[dy + i + 12] : fround(f32[dy + i + 12] * f32[gamma + i + 12]);
        if (!unshifted) t2 = fround(t2 + group(a, b, c, d));
        g2 = fround(g2 + group(e, f, g, h));
        p2 = fround(p2 + group(fround(e * a), fround(f * b), fround(g * c), fround(h * d)));
      }
      {
        const i = at + 3;
        const a = unshifted ? f32[x + i] : fround(f32[x + i] - shift);
        const b = unshifted ? f32[x + i + 4] : fround(f32[x + i + 4] - shift);
        const c = unshifted ? f32[x + i + 8] : fround(f32[x + i + 8] - shift);
        const d = unshifted ? f32[x + i + 12] : fround(f32[x + i + 12] - shift);
        const e = gamma === 0 ? f32[dy + i] : fround(f32[dy + i] * f32[gamma + i]);
        const f = gamma === 0 ? f32[dy + i + 4] : fround(f32[dy + i + 4] * f32[gamma + i + 4]);
        const g = gamma === 0 ? f32[dy + i + 8] : fround(f32[dy + i + 8] * f32[gamma + i + 8]);
        const h = gamma === 0 ? f32[dy + i + 12] : fround(f32[dy + i + 12] * f32[gamma + i + 12]);
        if (!unshifted) t3 = fround(t3 + group(a, b, c, d));
        g3 = fround(g3 + group(e, f, g, h));
        p3 = fround(p3 + group(fround(e * a), fround(f * b), fround(g * c), fround(h * d)));
      }
    }
    totalT0 += t0;
    totalT1 += t1;
    totalT2 += t2;
    totalT3 += t3;
    totalG0 += g0;
    totalG1 += g1;
    totalG2 += g2;
    totalG3 += g3;
    totalGt0 += p0;
    totalGt1 += p1;
    totalGt2 += p2;
    totalGt3 += p3;
  }
  // Lane by lane: few elements are left.
  {
    let t = 0,
      g = 0,
      gt = 0;
    for (let k = at; k < cols; k += 4) {
      const a = fround(f32[x + k] - shift);
      const e = gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]);
      t = fround(t + a);
      g = fround(g + e);
      gt = fround(gt + fround(e * a));
    }
    totalT0 += t;
    totalG0 += g;
    totalGt0 += gt;
  }
  {
    let t = 0,
      g = 0,
      gt = 0;
    for (let k = at + 1; k < cols; k += 4) {
      const a = fround(f32[x + k] - shift);
      const e = gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]);
      t = fround(t + a);
      g = fround(g + e);
      gt = fround(gt + fround(e * a));
    }
    totalT1 += t;
    totalG1 += g;
    totalGt1 += gt;
  }
  {
    let t = 0,
      g = 0,
      gt = 0;
    for (let k = at + 2; k < cols; k += 4) {
      const a = fround(f32[x + k] - shift);
      const e = gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]);
      t = fround(t + a);
      g = fround(g + e);
      gt = fround(gt + fround(e * a));
    }
    totalT2 += t;
    totalG2 += g;
    totalGt2 += gt;
  }
  {
    let t = 0,
      g = 0,
      gt = 0;
    for (let k = at + 3; k < cols; k += 4) {
      const a = fround(f32[x + k] - shift);
      const e = gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]);
      t = fround(t + a);
      g = fround(g + e);
      gt = fround(gt + fround(e * a));
    }
    totalT3 += t;
    totalG3 += g;
    totalGt3 += gt;
  }
  return {
    t: totalT0 + totalT2 + (totalT1 + totalT3),
    g: totalG0 + totalG2 + (totalG1 + totalG3),
    gt: totalGt0 + totalGt2 + (totalGt1 + totalGt3),
  };
}
