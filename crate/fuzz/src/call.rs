//! Calls of the kernels, between guards. What is particular to their structs is in [`call_forward`] and
//! [`call_backward`].

use crate::batch::{Batch, Forward};
use layernorm_wasm::gradients::Gradients;
use layernorm_wasm::layer_norm;
use layernorm_wasm::row::Row;
use layernorm_wasm::vector::Lanes4;
use std::cell::Cell;

/// Guards before and after each array: odd, so that arrays stand at any alignment.
const GUARDS: usize = 5;
/// NaN, so that a read beyond an array shows in the results.
const GUARD: u32 = 0x7fc5_a5a5;
/// What a result holds before it is written.
const UNWRITTEN: f32 = 7.0;

/// An array between guards.
struct Guarded<T>(Vec<Cell<T>>);

impl Guarded<f32> {
    fn of(values: &[f32]) -> Self {
        Guarded::between(values, f32::from_bits(GUARD))
    }

    fn result(length: usize) -> Self {
        Guarded::of(&vec![UNWRITTEN; length])
    }

    /// The elements, after a look at the guards.
    fn take(self, what: &str) -> Vec<f32> {
        self.check(what, |guard| guard.to_bits() == GUARD);
        self.row().iter().map(Cell::get).collect()
    }

    fn assert_unchanged(self, what: &str, before: &[f32]) {
        let same = self.take(what).iter().zip(before).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{what} was changed");
    }
}

impl<T: Copy> Guarded<T> {
    fn between(values: &[T], guard: T) -> Self {
        let guards = [guard; GUARDS];
        Guarded(guards.iter().chain(values).chain(&guards).copied().map(Cell::new).collect())
    }

    fn row(&self) -> &[Cell<T>] {
        &self.0[GUARDS..self.0.len() - GUARDS]
    }

    fn check(&self, what: &str, is_guard: impl Fn(T) -> bool) {
        let (before, rest) = self.0.split_at(GUARDS);
        let after = &rest[rest.len() - GUARDS..];
        assert!(before.iter().chain(after).all(|guard| is_guard(guard.get())), "written beside {what}");
    }
}

/// How a forward call is made.
#[derive(Clone, Copy, Debug)]
pub struct ForwardCall {
    /// `y` stands where `x` does.
    pub over_x: bool,
    /// Whether `mean` and `rstd` are written.
    pub statistics: [bool; 2],
}

/// Where `dx` stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// in an array of its own
    Own,
    /// where `dy` does
    OverDy,
    /// where `x` does
    OverX,
}

/// How backward calls are made.
#[derive(Clone, Copy, Debug)]
pub struct BackwardCall {
    /// `[dx, dgamma, dbeta]`
    pub wanted: [bool; 3],
    /// of `dx`
    pub place: Place,
    /// rows in each call, at least 1
    pub rows_per_call: usize,
}

/// The arrays of a call.
struct Arrays<'a> {
    dy: Row<'a>,
    x: Row<'a>,
    mean: Option<Row<'a>>,
    rstd: Row<'a>,
    gamma: Option<Row<'a>>,
    dx: Option<Row<'a>>,
    dgamma: Option<Row<'a>>,
    dbeta: Option<Row<'a>>,
}

fn call_backward(arrays: &Arrays, rows_per_call: usize, cols: usize) {
    let Arrays { dy, x, mean, rstd, gamma, dx, dgamma, dbeta } = *arrays;
    // NaN, so that what is not started shows.
    let guard = f64::from(f32::from_bits(GUARD));
    let scratch = Guarded::between(&vec![guard; Gradients::bytes(cols).div_ceil(size_of::<f64>())], guard);
    // SAFETY: it has the bytes for it.
    let gradients = unsafe { Gradients::at(scratch.row().as_ptr().cast_mut().cast(), cols) };
    gradients.start::<Lanes4>(gamma);
    let rows = rstd.len();
    for first_row in (0..rows).step_by(rows_per_call) {
        let end = rows.min(first_row + rows_per_call);
        let elements = first_row * cols..end * cols;
        layer_norm::Backward {
            dy: &dy[elements.clone()],
            x: &x[elements.clone()],
            mean: mean.map(|mean| &mean[first_row..end]),
            rstd: &rstd[first_row..end],
            gamma,
            dx: dx.map(|dx| &dx[elements]),
            gradients,
            rows: end - first_row,
            cols,
            first_row,
        }
        .run::<Lanes4>();
    }
    gradients.finish::<Lanes4>(dgamma, dbeta, false);
    scratch.check("the gradients", f64::is_nan);
}

