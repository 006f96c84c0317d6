//! The forward pass over rows that lie side by side, as in images of the layout NCHW that are normalised over C: element
//! `k` of all rows is contiguous, so that a vector has four rows in its lanes, and nothing need be transposed.
//!
//! The operations of each row are those of [`super::forward`], in the same order: what that has in lane `k % 4` of a
//! vector, this has in a vector of its own. Every row takes what there only some need, a shift, and a mean of two parts:
//! to subtract 0 changes no bit.
//!
//! The elements of a row are far apart, mostly in pages of their own, and no processor fetches those ahead. So there are
//! many rows in a block: their elements are read in runs, and are still in the second-level cache when they are read again.

use super::Centre;
use super::forward::{CHUNK, NARROW_COLS, is_good, is_ordinary, moments, rstd};
use crate::row::{
    F64_COLS, GROUP, Row, each_strided, element, load, load_pairs, splat_strided, store, store_pairs,
    store_strided, strided,
};
use crate::vector::{LANES, Real, Vector};
use core::array::from_fn;
use core::cell::Cell;

/// The most rows of a block.
const ROWS: usize = 256;
/// Elements of a row in a group.
const GROUP_ELEMENTS: usize = GROUP * LANES;

/// Forward across rows: `y` and, where they are asked for, `mean` and `rstd` of each row.
pub struct ForwardAcross<'a> {
    /// `[cols, rows]`, its rows `stride` elements apart
    pub x: Row<'a>,
    /// `[cols]`, or nothing for 1
    pub gamma: Option<Row<'a>>,
    /// `[cols]`, or nothing for 0
    pub beta: Option<Row<'a>>,
    /// as `x`; may be `x`
    pub y: Row<'a>,
    /// `[rows]`
    pub mean: Option<Row<'a>>,
    /// `[rows]`
    pub rstd: Option<Row<'a>>,
    /// how many there are
    pub rows: usize,
    /// elements in a row, at least 1
    pub cols: usize,
    /// elements from one of a row to the next
    pub stride: usize,
    /// what is added to the variance, at least 0
    pub eps: f64,
    /// whether the mean is subtracted: false for RMSNorm
    pub centred: bool,
}

/// Four rows: for each lane of [`super::forward`] the sums of `x - shift` and of its square.
type Totals = [[[Cell<f64>; LANES]; 2]; LANES];
/// A number for each row of a block.
type OfRows = [Cell<f32>; ROWS];

/// What is known of the rows of a block.
struct Block {
    /// how many there are
    rows: usize,
    /// what is subtracted before sums
    shift: OfRows,
    totals: [Totals; ROWS / LANES],
    /// of the [`Centre`] of each row
    centre: [OfRows; 3],
}

impl Block {
    /// Of no rows. A constant, which is one fill of memory: written out where it is used, each array in it is its own.
    #[allow(clippy::declare_interior_mutable_const)]
    const EMPTY: Self = {
        const ZERO: Cell<f32> = Cell::new(0.0);
        const TOTALS: Totals = [const { [const { [const { Cell::new(0.0) }; LANES] }; 2] }; LANES];
        let centre = [const { [ZERO; ROWS] }; 3];
        Block { rows: 0, shift: [ZERO; ROWS], totals: [TOTALS; ROWS / LANES], centre }
    };

    /// Four rows after another: the first one's number, and their sums.
    fn totals(&self) -> impl Iterator<Item = (usize, &Totals)> {
        (0..self.rows).step_by(LANES).zip(&self.totals)
    }
}

