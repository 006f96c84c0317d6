//! What holds of the kernels on any batch.
//!
//! That nothing beside a result is written and no argument changed is looked after in [`crate::call`].

use crate::batch::{Batch, Forward};
use crate::call::{BackwardCall, ForwardCall, Place, backward, forward};
use crate::case::{Case, MANY};
use crate::oracle::{BOUNDS, Errors, errors, exact, nearly_exact};
use layernorm_wasm::reference;
use std::ops::RangeInclusive;

/// Everything, each result in an array of its own, in one call.
const PLAIN_FORWARD: ForwardCall = ForwardCall { over_x: false, statistics: [true; 2] };
const PLAIN_BACKWARD: BackwardCall =
    BackwardCall { wanted: [true; 3], place: Place::Own, rows_per_call: usize::MAX >> 1 };

/// Fails where a property does not hold of a case.
pub fn check(case: &Case) {
    let Case { batch, saved, .. } = case;
    let plain = forward(batch, PLAIN_FORWARD);
    let [mean, rstd] = saved.as_ref().map_or([&plain.mean, &plain.rstd], |[mean, rstd]| [mean, rstd]);
    let gradients = backward(batch, mean, rstd, PLAIN_BACKWARD);
    same_whichever_way(case, &plain, [mean, rstd], &gradients);
    same_alone(batch, &plain, [mean, rstd], &gradients[0]);
    // A large batch has the bits of its rows.
    if saved.is_none() && batch.x.len() <= MANY {
        not_finite_stays(batch, &plain, &gradients[0]);
        constant_gives_beta(batch, &plain, &gradients[0]);
        near_the_reference(batch, plain, gradients);
    }
}

/// In place, in several calls, or without some of the results: those that are there have the same bits.
fn same_whichever_way(case: &Case, plain: &Forward, [mean, rstd]: [&[f32]; 2], gradients: &[Vec<f32>; 3]) {
    let result = forward(&case.batch, case.forward);
    assert_same_bits("y", &result.y, &plain.y);
    let statistics = [("mean", &result.mean, &plain.mean), ("rstd", &result.rstd, &plain.rstd)];
    for (wanted, (what, a, b)) in case.forward.statistics.into_iter().zip(statistics) {
        if wanted {
            assert_same_bits(what, a, b);
        }
    }
    let results = backward(&case.batch, mean, rstd, case.backward);
    for (k, what) in ["dx", "dgamma", "dbeta"].into_iter().enumerate() {
        if case.backward.wanted[k] {
            assert_same_bits(what, &results[k], &gradients[k]);
        }
    }
}

/// A row gives the same bits alone as in the batch.
fn same_alone(batch: &Batch, plain: &Forward, [mean, rstd]: [&[f32]; 2], dx: &[f32]) {
    let (rows, cols) = (batch.rows(), batch.cols);
    let mut some = vec![0, rows / 2, rows.saturating_sub(1)];
    some.dedup();
    for row in some.into_iter().filter(|&row| row < rows) {
        let elements = row * cols..(row + 1) * cols;
        let alone = of_rows(batch, row..row + 1);
        let result = forward(&alone, PLAIN_FORWARD);
        assert_same_bits("y of a row alone", &result.y, &plain.y[elements.clone()]);
        assert_same_bits("mean of a row alone", &result.mean, &plain.mean[row..=row]);
        assert_same_bits("rstd of a row alone", &result.rstd, &plain.rstd[row..=row]);
        let [dx_alone, ..] = backward(&alone, &mean[row..=row], &rstd[row..=row], PLAIN_BACKWARD);
        assert_same_bits("dx of a row alone", &dx_alone, &dx[elements]);
    }
}

/// NaN or infinity makes its row NaN, all of it. That it touches no other follows from [`same_alone`].
fn not_finite_stays(batch: &Batch, plain: &Forward, dx: &[f32]) {
    for row in 0..batch.rows() {
        let elements = row * batch.cols..(row + 1) * batch.cols;
        let x_is_finite = is_finite(&batch.x[elements.clone()]);
        if !x_is_finite {
            assert!(plain.y[elements.clone()].iter().all(|y| y.is_nan()), "row {row}: y is not NaN");
        }
        if !x_is_finite || !is_finite(&batch.dy[elements.clone()]) {
            assert!(dx[elements].iter().all(|dx| dx.is_nan()), "row {row}: dx is not NaN");
        }
    }
}

/// A constant row gives exactly beta, and where there is no eps a gradient of exactly 0.
fn constant_gives_beta(batch: &Batch, plain: &Forward, dx: &[f32]) {
    let is_usual = batch.gamma.as_ref().is_none_or(|gamma| is_finite(gamma));
    let rows = (0..batch.rows()).filter(|&row| is_usual && is_constant(batch, row));
    for row in rows {
        let elements = row * batch.cols..(row + 1) * batch.cols;
        for (col, &y) in plain.y[elements.clone()].iter().enumerate() {
            let beta = batch.beta.as_ref().map_or(0.0, |beta| beta[col]);
            assert!(y == beta || beta.is_nan(), "row {row} is constant: y[{col}] is {y:e}, not {beta:e}");
        }
        if batch.eps == 0.0 && is_usual_gradient(batch, row, 0.0) {
            assert!(dx[elements].iter().all(|&dx| dx == 0.0), "row {row} is constant: dx is not 0");
        }
    }
}

