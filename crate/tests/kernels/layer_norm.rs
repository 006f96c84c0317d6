pub use crate::batch::{Batch, Forward};
use crate::cases::*;
use crate::kernel_test;
use layernorm_wasm::gradients::Gradients;
use layernorm_wasm::layer_norm;
use layernorm_wasm::reference;
use layernorm_wasm::vector::{Best, Lanes4, Vector};

/// The units of 2^-24 of the numeric contract.
const FORWARD_UNITS: f64 = 16.0;
const BACKWARD_UNITS: f64 = 32.0;

impl Batch {
    pub fn new(rows: usize, cols: usize, (gamma, beta): (bool, bool), of: Values) -> Self {
        Batch {
            x: values(rows * cols, of, 1),
            dy: normal(rows * cols, 2),
            gamma: gamma.then(|| normal(cols, 3)),
            beta: beta.then(|| normal(cols, 4)),
            cols,
            eps: 1e-5,
            centred: true,
        }
    }

    /// The same batch for RMSNorm.
    pub fn uncentred(&self) -> Self {
        Batch { centred: false, ..self.clone() }
    }
}

pub fn forward<V: Vector>(batch: &Batch) -> Forward {
    let Batch { mut x, mut gamma, mut beta, .. } = batch.clone();
    let mut y = vec![7.0; x.len()];
    let (mut mean, mut rstd) = (vec![7.0; batch.rows()], vec![7.0; batch.rows()]);
    layer_norm::Forward {
        x: row(&mut x),
        gamma: gamma.as_deref_mut().map(row),
        beta: beta.as_deref_mut().map(row),
        y: row(&mut y),
        mean: Some(row(&mut mean)),
        rstd: Some(row(&mut rstd)),
        rows: batch.rows(),
        cols: batch.cols,
        eps: batch.eps,
        centred: batch.centred,
    }
    .run::<V>();
    Forward { y, mean, rstd }
}

/// Which gradients are wanted: `[dx, dgamma, dbeta]`.
type Wanted = [bool; 3];

/// `[dx, dgamma, dbeta]`, in calls of `rows_per_call` rows.
fn backward_in_calls<V: Vector>(batch: &Batch, wanted: Wanted, rows_per_call: usize) -> [Vec<f32>; 3] {
    let Batch { mut x, mut dy, mut gamma, cols, .. } = batch.clone();
    let Forward { mut mean, mut rstd, .. } = forward::<V>(batch);
    let mut dx = vec![7.0; x.len()];
    let mut scratch = scratch(cols);
    let gamma = gamma.as_deref_mut().map(row);
    let (dy, x, dx_row, mean, rstd) =
        (row(&mut dy), row(&mut x), row(&mut dx), row(&mut mean), row(&mut rstd));
    let gradients = gradients(&mut scratch, cols);
    gradients.start::<V>(gamma);
    for first_row in (0..batch.rows()).step_by(rows_per_call) {
        let end = batch.rows().min(first_row + rows_per_call);
        let elements = first_row * cols..end * cols;
        layer_norm::Backward {
            dy: &dy[elements.clone()],
            x: &x[elements.clone()],
            mean: batch.centred.then(|| &mean[first_row..end]),
            rstd: &rstd[first_row..end],
            gamma,
            dx: wanted[0].then(|| &dx_row[elements]),
            gradients,
            rows: end - first_row,
            cols,
            first_row,
        }
        .run::<V>();
    }
    let (mut dgamma, mut dbeta) = (vec![7.0; cols], vec![7.0; cols]);
    let out = [(&mut dgamma, wanted[1]), (&mut dbeta, wanted[2])];
    let [dgamma_row, dbeta_row] = out.map(|(out, wanted)| wanted.then(|| row(out)));
    gradients.finish::<V>(dgamma_row, dbeta_row, false);
    [dx, dgamma, dbeta]
}

/// Memory for the gradients of `cols` columns, with what should not matter in it.
fn scratch(cols: usize) -> Vec<f64> {
    vec![7.0; Gradients::bytes(cols).div_ceil(size_of::<f64>())]
}

fn gradients(scratch: &mut [f64], cols: usize) -> Gradients<'_> {
    // SAFETY: `scratch` has the bytes for it.
    unsafe { Gradients::at(scratch.as_mut_ptr(), cols) }
}

pub fn backward<V: Vector>(batch: &Batch) -> [Vec<f32>; 3] {
    backward_in_calls::<V>(batch, [true; 3], usize::MAX >> 1)
}

