//! The backward pass.

use super::{Centre, WIDE_COLS, power_of_two};
use crate::column_sum::ColumnSum;
use crate::extreme;
use crate::row::{Row, element, map, part, sum, sweep};
use crate::vector::Vector;
use core::ops::RangeInclusive;

/// Each sum is one running one: there is enough else to do for each vector, and no register to spare.
const SUMS: usize = 1;
/// A call of so many elements has its rows in a cache that is near enough not to be waited for.
const NEAR_ELEMENTS: usize = 1 << 18;
/// Outside of these, `rstd` is left to [`extreme`]: products in f32 could overflow or lose bits.
const RSTD_RANGE: RangeInclusive<f32> = power_of_two(-40) as f32..=power_of_two(40) as f32;

/// Backward: the gradients that are asked for.
pub struct Backward<'a> {
    /// `[rows, cols]`
    pub dy: Row<'a>,
    /// `[rows, cols]`
    pub x: Row<'a>,
    /// `[rows]`, from the forward pass
    pub mean: Row<'a>,
    /// `[rows]`, from the forward pass
    pub rstd: Row<'a>,
    /// `[cols]`, or nothing for 1
    pub gamma: Option<Row<'a>>,
    /// `[rows, cols]`; may be `dy` or `x`
    pub dx: Option<Row<'a>>,
    /// `[cols]`, added to
    pub dgamma: Option<ColumnSum<'a>>,
    /// `[cols]`, added to
    pub dbeta: Option<ColumnSum<'a>>,
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
    /// `sum(g) / cols`
    offset: f32,
}

/// All results of a backward call.
#[derive(Clone, Copy)]
struct All<'a> {
    dx: Row<'a>,
    dgamma: Row<'a>,
    dbeta: Row<'a>,
}

