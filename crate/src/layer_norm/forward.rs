//! The forward pass.

use super::{Centre, WIDE_COLS, power_of_two};
use crate::extreme;
use crate::row::{Row, element, map, part, sample, sum, sweep};
use crate::vector::Vector;
use core::ops::RangeInclusive;

/// Each sum is two running ones: one alone would wait for the latency of additions.
const SUMS: usize = 2;
/// A call of more elements than this has its rows in no cache.
const FAR_ELEMENTS: usize = 1 << 22;
/// Outside of these, `var + eps` is left to [`extreme`]: squares in f32 could overflow or lose bits.
const VARIANCE_RANGE: RangeInclusive<f64> = power_of_two(-80)..=power_of_two(80);

/// Sums of a row, from a sampled shift.
#[derive(Clone, Copy)]
struct ShiftedSums {
    shift: f32,
    /// `sum(x - shift)`
    sum: f64,
    /// `sum((x - shift)^2)`
    squares: f64,
}

impl ShiftedSums {
    fn of<V: Vector>(x: Row, shift: f32) -> Self {
        let [sum, squares] = sum::<V, SUMS, 1, 2>([x], [shift], shifted_squares(shift));
        ShiftedSums { shift, sum, squares }
    }

    /// The mean less the shift, and the variance: `E[(x - shift)^2] - E[x - shift]^2`.
    fn moments(self, cols: f64) -> (f64, f64) {
        let delta = self.sum / cols;
        (delta, self.squares / cols - delta * delta)
    }
}

/// What to sum a row's elements less of: near its mean, or 0 where the mean is small beside the elements and
/// a subtraction would be wasted. A guess, from a sample; [`centre`] looks whether it was good.
#[inline(always)]
fn shift_of<V: Vector>(x: Row) -> f32 {
    match sample::<V>(x) {
        // Not for a constant row, whose shift has to be its value, nor where the squares vanish.
        Some(sample) if sample.mean * sample.mean < 0.375 * sample.square => 0.0,
        Some(sample) => sample.mean,
        None => element(x, 0).get(),
    }
}

/// `sum += x`, `squares += x^2`: [`shifted_squares`] where the shift is 0
#[inline(always)]
fn squares<V: Vector>([sum, squares]: [V; 2], [x]: [V; 1]) -> [V; 2] {
    [sum + x, squares + x * x]
}

/// `sum += x - shift`, `squares += (x - shift)^2`
#[inline(always)]
fn shifted_squares<V: Vector>(shift: f32) -> impl Fn([V; 2], [V; 1]) -> [V; 2] {
    let shift = V::splat(shift);
    move |[sum, squares], [x]| {
        let centred = x - shift;
        [sum + centred, squares + centred * centred]
    }
}

/// The centre and the mean of a row, or nothing where that takes [`extreme`].
///
/// The sums are of one read. Where the sampled shift was so far from the mean that the difference of the
/// two squares would lose more than a bit, there is a second one, from a better shift.
fn centre<V: Vector>(x: Row, mut sums: ShiftedSums, eps: f64) -> Option<(Centre, f32)> {
    let cols = x.len() as f64;
    let (mut delta, mut var) = sums.moments(cols);
    if delta * delta > var {
        sums = ShiftedSums::of::<V>(x, (f64::from(sums.shift) + delta) as f32);
        (delta, var) = sums.moments(cols);
    }
    let spread = var.max(0.0) + eps;
    if !(delta.is_finite() && VARIANCE_RANGE.contains(&spread)) {
        return None;
    }
    let rstd = (1.0 / spread.sqrt()) as f32;
    Some((Centre::new(sums.shift, delta, rstd), (f64::from(sums.shift) + delta) as f32))
}

