//! Four lanes as an array: the kernels' path on every machine without WebAssembly SIMD, and the one
//! that native tests, fuzzers and Miri see.

use super::{LANES, Vector};
use core::array::from_fn;
use core::ops::{Add, Mul, Sub};

/// Four f32 lanes in an array.
#[derive(Clone, Copy, Debug)]
pub struct Lanes4([f32; LANES]);

impl Add for Lanes4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Lanes4(from_fn(|lane| self.0[lane] + other.0[lane]))
    }
}

impl Sub for Lanes4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Lanes4(from_fn(|lane| self.0[lane] - other.0[lane]))
    }
}

impl Mul for Lanes4 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Lanes4(from_fn(|lane| self.0[lane] * other.0[lane]))
    }
}

impl Vector for Lanes4 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Lanes4([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller says that four elements can be read.
        Lanes4(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller says that four elements can be written.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize, fill: f32) -> Self {
        // SAFETY: the caller says that `count` elements can be read.
        Lanes4(from_fn(|lane| if lane < count { unsafe { from.add(lane).read() } } else { fill }))
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for lane in 0..count {
            // SAFETY: the caller says that `count` elements can be written.
            unsafe { to.add(lane).write(self.0[lane]) }
        }
    }

    #[inline(always)]
    fn reduce(self) -> f32 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }
}