/// Whether a row has no variance: is constant, or zero where it is not centred.
fn is_constant(batch: &Batch, row: usize) -> bool {
    let x = &batch.x[row * batch.cols..(row + 1) * batch.cols];
    let constant = if batch.centred { x[0] } else { 0.0 };
    constant.is_finite() && x.iter().all(|&value| value == constant)
}

fn is_finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// The bounds of the numeric contract, on the rows that it is for.
fn near_the_reference(batch: &Batch, plain: Forward, gradients: [Vec<f32>; 3]) {
    let cols = batch.cols;
    let is_good = |&row: &usize| {
        let elements = row * cols..(row + 1) * cols;
        let x = &batch.x[elements];
        // What a constant row comes to without eps is for `constant_gives_beta`.
        let is_defined = is_finite(x) && !(batch.eps == 0.0 && is_constant(batch, row));
        is_defined && is_usual_gradient(batch, row, reference::mean_rstd(x, batch.eps, batch.centred).1)
    };
    let parameters = [&batch.gamma, &batch.beta];
    let usual = parameters.into_iter().flatten().flatten().all(|&value| is_in(value.into(), PARAMETERS));
    if !usual || !(batch.eps == 0.0 || EPS.contains(&batch.eps)) {
        return;
    }
    let good: Vec<usize> = (0..batch.rows()).filter(is_good).collect();
    if good.len() == batch.rows() {
        return assert_within(batch, &plain, &gradients);
    }
    let batch = of_rows(batch, good.iter().copied());
    let plain = forward(&batch, PLAIN_FORWARD);
    let gradients = backward(&batch, &plain.mean, &plain.rstd, PLAIN_BACKWARD);
    assert_within(&batch, &plain, &gradients);
}

/// Sizes whose products are normal numbers: 0, or within these powers of two.
const PARAMETERS: [i32; 2] = [-60, 60];
/// The same of `dy` and `dy * gamma`.
const GRADIENTS: [i32; 2] = [-126, 99];
/// Beyond, it may be `eps` that makes `rstd` infinite or 0 in f32.
const EPS: RangeInclusive<f64> = 1e-75..=1e75;

fn is_in(value: f64, [low, high]: [i32; 2]) -> bool {
    value == 0.0 || (2f64.powi(low)..=2f64.powi(high)).contains(&value.abs())
}

/// Whether the gradients of a row, and what they are measured by, are within the range of f32.
fn is_usual_gradient(batch: &Batch, row: usize, rstd: f64) -> bool {
    let dy = &batch.dy[row * batch.cols..(row + 1) * batch.cols];
    dy.iter().enumerate().all(|(col, &dy)| {
        let dy = f64::from(dy);
        let g = dy * batch.gamma.as_ref().map_or(1.0, |gamma| f64::from(gamma[col]));
        let fits = g.abs() * rstd < f64::from(f32::MAX);
        is_in(dy, GRADIENTS) && is_in(g, GRADIENTS) && fits
    })
}

/// In the order of [`BOUNDS`]: what is known to be exceeded by rows made for it, as `docs/numerics.md` lists them.
fn allowed(cols: usize) -> Errors {
    let [y, mean, rstd, dx, dgamma, dbeta] = BOUNDS.map(|(_, units)| units);
    [y, mean, rstd, dx.max(6.0 * (cols as f64).sqrt()), dgamma, dbeta]
}

fn assert_within(batch: &Batch, plain: &Forward, gradients: &[Vec<f32>; 3]) {
    let allowed = allowed(batch.cols);
    let is_within = |errors: &Errors| errors.iter().zip(allowed).all(|(&error, allowed)| error <= allowed);
    if is_within(&errors(batch, plain, gradients, &nearly_exact(batch))) {
        return;
    }
    // It may be the reference that is not exact enough.
    let errors = errors(batch, plain, gradients, &exact(batch));
    let names = BOUNDS.map(|(name, _)| name);
    assert!(
        is_within(&errors),
        "units of 2^-24: {names:?} are {errors:?}, allowed are {allowed:?}, of {batch:?}"
    );
}

/// Any NaN equals any other.
#[track_caller]
fn assert_same_bits(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        let same = a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(same, "{what}[{k}]: {a:e} ({:08x}) and {b:e} ({:08x})", a.to_bits(), b.to_bits());
    }
}

/// The batch of some of the rows of a batch.
fn of_rows(batch: &Batch, rows: impl Iterator<Item = usize> + Clone) -> Batch {
    let cols = batch.cols;
    let some = |of: &[f32]| {
        rows.clone().flat_map(|row| &of[row * cols..(row + 1) * cols]).copied().collect::<Vec<f32>>()
    };
    Batch { x: some(&batch.x), dy: some(&batch.dy), ..batch.clone() }
}
