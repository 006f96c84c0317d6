//! Four lanes as a WebAssembly `v128`.

use super::Vector;
use core::arch::wasm32::*;
use core::ops::{Add, Mul, Sub};

/// Four f32 lanes in a `v128`.
#[derive(Clone, Copy, Debug)]
pub struct Simd128(v128);

impl Add for Simd128 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Simd128(f32x4_add(self.0, other.0))
    }
}

impl Sub for Simd128 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Simd128(f32x4_sub(self.0, other.0))
    }
}

impl Mul for Simd128 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Simd128(f32x4_mul(self.0, other.0))
    }
}

impl Vector for Simd128 {
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
}
