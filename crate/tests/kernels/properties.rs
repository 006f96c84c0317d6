//! Properties that hold for every row, on rows that nobody thought of.

use crate::cases::assert_same_bits;
use crate::layer_norm::{Batch, assert_contract, backward, forward};
use layernorm_wasm::vector::Lanes4;
use proptest::collection::vec;
use proptest::prelude::*;

/// A finite row: any mean and spread, at a scale anywhere in the range of f32.
fn row(cols: usize) -> impl Strategy<Value = Vec<f32>> {
    let mean = prop_oneof![Just(0.0), -10.0..10.0, -1e4..1e4, -1e7..1e7];
    (vec(-3.0..3.0, cols), mean, -125..100i32).prop_map(|(x, mean, exponent)| {
        x.iter().map(|x: &f64| ((x + mean) * 2f64.powi(exponent)) as f32).collect()
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    let eps = prop_oneof![Just(0.0), Just(1e-12), Just(1e-5), Just(1.0), Just(1e30)];
    (1..300usize, 1..5usize, eps)
        .prop_flat_map(|(cols, rows, eps)| {
            let parameter = || prop::option::of(vec(-2f32..2.0, cols));
            (vec(row(cols), rows), vec(-1f32..1.0, rows * cols), parameter(), parameter(), Just((cols, eps)))
        })
        .prop_map(|(x, dy, gamma, beta, (cols, eps))| Batch {
            x: x.concat(),
            dy,
            gamma,
            beta,
            cols,
            eps,
            centred: true,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_the_contract(batch in batch()) {
        // With eps = 0 a row that is constant but for rounding has no well-defined gradient.
        let constant = batch.x.chunks(batch.cols).any(|x| x.iter().all(|&x0| x0 == x[0]));
        prop_assume!(!(constant && batch.eps == 0.0));
        assert_contract::<Lanes4>(&batch, "random batch");
    }

    /// Table 1 of the paper: one case re-scaled or re-centred, eps = 0. A power of two rounds nothing.
    #[test]
    fn is_invariant_to_the_scale_of_a_row(x in vec(-3f32..3.0, 2..200), exponent in -20..20i32) {
        let batch = Batch { dy: x.clone(), cols: x.len(), x, gamma: None, beta: None, eps: 0.0, centred: true };
        let factor = 2f32.powi(exponent);
        let scaled = Batch { x: batch.x.iter().map(|x| x * factor).collect(), ..batch.clone() };
        for (scaled, batch) in [(scaled.uncentred(), batch.uncentred()), (scaled, batch)] {
            assert_same_bits("y", &forward::<Lanes4>(&scaled).y, &forward::<Lanes4>(&batch).y);
        }
    }

    /// `dx` is orthogonal to the two directions that the normalization removes: 1 and `xhat`.
    #[test]
    fn dx_sums_to_nothing(batch in batch()) {
        let cols = batch.cols;
        let unscaled = Batch { gamma: None, eps: 0.0, ..batch };
        let [dx, ..] = backward::<Lanes4>(&unscaled);
        let result = forward::<Lanes4>(&Batch { beta: None, ..unscaled.clone() });
        for (row, dx) in dx.chunks(cols).enumerate() {
            let rstd = f64::from(result.rstd[row]);
            prop_assume!(rstd.is_finite() && dx.iter().all(|dx| dx.is_finite()));
            let bound = 64.0 * cols as f64 * rstd / f64::from(1 << 24) + cols as f64 * f64::from(f32::from_bits(2));
            let sum: f64 = dx.iter().map(|&dx| f64::from(dx)).sum();
            prop_assert!(sum.abs() <= bound, "sum(dx) = {sum:e}, allowed is {bound:e}");
            let y = &result.y[row * cols..];
            let sum: f64 = dx.iter().zip(y).map(|(&dx, &y)| f64::from(dx) * f64::from(y)).sum();
            let bound = bound * y.iter().take(cols).fold(1f64, |largest, &y| largest.max(f64::from(y.abs())));
            prop_assert!(sum.abs() <= bound, "sum(dx * xhat) = {sum:e}, allowed is {bound:e}");
        }
    }
}
