//! Walks rows by vectors, tails included. These are the only loops over pointers: a kernel says what
//! happens to one vector, and whether the row's length is a multiple of four is settled here.

use crate::vector::{LANES, Pair, Real, Vector};
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

/// `P` rows of `cols` elements, from row `row` of a matrix on.
#[inline(always)]
pub fn rows<'a, const P: usize>(matrix: Row<'a>, row: usize, cols: usize) -> [Row<'a>; P] {
    let rows = part(matrix, row * cols, P * cols);
    // SAFETY: `part` checks that there are so many.
    from_fn(|k| unsafe { rows.get_unchecked(k * cols..(k + 1) * cols) })
}

/// Element `at` of `row`.
#[inline(always)]
pub fn element<'a>(row: Row<'a>, at: usize) -> &'a Cell<f32> {
    check(at < row.len());
    // SAFETY: just checked.
    unsafe { row.get_unchecked(at) }
}

/// Vectors in a group, whose lanes are added pairwise.
pub const GROUP: usize = 4;
/// Elements in a group.
const GROUP_ELEMENTS: usize = GROUP * LANES;

/// A row that a [`sweep`] reads.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    elements: Row<'a>,
    /// of the longest row that it can go along with
    length: usize,
    /// all bits, or none where each group of vectors reads the same elements
    mask: usize,
}

impl<'a> From<Row<'a>> for Operand<'a> {
    #[inline(always)]
    fn from(elements: Row<'a>) -> Self {
        Operand { elements, length: elements.len(), mask: usize::MAX }
    }
}

/// Elements that stand for every group of a row that is absent.
pub type Neutral = [Cell<f32>; GROUP_ELEMENTS];

/// A [`Neutral`] of one value.
pub fn neutral(value: f32) -> Neutral {
    from_fn(|_| Cell::new(value))
}

impl<'a> Operand<'a> {
    /// A row, or what stands for it where it is absent.
    #[inline(always)]
    pub fn or(row: Option<Row<'a>>, neutral: &'a Neutral) -> Self {
        row.map_or(Operand { elements: neutral, length: usize::MAX, mask: 0 }, |row| row.into())
    }

    /// Where the elements from `at` on begin.
    ///
    /// # Safety
    /// The row has so many elements.
    #[inline(always)]
    unsafe fn pointer(self, at: usize) -> *const f32 {
        // SAFETY: as the caller says, or there are `GROUP_ELEMENTS` from the first on.
        unsafe { self.elements.as_ptr().cast::<f32>().add(at & self.mask) }
    }
}

/// What belongs to the columns: scratch that a [`sweep`] walks along with the rows.
pub trait Columns: Copy {
    /// How many elements of a row it can go along with.
    fn cols(self) -> usize;

    /// The scratch from column `at` on.
    ///
    /// # Safety
    /// `at` is a multiple of [`LANES`], and less than the number of columns.
    unsafe fn from(self, at: usize) -> Self;
}

