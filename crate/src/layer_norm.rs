//! Layer normalization (Ba, Kiros, Hinton, "Layer Normalization", arXiv 1607.06450), forward and backward.
//!
//! Forward, for each row of `cols` elements, with the biased variance:
//!
//! ```text
//! mean = sum(x) / cols      var = sum((x - mean)^2) / cols      rstd = 1 / sqrt(var + eps)
//! xhat = (x - mean) * rstd  y = xhat * gamma + beta
//! ```
//!
//! Backward, with `g = dy * gamma`:
//!
//! ```text
//! dx = rstd * (g - sum(g) / cols - xhat * sum(g * xhat) / cols)
//! dgamma = sum over rows of dy * xhat      dbeta = sum over rows of dy
//! ```
//!
//! Each row is read twice:
//!
//! 1. Sums, of elements less a `shift` near the mean, so that the error does not grow with the mean. They
//!    run in f32 over chunks of [`CHUNK`] elements and in f64 over the chunks, so that it does not grow
//!    with `cols` either.
//! 2. Results. The row is subtracted from first and scaled after, never `x * a + b`, which cancels.

use crate::column_sum::ColumnSum;
use crate::extreme;
use crate::row::{ACCUMULATORS, Row, map, sample, sweep};
use crate::vector::Vector;

/// Elements whose sum runs in f32: sixteen additions to each lane of four accumulators.
const CHUNK: usize = 256;

/// Outside of these, `var + eps` is left to [`extreme`]: squares in f32 could overflow or lose bits.
const VARIANCE_RANGE: core::ops::RangeInclusive<f64> = 8.271806125530277e-25..=1.2089258196146292e24;
/// `VARIANCE_RANGE` as `rstd`.
const RSTD_RANGE: core::ops::RangeInclusive<f32> = 9.094947e-13..=1.0995116e12;

/// How the elements of a row are centred and scaled: `xhat = ((x - shift) - delta) * rstd`.
///
/// `shift + delta` is the mean to more bits than one f32 holds. Where one f32 is enough, it is the
/// `shift` and `delta` is zero.
#[derive(Clone, Copy)]
struct Centre {
    shift: f32,
    delta: f32,
    rstd: f32,
}

impl Centre {
    /// The mean is `shift + delta`. It is rounded to one f32 where that moves `xhat` by less than a
    /// quarter of a unit of 2^-24.
    fn new(shift: f32, delta: f64, rstd: f32) -> Self {
        let exact = f64::from(shift) + delta;
        let mean = exact as f32;
        if (exact - f64::from(mean)).abs() * f64::from(rstd) <= 1.4901161193847656e-8 {
            Centre { shift: mean, delta: 0.0, rstd }
        } else {
            Centre { shift, delta: delta as f32, rstd }
        }
    }

    /// `xhat` of a vector of `x`.
    #[inline(always)]
    fn xhat<V: Vector>(self) -> impl Fn(V) -> V {
        let (shift, delta, rstd) = (V::splat(self.shift), V::splat(self.delta), V::splat(self.rstd));
        move |x| ((x - shift) - delta) * rstd
    }
}

/// The f64 sum of chunks' f32 sums, each a fixed tree over its accumulators.
#[inline(always)]
fn add_chunk<V: Vector>(total: &mut f64, [a, b, c, d]: [V; ACCUMULATORS]) {
    *total += f64::from(((a + b) + (c + d)).reduce());
}

/// The sums of `x - shift` and of its squares.
fn shifted_sums<V: Vector>(x: Row, shift: f32) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    let zero = V::splat(0.0);
    let centre = V::splat(shift);
    for x in x.chunks(CHUNK) {
        let mut partial = [(zero, zero); ACCUMULATORS];
        // sum += x - shift; squares += (x - shift)^2
        sweep([x], [shift], [], &mut partial, |(sum, squares), [x]: [V; 1]| {
            let centred = x - centre;
            *sum = *sum + centred;
            *squares = *squares + centred * centred;
            []
        });
        add_chunk(&mut sum, partial.map(|(sum, _)| sum));
        add_chunk(&mut squares, partial.map(|(_, squares)| squares));
    }
    (sum, squares)
}

/// The mean of `x - shift`, and the variance: `E[(x - shift)^2] - E[x - shift]^2`.
fn shifted_moments<V: Vector>(x: Row, shift: f32) -> (f64, f64) {
    let cols = x.len() as f64;
    let (sum, squares) = shifted_sums::<V>(x, shift);
    let delta = sum / cols;
    (delta, squares / cols - delta * delta)
}

