//! Layer normalization of the rows whose squares leave the range of f32, or that hold NaN or infinity:
//! the formulas of [`crate::layer_norm`], an element at a time in f64, rounded to f32 once at the end.
//!
//! In f64 no square, product or sum of f32 values overflows or vanishes, so these rows need no scaling.
//! They are slower, and rare: standard deviations below 1e-12 that eps does not raise, or above 1e12.

use crate::gradients::Gradients;
use crate::row::{Row, element};
use core::cell::Cell;

/// Mean and variance in f64: two passes. NaN where the row holds NaN or infinity. Where rows are not `centred`, 0 takes the
/// place of the mean.
#[inline(never)]
fn moments(x: Row, centred: bool) -> (f64, f64) {
    let cols = x.len() as f64;
    let mean = sum(x.iter().map(|x| f64::from(x.get()))) / cols;
    // An infinite mean would leave infinity in some columns and NaN in others.
    let mean = if !mean.is_finite() {
        f64::NAN
    } else if centred {
        mean
    } else {
        0.0
    };
    let squares = x.iter().map(|x| (f64::from(x.get()) - mean) * (f64::from(x.get()) - mean));
    (mean, sum(squares) / cols)
}

/// From 0, where `Iterator::sum` starts from -0.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// `1 / sqrt(var + eps)` as it multiplies: a constant row with eps = 0 has `xhat = 0`, not NaN.
fn scale(var: f64, eps: f64) -> f64 {
    if var + eps == 0.0 { 0.0 } else { 1.0 / (var + eps).sqrt() }
}

/// Writes `y` and returns `(mean, rstd)`; rstd is infinite where `var + eps` is zero.
#[cold]
pub fn forward_row(
    x: Row,
    gamma: Option<Row>,
    beta: Option<Row>,
    y: Row,
    eps: f64,
    centred: bool,
) -> (f32, f32) {
    let (mean, var) = moments(x, centred);
    let rstd = scale(var, eps);
    for (col, (x, y)) in x.iter().zip(y).enumerate() {
        let xhat = (f64::from(x.get()) - mean) * rstd;
        y.set((xhat * parameter(gamma, col, 1.0) + parameter(beta, col, 0.0)) as f32);
    }
    (mean as f32, (1.0 / (var + eps).sqrt()) as f32)
}

/// The element of a parameter; of an absent one, its neutral value.
fn parameter(row: Option<Row>, col: usize, neutral: f64) -> f64 {
    row.map_or(neutral, |row| f64::from(element(row, col).get()))
}

/// `xhat` of a row, from the row itself and its saved `rstd`.
///
/// Where `rstd` was too large for f32, `eps` is nothing beside a variance that is not zero, so it is
/// taken anew from the variance.
fn normalized(x: Row, rstd: f32, centred: bool) -> (impl Fn(&Cell<f32>) -> f64, f64) {
    let (mean, var) = moments(x, centred);
    let rstd = if rstd.is_infinite() { scale(var, 0.0) } else { f64::from(rstd) };
    (move |x: &Cell<f32>| (f64::from(x.get()) - mean) * rstd, rstd)
}

/// Writes `dx`: NaN throughout where `dy`, `x`, `gamma` or `rstd` holds NaN or infinity.
#[cold]
pub fn backward_row(dy: Row, x: Row, rstd: f32, centred: bool, gamma: Option<Row>, dx: Row) {
    let cols = x.len() as f64;
    let (xhat, rstd) = normalized(x, rstd, centred);
    let g = |col: usize| f64::from(element(dy, col).get()) * parameter(gamma, col, 1.0);
    let (mut g_sum, mut gx_sum) = (0.0, 0.0);
    for (col, x) in x.iter().enumerate() {
        g_sum += g(col);
        gx_sum += g(col) * xhat(x);
    }
    let (c1, c2) = (g_sum / cols, gx_sum / cols);
    // Infinity less infinity would be NaN in some columns only.
    let rstd = if c1.is_finite() && c2.is_finite() { rstd } else { f64::NAN };
    let c1 = if centred { c1 } else { 0.0 };
    for (col, (x, dx)) in x.iter().zip(dx).enumerate() {
        dx.set((rstd * (g(col) - c1 - xhat(x) * c2)) as f32);
    }
}

/// Adds `dy * xhat` and `dy` to the gradients.
#[cold]
pub fn add_gradients(dy: Row, x: Row, rstd: f32, centred: bool, gradients: Gradients) {
    let (xhat, _) = normalized(x, rstd, centred);
    for (col, (dy, x)) in dy.iter().zip(x).enumerate() {
        gradients.add(col, (f64::from(dy.get()) * xhat(x)) as f32, dy.get());
    }
}