/// Forward: `y` and, where they are asked for, `mean` and `rstd` of each row.
pub struct Forward<'a> {
    /// `[rows, cols]`
    pub x: Row<'a>,
    /// `[cols]`, or nothing for 1
    pub gamma: Option<Row<'a>>,
    /// `[cols]`, or nothing for 0
    pub beta: Option<Row<'a>>,
    /// `[rows, cols]`; may be `x`
    pub y: Row<'a>,
    /// `[rows]`
    pub mean: Option<Row<'a>>,
    /// `[rows]`
    pub rstd: Option<Row<'a>>,
    /// how many there are
    pub rows: usize,
    /// elements in a row, at least 1
    pub cols: usize,
    /// what is added to the variance, at least 0
    pub eps: f64,
}

impl Forward<'_> {
    /// Runs the pass.
    pub fn run<V: Vector>(&self) {
        let cols = self.cols;
        let x = |row: usize| part(self.x, row * cols, cols);
        let in_one_loop = cols <= WIDE_COLS || self.rows * cols <= FAR_ELEMENTS;
        let mut sums = None;
        for row in 0..self.rows {
            let sum_next = in_one_loop && row + 1 < self.rows;
            let this = sums.take().unwrap_or_else(|| ShiftedSums::of::<V>(x(row), shift_of::<V>(x(row))));
            let y = part(self.y, row * cols, cols);
            let (mean, rstd) = match centre::<V>(x(row), this, self.eps) {
                Some((centre, mean)) => {
                    if sum_next && centre.is_plain() && shift_of::<V>(x(row + 1)) == 0.0 {
                        sums = Some(self.write_y_and_sum::<V>(x(row), centre, y, x(row + 1)));
                    } else {
                        self.write_y::<V>(x(row), centre, y);
                    }
                    (mean, centre.rstd)
                }
                None => extreme::forward_row(x(row), self.gamma, self.beta, y, self.eps),
            };
            if let Some(means) = self.mean {
                element(means, row).set(mean);
            }
            if let Some(rstds) = self.rstd {
                element(rstds, row).set(rstd);
            }
        }
    }

    /// `y = xhat * gamma + beta`
    fn write_y<V: Vector>(&self, x: Row, centre: Centre, y: Row) {
        let xhat = centre.xhat::<V>();
        match (self.gamma, self.beta) {
            (Some(gamma), Some(beta)) => {
                map::<V, 2, 3, 1>([x, gamma, beta], [y], |[x, gamma, beta]| [xhat(x) * gamma + beta])
            }
            (Some(gamma), None) => map::<V, 2, 2, 1>([x, gamma], [y], |[x, gamma]| [xhat(x) * gamma]),
            (None, Some(beta)) => map::<V, 2, 2, 1>([x, beta], [y], |[x, beta]| [xhat(x) + beta]),
            (None, None) => map::<V, 2, 1, 1>([x], [y], |[x]| [xhat(x)]),
        }
    }

    /// [`Forward::write_y`] of a row whose mean is one f32, and the sums of the next, unshifted.
    fn write_y_and_sum<V: Vector>(&self, x: Row, centre: Centre, y: Row, next: Row) -> ShiftedSums {
        let xhat = centre.plain_xhat::<V>();
        let (summed, fills) = ([next], [0.0]);
        let [sum, squares] = match (self.gamma, self.beta) {
            (Some(gamma), Some(beta)) => {
                let write = |[x, gamma, beta]: [V; 3]| [xhat(x) * gamma + beta];
                sweep::<V, SUMS, 4, 3, 1, 1, 2>([x, gamma, beta], [y], write, summed, fills, squares)
            }
            (Some(gamma), None) => {
                let write = |[x, gamma]: [V; 2]| [xhat(x) * gamma];
                sweep::<V, SUMS, 4, 2, 1, 1, 2>([x, gamma], [y], write, summed, fills, squares)
            }
            (None, Some(beta)) => {
                let write = |[x, beta]: [V; 2]| [xhat(x) + beta];
                sweep::<V, SUMS, 4, 2, 1, 1, 2>([x, beta], [y], write, summed, fills, squares)
            }
            (None, None) => {
                sweep::<V, SUMS, 4, 1, 1, 1, 2>([x], [y], |[x]| [xhat(x)], summed, fills, squares)
            }
        };
        ShiftedSums { shift: 0.0, sum, squares }
    }
}
