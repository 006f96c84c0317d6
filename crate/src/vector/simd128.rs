//! Lanes as a WebAssembly `v128`.

use super::{Bits, LANES, Mask, Pair, Real, Vector};
use core::arch::wasm32::*;
use core::ops::{Add, BitAnd, BitOr, Mul, Shl, Shr, Sub};

/// Four f32 lanes in a `v128`.
#[derive(Clone, Copy, Debug)]
pub struct Simd128(v128);

/// Two f64 lanes in a `v128`.
#[derive(Clone, Copy, Debug)]
pub struct Pair128(v128);

/// All bits or none, in each of the lanes of a [`Pair128`].
#[derive(Clone, Copy, Debug)]
pub struct Mask128(v128);

/// Four lanes of bits in a `v128`.
#[derive(Clone, Copy, Debug)]
pub struct Bits128(v128);

impl Mask for Mask128 {
    #[inline(always)]
    fn all(self) -> bool {
        i64x2_all_true(self.0)
    }
}

macro_rules! instructions {
    ($lanes:ident: $($operation:ident $method:ident $instruction:ident),*) => {$(
        impl $operation for $lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $lanes($instruction(self.0, other.0))
            }
        }
    )*};
}
instructions!(Simd128: Add add f32x4_add, Sub sub f32x4_sub, Mul mul f32x4_mul);
instructions!(Pair128: Add add f64x2_add, Sub sub f64x2_sub, Mul mul f64x2_mul);
instructions!(Mask128: BitAnd bitand v128_and);
instructions!(Bits128: Add add i32x4_add, BitAnd bitand v128_and, BitOr bitor v128_or);

impl Vector for Simd128 {
    type Pair = Pair128;
    type Bits = Bits128;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Simd128(f32x4_splat(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller says that four elements can be read; `v128.load` takes any alignment.
        Simd128(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller says that four elements can be written; any alignment will do.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize, fill: f32) -> Self {
        let fill = f32x4_splat(fill);
        // SAFETY: the caller says that `count` elements can be read, and no arm reads more.
        Simd128(unsafe {
            match count {
                1 => v128_load32_lane::<0>(fill, from.cast()),
                2 => v128_load64_lane::<0>(fill, from.cast()),
                _ => v128_load32_lane::<2>(v128_load64_lane::<0>(fill, from.cast()), from.add(2).cast()),
            }
        })
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        // SAFETY: the caller says that `count` elements can be written, and no arm writes more.
        unsafe {
            match count {
                1 => v128_store32_lane::<0>(self.0, to.cast()),
                2 => v128_store64_lane::<0>(self.0, to.cast()),
                _ => {
                    v128_store64_lane::<0>(self.0, to.cast());
                    v128_store32_lane::<2>(self.0, to.add(2).cast());
                }
            }
        }
    }

    #[inline(always)]
    fn reduce(self) -> f32 {
        let pairs = f32x4_add(self.0, i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0));
        f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
    }

    #[inline(always)]
    fn widen(self) -> [Pair128; 2] {
        let upper = i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0);
        [self.0, upper].map(|lanes| Pair128(f64x2_promote_low_f32x4(lanes)))
    }

    #[inline(always)]
    fn narrow([lower, upper]: [Pair128; 2]) -> Self {
        let [lower, upper] = [lower, upper].map(|pair| f32x4_demote_f64x2_zero(pair.0));
        // The average of a number and itself: without it, LLVM would demote lane by lane.
        let upper = u8x16_avgr(upper, upper);
        Simd128(v128_or(lower, i64x2_shuffle::<1, 0>(upper, upper)))
    }

    #[inline(always)]
    fn rsqrt(self) -> Self {
        Simd128(f32x4_div(f32x4_splat(1.0), f32x4_sqrt(self.0)))
    }

    #[inline(always)]
    fn broadcast(self) -> [Self; LANES] {
        [
            i32x4_shuffle::<0, 0, 0, 0>(self.0, self.0),
            i32x4_shuffle::<1, 1, 1, 1>(self.0, self.0),
            i32x4_shuffle::<2, 2, 2, 2>(self.0, self.0),
            i32x4_shuffle::<3, 3, 3, 3>(self.0, self.0),
        ]
        .map(Simd128)
    }