/// No scratch.
impl Columns for () {
    #[inline(always)]
    fn cols(self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    unsafe fn from(self, _: usize) {}
}

/// The sums that a [`sweep`] took: `T` for each of `P` rows, four f64 lanes each.
pub type Sums<V, const T: usize, const P: usize> = [[[<V as Vector>::Pair; 2]; T]; P];

/// Walks rows of one length in step, to write some of them and to sum others.
///
/// For each vector, `write` maps those of the rows `read` to those of the rows `written`. Every read of a vector comes
/// before any write of it, so a row written may be one of those read. For each of `P` places, `terms` maps the
/// vectors of the rows `summed` to the terms of `T` sums. A vector with elements outside of the row has `fills` there,
/// one for each row summed: what has the term 0.
///
/// The order of additions is fixed by the length alone. Terms are taken in chunks of `CHUNK` groups of four vectors, or
/// as many as there are. Of a group, neighbours are added pairwise, and the result to a running sum. At the end of a
/// chunk the lanes of the running sum go to totals in f64. Those vectors that fill no group, and then the elements
/// that fill no vector, are added one by one to a running sum of their own. The loop takes `N` vectors in a round: a group,
/// where rows are summed; else it changes nothing but speed and size.
#[allow(clippy::needless_range_loop)] // the same index in several arrays
#[inline(always)]
pub fn sweep<
    V: Vector,
    C: Columns,
    const N: usize,
    const CHUNK: usize,
    const R: usize,
    const W: usize,
    const S: usize,
    const T: usize,
    const P: usize,
>(
    columns: C,
    read: [Operand; R],
    written: [Row; W],
    write: impl Fn(C, [V; R]) -> [V; W],
    summed: [[Row; S]; P],
    fills: [f32; S],
    terms: impl Fn(C, [V; S]) -> [V; T],
) -> Sums<V, T, P> {
    let length = if P > 0 { summed[0][0].len() } else { read[0].length };
    check(read.iter().all(|operand| length <= operand.length));
    check(written.iter().chain(summed.iter().flatten()).all(|row| row.len() == length));
    check(length <= columns.cols());
    const { assert!(N == GROUP || P == 0) };
    let written: [*mut f32; W] = from_fn(|k| written[k].as_ptr().cast_mut().cast());
    let summed: [[*const f32; S]; P] = from_fn(|p| from_fn(|k| summed[p][k].as_ptr().cast()));

    // Writes the vector so many vectors behind element `at`; returns its terms. Offsets from `at` are constants, which the
    // instructions of WebAssembly hold.
    let write_vector = |at: usize, vector: usize| {
        let offset = vector * LANES;
        // SAFETY: below, the vector is within `length`, the length of every row; cells of f32 have the layout of f32, and
        // may be written through shared references.
        unsafe {
            let operands = from_fn(|k| V::load(read[k].pointer(at).add(offset)));
            let results = write(columns.from(at).from(offset), operands);
            for k in 0..W {
                results[k].store(written[k].add(at).add(offset));
            }
        }
    };
    let terms_of = |p: usize, at: usize, vector: usize| {
        let offset = vector * LANES;
        // SAFETY: as above.
        unsafe {
            let vectors = from_fn(|k| V::load(summed[p][k].add(at).add(offset)));
            terms(columns.from(at).from(offset), vectors)
        }
    };
    let writes = R > 0;

    let mut totals = [[[V::Pair::splat(0.0); 2]; T]; P];
    let mut at = 0;
    while N > 1 && length - at >= N * LANES {
        let rounds = (length - at) / (N * LANES);
        let end = at + if P > 0 { rounds.min(CHUNK) } else { rounds } * (N * LANES);
        let mut running = [[V::splat(0.0); T]; P];
        while at < end {
            for vector in 0..N {
                if writes {
                    write_vector(at, vector);
                }
                // The sums of each row follow their share of the writes: all at the end would need more registers.
                for p in 0..P {
                    if vector == (p + 1) * GROUP / P - 1 {
                        let lower = add(terms_of(p, at, 0), terms_of(p, at, 1));
                        let upper = add(terms_of(p, at, 2), terms_of(p, at, 3));
                        running[p] = add(running[p], add(lower, upper));
                    }
                }
            }
            at += N * LANES;
        }
        total(&mut totals, running);
    }
    if at < length {
        let mut running = [[V::splat(0.0); T]; P];
        while length - at >= LANES {
            if writes {
                write_vector(at, 0);
            }
            for p in 0..P {
                running[p] = add(running[p], terms_of(p, at, 0));
            }
            at += LANES;
        }
        if at < length {
            let count = length - at;
            // SAFETY: as above; `count` is 1, 2 or 3.
            unsafe {
                let columns = columns.from(at);
                if writes {
                    let results = write(columns, from_fn(|k| V::load_first(read[k].pointer(at), count, 0.0)));
                    for k in 0..W {
                        results[k].store_first(written[k].add(at), count);
                    }
                }
                for p in 0..P {
                    let vectors = from_fn(|k| V::load_first(summed[p][k].add(at), count, fills[k]));
                    running[p] = add(running[p], terms(columns, vectors));
                }
            }
        }
        total(&mut totals, running);
    }
    totals
}

/// Rows of at most so many columns are summed by [`sum_in_f64`] forward: no slower for so few, and all but exact.
pub const F64_COLS: usize = 16;

/// Sums of rows of few columns in f64, two elements at a time: the terms of the first two lanes of a vector, of which the one
/// of element `k` is added to lane `k % 2`. Where there is but one element, `fill` is the other.
#[inline(always)]
pub fn sum_in_f64<V: Vector, const T: usize, const P: usize>(
    summed: [Row; P],
    fill: f32,
    terms: impl Fn(V) -> [V::Pair; T],
) -> [[V::Pair; T]; P] {
    let length = summed[0].len();
    check(summed.iter().all(|row| row.len() == length));
    let mut totals = [[V::Pair::splat(0.0); T]; P];
    let mut add = |at: usize, count: usize| {
        for (total, row) in totals.iter_mut().zip(summed) {
            // SAFETY: below, there are `count` elements from `at` on.
            let terms = terms(unsafe { V::load_first(row.as_ptr().cast::<f32>().add(at), count, fill) });
            *total = from_fn(|t| total[t] + terms[t]);
        }
    };
    let mut at = 0;
    while length - at >= 2 {
        add(at, 2);
        at += 2;
    }
    if at < length {
        add(at, 1);
    }
    totals
}

/// Vectors added one to one.
#[inline(always)]
fn add<V: Vector, const T: usize>(a: [V; T], b: [V; T]) -> [V; T] {
    from_fn(|t| a[t] + b[t])
}

/// Adds running sums to totals.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn total<V: Vector, const T: usize, const P: usize>(totals: &mut Sums<V, T, P>, running: [[V; T]; P]) {
    for p in 0..P {
        for t in 0..T {
            let [lower, upper] = running[p][t].widen();
            totals[p][t] = [totals[p][t][0] + lower, totals[p][t][1] + upper];
        }
    }
}

