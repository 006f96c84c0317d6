//! The forward pass.

use super::{Centre, GUARDED, power_of_two};
use crate::extreme;
use crate::row::{
    F64_COLS, GROUP, Operand, Row, element, map, neutral, part, reduce, reduce_two, rows, sample, store, sum,
    sum_in_f64, sweep,
};
use crate::vector::{Mask, Pair, Real, Vector};
use core::array::from_fn;
use core::ops::RangeInclusive;

/// Groups of vectors in a chunk of a sum: sixteen vectors lose at most 4 units of 2^-24.
pub(super) const CHUNK: usize = 4;
/// Rows of at most so many columns are done four at a time: what each row costs beside its elements counts. So their `rstd`
/// is taken in f32, two units of 2^-24 less exactly.
pub(super) const NARROW_COLS: usize = 256;
/// How large the square of the mean less the shift may be, beside the variance: their sum is what is summed, and the
/// difference loses as much more.
const LARGEST_DELTA: f64 = 0.625;
/// The same where the sums are f64: a mean of up to four standard deviations, which one f32 then stands for. Of four rows of
/// eight columns, one would be beyond the other a third of the time.
const LARGEST_DELTA_IN_F64: f64 = 16.0;
/// Outside of these, `var + eps` is left to [`extreme`]: squares in f32 could overflow or lose bits.
const VARIANCE_RANGE: RangeInclusive<f64> = power_of_two(-80)..=power_of_two(80);

/// `sum(x - shift)` and `sum((x - shift)^2)` of a row.
#[derive(Clone, Copy)]
struct ShiftedSums {
    shift: f32,
    sums: [f64; 2],
}

impl ShiftedSums {
    #[inline(never)]
    fn of<V: Vector>(x: Row, shift: f32) -> Self {
        if x.len() <= F64_COLS {
            let s = V::Pair::splat(f64::from(shift));
            let [sums] = sum_in_f64::<V, 2, 1>([x], shift, |x| f64_squares(x.widen()[0] - s));
            return ShiftedSums { shift, sums: sums.map(V::Pair::sum) };
        }
        let [sums] = sum::<V, (), CHUNK, 1, 2, 1>((), [[x]], [shift], shifted_squares(shift));
        ShiftedSums { shift, sums: reduce::<V, 2>(sums) }
    }
}

/// The mean less the shift, and the variance: `E[(x - shift)^2] - E[x - shift]^2`. Where rows are not `centred`, 0 takes
/// the place of the mean.
#[inline(always)]
pub(super) fn moments<F: Real>([sum, squares]: [F; 2], inverse_cols: f64, centred: bool) -> (F, F) {
    // Plus 0, so that it is not -0 where the sum is negative and not wanted.
    let delta = sum * F::splat(if centred { inverse_cols } else { 0.0 }) + F::splat(0.0);
    (delta, squares * F::splat(inverse_cols) - delta * delta)
}

/// Whether the shift was near enough to the mean.
#[inline(always)]
pub(super) fn is_good<F: Real>(delta: F, var: F, cols: usize) -> F::Mask {
    let largest = if cols <= F64_COLS { LARGEST_DELTA_IN_F64 } else { LARGEST_DELTA };
    (delta * delta).at_most(F::splat(largest) * var)
}

/// Whether `var + eps` is within range.
#[inline(always)]
pub(super) fn is_ordinary<F: Real>(spread: F) -> F::Mask {
    F::splat(*VARIANCE_RANGE.start()).at_most(spread) & spread.at_most(F::splat(*VARIANCE_RANGE.end()))
}

/// `1 / sqrt(var + eps)` of a row of `cols` elements.
#[inline(always)]
pub(super) fn rstd(spread: f64, cols: usize) -> f32 {
    if cols <= NARROW_COLS { 1.0 / (spread as f32).sqrt() } else { (1.0 / spread.sqrt()) as f32 }
}