    #[inline(always)]
    fn to_bits(self) -> Bits128 {
        Bits128(self.0)
    }

    #[inline(always)]
    fn from_bits(bits: Bits128) -> Self {
        Simd128(bits.0)
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> Bits128 {
        Bits128(f32x4_ge(self.0, other.0))
    }
}

impl Shl<u32> for Bits128 {
    type Output = Self;
    #[inline(always)]
    fn shl(self, count: u32) -> Self {
        Bits128(i32x4_shl(self.0, count))
    }
}

impl Shr<u32> for Bits128 {
    type Output = Self;
    #[inline(always)]
    fn shr(self, count: u32) -> Self {
        Bits128(i32x4_shr(self.0, count))
    }
}

impl Bits for Bits128 {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        Bits128(i32x4_splat(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller says that four numbers can be read; any alignment will do, here and below.
        Bits128(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller says that four numbers can be written.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const i16) -> Self {
        // SAFETY: the caller says that four numbers can be read.
        Bits128(unsafe { i32x4_load_extend_i16x4(from) })
    }

    #[inline(always)]
    unsafe fn load_upper_halves(from: *const i16) -> [Self; 2] {
        // SAFETY: the caller says that eight numbers can be read.
        let halves = unsafe { v128_load(from.cast()) };
        let zero = i16x8_splat(0);
        [
            Bits128(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(zero, halves)),
            Bits128(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(zero, halves)),
        ]
    }

    #[inline(always)]
    unsafe fn store_halves(self, to: *mut i16) {
        // Not a shuffle of bytes, for which x86 has to load the order of the bytes.
        let halves = i16x8_narrow_i32x4(self.0, self.0);
        // SAFETY: the caller says that four numbers can be written.
        unsafe { v128_store64_lane::<0>(halves, to.cast()) }
    }

    #[inline(always)]
    unsafe fn store_halves_of_two([a, b]: [Self; 2], to: *mut i16) {
        // SAFETY: the caller says that eight numbers can be written.
        unsafe { v128_store(to.cast(), i16x8_narrow_i32x4(a.0, b.0)) }
    }

    #[inline(always)]
    fn transpose([a, b, c, d]: [Self; LANES]) -> [Self; LANES] {
        let [ac, bd] = [(a, c), (b, d)]
            .map(|(a, b)| [i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0)]);
        [
            i32x4_shuffle::<0, 4, 1, 5>(ac[0], bd[0]),
            i32x4_shuffle::<2, 6, 3, 7>(ac[0], bd[0]),
            i32x4_shuffle::<0, 4, 1, 5>(ac[1], bd[1]),
            i32x4_shuffle::<2, 6, 3, 7>(ac[1], bd[1]),
        ]
        .map(Bits128)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Bits128(i32x4_min(self.0, other.0))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Bits128(i32x4_max(self.0, other.0))
    }

    #[inline(always)]
    fn less_than(self, other: Self) -> Self {
        Bits128(i32x4_lt(self.0, other.0))
    }

    #[inline(always)]
    fn all_negative(self) -> bool {
        i32x4_bitmask(self.0) == 15
    }

    #[inline(always)]
    fn select(self, ones: Self, zeros: Self) -> Self {
        Bits128(v128_bitselect(ones.0, zeros.0, self.0))
    }
}

impl Real for Pair128 {
    type Mask = Mask128;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Pair128(f64x2_splat(value))
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> Mask128 {
        Mask128(f64x2_le(self.0, other.0))
    }
}

impl Pair for Pair128 {
    #[inline(always)]
    fn new(a: f64, b: f64) -> Self {
        Pair128(f64x2(a, b))
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: the caller says that two elements can be read.
        Pair128(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller says that two elements can be written.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    fn reduce(a: Self, b: Self) -> Self {
        Pair128(f64x2_add(i64x2_shuffle::<0, 2>(a.0, b.0), i64x2_shuffle::<1, 3>(a.0, b.0)))
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        f64x2_extract_lane::<0>(self.0) + f64x2_extract_lane::<1>(self.0)
    }
}
