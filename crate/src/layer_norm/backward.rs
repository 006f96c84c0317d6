//! The backward pass.

use super::{Centre, GUARDED, power_of_two};
use crate::extreme;
use crate::gradients::{Gradients, Strips};
use crate::row::{
    GROUP, Operand, Row, Sums, element, load_pair, map, part, reduce, reduce_two, rows, sum, sweep,
};
use crate::vector::{LANES, Mask, Pair, Real, Vector};
use core::ops::RangeInclusive;

/// Groups of vectors in a chunk of a sum.
const CHUNK: usize = 8;
/// Rows of at most so many columns may have a mean of two standard deviations and not of one before it is subtracted: each
/// lane of a sum is of two elements, and loses less. Every thirtieth row of eight columns has a mean between the two.
const TWO_VECTORS: usize = 2 * LANES;
/// A call of more elements than this has its rows in no cache. Two at once, where several lie in one page of memory, are then
/// slower than one after the other: such rows are short.
const FAR_ELEMENTS: usize = 1 << 21;
/// The most columns of short rows.
const SHORT_COLS: usize = 1280;
/// Outside of these, `rstd` is left to [`extreme`]: products in f32 could overflow or lose bits.
const RSTD_RANGE: RangeInclusive<f32> = power_of_two(-40) as f32..=power_of_two(40) as f32;

/// A row whose `slope` and `sum(g) / cols` are smaller than this times `rstd` is left to [`extreme`], unless its `dy` is 0:
/// products `g * (x - shift)` could be denormal where the bound of `dx` asks for more bits.
const SMALLEST: f64 = power_of_two(-102);

/// Backward: the gradients.
pub struct Backward<'a> {
    /// `[rows, cols]`
    pub dy: Row<'a>,
    /// `[rows, cols]`
    pub x: Row<'a>,
    /// `[rows]`, from the forward pass; nothing for RMSNorm, which subtracts no mean
    pub mean: Option<Row<'a>>,
    /// `[rows]`, from the forward pass
    pub rstd: Row<'a>,
    /// `[cols]`, or nothing for 1
    pub gamma: Option<Row<'a>>,
    /// `[rows, cols]`; may be `dy` or `x`
    pub dx: Option<Row<'a>>,
    /// of `cols` columns, with `gamma` in it; added to
    pub gradients: Gradients<'a>,
    /// how many there are
    pub rows: usize,
    /// elements in a row, at least 1
    pub cols: usize,
    /// which row of the whole batch the first one is
    pub first_row: usize,
}

/// Sums of a row, with `t = x - shift`.
#[derive(Clone, Copy)]
struct GradientSums {
    /// The saved mean, or 0: see [`Backward::shift`].
    shift: f32,
    /// The mean less the shift.
    delta: f64,
    /// `sum(g)`
    g: f64,
    /// `sum(g * t)`
    gt: f64,
}

/// What a row's sums come to: `dx = (g - (xhat * slope + offset)) * rstd`.
#[derive(Clone, Copy)]
struct Terms {
    /// `sum(g * xhat) / cols`
    slope: f32,
    /// `sum(g) / cols`, or 0 where no mean is subtracted
    offset: f32,
}

/// How the elements of a row are centred, and what its sums come to. Nothing where that takes [`extreme`].
type CentreAndTerms = (Option<Centre>, Option<Terms>);

impl<'a> Backward<'a> {
    /// Runs the pass.
    #[inline(never)]
    pub fn run<V: Vector>(&self) {
        let far = self.rows * self.cols > FAR_ELEMENTS && self.cols <= SHORT_COLS;
        let mut row = 0;
        // Of this row, or of this and the next, where they have been taken.
        let (mut one, mut two) = (None, None);
        while row < self.rows {
            let at_once = !far && (self.first_row + row).is_multiple_of(2) && row + 3 < self.rows;
            if at_once && self.shift(row) == 0.0 && self.shift(row + 1) == 0.0 {
                let sums = two.take().unwrap_or_else(|| self.sums_of_two::<V>(row));
                if let Some(dx) = self.dx
                    && let Some(usual) = self.usual::<V>(row, sums)
                {
                    (one, two) = (None, Some(self.write_two_and_sum::<V>(row, dx, usual)));
                    self.gradients.row_added::<V>(self.first_row + row + 1);
                    row += 2;
                    continue;
                }
            }
            two = None;
            let this = one.take().filter(|sums: &GradientSums| sums.shift == self.shift(row));
            let sums = this.unwrap_or_else(|| self.sums::<V>(row));
            one = self.write_one_and_sum::<V>(row, sums);
            self.gradients.row_added::<V>(self.first_row + row);
            row += 1;
        }
    }

    /// `sum(g)` and `sum(g * x)` of row `row` and of the next, small in mean.
    #[inline(always)]
    fn sums_of_two<V: Vector>(&self, row: usize) -> [V::Pair; 2] {
        let [a, b] = [row, row + 1].map(|row| self.sums::<V>(row));
        [V::Pair::new(a.g, b.g), V::Pair::new(a.gt, b.gt)]
    }