/// What to sum a row's elements less of at first: near its mean, or 0 where the mean is small beside the elements
/// and a subtraction would be wasted. A guess, from a sample; 0 for a narrow row, where that would cost as much as
/// another read, and for one that is not centred. [`centre`] looks whether it was good.
#[inline(always)]
fn shift_of<V: Vector>(x: Row, centred: bool) -> f32 {
    if !centred || x.len() <= NARROW_COLS {
        return 0.0;
    }
    let sample = sample::<V>(x);
    // Not for a constant row, whose shift has to be its value, nor where the squares vanish.
    if sample.mean * sample.mean < 0.375 * sample.square { 0.0 } else { sample.mean }
}

/// The terms `x` and `x^2`: [`shifted_squares`] where the shift is 0
#[inline(always)]
fn squares<V: Vector>(_: (), [x]: [V; 1]) -> [V; 2] {
    [x, x * x]
}

/// The terms `t` and `t^2`
#[inline(always)]
fn f64_squares<F: Real>(t: F) -> [F; 2] {
    [t, t * t]
}

/// The terms `x - shift` and `(x - shift)^2`
#[inline(always)]
fn shifted_squares<V: Vector>(shift: f32) -> impl Fn((), [V; 1]) -> [V; 2] {
    let shift = V::splat(shift);
    move |_, [x]| squares((), [x - shift])
}

/// The centre and the mean of a row, or nothing where that takes [`extreme`].
///
/// The sums are of one read. Where the shift was too far from the mean, there is a second one, from a better shift, and
/// a third where the first was very far: a constant row then has its value for the shift.
fn centre<V: Vector>(x: Row, mut sums: ShiftedSums, eps: f64, centred: bool) -> Option<(Centre, f32)> {
    let inverse_cols = 1.0 / x.len() as f64;
    let (mut delta, mut var) = moments(sums.sums, inverse_cols, centred);
    for _ in 0..2 {
        if !GUARDED || is_good(delta, var, x.len()) {
            break;
        }
        sums = ShiftedSums::of::<V>(x, (f64::from(sums.shift) + delta) as f32);
        (delta, var) = moments(sums.sums, inverse_cols, centred);
    }
    let spread = var.max(0.0) + eps;
    if GUARDED && !(delta.is_finite() && is_ordinary(spread)) {
        return None;
    }
    let rstd = rstd(spread, x.len());
    let mean = f64::from(sums.shift) + delta;
    Some((Centre::new(mean, rstd, x.len()), mean as f32))
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
    /// whether the mean is subtracted: false for RMSNorm
    pub centred: bool,
}

