//! Walks rows by vectors, tails included. These are the only loops over pointers: a kernel says what
//! happens to one vector, and whether the row's length is a multiple of four is settled here.

use crate::vector::{LANES, Vector};
use core::array::from_fn;
use core::cell::Cell;

/// The elements of a row, or of any run of rows. Cells, because an operation in place reads and writes
/// the same elements, which `&` and `&mut` slices could not both name.
pub type Row<'a> = &'a [Cell<f32>];

/// Accumulators of a sum: one alone would wait for the latency of every addition.
pub const ACCUMULATORS: usize = 4;

/// Walks `reads` and `writes`, all of one length, in step: `step` gets an accumulator and one vector of
/// each row read, and returns one vector for each row written.
///
/// Vector `k` of the row goes to accumulator `k % U`, so that the order of additions is fixed by the
/// length alone. In a vector that is only partly inside the row, the lanes outside hold `fills`, one for
/// each row read: the values that leave a sum as it is. Every read of a vector comes before any write
/// of it, so a row written may be one of those read.
#[inline(always)]
pub fn sweep<V: Vector, A, const U: usize, const R: usize, const W: usize>(
    reads: [Row; R],
    fills: [f32; R],
    writes: [Row; W],
    accumulators: &mut [A; U],
    step: impl Fn(&mut A, [V; R]) -> [V; W],
) {
    let length = reads[0].len();
    assert!(reads.iter().chain(&writes).all(|row| row.len() == length));
    let from: [*const f32; R] = from_fn(|k| reads[k].as_ptr().cast());
    let to: [*mut f32; W] = from_fn(|k| writes[k].as_ptr().cast_mut().cast());

    let whole = |accumulator: &mut A, at: usize| {
        // SAFETY: the callers below have `at + LANES <= length`, the length of every row; cells of f32
        // have the layout of f32, and let shared references write.
        unsafe {
            let results = step(accumulator, from_fn(|k| V::load(from[k].add(at))));
            for k in 0..W {
                results[k].store(to[k].add(at));
            }
        }
    };

    let mut at = 0;
    while at + U * LANES <= length {
        for (k, accumulator) in accumulators.iter_mut().enumerate() {
            whole(accumulator, at + k * LANES);
        }
        at += U * LANES;
    }
    for accumulator in accumulators {
        if at + LANES <= length {
            whole(accumulator, at);
            at += LANES;
        } else {
            let count = length - at;
            if count > 0 {
                // SAFETY: `count` is 1, 2 or 3, and `at + count` is the length of every row.
                unsafe {
                    let results =
                        step(accumulator, from_fn(|k| V::load_first(from[k].add(at), count, fills[k])));
                    for k in 0..W {
                        results[k].store_first(to[k].add(at), count);
                    }
                }
            }
            return;
        }
    }
}

/// [`sweep`] without sums: `step` maps the vectors read to the vectors written.
#[inline(always)]
pub fn map<V: Vector, const R: usize, const W: usize>(
    reads: [Row; R],
    writes: [Row; W],
    step: impl Fn([V; R]) -> [V; W],
) {
    sweep(reads, [0.0; R], writes, &mut [(); ACCUMULATORS], |(), vectors| step(vectors));
}

/// A value near the row's mean: the mean of four vectors at its quarters, or the first element of a row
/// of fewer than sixteen. Exactly the row's value where the row is constant.
#[inline(always)]
pub fn sample<V: Vector>(x: Row) -> f32 {
    let quarter = x.len() / 4;
    if quarter < LANES {
        return x[0].get();
    }
    // SAFETY: `3 * quarter + LANES <= 4 * quarter <= x.len()`.
    let [a, b, c, d] = from_fn(|k| unsafe { V::load(x.as_ptr().add(k * quarter).cast()) });
    ((a + b) + (c + d)).reduce() * (1.0 / 16.0)
}