    /// What two rows from `row` on, small in mean, are written from: the mean of both, then `slope`, `offset` and `rstd`.
    /// [`Backward::centre_and_terms`] in the lanes of pairs; nothing where that might find one of them not ordinary.
    #[inline(always)]
    fn usual<V: Vector>(&self, row: usize, [g, gx]: [V::Pair; 2]) -> Option<[V; 8]> {
        let pair = V::Pair::splat;
        let rstd = load_pair::<V>(self.rstd, row);
        let mean = self.mean.map_or(pair(0.0), |mean| load_pair::<V>(mean, row));
        let slope = (gx - mean * g) * pair(1.0 / self.cols as f64) * rstd;
        let offset = g * pair(self.inverse_cols());
        // Far from where an f32 is infinite, or products are denormal, and never of NaN.
        let mean_g = g * pair(1.0 / self.cols as f64);
        let squares = slope * slope + mean_g * mean_g;
        let usual = squares.at_most(pair(power_of_two(200)))
            & (rstd * rstd * pair(4.0 * SMALLEST * SMALLEST)).at_most(squares)
            & pair(f64::from(*RSTD_RANGE.start())).at_most(rstd)
            & rstd.at_most(pair(f64::from(*RSTD_RANGE.end())));
        if GUARDED && !usual.all() {
            return None;
        }
        let [mean0, mean1, slope0, slope1] = V::narrow([mean, slope]).broadcast();
        let [offset0, offset1, rstd0, rstd1] = V::narrow([offset, rstd]).broadcast();
        Some([mean0, mean1, slope0, slope1, offset0, offset1, rstd0, rstd1])
    }

    /// What to multiply a sum by for a mean that is subtracted: 0 where none is.
    #[inline(always)]
    fn inverse_cols(&self) -> f64 {
        if self.mean.is_some() { 1.0 / self.cols as f64 } else { 0.0 }
    }

    /// The mean of a row, or 0 where none is subtracted.
    #[inline(always)]
    fn mean(&self, row: usize) -> f32 {
        self.mean.map_or(0.0, |mean| element(mean, row).get())
    }

    /// What to sum `x` less of: its mean, or 0 where that is small beside the elements.
    fn shift(&self, row: usize) -> f32 {
        let mean = self.mean(row);
        let most = if self.cols <= TWO_VECTORS { 2.0 } else { 1.0 };
        if mean.abs() * element(self.rstd, row).get() <= most { 0.0 } else { mean }
    }

    /// Sums of a row, in one read.
    #[inline(never)]
    fn sums<V: Vector>(&self, row: usize) -> GradientSums {
        let (shift, columns) = (self.shift(row), self.gradients.columns());
        let terms = shifted_terms::<V>(shift);
        let [sums] = sum::<V, Strips, CHUNK, 2, 3, 1>(columns, [self.summed(row)], [0.0, shift], terms);
        self.gradient_sums(row, shift, reduce::<V, 3>(sums))
    }

    /// Sums of a row from those of `x - shift`, which is not needed where the shift is 0, of `g` and of
    /// `g * (x - shift)`.
    fn gradient_sums(&self, row: usize, shift: f32, [t, g, gt]: [f64; 3]) -> GradientSums {
        let mean = f64::from(self.mean(row));
        let delta = if shift == 0.0 { mean } else { t * (1.0 / self.cols as f64) };
        GradientSums { shift, delta, g, gt }
    }

    /// The rows that a row's sums are of.
    #[inline(always)]
    fn summed(&self, row: usize) -> [Row<'a>; 2] {
        [self.row(self.dy, row), self.row(self.x, row)]
    }

    #[inline(always)]
    fn centre_and_terms(&self, row: usize, sums: GradientSums) -> CentreAndTerms {
        let rstd = element(self.rstd, row).get();
        let GradientSums { shift, delta, g, gt } = sums;
        if GUARDED && !(delta.is_finite() && RSTD_RANGE.contains(&rstd)) {
            return (None, None);
        }
        let slope = (gt - delta * g) * (1.0 / self.cols as f64) * f64::from(rstd);
        let mean_g = g * (1.0 / self.cols as f64);
        let is_large = slope.abs().max(mean_g.abs()) >= SMALLEST * f64::from(rstd);
        let (slope, offset) = (slope as f32, (g * self.inverse_cols()) as f32);
        let usual = slope.is_finite() && offset.is_finite() && (is_large || self.is_zero(row));
        let terms = (usual || !GUARDED).then_some(Terms { slope, offset });
        (Some(Centre::new(f64::from(shift) + delta, rstd, self.cols)), terms)
    }

    /// Whether nothing comes back to a row.
    #[cold]
    fn is_zero(&self, row: usize) -> bool {
        self.row(self.dy, row).iter().all(|dy| dy.get() == 0.0)
    }