/// Sums in one f64 each: `(lane 0 + lane 2) + (lane 1 + lane 3)`.
#[inline(always)]
pub fn reduce<V: Vector, const T: usize>(sums: [[V::Pair; 2]; T]) -> [f64; T] {
    sums.map(|[lower, upper]| (lower + upper).sum())
}

/// [`reduce`] of the sums of two rows.
#[inline(always)]
pub fn reduce_two<V: Vector, const T: usize>(a: [[V::Pair; 2]; T], b: [[V::Pair; 2]; T]) -> [V::Pair; T] {
    from_fn(|t| V::Pair::reduce(a[t][0] + a[t][1], b[t][0] + b[t][1]))
}

/// A [`sweep`] that only writes, `N` vectors in a round.
#[inline(always)]
pub fn map<V: Vector, C: Columns, const N: usize, const R: usize, const W: usize>(
    columns: C,
    read: [Operand; R],
    written: [Row; W],
    write: impl Fn(C, [V; R]) -> [V; W],
) {
    sweep::<V, C, N, 1, R, W, 0, 0, 0>(columns, read, written, write, [], [], |_, []| []);
}

/// A [`sweep`] that only sums.
#[inline(always)]
pub fn sum<V: Vector, C: Columns, const CHUNK: usize, const S: usize, const T: usize, const P: usize>(
    columns: C,
    summed: [[Row; S]; P],
    fills: [f32; S],
    terms: impl Fn(C, [V; S]) -> [V; T],
) -> Sums<V, T, P> {
    sweep::<V, C, GROUP, CHUNK, 0, 0, S, T, P>(columns, [], [], |_, []| [], summed, fills, terms)
}

/// The vector of four elements of `row`, from `start` on.
#[inline(always)]
pub fn load<V: Vector>(row: Row, start: usize) -> V {
    // SAFETY: `part` checks that there are four elements.
    unsafe { V::load(part(row, start, LANES).as_ptr().cast()) }
}