impl ForwardAcross<'_> {
    /// Runs the pass as far as rows are ordinary: of more than [`F64_COLS`] elements, and such that three reads are enough.
    /// Returns how many they were.
    #[inline(always)]
    pub fn run<V: Vector>(&self) -> usize {
        if self.cols <= F64_COLS {
            return 0;
        }
        let mut block = Block::EMPTY;
        let mut row = 0;
        loop {
            block.rows = ((self.rows - row) / LANES * LANES).min(ROWS);
            if block.rows == 0 || !self.take_statistics::<V>(row, &block) {
                return row;
            }
            self.write_y::<V>(row, &block);
            row += block.rows;
        }
    }

    /// Where element `col` of row `row` is.
    #[inline(always)]
    fn at(&self, row: usize, col: usize) -> usize {
        col * self.stride + row
    }

    /// What the rows of a block, from `row` on, are centred and scaled by. False where one of them is not ordinary.
    #[inline(always)]
    fn take_statistics<V: Vector>(&self, row: usize, block: &Block) -> bool {
        self.set_shifts::<V>(row, block);
        for _ in 0..3 {
            self.sum::<V>(row, block);
            let [mut good, mut ordinary] = [true; 2];
            for (four, [a, b, c, d]) in block.totals() {
                let sums: [[f64; LANES]; 2] = from_fn(|term| {
                    let [a, b, c, d]: [[V::Pair; 2]; LANES] =
                        [a, b, c, d].map(|lane| load_pairs(&lane[term]));
                    let sum = [const { Cell::new(0.0) }; LANES];
                    store_pairs(from_fn(|half| (a[half] + c[half]) + (b[half] + d[half])), &sum);
                    sum.map(|sum| sum.get())
                });
                // Four, which the compiler is not to know: it would write the loop out.
                for lane in 0..LANES.min(block.rows) {
                    let at = four + lane;
                    let shift = element(&block.shift, at);
                    let sums = sums.map(|sums| sums[lane]);
                    let (delta, var) = moments(sums, 1.0 / self.cols as f64, self.centred);
                    let mean = f64::from(shift.get()) + delta;
                    if !is_good(delta, var, self.cols) {
                        // Again, with all others, whose sums are then what they are now.
                        good = false;
                        shift.set(mean as f32);
                        continue;
                    }
                    let spread = var + self.eps;
                    ordinary &= is_ordinary(spread);
                    let rstd = rstd(spread, self.cols);
                    let centre = Centre::new(mean, rstd, self.cols);
                    let [shifts, deltas, rstds] = &block.centre;
                    element(shifts, at).set(centre.shift);
                    element(deltas, at).set(centre.delta);
                    element(rstds, at).set(rstd);
                    if let Some(means) = self.mean {
                        element(means, row + at).set(mean as f32);
                    }
                    if let Some(rstds) = self.rstd {
                        element(rstds, row + at).set(rstd);
                    }
                }
            }
            if good {
                return ordinary;
            }
        }
        false
    }

    /// The shifts of the first sums: see `shift_of` in [`super::forward`].
    #[inline(always)]
    fn set_shifts<V: Vector>(&self, row: usize, block: &Block) {
        let quarter = self.cols / 4 * self.stride;
        for at in (0..block.rows).step_by(LANES) {
            let mut shift = V::splat(0.0);
            if self.centred && self.cols > NARROW_COLS {
                // Of lanes 0 and 2, and of 1 and 3.
                let (mut this, mut other) = ([shift; 2], [shift; 2]);
                let mut place = row + at;
                while place < LANES * self.stride {
                    let x: [V; 4] = strided(self.x, place, quarter);
                    (this, other) = (other, add(this, [sum_of_four(x), sum_of_four(x.map(|x| x * x))]));
                    place += self.stride;
                }
                let [m, square] = add(this, other).map(|sum| sum * V::splat(1.0 / 16.0));
                shift = V::from_bits(m.to_bits() & (m * m).at_least(V::splat(0.375) * square));
            }
            store(shift, &block.shift, at);
        }
    }

    /// Sums of the rows of a block, with their shifts.
    #[inline(always)]
    fn sum<V: Vector>(&self, row: usize, block: &Block) {
        let zeros = [V::Pair::splat(0.0); 2];
        let stride = LANES * self.stride;
        let mut col = 0;
        while col < self.cols {
            let groups = ((self.cols - col) / GROUP_ELEMENTS).min(CHUNK);
            let end = if groups > 0 { col + groups * GROUP_ELEMENTS } else { self.cols };
            for lane in 0..(end - col).min(LANES) {
                for (four, totals) in block.totals() {
                    let mut at = self.at(row + four, col + lane);
                    let end_at = self.at(0, end);
                    let shift = load::<V>(&block.shift, four);
                    let mut running = [V::splat(0.0); 2];
                    each_strided(self.x, at, stride, groups, |x: [V; 4]| {
                        let t = x.map(|x| x - shift);
                        running = add(running, [sum_of_four(t), sum_of_four(t.map(|t| t * t))]);
                    });
                    at += groups * GROUP * stride;
                    while at < end_at {
                        let t = load::<V>(self.x, at) - shift;
                        running = add(running, [t, t * t]);
                        at += stride;
                    }
                    for (total, running) in totals[lane].iter().zip(running) {
                        let [lower, upper] = running.widen();
                        let before = if col > 0 { load_pairs(total) } else { zeros };
                        store_pairs([before[0] + lower, before[1] + upper], total);
                    }
                }
            }
            col = end;
        }
    }

    /// `y = xhat * gamma + beta` of the rows of a block.
    #[inline(always)]
    fn write_y<V: Vector>(&self, row: usize, block: &Block) {
        // 1 and -0 change no value.
        let neutral = [1.0, -0.0].map(|value| [Cell::new(value)]);
        let affine = [(self.gamma, &neutral[0]), (self.beta, &neutral[1])]
            .map(|(row, neutral)| row.map_or((&neutral[..], 0), |row| (row, usize::MAX)));
        let mut col = 0;
        while col < self.cols {
            // Four columns at once; the last few one by one, each as if it were four.
            let step = usize::from(self.cols - col >= 4);
            let [gamma, beta]: [[V; 4]; 2] =
                affine.map(|(row, mask)| splat_strided(row, col & mask, step & mask));
            for at in (0..block.rows).step_by(LANES) {
                let [shift, delta, rstd]: [V; 3] = from_fn(|k| load(&block.centre[k], at));
                let place = self.at(row + at, col);
                let x = strided::<V>(self.x, place, step * self.stride);
                let y = from_fn(|k| ((x[k] - shift) - delta) * rstd * gamma[k] + beta[k]);
                store_strided(y, self.y, place, step * self.stride);
            }
            col += 1 + 3 * step;
        }
    }
}

/// The sum of four vectors, as groups have it.
#[inline(always)]
fn sum_of_four<V: Vector>([a, b, c, d]: [V; 4]) -> V {
    (a + b) + (c + d)
}

#[inline(always)]
fn add<V: Vector>(a: [V; 2], b: [V; 2]) -> [V; 2] {
    from_fn(|k| a[k] + b[k])
}
