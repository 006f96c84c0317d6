/*
 * The sums over a row, in the order that `crate/src/row.rs` fixes: running sums in f32, each in four lanes,
 * over chunks of sixteen vectors for each running sum; then running sums, lanes, and chunks in f64.
 */

const { fround } = Math;

/** The elements of four lanes that one running sum takes in a chunk. */
const RUN = 64;

/** The sum of four lanes. */
function reduce(lane0: number, lane1: number, lane2: number, lane3: number): number {
  return fround(fround(lane0 + lane2) + fround(lane1 + lane3));
}

/**
 * What to sum a row's elements less of: near its mean, or 0 where the mean is small beside the elements. A guess,
 * from four vectors at the row's quarters; exactly the row's value where the row is constant.
 */
export function shiftOf(f32: Float32Array, x: number, cols: number): number {
  const quarter = Math.floor(cols / 4);
  if (quarter < 4) return f32[x];
  const lane = (k: number): number =>
    fround(
      fround(f32[x + k] + f32[x + quarter + k]) + fround(f32[x + 2 * quarter + k] + f32[x + 3 * quarter + k]),
    );
  const square = (k: number): number => fround(f32[x + k] * f32[x + k]);
  const squares = (k: number): number =>
    fround(
      fround(square(k) + square(quarter + k)) + fround(square(2 * quarter + k) + square(3 * quarter + k)),
    );
  const mean = fround(reduce(lane(0), lane(1), lane(2), lane(3)) / 16);
  const meanSquare = fround(reduce(squares(0), squares(1), squares(2), squares(3)) / 16);
  return fround(mean * mean) < fround(0.375 * meanSquare) ? 0 : mean;
}

/** `sum(x - shift)` and `sum((x - shift)^2)`: two running sums each. */
export function shiftedSums(
  f32: Float32Array,
  x: number,
  cols: number,
  shift: number,
): { sum: number; squares: number } {
  let sum = 0;
  let squares = 0;
  // Subtracting 0 changes nothing, but takes its time.
  const unshifted = shift === 0;
  const end = x + cols;
  for (let at = x; at < end; ) {
    const stop = Math.min(end, at + 2 * RUN);
    // Eight locals, not an array: they stay in registers. s0 to s3 are the lanes of one running sum.
    let s0 = 0,
      s1 = 0,
      s2 = 0,
      s3 = 0,
      s4 = 0,
      s5 = 0,
      s6 = 0,
      s7 = 0;
    let q0 = 0,
      q1 = 0,
      q2 = 0,
      q3 = 0,
      q4 = 0,
      q5 = 0,
      q6 = 0,
      q7 = 0;
    for (; at + 8 <= stop; at += 8) {
      const c0 = unshifted ? f32[at] : fround(f32[at] - shift);
      const c1 = unshifted ? f32[at + 1] : fround(f32[at + 1] - shift);
      const c2 = unshifted ? f32[at + 2] : fround(f32[at + 2] - shift);
      const c3 = unshifted ? f32[at + 3] : fround(f32[at + 3] - shift);
      const c4 = unshifted ? f32[at + 4] : fround(f32[at + 4] - shift);
      const c5 = unshifted ? f32[at + 5] : fround(f32[at + 5] - shift);
      const c6 = unshifted ? f32[at + 6] : fround(f32[at + 6] - shift);
      const c7 = unshifted ? f32[at + 7] : fround(f32[at + 7] - shift);
      s0 = fround(s0 + c0);
      s1 = fround(s1 + c1);
      s2 = fround(s2 + c2);
      s3 = fround(s3 + c3);
      s4 = fround(s4 + c4);
      s5 = fround(s5 + c5);
      s6 = fround(s6 + c6);
      s7 = fround(s7 + c7);
      q0 = fround(q0 + fround(c0 * c0));
      q1 = fround(q1 + fround(c1 * c1));
      q2 = fround(q2 + fround(c2 * c2));
      q3 = fround(q3 + fround(c3 * c3));
      q4 = fround(q4 + fround(c4 * c4));
      q5 = fround(q5 + fround(c5 * c5));
      q6 = fround(q6 + fround(c6 * c6));
      q7 = fround(q7 + fround(c7 * c7));
    }
    for (; at < stop; at += 4) {
      const c0 = unshifted ? f32[at] : fround(f32[at] - shift);
      const c1 = at + 1 < stop ? fround(f32[at + 1] - shift) : 0;
      const c2 = at + 2 < stop ? fround(f32[at + 2] - shift) : 0;
      const c3 = at + 3 < stop ? fround(f32[at + 3] - shift) : 0;
      s0 = fround(s0 + c0);
      s1 = fround(s1 + c1);
      s2 = fround(s2 + c2);
      s3 = fround(s3 + c3);
      q0 = fround(q0 + fround(c0 * c0));
      q1 = fround(q1 + fround(c1 * c1));
      q2 = fround(q2 + fround(c2 * c2));
      q3 = fround(q3 + fround(c3 * c3));
    }
    at = stop;
    sum += reduce(fround(s0 + s4), fround(s1 + s5), fround(s2 + s6), fround(s3 + s7));
    squares += reduce(fround(q0 + q4), fround(q1 + q5), fround(q2 + q6), fround(q3 + q7));
  }
  return { sum, squares };
}