    /// Row `row` of a matrix.
    #[inline(always)]
    fn row(&self, matrix: Row<'a>, row: usize) -> Row<'a> {
        part(matrix, row * self.cols, self.cols)
    }

    /// Writes two rows, and sums the next two.
    #[inline(always)]
    fn write_two_and_sum<V: Vector>(
        &self,
        row: usize,
        dx: Row,
        [mean0, mean1, slope0, slope1, offset0, offset1, rstd0, rstd1]: [V; 8],
    ) -> [V::Pair; 2] {
        let ([dy0, x0], [dy1, x1]) = (self.summed(row), self.summed(row + 1));
        let [sums0, sums1]: Sums<V, 2, 2> = sweep::<V, Strips, GROUP, CHUNK, 4, 2, 2, 2, 2>(
            self.gradients.columns(),
            [dy0, x0, dy1, x1].map(Operand::from),
            rows(dx, row, self.cols),
            |strip, [dy0, x0, dy1, x1]| {
                let (xhat0, xhat1) = ((x0 - mean0) * rstd0, (x1 - mean1) * rstd1);
                strip.update(|dgamma: V| dgamma + dy0 * xhat0 + dy1 * xhat1, |dbeta| dbeta + dy0 + dy1);
                let dx0 = (scaled::<V>(strip, dy0) - (xhat0 * slope0 + offset0)) * rstd0;
                let dx1 = (scaled::<V>(strip, dy1) - (xhat1 * slope1 + offset1)) * rstd1;
                [dx0, dx1]
            },
            [self.summed(row + 2), self.summed(row + 3)],
            [0.0; 2],
            terms::<V>,
        );
        reduce_two::<V, 2>(sums0, sums1)
    }

    /// Writes a row from its sums, and sums the next, if there is one and the row is an ordinary one.
    #[inline(never)]
    fn write_one_and_sum<V: Vector>(&self, row: usize, sums: GradientSums) -> Option<GradientSums> {
        let (centre, terms) = self.centre_and_terms(row, sums);
        let [dy, x] = self.summed(row);
        let columns = self.gradients.columns();
        let dx = self.dx.map(|dx| self.row(dx, row));
        if let (Some(centre), Some(terms), Some(dx)) = (centre, terms, dx) {
            let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(centre.rstd));
            // The last row has no next one: what is summed in its place is not used.
            let next = if row + 1 < self.rows { row + 1 } else { row };
            let shift = self.shift(next);
            let [sums] = sweep::<V, Strips, GROUP, CHUNK, 2, 1, 2, 3, 1>(
                columns,
                [dy, x].map(Operand::from),
                [dx],
                |strip, [dy, x]| {
                    let xhat = xhat(x);
                    add(strip, dy, xhat);
                    [dx_of(scaled::<V>(strip, dy), xhat)]
                },
                [self.summed(next)],
                [0.0, shift],
                shifted_terms::<V>(shift),
            );
            return (next > row).then(|| self.gradient_sums(next, shift, reduce::<V, 3>(sums)));
        }
        let (rstd, centred) = (element(self.rstd, row).get(), self.mean.is_some());
        match centre.map(Centre::xhat::<V>) {
            Some(xhat) => {
                map::<V, Strips, 1, 2, 0>(columns, [dy, x].map(Operand::from), [], |strip, [dy, x]| {
                    let xhat = xhat(x);
                    add(strip, dy, xhat);
                    []
                })
            }
            None => extreme::add_gradients(dy, x, rstd, centred, self.gradients),
        }
        // Last, because it may stand where `dy` does.
        if let Some(dx) = dx {
            extreme::backward_row(dy, x, rstd, centred, self.gamma, dx);
        }
        None
    }
}

/// Adds `dy * xhat` and `dy` to the gradients.
#[inline(always)]
fn add<V: Vector>(strip: Strips, dy: V, xhat: V) {
    strip.update(|dgamma: V| dgamma + dy * xhat, |dbeta| dbeta + dy);
}

/// `g = dy * gamma`
#[inline(always)]
fn scaled<V: Vector>(strip: Strips, dy: V) -> V {
    dy * strip.gamma::<V>()
}

/// The terms `g` and `g * x`: [`shifted_terms`] where the shift is 0, and its first sum not needed
#[inline(always)]
fn terms<V: Vector>(strip: Strips, [dy, x]: [V; 2]) -> [V; 2] {
    let g = scaled::<V>(strip, dy);
    [g, g * x]
}

/// The terms `x - shift`, `g`, and `g * (x - shift)`
#[inline(always)]
fn shifted_terms<V: Vector>(shift: f32) -> impl Fn(Strips, [V; 2]) -> [V; 3] {
    let shift = V::splat(shift);
    move |strip, [dy, x]| {
        let t = x - shift;
        let [g, gt] = terms::<V>(strip, [dy, t]);
        [t, g, gt]
    }
}

impl Terms {
    /// `dx` of a vector of `g` and one of `xhat`.
    #[inline(always)]
    fn dx<V: Vector>(self, rstd: f32) -> impl Fn(V, V) -> V {
        let (slope, offset, rstd) = (V::splat(self.slope), V::splat(self.offset), V::splat(rstd));
        move |g, xhat| (g - (xhat * slope + offset)) * rstd
    }
}