/// Fails where a result of `batch`, or of it by RMSNorm, leaves the bounds of the numeric contract.
pub fn assert_contract<V: Vector>(batch: &Batch, what: &str) {
    assert_bounds::<V>(batch, what);
    assert_bounds::<V>(&batch.uncentred(), &format!("{what}, uncentred"));
}

fn assert_bounds<V: Vector>(batch: &Batch, what: &str) {
    let Batch { x, dy, gamma, beta, cols, eps, centred } = batch;
    let (cols, centred, gamma) = (*cols, *centred, gamma.as_deref());
    let expected = reference::layer_norm_forward(x, gamma, beta.as_deref(), cols, *eps, centred);
    let result = forward::<V>(batch);
    let gamma_of = |k: usize| gamma.map_or(1.0, |gamma| f64::from(gamma[k % cols]).abs());
    // The bound is that of xhat, through gamma, and the rounding of the addition of beta.
    let xhat = reference::layer_norm_forward(x, None, None, cols, *eps, centred).y;
    let beta_of = |k: usize| beta.as_ref().map_or(0.0, |beta| f64::from(beta[k % cols]).abs());
    let y_scale = |k: usize| xhat[k].abs().max(1.0) * gamma_of(k) + beta_of(k);
    assert_within(&format!("{what}: y"), FORWARD_UNITS, &result.y, &expected.y, y_scale);
    let std = |row: usize| 1.0 / reference::mean_rstd(&x[row * cols..(row + 1) * cols], 0.0, centred).1;
    assert_within(&format!("{what}: mean"), 4.0, &result.mean, &expected.mean, std);
    assert_within(&format!("{what}: rstd"), 8.0, &result.rstd, &expected.rstd, |_| 0.0);

    let expected_gradients = reference::layer_norm_backward(dy, x, gamma, cols, *eps, centred);
    let [dx, dgamma, dbeta] = backward::<V>(batch);
    let largest = |row: usize| {
        let row = row * cols..(row + 1) * cols;
        row.map(|k| gamma_of(k) * f64::from(dy[k]).abs()).fold(0.0, f64::max)
    };
    let scales: Vec<f64> = (0..batch.rows()).map(|row| largest(row) * expected.rstd[row]).collect();
    assert_within(&format!("{what}: dx"), BACKWARD_UNITS, &dx, &expected_gradients.dx, |k| scales[k / cols]);
    let column = |k: usize| (k..x.len()).step_by(cols);
    let dgamma_scale = |k: usize| column(k).map(|k| (f64::from(dy[k]) * xhat[k].abs().max(1.0)).abs()).sum();
    let dbeta_scale = |k: usize| column(k).map(|k| f64::from(dy[k]).abs()).sum();
    assert_within(
        &format!("{what}: dgamma"),
        BACKWARD_UNITS,
        &dgamma,
        &expected_gradients.dgamma,
        dgamma_scale,
    );
    assert_within(&format!("{what}: dbeta"), BACKWARD_UNITS, &dbeta, &expected_gradients.dbeta, dbeta_scale);
}

fn assert_equal_results(what: &str, a: &Batch, result: [Vec<f32>; 3], forward: Forward) {
    let b = (self::forward::<Lanes4>(a), backward::<Lanes4>(a));
    assert_same_bits(&format!("{what}: y"), &forward.y, &b.0.y);
    assert_same_bits(&format!("{what}: mean"), &forward.mean, &b.0.mean);
    assert_same_bits(&format!("{what}: rstd"), &forward.rstd, &b.0.rstd);
    for (name, k) in [("dx", 0), ("dgamma", 1), ("dbeta", 2)] {
        assert_same_bits(&format!("{what}: {name}"), &result[k], &b.1[k]);
    }
}

kernel_test! {
    fn is_near_the_reference_at_every_length() {
        for cols in cols() {
            for rows in ROWS {
                for affine in AFFINE {
                    let batch = Batch::new(rows, cols, affine, HARD[0]);
                    assert_contract::<Best>(&batch, &format!("[{rows}, {cols}] {affine:?}"));
                }
            }
        }
    }
}

kernel_test! {
    fn is_near_the_reference_on_hard_rows() {
        for values in HARD {
            for cols in [1, 2, 3, 5, 16, 17, 64, 127, 768, 4096] {
                let batch = Batch::new(3, cols, (true, true), values);
                assert_contract::<Best>(&batch, &format!("{cols} columns of {values:?}"));
            }
        }
    }
}

