//! What the kernels are run on, and how far from the reference they may be.

use core::cell::Cell;
use layernorm_wasm::row::Row;

/// Where a row's walk changes: 0..=67 has every tail, every number of vectors beside a group, and a chunk; then where
/// rows are no longer narrow, two chunks, several, and sizes of real models.
pub fn cols() -> impl Iterator<Item = usize> {
    (1..=67).chain([95, 96, 97, 127, 251, 255, 256, 257, 509, 768, 1000, 1024, 4096])
}

/// None, one, odd, and more than one block of the gradients of gamma and beta.
pub const ROWS: [usize; 4] = [0, 1, 3, 70];

/// Gamma and beta, present and absent.
pub const AFFINE: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// The values of a tensor, and how they look in a message.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    pub mean: f32,
    pub std: f32,
}

/// Rows that a one-pass variance, or one in f32, gets wrong.
pub const HARD: [Values; 8] = [
    Values { mean: 0.0, std: 1.0 },
    Values { mean: 100.0, std: 1.0 },
    Values { mean: 1e4, std: 0.1 },
    Values { mean: 1e7, std: 1.0 },
    Values { mean: 0.0, std: 1e-30 },
    Values { mean: 0.0, std: 1e18 },
    Values { mean: 1e30, std: 1e30 },
    Values { mean: 0.0, std: 1e38 },
];

/// `count` values, near enough to normal for rounding errors: a sum of twelve uniform ones, at most six
/// standard deviations out.
pub fn values(count: usize, Values { mean, std }: Values, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let normal = move || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    let value = |normal: f64| (f64::from(mean) + f64::from(std) * normal) as f32;
    core::iter::repeat_with(normal).map(value).map(|x| x.clamp(f32::MIN, f32::MAX)).take(count).collect()
}

/// Values of mean 0 and standard deviation 1.
pub fn normal(count: usize, seed: u64) -> Vec<f32> {
    values(count, Values { mean: 0.0, std: 1.0 }, seed)
}

/// A slice as the kernels take it.
pub fn row(values: &mut [f32]) -> Row<'_> {
    Cell::from_mut(values).as_slice_of_cells()
}

/// Fails where an element of `result` is more than `units` of 2^-24 from `expected`, in terms of the larger
/// of its own size and `scale` of it. Results that f32 cannot hold to full precision may be off by their
/// own rounding.
#[track_caller]
pub fn assert_within(what: &str, units: f64, result: &[f32], expected: &[f64], scale: impl Fn(usize) -> f64) {
    assert_eq!(result.len(), expected.len(), "{what}");
    for (k, (&result, &expected)) in result.iter().zip(expected).enumerate() {
        let bound = units * scale(k).max(expected.abs()) / f64::from(1 << 24) + f64::from(f32::from_bits(1));
        let error = (f64::from(result) - expected).abs();
        let overflowed = result.is_infinite() && expected.abs() > f64::from(f32::MAX);
        assert!(
            overflowed || error <= bound,
            "{what}[{k}] is {result:e}, not {expected:e}: off by {error:e}, allowed is {bound:e}"
        );
    }
}

/// Fails where two results differ in a bit. Any NaN equals any other.
#[track_caller]
pub fn assert_same_bits(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        let same = a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(same, "{what}[{k}]: {a:e} ({:08x}) and {b:e} ({:08x})", a.to_bits(), b.to_bits());
    }
}

/// A test of natively compiled code, and of WebAssembly in Node and browsers.
#[macro_export]
macro_rules! kernel_test {
    ($(#[doc = $doc:literal])* fn $name:ident() $body:block) => {
        $(#[doc = $doc])*
        #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
        #[cfg_attr(not(target_arch = "wasm32"), test)]
        fn $name() $body
    };
}
