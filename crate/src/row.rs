//! Walks rows by vectors, tails included. These are the only loops over pointers: a kernel says what
//! happens to one vector, and whether the row's length is a multiple of four is settled here.

use crate::vector::{LANES, Vector};
use core::array::from_fn;
use core::cell::Cell;

/// The elements of a row, or of several. Cells, because an operation in place reads and writes the same
/// elements, which `&` and `&mut` slices could not both name.
pub type Row<'a> = &'a [Cell<f32>];

/// Stops where `holds` is false, a mistake in this crate. There is no message: the code that formats one
/// would be a third of the WebAssembly.
#[inline(always)]
pub fn check(holds: bool) {
    if !holds {
        std::process::abort();
    }
}

/// `count` elements of `row`, from `start` on.
#[inline(always)]
pub fn part<'a>(row: Row<'a>, start: usize, count: usize) -> Row<'a> {
    check(start <= row.len() && count <= row.len() - start);
    // SAFETY: just checked.
    unsafe { row.get_unchecked(start..start + count) }
}

/// Element `at` of `row`.
#[inline(always)]
pub fn element<'a>(row: Row<'a>, at: usize) -> &'a Cell<f32> {
    check(at < row.len());
    // SAFETY: just checked.
    unsafe { row.get_unchecked(at) }
}

/// Vectors that a running sum takes in f32 before it goes to an f64 total. Sixteen additions lose a few units of
/// 2^-24 of the sum of magnitudes, 6 where all round a sum of equal values in one direction, and at most 20.
const RUN: usize = 16;

/// Walks rows of one length in step, to write some of them and to sum others.
///
/// For each vector, `write` maps those of the rows `read` to those of the rows `written`, and `add` adds
/// those of the rows `summed` to `T` running sums. Every read of a vector comes before any write of it, so
/// a row written may be one of those read. A vector with elements outside of the row has `fills` there, one
/// for each row summed: what adds nothing.
///
/// The order of additions is fixed by the length alone. Of each sum there are `U`, and chunks of `U * RUN`
/// vectors. In a chunk, vectors go to the `U` in turn while there are `U` of them left; those after that, and
/// the elements that fill none, go to the first. At the end of a chunk the `U` are added pairwise, then the
/// lanes ([`Vector::reduce`]), and the result to the total in f64. The loop takes `N` vectors, a multiple of
/// `U`, in a round, which changes nothing but its speed and size.
#[inline(always)]
pub fn sweep<
    V: Vector,
    const U: usize,
    const N: usize,
    const R: usize,
    const W: usize,
    const S: usize,
    const T: usize,
>(
    read: [Row; R],
    written: [Row; W],
    write: impl Fn([V; R]) -> [V; W],
    summed: [Row; S],
    fills: [f32; S],
    add: impl Fn([V; T], [V; S]) -> [V; T],
) -> [f64; T] {
    let length = if S > 0 { summed[0].len() } else { read[0].len() };
    check(read.iter().chain(&written).chain(&summed).all(|row| row.len() == length));
    let read: [*const f32; R] = from_fn(|k| read[k].as_ptr().cast());
    let written: [*mut f32; W] = from_fn(|k| written[k].as_ptr().cast_mut().cast());
    let summed: [*const f32; S] = from_fn(|k| summed[k].as_ptr().cast());

    // `vectors` of the rows from element `at` on, each to the running sums of its turn. Offsets within them are
    // constants, which the instructions of WebAssembly hold.
    let whole = |at: usize, count: usize, sums: &mut [[V; T]; U]| {
        // SAFETY: below, `at + sums.len() * LANES <= length`, the length of every row; cells of f32 have the
        // layout of f32, and may be written through shared references.
        unsafe {
            let read: [*const f32; R] = from_fn(|k| read[k].add(at));
            let written: [*mut f32; W] = from_fn(|k| written[k].add(at));
            let summed: [*const f32; S] = from_fn(|k| summed[k].add(at));
            for turn in 0..count {
                let sums = &mut sums[turn % U];
                let offset = turn * LANES;
                let to_add = from_fn(|k| V::load(summed[k].add(offset)));
                let results = write(from_fn(|k| V::load(read[k].add(offset))));
                *sums = add(*sums, to_add);
                for k in 0..W {
                    results[k].store(written[k].add(offset));
                }
            }
        }
    };

    let mut totals = [0.0; T];
    let mut at = 0;
    while at < length {
        let end = if T > 0 { length.min(at + U * RUN * LANES) } else { length };
        let mut sums = [[V::splat(0.0); T]; U];
        while at + N * LANES <= end {
            whole(at, N, &mut sums);
            at += N * LANES;
        }
        while N > U && at + U * LANES <= end {
            whole(at, U, &mut sums);
            at += U * LANES;
        }
        while U > 1 && at + LANES <= end {
            whole(at, 1, &mut sums);
            at += LANES;
        }
        if at < end {
            let count = end - at;
            // SAFETY: `count` is 1, 2 or 3, and `at + count` is the length of every row.
            unsafe {
                let to_add = from_fn(|k| V::load_first(summed[k].add(at), count, fills[k]));
                let results = write(from_fn(|k| V::load_first(read[k].add(at), count, 0.0)));
                sums[0] = add(sums[0], to_add);
                for k in 0..W {
                    results[k].store_first(written[k].add(at), count);
                }
            }
            at = end;
        }
        for (t, total) in totals.iter_mut().enumerate() {
            *total += f64::from(pairwise(sums.map(|sums| sums[t])).reduce());
        }
    }
    totals
}

/// The sum of vectors, neighbours first.
#[inline(always)]
fn pairwise<V: Vector, const U: usize>(mut vectors: [V; U]) -> V {
    let mut step = 1;
    while step < U {
        for k in (0..U - step).step_by(2 * step) {
            vectors[k] = vectors[k] + vectors[k + step];
        }
        step *= 2;
    }
    vectors[0]
}

/// A [`sweep`] that only writes, `N` vectors in a round.
#[inline(always)]
pub fn map<V: Vector, const N: usize, const R: usize, const W: usize>(
    read: [Row; R],
    written: [Row; W],
    write: impl Fn([V; R]) -> [V; W],
) {
    sweep::<V, 1, N, R, W, 0, 0>(read, written, write, [], [], |[], []| []);
}

/// A [`sweep`] that only adds.
#[inline(always)]
pub fn sum<V: Vector, const U: usize, const S: usize, const T: usize>(
    summed: [Row; S],
    fills: [f32; S],
    add: impl Fn([V; T], [V; S]) -> [V; T],
) -> [f64; T] {
    sweep::<V, U, 2, 0, 0, S, T>([], [], |[]| [], summed, fills, add)
}

/// Sixteen elements of a row: four vectors, at its quarters.
pub struct Sample {
    /// their mean: exactly the row's value where the row is constant
    pub mean: f32,
    /// the mean of their squares
    pub square: f32,
}

/// A look at a row before it is read, if it has sixteen elements.
#[inline(always)]
pub fn sample<V: Vector>(x: Row) -> Option<Sample> {
    let quarter = x.len() / 4;
    if quarter < LANES {
        return None;
    }
    // SAFETY: `3 * quarter + LANES <= 4 * quarter <= x.len()`.
    let x: [V; 4] = from_fn(|k| unsafe { V::load(x.as_ptr().add(k * quarter).cast()) });
    let mean = |x: [V; 4]| pairwise(x).reduce() * (1.0 / 16.0);
    Some(Sample { mean: mean(x), square: mean(x.map(|x| x * x)) })
}