/// The centre and the mean of a row, or nothing where that takes [`extreme`].
///
/// One read, from a sampled shift; another where the sample was so far from the mean that the
/// difference of the two squares would lose more than two bits.
fn centre<V: Vector>(x: Row, eps: f64) -> Option<(Centre, f32)> {
    let mut shift = sample::<V>(x);
    let (mut delta, mut var) = shifted_moments::<V>(x, shift);
    if delta * delta > 0.5 * var {
        shift = (f64::from(shift) + delta) as f32;
        (delta, var) = shifted_moments::<V>(x, shift);
    }
    let spread = var.max(0.0) + eps;
    if !(delta.is_finite() && VARIANCE_RANGE.contains(&spread)) {
        return None;
    }
    let rstd = (1.0 / spread.sqrt()) as f32;
    Some((Centre::new(shift, delta, rstd), (f64::from(shift) + delta) as f32))
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
    /// elements in a row, at least 1
    pub cols: usize,
    /// what is added to the variance, at least 0
    pub eps: f64,
}

impl Forward<'_> {
    /// Runs the pass.
    pub fn run<V: Vector>(&self) {
        let rows = self.x.chunks_exact(self.cols).zip(self.y.chunks_exact(self.cols));
        for (row, (x, y)) in rows.enumerate() {
            let (mean, rstd) = match centre::<V>(x, self.eps) {
                Some((centre, mean)) => {
                    write_y::<V>(x, centre, self.gamma, self.beta, y);
                    (mean, centre.rstd)
                }
                None => extreme::forward_row(x, self.gamma, self.beta, y, self.eps),
            };
            if let Some(means) = self.mean {
                means[row].set(mean);
            }
            if let Some(rstds) = self.rstd {
                rstds[row].set(rstd);
            }
        }
    }
}

/// `y = xhat * gamma + beta`
fn write_y<V: Vector>(x: Row, centre: Centre, gamma: Option<Row>, beta: Option<Row>, y: Row) {
    let xhat = centre.xhat::<V>();
    match (gamma, beta) {
        (Some(gamma), Some(beta)) => map([x, gamma, beta], [y], |[x, gamma, beta]| [xhat(x) * gamma + beta]),
        (Some(gamma), None) => map([x, gamma], [y], |[x, gamma]| [xhat(x) * gamma]),
        (None, Some(beta)) => map([x, beta], [y], |[x, beta]| [xhat(x) + beta]),
        (None, None) => map([x], [y], |[x]| [xhat(x)]),
    }
}

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
    /// elements in a row, at least 1
    pub cols: usize,
    /// which row of the whole batch the first one is
    pub first_row: usize,
}

impl Backward<'_> {
    /// Runs the pass.
    pub fn run<V: Vector>(&self) {
        let rows = self.dy.chunks_exact(self.cols).zip(self.x.chunks_exact(self.cols));
        for (row, (dy, x)) in rows.enumerate() {
            let dx = self.dx.map(|dx| &dx[row * self.cols..(row + 1) * self.cols]);
            self.row::<V>(dy, x, self.mean[row].get(), self.rstd[row].get(), dx);
            for sum in [self.dgamma, self.dbeta].iter().flatten() {
                sum.row_added(self.first_row + row);
            }
        }
    }

    fn row<V: Vector>(&self, dy: Row, x: Row, mean: f32, rstd: f32, dx: Option<Row>) {
        let (dgamma, dbeta) = (self.dgamma.map(|sum| sum.block()), self.dbeta.map(|sum| sum.block()));
        let gradient = dx.map(|_| gradient_sums::<V>(dy, x, mean, self.gamma));
        let delta = match gradient {
            Some(sums) => sums.centred,
            None if dgamma.is_some() => centred_sum::<V>(x, mean),
            None => 0.0,
        } / self.cols as f64;
        if !(delta.is_finite() && RSTD_RANGE.contains(&rstd)) {
            if let Some(dgamma) = dgamma {
                extreme::add_dgamma(dy, x, rstd, dgamma);
            }
            if let Some(dbeta) = dbeta {
                add_dbeta::<V>(dy, dbeta);
            }
            if let Some(dx) = dx {
                extreme::backward_row(dy, x, rstd, self.gamma, dx);
            }
            return;
        }
        let centre = Centre::new(mean, delta, rstd);
        let terms = gradient.and_then(|sums| sums.terms(delta, rstd, self.cols as f64));
        if let (Some(dx), Some(dgamma), Some(dbeta), Some(terms)) = (dx, dgamma, dbeta, terms) {
            return write_all::<V>(dy, x, centre, terms, self.gamma, dx, dgamma, dbeta);
        }
        if let Some(dgamma) = dgamma {
            add_dgamma::<V>(dy, x, centre, dgamma);
        }
        if let Some(dbeta) = dbeta {
            add_dbeta::<V>(dy, dbeta);
        }
        match (dx, terms) {
            (Some(dx), Some(terms)) => write_dx::<V>(dy, x, centre, terms, self.gamma, dx),
            (Some(dx), None) => extreme::backward_row(dy, x, rstd, self.gamma, dx),
            (None, _) => {}
        }
    }
}

/// What the sums of a row come to: `dx = (g - (xhat * slope + offset)) * rstd`.
#[derive(Clone, Copy)]
struct Terms {
    /// `sum(g) / cols`
    offset: f32,
    /// `sum(g * xhat) / cols`
    slope: f32,
}

