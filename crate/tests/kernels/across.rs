//! Rows side by side, against the same rows one after the other: bit for bit.

use crate::cases::*;
use crate::kernel_test;
use crate::layer_norm::{Batch, Forward, forward};
use layernorm_wasm::layer_norm::ForwardAcross;
use layernorm_wasm::row::F64_COLS;
use layernorm_wasm::vector::{Best, Lanes4, Vector};

/// What stands beside what is written, and where nothing was.
const GUARD: f32 = 7.0;

/// The rows of `batch` side by side, with a gap after each run of them.
fn side_by_side(batch: &Batch, x: &[f32], stride: usize) -> Vec<f32> {
    let mut across = vec![GUARD; batch.cols * stride];
    for (k, &x) in x.iter().enumerate() {
        across[k % batch.cols * stride + k / batch.cols] = x;
    }
    across
}

/// What comes out, and of how many rows.
fn across<V: Vector>(batch: &Batch, stride: usize, in_place: bool) -> (Forward, usize) {
    let (rows, cols) = (batch.rows(), batch.cols);
    let Batch { mut gamma, mut beta, .. } = batch.clone();
    let mut x = side_by_side(batch, &batch.x, stride);
    let mut y = vec![GUARD; x.len()];
    let (mut mean, mut rstd) = (vec![GUARD; rows], vec![GUARD; rows]);
    let x_cells = row(&mut x);
    let done = ForwardAcross {
        x: x_cells,
        gamma: gamma.as_deref_mut().map(row),
        beta: beta.as_deref_mut().map(row),
        y: if in_place { x_cells } else { row(&mut y) },
        mean: Some(row(&mut mean)),
        rstd: Some(row(&mut rstd)),
        rows,
        cols,
        stride,
        eps: batch.eps,
        centred: batch.centred,
    }
    .run::<V>();
    (Forward { y: if in_place { x } else { y }, mean, rstd }, done)
}

/// Fails where the rows that were done differ in a bit from the same rows in order, or anything else was written. Returns
/// how many were done.
fn assert_same<V: Vector>(batch: &Batch, what: &str) -> usize {
    let expected = forward::<V>(batch);
    let mut least = usize::MAX;
    for (gap, in_place) in [(0, false), (5, true)] {
        let stride = batch.rows() + gap;
        let (result, done) = across::<V>(batch, stride, in_place);
        assert!(done.is_multiple_of(4) && done <= batch.rows(), "{what}: {done} rows");
        let before = if in_place { &batch.x } else { &vec![GUARD; batch.x.len()] };
        let mut y = before.clone();
        y[..done * batch.cols].copy_from_slice(&expected.y[..done * batch.cols]);
        assert_same_bits(&format!("{what}: y"), &result.y, &side_by_side(batch, &y, stride));
        if batch.centred {
            assert_same_bits(&format!("{what}: mean"), &result.mean[..done], &expected.mean[..done]);
        }
        assert_same_bits(&format!("{what}: rstd"), &result.rstd[..done], &expected.rstd[..done]);
        least = least.min(done);
    }
    least
}

/// All rows that fill a vector are done, unless they are of few columns.
fn assert_all_done<V: Vector>(batch: &Batch, what: &str) {
    let all = if batch.cols <= F64_COLS { 0 } else { batch.rows() / 4 * 4 };
    assert_eq!(assert_same::<V>(batch, what), all, "{what}");
}

fn assert_ordinary<V: Vector>() {
    for cols in cols() {
        for rows in (0..=20).step_by(if cols < 20 { 1 } else { 5 }) {
            for affine in AFFINE {
                let batch = Batch::new(rows, cols, affine, HARD[0]);
                assert_all_done::<V>(&batch, &format!("[{rows}, {cols}] {affine:?}"));
            }
        }
    }
    // More than a block.
    for cols in [5, 17, 32, 83, 300] {
        let batch = Batch::new(601, cols, (true, true), HARD[0]);
        assert_all_done::<V>(&batch, &format!("[601, {cols}]"));
        assert_all_done::<V>(&batch.uncentred(), &format!("[601, {cols}], uncentred"));
    }
}

kernel_test! {
    fn rows_side_by_side_have_the_bits_of_rows_in_order() {
        assert_ordinary::<Best>();
        assert_ordinary::<Lanes4>();
    }
}

fn assert_shifted<V: Vector>() {
    for mean in [0.3, -0.6, 0.9, 100.0, 1e4, 1e7] {
        for cols in [16, 17, 21, 64, 67, 83, 256, 257, 300, 1024] {
            let mut batch = Batch::new(64, cols, (true, true), Values { mean, std: 1.0 });
            assert_all_done::<V>(&batch, &format!("mean {mean}, {cols} columns"));
            // A mean of its own for each row: some are read again, beside others that are not.
            for (k, x) in batch.x.iter_mut().enumerate() {
                *x *= (k / cols % 7) as f32;
            }
            assert_all_done::<V>(&batch, &format!("means 0 to 6 * {mean}, {cols} columns"));
        }
    }
    for cols in [5, 17, 64, 300] {
        let mut batch = Batch::new(12, cols, (true, true), HARD[0]);
        for (k, x) in batch.x.iter_mut().enumerate() {
            *x = [0.0, -0.0, 1.0, 1234.5677, -1e-45][k / cols % 5];
        }
        assert_all_done::<V>(&batch, &format!("constant rows of {cols}"));
    }
}

kernel_test! {
    fn rows_that_are_read_again_have_the_same_bits() {
        assert_shifted::<Best>();
        assert_shifted::<Lanes4>();
    }
}

fn assert_stops<V: Vector>() {
    for values in HARD {
        for cols in [16, 17, 67, 300] {
            assert_same::<V>(
                &Batch::new(40, cols, (true, true), values),
                &format!("{cols} columns of {values:?}"),
            );
        }
    }
    for cols in [18, 67, 300] {
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let mut batch = Batch::new(600, cols, (true, true), HARD[0]);
            let last = batch.x.len() - 1;
            batch.x[last] = bad;
            let done = assert_same::<V>(&batch, &format!("{bad} in the last row of {cols}"));
            assert!((1..600).contains(&done), "{done} rows before the one with {bad}");
            batch.x[0] = bad;
            let done = assert_same::<V>(&batch, &format!("{bad} in the first row of {cols}"));
            assert_eq!(done, 0, "{bad} in the first row");
        }
    }
}

kernel_test! {
    fn stops_before_a_row_that_is_not_ordinary() {
        assert_stops::<Best>();
        assert_stops::<Lanes4>();
    }
}
