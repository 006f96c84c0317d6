//! The few vector operations that the kernels use.
//!
//! Every implementation gives the same bits: four lanes, one IEEE 754 rounding per operation, and
//! [`Vector::reduce`] adds the lanes in one fixed order. There is no fused multiply-add, because its
//! single rounding would give other bits where the hardware lacks it.

use core::ops::{Add, Mul, Sub};

mod lanes4;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

pub use lanes4::Lanes4;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::Simd128;

/// The fastest [`Vector`] of the machine that this is compiled for.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub type Best = Simd128;
/// The fastest [`Vector`] of the machine that this is compiled for.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub type Best = Lanes4;

/// Lanes in a vector. It is part of the order of operations, so no implementation may change it.
pub const LANES: usize = 4;

/// Four f32 lanes.
pub trait Vector: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// All lanes are `value`.
    fn splat(value: f32) -> Self;

    /// The four elements at `from`, at any alignment.
    ///
    /// # Safety
    /// Four elements at `from` can be read.
    unsafe fn load(from: *const f32) -> Self;

    /// Writes the four lanes to `to`, at any alignment.
    ///
    /// # Safety
    /// Four elements at `to` can be written.
    unsafe fn store(self, to: *mut f32);

    /// The `count` elements at `from`, then `fill` in the lanes that are left.
    ///
    /// # Safety
    /// `count` is 1, 2 or 3, and so many elements at `from` can be read.
    unsafe fn load_first(from: *const f32, count: usize, fill: f32) -> Self;

    /// Writes the first `count` lanes to `to`.
    ///
    /// # Safety
    /// `count` is 1, 2 or 3, and so many elements at `to` can be written.
    unsafe fn store_first(self, to: *mut f32, count: usize);

    /// The sum of the lanes: `(lane 0 + lane 2) + (lane 1 + lane 3)`.
    fn reduce(self) -> f32;
}