/// Sums over a row, with `t = x - mean`.
#[derive(Clone, Copy)]
struct GradientSums {
    /// `sum(t)`: not quite zero, because `mean` is rounded
    centred: f64,
    /// `sum(g)`
    g: f64,
    /// `sum(g * t)`
    gt: f64,
}

impl GradientSums {
    /// With the mean put right: `sum(g * (t - delta)) = sum(g * t) - delta * sum(g)`. Nothing where a sum
    /// left the range of f32.
    fn terms(self, delta: f64, rstd: f32, cols: f64) -> Option<Terms> {
        let offset = (self.g / cols) as f32;
        let slope = ((self.gt - delta * self.g) / cols * f64::from(rstd)) as f32;
        (offset.is_finite() && slope.is_finite()).then_some(Terms { offset, slope })
    }
}

fn gradient_sums<V: Vector>(dy: Row, x: Row, mean: f32, gamma: Option<Row>) -> GradientSums {
    let mut sums = GradientSums { centred: 0.0, g: 0.0, gt: 0.0 };
    let zero = V::splat(0.0);
    let centre = V::splat(mean);
    // centred += t; g_sum += g; gt += g * t
    let add = |(centred, g_sum, gt): &mut (V, V, V), g: V, x: V| {
        let t = x - centre;
        *centred = *centred + t;
        *g_sum = *g_sum + g;
        *gt = *gt + g * t;
        []
    };
    for start in (0..x.len()).step_by(CHUNK) {
        let chunk = start..x.len().min(start + CHUNK);
        let (dy, x) = (&dy[chunk.clone()], &x[chunk.clone()]);
        let mut partial = [(zero, zero, zero); ACCUMULATORS];
        match gamma {
            Some(gamma) => {
                sweep([dy, x, &gamma[chunk]], [0.0, mean, 0.0], [], &mut partial, |sums, [dy, x, gamma]| {
                    add(sums, dy * gamma, x)
                })
            }
            None => sweep([dy, x], [0.0, mean], [], &mut partial, |sums, [dy, x]| add(sums, dy, x)),
        }
        add_chunk(&mut sums.centred, partial.map(|(centred, _, _)| centred));
        add_chunk(&mut sums.g, partial.map(|(_, g, _)| g));
        add_chunk(&mut sums.gt, partial.map(|(_, _, gt)| gt));
    }
    sums
}

/// `sum(x - mean)`, in the order of [`gradient_sums`].
fn centred_sum<V: Vector>(x: Row, mean: f32) -> f64 {
    let mut sum = 0.0;
    let centre = V::splat(mean);
    for x in x.chunks(CHUNK) {
        let mut partial = [V::splat(0.0); ACCUMULATORS];
        sweep([x], [mean], [], &mut partial, |sum, [x]: [V; 1]| {
            *sum = *sum + (x - centre);
            []
        });
        add_chunk(&mut sum, partial);
    }
    sum
}

/// `dgamma += dy * xhat`, `dbeta += dy` and `dx = (g - (xhat * slope + offset)) * rstd` in one read.
#[allow(clippy::too_many_arguments)] // one value each of the formula
fn write_all<V: Vector>(
    dy: Row,
    x: Row,
    centre: Centre,
    terms: Terms,
    gamma: Option<Row>,
    dx: Row,
    dgamma: Row,
    dbeta: Row,
) {
    let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(centre.rstd));
    match gamma {
        Some(gamma) => {
            map([dy, x, gamma, dgamma, dbeta], [dgamma, dbeta, dx], |[dy, x, gamma, dgamma, dbeta]| {
                let xhat = xhat(x);
                [dgamma + dy * xhat, dbeta + dy, dx_of(dy * gamma, xhat)]
            })
        }
        None => map([dy, x, dgamma, dbeta], [dgamma, dbeta, dx], |[dy, x, dgamma, dbeta]| {
            let xhat = xhat(x);
            [dgamma + dy * xhat, dbeta + dy, dx_of(dy, xhat)]
        }),
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

/// `dx = (g - (xhat * slope + offset)) * rstd`
fn write_dx<V: Vector>(dy: Row, x: Row, centre: Centre, terms: Terms, gamma: Option<Row>, dx: Row) {
    let (xhat, dx_of) = (centre.xhat::<V>(), terms.dx::<V>(centre.rstd));
    match gamma {
        Some(gamma) => map([dy, x, gamma], [dx], |[dy, x, gamma]| [dx_of(dy * gamma, xhat(x))]),
        None => map([dy, x], [dx], |[dy, x]| [dx_of(dy, xhat(x))]),
    }
}

/// `dgamma += dy * xhat`
fn add_dgamma<V: Vector>(dy: Row, x: Row, centre: Centre, dgamma: Row) {
    let xhat = centre.xhat::<V>();
    map([dy, x, dgamma], [dgamma], |[dy, x, dgamma]| [dgamma + dy * xhat(x)]);
}

/// `dbeta += dy`
fn add_dbeta<V: Vector>(dy: Row, dbeta: Row) {
    map::<V, 2, 1>([dy, dbeta], [dbeta], |[dy, dbeta]| [dbeta + dy]);
}