fn call_forward(
    x: Row,
    gamma: Option<Row>,
    beta: Option<Row>,
    y: Row,
    statistics: [Option<Row>; 2],
    of: &Batch,
) {
    let [mean, rstd] = statistics;
    let (rows, &Batch { cols, eps, centred, .. }) = (of.rows(), of);
    layer_norm::Forward { x, gamma, beta, y, mean, rstd, rows, cols, eps, centred }.run::<Lanes4>();
}

/// A forward call. Statistics that are not wanted come back unwritten.
pub fn forward(batch: &Batch, ForwardCall { over_x, statistics }: ForwardCall) -> Forward {
    let x = Guarded::of(&batch.x);
    let [gamma, beta] = [&batch.gamma, &batch.beta].map(|of| of.as_deref().map(Guarded::of));
    let y = Guarded::result(batch.x.len());
    let results = [(); 2].map(|()| Guarded::result(batch.rows()));
    let wanted = [0, 1].map(|k| statistics[k].then(|| results[k].row()));
    let place = if over_x { &x } else { &y };
    let [gamma_row, beta_row] = [&gamma, &beta].map(|of| of.as_ref().map(Guarded::row));
    call_forward(x.row(), gamma_row, beta_row, place.row(), wanted, batch);
    assert_unchanged("gamma", gamma, &batch.gamma);
    assert_unchanged("beta", beta, &batch.beta);
    let y = if over_x {
        y.take("an array that is not used");
        x.take("y over x")
    } else {
        x.assert_unchanged("x", &batch.x);
        y.take("y")
    };
    let [mean, rstd] = results;
    Forward { y, mean: mean.take("mean"), rstd: rstd.take("rstd") }
}

/// Backward calls on a batch, from the saved `mean` and `rstd`. Gradients that are not wanted come back unwritten.
pub fn backward(batch: &Batch, mean: &[f32], rstd: &[f32], call: BackwardCall) -> [Vec<f32>; 3] {
    let BackwardCall { wanted, place, rows_per_call } = call;
    let [dy, x, saved_mean, saved_rstd] = [&batch.dy, &batch.x, mean, rstd].map(Guarded::of);
    let gamma = batch.gamma.as_deref().map(Guarded::of);
    let [dx, dgamma, dbeta] = [batch.x.len(), batch.cols, batch.cols].map(Guarded::result);
    let dx_row = match place {
        Place::Own => dx.row(),
        Place::OverDy => dy.row(),
        Place::OverX => x.row(),
    };
    let arrays = Arrays {
        dy: dy.row(),
        x: x.row(),
        mean: batch.centred.then(|| saved_mean.row()),
        rstd: saved_rstd.row(),
        gamma: gamma.as_ref().map(Guarded::row),
        dx: wanted[0].then_some(dx_row),
        dgamma: wanted[1].then(|| dgamma.row()),
        dbeta: wanted[2].then(|| dbeta.row()),
    };
    call_backward(&arrays, rows_per_call, batch.cols);
    assert_unchanged("gamma", gamma, &batch.gamma);
    saved_mean.assert_unchanged("mean", mean);
    saved_rstd.assert_unchanged("rstd", rstd);
    let over = |this: Place| wanted[0] && place == this;
    let (over_dy, over_x) = (over(Place::OverDy), over(Place::OverX));
    let mut dx = dx.take("dx");
    for (what, array, before, is_dx) in [("dy", dy, &batch.dy, over_dy), ("x", x, &batch.x, over_x)] {
        if is_dx {
            dx = array.take(what);
        } else {
            array.assert_unchanged(what, before);
        }
    }
    [dx, dgamma.take("dgamma"), dbeta.take("dbeta")]
}

fn assert_unchanged(what: &str, array: Option<Guarded<f32>>, before: &Option<Vec<f32>>) {
    if let (Some(array), Some(before)) = (array, before) {
        array.assert_unchanged(what, before);
    }
}