impl Backward<'_> {
    /// Runs the pass.
    pub fn run<V: Vector>(&self) {
        let in_pairs = self.rows * self.cols <= NEAR_ELEMENTS || self.cols > WIDE_COLS;
        let mut sums = None;
        let mut row = 0;
        while row < self.rows {
            let pair = (self.first_row + row).is_multiple_of(2) && row + 1 < self.rows;
            if in_pairs && pair && self.write_two::<V>(row) {
                row += 1;
            } else {
                let this = sums.take().unwrap_or_else(|| self.sums::<V>(row));
                let (centre, terms) = self.centre_and_terms(row, this);
                sums = self.write_one::<V>(row, centre, terms, !in_pairs);
            }
            for sum in [self.dgamma, self.dbeta].iter().flatten() {
                sum.row_added(self.first_row + row);
            }
            row += 1;
        }
    }

    /// Writes a row, and sums the next one if that is wanted and can be done in one loop.
    fn write_one<V: Vector>(
        &self,
        row: usize,
        centre: Option<Centre>,
        terms: Option<Terms>,
        sum_next: bool,
    ) -> Option<GradientSums> {
        let (Some(centre), Some(terms), Some(all)) = (centre, terms, self.all()) else {
            self.write_each::<V>(row, centre, terms);
            return None;
        };
        if sum_next && row + 1 < self.rows && centre.is_plain() && self.shift(row + 1) == 0.0 {
            return Some(self.write_all_and_sum::<V>(row, centre, terms, all));
        }
        self.write_all::<V>(row, centre, terms, all);
        None
    }

    /// The results, if all three are wanted.
    fn all(&self) -> Option<All<'_>> {
        let (dx, dgamma, dbeta) = (self.dx?, self.dgamma?, self.dbeta?);
        Some(All { dx, dgamma: dgamma.block(), dbeta: dbeta.block() })
    }

    fn row<'a>(&self, of: Row<'a>, row: usize) -> Row<'a> {
        part(of, row * self.cols, self.cols)
    }

    /// What is subtracted from `x` in the sums: the saved mean, or 0 where it is at most the standard deviation.
    /// A saved mean that small is right to half a unit of `xhat`, and the products of `x`
    /// itself lose nothing that matters. The mean of the other rows is off by its rounding: `sum(t)` tells by how
    /// much.
    fn shift(&self, row: usize) -> f32 {
        let (mean, rstd) = (element(self.mean, row).get(), element(self.rstd, row).get());
        if mean.abs() * rstd <= 1.0 { 0.0 } else { mean }
    }

    fn gradient_sums(&self, row: usize, shift: f32, [t, g, gt]: [f64; 3]) -> GradientSums {
        let delta =
            if shift == 0.0 { f64::from(element(self.mean, row).get()) } else { t / self.cols as f64 };
        GradientSums { shift, delta, g, gt }
    }

    /// The sums that the wanted gradients need.
    fn sums<V: Vector>(&self, row: usize) -> GradientSums {
        let (dy, x, shift) = (self.row(self.dy, row), self.row(self.x, row), self.shift(row));
        // dx needs all three, dgamma the first, dbeta none.
        let needed = self.dx.is_some() || self.dgamma.is_some() && shift != 0.0;
        let sums = match self.gamma {
            _ if !needed => [0.0; 3],
            Some(gamma) => sum::<V, SUMS, 3, 3>([dy, x, gamma], [0.0, shift, 0.0], |sums, [dy, x, gamma]| {
                shifted_gradients(shift)(sums, [dy * gamma, x])
            }),
            None => sum::<V, SUMS, 2, 3>([dy, x], [0.0, shift], shifted_gradients(shift)),
        };
        self.gradient_sums(row, shift, sums)
    }

    /// How the row is centred, and the terms of `dx`; nothing for what takes [`extreme`].
    fn centre_and_terms(&self, row: usize, sums: GradientSums) -> (Option<Centre>, Option<Terms>) {
        let rstd = element(self.rstd, row).get();
        let GradientSums { shift, delta, g, gt } = sums;
        if !(delta.is_finite() && RSTD_RANGE.contains(&rstd)) {
            return (None, None);
        }
        let cols = self.cols as f64;
        // sum(g * (t - delta)) = sum(g * t) - delta * sum(g)
        let slope = ((gt - delta * g) / cols * f64::from(rstd)) as f32;
        let offset = (g / cols) as f32;
        let finite = slope.is_finite() && offset.is_finite();
        (Some(Centre::new(shift, delta, rstd)), finite.then_some(Terms { slope, offset }))
    }

    /// `dgamma += dy * xhat`, `dbeta += dy` and `dx` in one read.
    fn write_all<V: Vector>(&self, row: usize, centre: Centre, terms: Terms, all: All) {
        let All { dx, dgamma, dbeta } = all;
        let (dy, x, written) =
            (self.row(self.dy, row), self.row(self.x, row), [dgamma, dbeta, self.row(dx, row)]);
        let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(centre.rstd));
        match self.gamma {
            Some(gamma) => {
                map::<V, 1, 5, 3>([dy, x, dgamma, dbeta, gamma], written, |[dy, x, dgamma, dbeta, gamma]| {
                    let xhat = xhat(x);
                    [dgamma + dy * xhat, dbeta + dy, dx_of(dy * gamma, xhat)]
                })
            }
            None => map::<V, 1, 4, 3>([dy, x, dgamma, dbeta], written, |[dy, x, dgamma, dbeta]| {
                let xhat = xhat(x);
                [dgamma + dy * xhat, dbeta + dy, dx_of(dy, xhat)]
            }),
        }
    }

    /// [`Backward::write_all`] of a row whose mean is one f32, and the sums of the next, unshifted.
    fn write_all_and_sum<V: Vector>(
        &self,
        row: usize,
        centre: Centre,
        terms: Terms,
        all: All,
    ) -> GradientSums {
        let All { dx, dgamma, dbeta } = all;
        let (dy, x, written) =
            (self.row(self.dy, row), self.row(self.x, row), [dgamma, dbeta, self.row(dx, row)]);
        let (next_dy, next_x) = (self.row(self.dy, row + 1), self.row(self.x, row + 1));
        let (xhat, dx_of) = (centre.plain_xhat::<V>(), terms.dx::<V>(centre.rstd));
        let [g, gt] = match self.gamma {
            Some(gamma) => sweep::<V, SUMS, 4, 5, 3, 3, 2>(
                [dy, x, dgamma, dbeta, gamma],
                written,
                |[dy, x, dgamma, dbeta, gamma]| {
                    let xhat = xhat(x);
                    [dgamma + dy * xhat, dbeta + dy, dx_of(dy * gamma, xhat)]
                },
                [next_dy, next_x, gamma],
                [0.0; 3],
                |sums, [dy, x, gamma]| gradients(sums, [dy * gamma, x]),
            ),
            None => sweep::<V, SUMS, 4, 4, 3, 2, 2>(
                [dy, x, dgamma, dbeta],
                written,
                |[dy, x, dgamma, dbeta]| {
                    let xhat = xhat(x);
                    [dgamma + dy * xhat, dbeta + dy, dx_of(dy, xhat)]
                },
                [next_dy, next_x],
                [0.0; 2],
                gradients,
            ),
        };
        self.gradient_sums(row + 1, 0.0, [0.0, g, gt])
    }

    /// Two rows at once, which share the loads of gamma, dgamma and dbeta. False, and nothing written, where one of
    /// them needs more than the usual arithmetic.
    fn write_two<V: Vector>(&self, row: usize) -> bool {
        let Some(All { dx, dgamma, dbeta }) = self.all() else { return false };
        if self.shift(row) != 0.0 || self.shift(row + 1) != 0.0 {
            return false;
        }
        let (dy0, dy1) = (self.row(self.dy, row), self.row(self.dy, row + 1));
        let (x0, x1) = (self.row(self.x, row), self.row(self.x, row + 1));
        let [g0, gt0, g1, gt1] = match self.gamma {
            Some(gamma) => sum::<V, SUMS, 5, 4>(
                [dy0, x0, dy1, x1, gamma],
                [0.0; 5],
                |sums, [dy0, x0, dy1, x1, gamma]| gradients_of_two(sums, [dy0 * gamma, x0, dy1 * gamma, x1]),
            ),
            None => sum::<V, SUMS, 4, 4>([dy0, x0, dy1, x1], [0.0; 4], gradients_of_two),
        };
        let one = self.centre_and_terms(row, self.gradient_sums(row, 0.0, [0.0, g0, gt0]));
        let two = self.centre_and_terms(row + 1, self.gradient_sums(row + 1, 0.0, [0.0, g1, gt1]));
        let ((Some(centre0), Some(terms0)), (Some(centre1), Some(terms1))) = (one, two) else { return false };
        let (xhat0, xhat1) = (centre0.plain_xhat::<V>(), centre1.plain_xhat::<V>());
        let (dx0, dx1) = (terms0.dx::<V>(centre0.rstd), terms1.dx::<V>(centre1.rstd));
        let written = [dgamma, dbeta, self.row(dx, row), self.row(dx, row + 1)];
        match self.gamma {
            Some(gamma) => map::<V, 2, 7, 4>(
                [dy0, x0, dy1, x1, dgamma, dbeta, gamma],
                written,
                |[dy0, x0, dy1, x1, dgamma, dbeta, gamma]| {
                    let (x0, x1) = (xhat0(x0), xhat1(x1));
                    let (dgamma, dbeta) = (dgamma + dy0 * x0 + dy1 * x1, dbeta + dy0 + dy1);
                    [dgamma, dbeta, dx0(dy0 * gamma, x0), dx1(dy1 * gamma, x1)]
                },
            ),
            None => map::<V, 2, 6, 4>(
                [dy0, x0, dy1, x1, dgamma, dbeta],
                written,
                |[dy0, x0, dy1, x1, dgamma, dbeta]| {
                    let (x0, x1) = (xhat0(x0), xhat1(x1));
                    let (dgamma, dbeta) = (dgamma + dy0 * x0 + dy1 * x1, dbeta + dy0 + dy1);
                    [dgamma, dbeta, dx0(dy0, x0), dx1(dy1, x1)]
                },
            ),
        }
        true
    }

    /// The wanted gradients one after the other: `dx` last, because it may stand where `dy` does.
    fn write_each<V: Vector>(&self, row: usize, centre: Option<Centre>, terms: Option<Terms>) {
        let (dy, x, rstd) = (self.row(self.dy, row), self.row(self.x, row), element(self.rstd, row).get());
        if let Some(dgamma) = self.dgamma.map(|sum| sum.block()) {
            match centre.map(Centre::xhat::<V>) {
                Some(xhat) => {
                    map::<V, 1, 3, 1>([dy, x, dgamma], [dgamma], |[dy, x, dgamma]| [dgamma + dy * xhat(x)])
                }
                None => extreme::add_dgamma(dy, x, rstd, dgamma),
            }
        }
        if let Some(dbeta) = self.dbeta.map(|sum| sum.block()) {
            map::<V, 1, 2, 1>([dy, dbeta], [dbeta], |[dy, dbeta]| [dbeta + dy]);
        }
        let Some(dx) = self.dx.map(|dx| self.row(dx, row)) else { return };
        match (centre, terms, self.gamma) {
            (Some(centre), Some(terms), Some(gamma)) => {
                let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(rstd));
                map::<V, 1, 3, 1>([dy, x, gamma], [dx], |[dy, x, gamma]| [dx_of(dy * gamma, xhat(x))])
            }
            (Some(centre), Some(terms), None) => {
                let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(rstd));
                map::<V, 1, 2, 1>([dy, x], [dx], |[dy, x]| [dx_of(dy, xhat(x))])
            }
            _ => extreme::backward_row(dy, x, rstd, self.gamma, dx),
        }
    }
}

/// `g_sum += g`, `gt_sum += g * x`: [`shifted_gradients`] where the shift is 0, and its first sum not needed
#[inline(always)]
fn gradients<V: Vector>([g_sum, gt_sum]: [V; 2], [g, x]: [V; 2]) -> [V; 2] {
    [g_sum + g, gt_sum + g * x]
}

/// [`gradients`] of two rows
#[inline(always)]
fn gradients_of_two<V: Vector>([g0, gt0, g1, gt1]: [V; 4], [dy0, x0, dy1, x1]: [V; 4]) -> [V; 4] {
    let ([g0, gt0], [g1, gt1]) = (gradients([g0, gt0], [dy0, x0]), gradients([g1, gt1], [dy1, x1]));
    [g0, gt0, g1, gt1]
}

/// `t_sum += x - shift`, `g_sum += g`, `gt_sum += g * (x - shift)`
#[inline(always)]
fn shifted_gradients<V: Vector>(shift: f32) -> impl Fn([V; 3], [V; 2]) -> [V; 3] {
    let shift = V::splat(shift);
    move |[t_sum, g_sum, gt_sum], [g, x]| {
        let t = x - shift;
        [t_sum + t, g_sum + g, gt_sum + g * t]
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
