//! The few vector operations that the kernels use.
//!
//! Every implementation gives the same bits: four lanes, one IEEE 754 rounding per operation, and sums of
//! lanes in one fixed order. There is no fused multiply-add, because its single rounding would give other
//! bits where the hardware lacks it.

use core::ops::{Add, BitAnd, BitOr, Mul, Shl, Shr, Sub};

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
    /// Half as many f64 lanes.
    type Pair: Pair;

    /// The bits of the lanes.
    type Bits: Bits;

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

    /// Lanes 0 and 1, then lanes 2 and 3, as f64.
    fn widen(self) -> [Self::Pair; 2];

    /// The lanes of two pairs, rounded to f32.
    fn narrow(pairs: [Self::Pair; 2]) -> Self;

    /// One by the square root, in each lane.
    fn rsqrt(self) -> Self;

    /// For each lane a vector of it alone.
    fn broadcast(self) -> [Self; LANES];

    /// The bits of the lanes.
    fn to_bits(self) -> Self::Bits;

    /// The lanes of these bits: any NaN keeps its own.
    fn from_bits(bits: Self::Bits) -> Self;

    /// All bits of the lanes that are at least those of `other`: of none that is NaN.
    fn at_least(self, other: Self) -> Self::Bits;
}

/// Four lanes of 32 bits, as whole numbers with a sign. Sums wrap around; a shift to the left loses bits, one to the
/// right repeats the sign.
pub trait Bits:
    Copy
    + Add<Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    /// All lanes are `value`.
    fn splat(value: i32) -> Self;

    /// The four numbers at `from`, at any alignment.
    ///
    /// # Safety
    /// Four numbers at `from` can be read.
    unsafe fn load(from: *const i32) -> Self;

    /// Writes the four lanes to `to`, at any alignment.
    ///
    /// # Safety
    /// Four numbers at `to` can be written.
    unsafe fn store(self, to: *mut i32);

    /// The four numbers of 16 bits at `from`, at any alignment.
    ///
    /// # Safety
    /// Four numbers at `from` can be read.
    unsafe fn load_halves(from: *const i16) -> Self;

    /// The eight numbers of 16 bits at `from`, at any alignment, times 2^16: four in each of two vectors.
    ///
    /// # Safety
    /// Eight numbers at `from` can be read.
    unsafe fn load_upper_halves(from: *const i16) -> [Self; 2];

    /// Writes the four lanes, which 16 bits can hold, to `to`, at any alignment.
    ///
    /// # Safety
    /// Four numbers at `to` can be written.
    unsafe fn store_halves(self, to: *mut i16);

    /// Writes the lanes of two vectors, which 16 bits can hold, to `to`, at any alignment.
    ///
    /// # Safety
    /// Eight numbers at `to` can be written.
    unsafe fn store_halves_of_two(two: [Self; 2], to: *mut i16);

    /// Rows become columns.
    fn transpose(rows: [Self; LANES]) -> [Self; LANES];

    /// The smaller of two lanes.
    fn min(self, other: Self) -> Self;

    /// The larger of two lanes.
    fn max(self, other: Self) -> Self;

    /// All bits of the lanes that are less than those of `other`.
    fn less_than(self, other: Self) -> Self;

    /// Whether all lanes are negative: of what a comparison gives, whether it holds of all.
    fn all_negative(self) -> bool;

    /// The bits of `ones` where `self` has a 1, those of `zeros` elsewhere.
    fn select(self, ones: Self, zeros: Self) -> Self;
}

/// What the statistics of rows are computed in: f64 for one row, a [`Pair`] for two.
pub trait Real: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// What a comparison gives.
    type Mask: Mask;

    /// All lanes are `value`.
    fn splat(value: f64) -> Self;

    /// Which lanes are at most those of `other`: not one that is NaN.
    fn at_most(self, other: Self) -> Self::Mask;
}

/// Lanes of which something holds.
pub trait Mask: Copy + BitAnd<Output = Self> {
    /// Whether it holds of all.
    fn all(self) -> bool;
}

impl Mask for bool {
    #[inline(always)]
    fn all(self) -> bool {
        self
    }
}

/// Two f64 lanes.
pub trait Pair: Real {
    /// The lanes `a` and `b`.
    fn new(a: f64, b: f64) -> Self;

    /// The two elements at `from`.
    ///
    /// # Safety
    /// Two elements at `from` can be read.
    unsafe fn load(from: *const f64) -> Self;

    /// Writes the two lanes to `to`.
    ///
    /// # Safety
    /// Two elements at `to` can be written.
    unsafe fn store(self, to: *mut f64);

    /// The sum of the lanes of `a`, and that of the lanes of `b`.
    fn reduce(a: Self, b: Self) -> Self;

    /// The sum of the lanes.
    fn sum(self) -> f64;
}

impl Real for f64 {
    type Mask = bool;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> bool {
        self <= other
    }
}