/**
 * With `t = x - shift` and `g = dy * gamma`: `sum(t)`, `sum(g)` and `sum(g * t)`, one running sum each. `sum(t)` is
 * not needed where the shift is 0, and not taken.
 */
export function gradientSums(
  f32: Float32Array,
  dy: number,
  x: number,
  shift: number,
  gamma: number,
  cols: number,
): { t: number; g: number; gt: number } {
  let t = 0;
  let g = 0;
  let gt = 0;
  const unshifted = shift === 0;
  for (let start = 0; start < cols; start += RUN) {
    const stop = Math.min(cols, start + RUN);
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
    let k = start;
    for (; k + 4 <= stop; k += 4) {
      const c0 = unshifted ? f32[x + k] : fround(f32[x + k] - shift);
      const c1 = unshifted ? f32[x + k + 1] : fround(f32[x + k + 1] - shift);
      const c2 = unshifted ? f32[x + k + 2] : fround(f32[x + k + 2] - shift);
      const c3 = unshifted ? f32[x + k + 3] : fround(f32[x + k + 3] - shift);
      let e0 = f32[dy + k];
      let e1 = f32[dy + k + 1];
      let e2 = f32[dy + k + 2];
      let e3 = f32[dy + k + 3];
      if (gamma !== 0) {
        e0 = fround(e0 * f32[gamma + k]);
        e1 = fround(e1 * f32[gamma + k + 1]);
        e2 = fround(e2 * f32[gamma + k + 2]);
        e3 = fround(e3 * f32[gamma + k + 3]);
      }
      if (!unshifted) {
        t0 = fround(t0 + c0);
        t1 = fround(t1 + c1);
        t2 = fround(t2 + c2);
        t3 = fround(t3 + c3);
      }
      g0 = fround(g0 + e0);
      g1 = fround(g1 + e1);
      g2 = fround(g2 + e2);
      g3 = fround(g3 + e3);
      p0 = fround(p0 + fround(e0 * c0));
      p1 = fround(p1 + fround(e1 * c1));
      p2 = fround(p2 + fround(e2 * c2));
      p3 = fround(p3 + fround(e3 * c3));
    }
    const scaled = (k: number): number => (gamma === 0 ? f32[dy + k] : fround(f32[dy + k] * f32[gamma + k]));
    if (k < stop) {
      const [c, e] = [fround(f32[x + k] - shift), scaled(k)];
      t0 = fround(t0 + c);
      g0 = fround(g0 + e);
      p0 = fround(p0 + fround(e * c));
    }
    if (k + 1 < stop) {
      const [c, e] = [fround(f32[x + k + 1] - shift), scaled(k + 1)];
      t1 = fround(t1 + c);
      g1 = fround(g1 + e);
      p1 = fround(p1 + fround(e * c));
    }
    if (k + 2 < stop) {
      const [c, e] = [fround(f32[x + k + 2] - shift), scaled(k + 2)];
      t2 = fround(t2 + c);
      g2 = fround(g2 + e);
      p2 = fround(p2 + fround(e * c));
    }
    t += reduce(t0, t1, t2, t3);
    g += reduce(g0, g1, g2, g3);
    gt += reduce(p0, p1, p2, p3);
  }
  return { t, g, gt };
}