impl Forward<'_> {
    /// Runs the pass.
    #[inline(never)]
    pub fn run<V: Vector>(&self) {
        // 1 and -0 change no value.
        let (one, zero) = (neutral(1.0), neutral(-0.0));
        let affine = [Operand::or(self.gamma, &one), Operand::or(self.beta, &zero)];
        let inverse_cols = 1.0 / self.cols as f64;
        let mut row = 0;
        while self.cols <= NARROW_COLS && row + 4 <= self.rows {
            if !self.write_four::<V>(row, affine, inverse_cols) {
                self.write_rows::<V>(row, row + 4, affine);
            }
            row += 4;
        }
        self.write_rows::<V>(row, self.rows, affine);
    }

    /// Rows `row` to `end`, each with the sums of the next.
    #[inline(never)]
    fn write_rows<V: Vector>(&self, mut row: usize, end: usize, affine: [Operand; 2]) {
        let mut sums = None;
        while row < end {
            let x = self.row(self.x, row);
            let this = sums.take().unwrap_or_else(|| ShiftedSums::of::<V>(x, shift_of::<V>(x, self.centred)));
            let y = self.row(self.y, row);
            let (mean, rstd) = match centre::<V>(x, this, self.eps, self.centred) {
                Some((centre, mean)) => {
                    let summed_at_once = row + 1 < end && self.cols > F64_COLS;
                    let next = summed_at_once.then(|| self.row(self.x, row + 1));
                    match next.filter(|next| centre.is_plain() && shift_of::<V>(next, self.centred) == 0.0) {
                        Some(next) => sums = Some(self.write_y_and_sum::<V>(x, centre, y, affine, next)),
                        None => self.write_y::<V>(x, centre, y, affine),
                    }
                    (mean, centre.rstd)
                }
                None => extreme::forward_row(x, self.gamma, self.beta, y, self.eps, self.centred),
            };
            if let Some(means) = self.mean {
                element(means, row).set(mean);
            }
            if let Some(rstds) = self.rstd {
                element(rstds, row).set(rstd);
            }
            row += 1;
        }
    }

    /// Four narrow rows from `row` on, with their statistics in the lanes of vectors. False, and nothing written,
    /// where one of them needs more than one read, or [`extreme`].
    fn write_four<V: Vector>(&self, row: usize, affine: [Operand; 2], inverse_cols: f64) -> bool {
        let x: [Row; 4] = rows(self.x, row, self.cols);
        let in_f64 = self.cols <= F64_COLS;
        let sums: [[V::Pair; 2]; 2] = if in_f64 {
            let sums = sum_in_f64::<V, 2, 4>(x, 0.0, |x| f64_squares(x.widen()[0]));
            [0, 2].map(|k| from_fn(|t| V::Pair::reduce(sums[k][t], sums[k + 1][t])))
        } else {
            let sums = sum::<V, (), CHUNK, 1, 2, 4>((), x.map(|x| [x]), [0.0], squares);
            [0, 2].map(|k| reduce_two::<V, 2>(sums[k], sums[k + 1]))
        };
        let [(delta0, var0), (delta1, var1)] = sums.map(|sums| moments(sums, inverse_cols, self.centred));
        let [spread0, spread1] = [var0, var1].map(|var| var + V::Pair::splat(self.eps));
        let good = is_good(delta0, var0, self.cols) & is_good(delta1, var1, self.cols);
        if GUARDED && !(good & is_ordinary(spread0) & is_ordinary(spread1)).all() {
            return false;
        }
        let (mean, rstd) = (V::narrow([delta0, delta1]), V::narrow([spread0, spread1]).rsqrt());
        let [x0, x1, x2, x3] = x;
        let y = rows(self.y, row, self.cols);
        let (means, rstds) = (mean.broadcast(), rstd.broadcast());
        let [gamma, beta] = affine;
        let read = [x0.into(), x1.into(), x2.into(), x3.into(), gamma, beta];
        map::<V, (), 1, 6, 4>((), read, y, |_, [x0, x1, x2, x3, gamma, beta]| {
            let x = [x0, x1, x2, x3];
            from_fn(|k| (x[k] - means[k]) * rstds[k] * gamma + beta)
        });
        if let Some(means) = self.mean {
            store(mean, means, row);
        }
        if let Some(rstds) = self.rstd {
            store(rstd, rstds, row);
        }
        true
    }

    /// Row `row` of a matrix.
    #[inline(always)]
    fn row<'a>(&self, matrix: Row<'a>, row: usize) -> Row<'a> {
        part(matrix, row * self.cols, self.cols)
    }

    /// `y = xhat * gamma + beta`
    #[inline(never)]
    fn write_y<V: Vector>(&self, x: Row, centre: Centre, y: Row, [gamma, beta]: [Operand; 2]) {
        let xhat = centre.xhat::<V>();
        map::<V, (), 1, 3, 1>((), [x.into(), gamma, beta], [y], |_, [x, gamma, beta]| {
            [xhat(x) * gamma + beta]
        });
    }

    /// [`Forward::write_y`] of a row whose mean is one f32, and the sums of the next, unshifted.
    #[inline(always)]
    fn write_y_and_sum<V: Vector>(
        &self,
        x: Row,
        centre: Centre,
        y: Row,
        affine: [Operand; 2],
        next: Row,
    ) -> ShiftedSums {
        let xhat = centre.plain_xhat::<V>();
        let run = |[gamma, beta]: [Operand; 2]| {
            sweep::<V, (), GROUP, CHUNK, 3, 1, 1, 2, 1>(
                (),
                [x.into(), gamma, beta],
                [y],
                |_, [x, gamma, beta]| [xhat(x) * gamma + beta],
                [[next]],
                [0.0],
                squares,
            )
        };
        let [sums] = match (self.gamma, self.beta) {
            // The same, where the compiler sees that none is absent.
            (Some(gamma), Some(beta)) => run([gamma.into(), beta.into()]),
            _ => run(affine),
        };
        ShiftedSums { shift: 0.0, sums: reduce::<V, 2>(sums) }
    }
}
