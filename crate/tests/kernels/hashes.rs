//! The bits of fixed cases, which `test/determinism` has from the numbered steps of `docs/numerics.md`: the same for
//! this build, WebAssembly, and the JavaScript engine wherever it runs.

use crate::kernel_test;
use crate::layer_norm::{Batch, backward, forward};
use layernorm_wasm::vector::{Best, Lanes4, Vector};

/// Lines of `"case": "forward gradients"`.
const TABLE: &str = include_str!("../../../test/determinism/hashes.json");

/// What may stand in the middle of `x`.
const SPECIALS: [f32; 5] = [0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, (1u128 << 66) as f32];

/// `count` values `(mean + spread * r) * 2^exponent`, `r` from a linear congruential generator.
fn values(count: usize, seed: u32, mean: f64, spread: f64, exponent: i32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e3779b1);
    let next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        ((mean + spread * (f64::from(state >> 16) - 32768.0)) * 2f64.powi(exponent)) as f32
    };
    core::iter::repeat_with(next).take(count).collect()
}

/// The batch of a case, as `batchOfCase` in `test/determinism/cases.js` makes it; nothing where it is not stored as f32.
fn batch_of(case: &str, index: u32) -> Option<Batch> {
    let numbers: Vec<f64> = case.split(' ').map(|number| number.parse().unwrap()).collect();
    let [rows, cols, mean, spread, exponent, special, dy_exponent, eps, gamma, beta, centred, storage] =
        numbers[..]
    else {
        panic!("not a case: {case}")
    };
    if storage != 0.0 {
        return None;
    }
    let (count, cols) = ((rows * cols) as usize, cols as usize);
    let parameter = |which| values(cols, 4 * index + which, 0.0, 1.0, -14);
    let mut batch = Batch {
        x: values(count, 4 * index, mean, spread, exponent as i32),
        dy: values(count, 4 * index + 1, 0.0, 1.0, dy_exponent as i32),
        gamma: (gamma == 1.0).then(|| parameter(2)),
        beta: (beta == 1.0).then(|| parameter(3)),
        cols,
        eps,
        centred: centred == 1.0,
    };
    if special > 0.0 {
        batch.x[count / 2] = SPECIALS[special as usize];
    }
    Some(batch)
}

/// MurmurHash3 of the bits, all NaN being one.
fn hash_of<const N: usize>(arrays: [&[f32]; N]) -> u32 {
    let mut hash = 0u32;
    for x in arrays.iter().copied().flatten() {
        let word = if x.is_nan() { 0x7fc00000 } else { x.to_bits() };
        hash ^= word.wrapping_mul(0xcc9e2d51).rotate_left(15).wrapping_mul(0x1b873593);
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe6546b64);
    }
    hash ^= arrays.map(|array| 4 * array.len() as u32).iter().sum::<u32>();
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85ebca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2ae35);
    hash ^ (hash >> 16)
}

fn assert_table<V: Vector>() {
    let mut count = 0;
    for line in TABLE.lines() {
        let [_, case, _, expected, _] = line.split('"').collect::<Vec<_>>()[..] else { continue };
        let index = count;
        count += 1;
        let Some(batch) = batch_of(case, index) else { continue };
        let result = forward::<V>(&batch);
        let [dx, dgamma, dbeta] = backward::<V>(&batch);
        let (forward, gradients) = if batch.centred {
            (hash_of([&result.y, &result.mean, &result.rstd]), hash_of([&dx, &dgamma, &dbeta]))
        } else {
            (hash_of([&result.y, &result.rstd]), hash_of([&dx, &dgamma]))
        };
        assert_eq!(format!("{forward:08x} {gradients:08x}"), expected, "{case}");
    }
    assert!(count > 200, "only {count} cases");
}

kernel_test! {
    fn the_bits_are_those_of_the_document() {
        assert_table::<Best>();
        assert_table::<Lanes4>();
    }
}