kernel_test! {
    /// The sample that the shift is taken from may be far from the rest.
    fn is_near_the_reference_where_the_sample_misleads() {
        for cols in [16, 64, 768, 4096] {
            let quarter = cols / 4;
            let mut batch = Batch::new(1, cols, (true, true), HARD[0]);
            for k in 0..16 {
                batch.x[k / 4 * quarter + k % 4] += 1000.0;
            }
            assert_contract::<Best>(&batch, &format!("{cols} columns, outliers in the sample"));
            batch.x[0] = 1e5;
            assert_contract::<Best>(&batch, &format!("{cols} columns, one large outlier"));
        }
    }
}

kernel_test! {
    fn all_vectors_give_the_same_bits() {
        for values in HARD {
            for cols in cols() {
                let batch = Batch::new(3, cols, (true, true), values);
                let what = format!("{cols} columns of {values:?}");
                for batch in [batch.uncentred(), batch] {
                    assert_equal_results(&what, &batch, backward::<Best>(&batch), forward::<Best>(&batch));
                }
            }
        }
    }
}

kernel_test! {
    fn constant_rows_give_beta_exactly_and_nothing_to_dgamma() {
        for cols in [1, 2, 3, 5, 16, 17, 127, 768, 1000] {
            for constant in [0.0, 1.0, -0.1, 1e-45, 1e-38, 3.3e7, 1e30, f32::MAX, f32::MIN] {
                for eps in [0.0, 1e-12, 1e-5, 1e30] {
                    let mut batch = Batch { eps, ..Batch::new(2, cols, (true, true), HARD[0]) };
                    batch.x.fill(constant);
                    let what = format!("{cols} columns of {constant:e}, eps {eps}");
                    let result = forward::<Best>(&batch);
                    let beta = batch.beta.clone().unwrap();
                    assert_same_bits(&what, &result.y, &[beta.clone(), beta].concat());
                    assert_same_bits(&what, &result.mean, &[constant; 2]);
                    let rstd = (1.0 / eps.sqrt()) as f32;
                    let is_near = |&is: &f32| is == rstd || (is - rstd).abs() <= 4.0 * f32::EPSILON * rstd;
                    assert!(result.rstd.iter().all(is_near), "{what}: rstd is {:?}", result.rstd);
                    let [dx, dgamma, _] = backward::<Best>(&batch);
                    assert_eq!(dgamma, vec![0.0; cols], "{what}");
                    assert!(dx.iter().all(|dx| dx.is_finite()), "{what}: dx is {dx:?}");
                }
            }
        }
    }
}

kernel_test! {
    fn nan_and_infinity_stay_in_their_row() {
        for cols in [1, 3, 16, 100, 768] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let good = Batch::new(3, cols, (true, true), HARD[0]);
                let mut batch = good.clone();
                batch.x[cols + cols / 2] = bad;
                let rows = |values: &[f32]| [&values[..cols], &values[2 * cols..]].concat();
                let what = format!("{cols} columns, one is {bad}");
                let result = forward::<Best>(&batch);
                assert!(result.y[cols..2 * cols].iter().all(|y| y.is_nan()), "{what}: {:?}", result.y);
                assert_same_bits(&what, &rows(&result.y), &rows(&forward::<Best>(&good).y));
                let [dx, dgamma, dbeta] = backward::<Best>(&batch);
                assert!(dx[cols..2 * cols].iter().all(|dx| dx.is_nan()), "{what}: {dx:?}");
                assert!(dgamma.iter().all(|dgamma| dgamma.is_nan()), "{what}: {dgamma:?}");
                let [good_dx, _, good_dbeta] = backward::<Best>(&good);
                assert_same_bits(&what, &rows(&dx), &rows(&good_dx));
                assert_same_bits(&what, &dbeta, &good_dbeta);

                let mut batch = good.clone();
                batch.dy[cols + cols / 2] = bad;
                let [dx, _, _] = backward::<Best>(&batch);
                assert!(dx[cols..2 * cols].iter().all(|dx| dx.is_nan()), "{what} of dy: {dx:?}");
                assert_same_bits(&what, &rows(&dx), &rows(&good_dx));
            }
        }
    }
}