/// Two elements of `row`, from `start` on.
#[inline(always)]
pub fn load_pair<V: Vector>(row: Row, start: usize) -> V::Pair {
    // SAFETY: `part` checks that there are two elements.
    unsafe { V::load_first(part(row, start, 2).as_ptr().cast(), 2, 0.0) }.widen()[0]
}

/// Writes a vector to four elements of `row`, from `start` on.
#[inline(always)]
pub fn store<V: Vector>(vector: V, row: Row, start: usize) {
    // SAFETY: `part` checks that there are four elements, and they are cells.
    unsafe { vector.store(part(row, start, LANES).as_ptr().cast_mut().cast()) }
}

/// Calls `each` for `times` times four vectors of `x`, the first from `start` on, `stride` elements apart.
#[inline(always)]
pub fn each_strided<V: Vector>(
    x: Row,
    start: usize,
    stride: usize,
    times: usize,
    mut each: impl FnMut([V; GROUP]),
) {
    if times == 0 {
        return;
    }
    let end = times * GROUP * stride;
    let x = part(x, start, end - stride + LANES);
    let mut at = 0;
    while at < end {
        // SAFETY: the last one ends where the part does.
        each(from_fn(|k| unsafe { V::load(x.as_ptr().cast::<f32>().add(at + k * stride)) }));
        at += GROUP * stride;
    }
}

/// Four vectors of `x`, the first from `start` on, each `stride` elements behind the one before.
#[inline(always)]
pub fn strided<V: Vector>(x: Row, start: usize, stride: usize) -> [V; GROUP] {
    let x = part(x, start, (GROUP - 1) * stride + LANES);
    // SAFETY: all four are within the part.
    from_fn(|k| unsafe { V::load(x.as_ptr().cast::<f32>().add(k * stride)) })
}

/// Four numbers in f64, as two pairs.
#[inline(always)]
pub fn load_pairs<P: Pair>(from: &[Cell<f64>; LANES]) -> [P; 2] {
    let from = from.as_ptr().cast::<f64>();
    // SAFETY: there are four.
    unsafe { [P::load(from), P::load(from.add(2))] }
}

/// Writes what [`load_pairs`] reads.
#[inline(always)]
pub fn store_pairs<P: Pair>([lower, upper]: [P; 2], to: &[Cell<f64>; LANES]) {
    let to = to.as_ptr().cast::<f64>().cast_mut();
    // SAFETY: there are four, and they are cells.
    unsafe {
        lower.store(to);
        upper.store(to.add(2));
    }
}

/// Four elements of `row`, from `start` on, `stride` elements apart: each in all lanes of a vector.
#[inline(always)]
pub fn splat_strided<V: Vector>(row: Row, start: usize, stride: usize) -> [V; GROUP] {
    let row = part(row, start, (GROUP - 1) * stride + 1);
    // SAFETY: all four are within the part.
    from_fn(|k| V::splat(unsafe { row.get_unchecked(k * stride) }.get()))
}

/// Writes four vectors to where [`strided`] reads them.
#[inline(always)]
pub fn store_strided<V: Vector>(vectors: [V; GROUP], y: Row, start: usize, stride: usize) {
    let y = part(y, start, (GROUP - 1) * stride + LANES);
    for (k, vector) in vectors.into_iter().enumerate() {
        // SAFETY: all four are within the part, and they are cells.
        unsafe { vector.store(y.as_ptr().cast::<f32>().cast_mut().add(k * stride)) }
    }
}

/// Sixteen elements of a row: four vectors, at its quarters.
pub struct Sample {
    /// their mean: exactly the row's value where the row is constant
    pub mean: f32,
    /// the mean of their squares
    pub square: f32,
}

/// A look at a row of at least sixteen elements before it is read.
#[inline(always)]
pub fn sample<V: Vector>(x: Row) -> Sample {
    let quarter = x.len() / 4;
    let x: [V; 4] = from_fn(|k| load(x, k * quarter));
    let mean = |[a, b, c, d]: [V; 4]| ((a + b) + (c + d)).reduce() * (1.0 / 16.0);
    Sample { mean: mean(x), square: mean(x.map(|x| x * x)) }
}
