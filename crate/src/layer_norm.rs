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
//! RMSNorm (Zhang, Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467) is the same with 0 for `mean` and for
//! `sum(g) / cols`: rows that are not `centred`.
//!
//! Each row is read twice:
//!
//! 1. Sums, of elements less a `shift` near the mean, so that the error does not grow with the mean.
//! 2. Results. The row is subtracted from first and scaled after, never `x * a + b`, which cancels.
//!
//! One loop writes results while it sums what comes next, so that arithmetic does not wait for memory, nor
//! memory for arithmetic: forward a row and a row, backward, which has more to load beside them, two and two. Narrow
//! rows go four at a time forward, their statistics in lanes; those of few elements are summed in f64. Which of these a row takes has no influence on its bits.

use crate::row::F64_COLS;
use crate::vector::Vector;

mod across;
mod backward;
mod forward;

pub use across::ForwardAcross;
pub use backward::Backward;
pub use forward::Forward;

/// Whether hard rows are looked for; see `unguarded` in `Cargo.toml`.
const GUARDED: bool = !cfg!(feature = "unguarded");

/// `2^exponent`, for a normal f64.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// How the elements of a row are centred and scaled: `xhat = ((x - shift) - delta) * rstd`.
///
/// The `shift` is the mean as an f32, and `delta` what that lacks, or zero where one f32 is enough.
#[derive(Clone, Copy)]
struct Centre {
    shift: f32,
    delta: f32,
    rstd: f32,
}

impl Centre {
    /// Of a row of `cols` elements. The mean is rounded to one f32 where that moves `xhat` by at most a unit of 2^-24, or
    /// four in a row of few elements, whose sums are all but exact: then one f32 is enough for nearly all of them.
    fn new(mean: f64, rstd: f32, cols: usize) -> Self {
        let shift = mean as f32;
        let delta = mean - f64::from(shift);
        let most = power_of_two(if cols <= F64_COLS { -22 } else { -24 });
        let one_is_enough = delta.abs() * f64::from(rstd) <= most;
        Centre { shift, delta: if one_is_enough { 0.0 } else { delta as f32 }, rstd }
    }

    /// Whether the mean is one f32.
    fn is_plain(self) -> bool {
        self.delta == 0.0
    }

    /// `xhat` of a vector of `x`, where the mean is one f32.
    #[inline(always)]
    fn plain_xhat<V: Vector>(self) -> impl Fn(V) -> V {
        let (shift, rstd) = (V::splat(self.shift), V::splat(self.rstd));
        move |x| (x - shift) * rstd
    }

    /// `xhat` of a vector of `x`.
    #[inline(always)]
    fn xhat<V: Vector>(self) -> impl Fn(V) -> V {
        let (shift, delta, rstd) = (V::splat(self.shift), V::splat(self.delta), V::splat(self.rstd));
        move |x| ((x - shift) - delta) * rstd
    }
}
