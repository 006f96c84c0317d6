//! What `npm run fuzz` has found, each as the plainest batch that shows it. Those that are ignored are beyond the bounds,
//! and `docs/numerics.md` lists them.

use crate::cases::{Values, assert_same_bits, normal, values};
use crate::layer_norm::{Batch, backward, forward};
use crate::oracle::{BOUNDS, errors, exact};
use layernorm_wasm::vector::Lanes4;

/// A row of 100 columns.
fn batch(x: Vec<f32>, dy_std: f32, eps: f64) -> Batch {
    let dy = values(x.len(), Values { mean: 0.0, std: dy_std }, 2);
    Batch { cols: x.len(), x, dy, gamma: None, beta: None, eps, centred: true }
}

#[track_caller]
fn assert_within(batch: &Batch) {
    let errors = errors(batch, &forward::<Lanes4>(batch), &backward::<Lanes4>(batch), &exact(batch));
    for ((name, bound), error) in BOUNDS.into_iter().zip(errors) {
        assert!(error <= bound, "{name} is off by {error} units, more than {bound}");
    }
}

/// `dy * (x - shift)` is too small for a normal f32, though neither of the two is.
#[test]
fn small_gradients_of_small_rows() {
    assert_within(&batch(values(100, Values { mean: 0.0, std: 1.2e-12 }, 1), 2e-30, 0.0));
}

/// `rstd`, 1e-50, is 0 as an f32; `dx`, 1e-30, is not.
#[test]
#[ignore = "dx: it is 0"]
fn an_eps_that_makes_rstd_zero() {
    assert_within(&batch(normal(100, 1), 1e20, 1e100));
}

/// `rstd`, 1e40, is infinity as an f32. The backward pass then leaves `eps` out, which is all there is.
#[test]
#[ignore = "dx: it is 0"]
fn an_eps_that_makes_rstd_infinite() {
    assert_within(&batch(vec![1.0; 100], 1e-10, 1e-80));
}

/// The mean that is not subtracted was -0 where four rows were done at once and 0 elsewhere.
#[test]
fn a_zero_without_centring_has_the_same_sign_alone() {
    let row = [-0.0, -1.0];
    let of = |rows: usize| Batch { cols: 2, centred: false, ..batch(row.repeat(rows), 1.0, 0.0) };
    let alone = forward::<Lanes4>(&of(1)).y;
    assert_same_bits("y", &forward::<Lanes4>(&of(4)).y, &alone.repeat(4));
}

/// Every product `g * x` vanished, and so did what was to be subtracted.
#[test]
fn products_that_vanish() {
    let row = Batch { dy: vec![1.5490507e-38], ..batch(vec![-3.2686927e-9], 1.0, 1e-12) };
    assert_within(&Batch { centred: false, ..row });
}