kernel_test! {
    fn a_row_gives_the_same_bits_alone_and_in_calls_of_any_size() {
        for cols in [1, 7, 64, 300] {
            let centred = Batch::new(70, cols, (true, true), HARD[1]);
            for batch in [centred.uncentred(), centred] {
            let whole = (forward::<Best>(&batch), backward::<Best>(&batch));
            for rows_per_call in [1, 3, 32, 33] {
                let what = format!("{cols} columns, {rows_per_call} rows a call");
                for (k, x) in batch.x.chunks(rows_per_call * cols).enumerate() {
                    let part = Batch { x: x.to_vec(), ..batch.clone() };
                    let start = k * rows_per_call * cols;
                    assert_same_bits(&what, &forward::<Best>(&part).y, &whole.0.y[start..start + x.len()]);
                }
                let parts = backward_in_calls::<Best>(&batch, [true; 3], rows_per_call);
                for (part, whole) in parts.iter().zip(&whole.1) {
                    assert_same_bits(&what, part, whole);
                }
            }
            }
        }
    }
}

kernel_test! {
    fn a_gradient_has_the_same_bits_whichever_others_are_wanted() {
        // The second is beyond the range of f32 squares, the third overflows in the sums over dy alone.
        let mut large_dy = Batch::new(33, 100, (true, true), HARD[0]);
        large_dy.dy.iter_mut().for_each(|dy| *dy *= 1e37);
        let [usual, large] = [HARD[1], HARD[6]].map(|values| Batch::new(33, 100, (true, true), values));
        for batch in [usual.uncentred(), usual, large.uncentred(), large, large_dy] {
            let all = backward::<Best>(&batch);
            for mask in 0..8 {
                let wanted = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0];
                let some = backward_in_calls::<Best>(&batch, wanted, 100);
                for k in (0..3).filter(|&k| wanted[k]) {
                    assert_same_bits(&format!("{wanted:?}: {k}"), &some[k], &all[k]);
                }
                if !wanted[0] {
                    assert!(some[0].iter().all(|&dx| dx == 7.0), "dx was written, though not wanted");
                }
            }
        }
    }
}

kernel_test! {
    fn works_in_place() {
        for values in [HARD[1], HARD[6]] {
            for cols in [1, 7, 64, 300] {
                let batch = Batch::new(5, cols, (true, true), values);
                let Batch { mut x, mut dy, mut gamma, mut beta, cols, eps, centred } = batch.clone();
                let (expected, [expected_dx, ..]) = (forward::<Best>(&batch), backward::<Best>(&batch));
                let (mut mean, mut rstd) = (expected.mean.clone(), expected.rstd.clone());
                let in_place = row(&mut dy);
                let gamma = gamma.as_deref_mut().map(row);
                let mut scratch = scratch(cols);
                let gradients = gradients(&mut scratch, cols);
                gradients.start::<Best>(gamma);
                layer_norm::Backward {
                    dy: in_place,
                    x: row(&mut x),
                    mean: Some(row(&mut mean)),
                    rstd: row(&mut rstd),
                    gamma,
                    dx: Some(in_place),
                    gradients,
                    rows: 5,
                    cols,
                    first_row: 0,
                }
                .run::<Best>();
                assert_same_bits("dx over dy", &dy, &expected_dx);
                let in_place = row(&mut x);
                layer_norm::Forward {
                    x: in_place,
                    gamma,
                    beta: beta.as_deref_mut().map(row),
                    y: in_place,
                    mean: None,
                    rstd: None,
                    rows: 5,
                    cols,
                    eps,
                    centred,
                }
                .run::<Best>();
                assert_same_bits("y over x", &x, &expected.y);
            }
        }
    }
}

kernel_test! {
    fn gradients_accumulate() {
        let mut scratch = scratch(2);
        let gradients = gradients(&mut scratch, 2);
        gradients.start::<Best>(None);
        gradients.add(0, 0.25, -1.0);
        gradients.add(1, 0.0, 3.0);
        gradients.row_added::<Best>(31);
        gradients.add(0, 0.5, 0.0);
        gradients.add(1, 1.0, 0.0);
        let (mut dgamma, mut dbeta) = ([1.5, -2.0], [10.0, 20.0]);
        gradients.finish::<Best>(Some(row(&mut dgamma)), None, true);
        assert_eq!(dgamma, [2.25, -1.0]);
        gradients.finish::<Best>(Some(row(&mut dgamma)), Some(row(&mut dbeta)), false);
        assert_eq!((dgamma, dbeta), ([0.75, 1.0], [-1.0, 3.0]));
    }
}
