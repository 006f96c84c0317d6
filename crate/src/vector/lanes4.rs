//! Four lanes as an array: the kernels' path on every machine without WebAssembly SIMD, and the one
//! that native tests and fuzzers see.

use super::{LANES, Pair, Real, Vector};
use core::array::from_fn;
use core::ops::{Add, Div, Mul, Sub};

/// Four f32 lanes in an array.
#[derive(Clone, Copy, Debug)]
pub struct Lanes4([f32; LANES]);

/// Two f64 lanes in an array.
#[derive(Clone, Copy, Debug)]
pub struct Lanes2([f64; 2]);

macro_rules! lane_by_lane {
    ($lanes:ident: $($operation:ident $method:ident),*) => {$(
        impl $operation for $lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $lanes(from_fn(|lane| self.0[lane].$method(other.0[lane])))
            }
        }
    )*};
}
lane_by_lane!(Lanes4: Add add, Sub sub, Mul mul);
lane_by_lane!(Lanes2: Add add, Sub sub, Mul mul, Div div);

impl Vector for Lanes4 {
    type Pair = Lanes2;

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

    #[inline(always)]
    fn widen(self) -> [Lanes2; 2] {
        let [a, b, c, d] = self.0.map(f64::from);
        [Lanes2([a, b]), Lanes2([c, d])]
    }

    #[inline(always)]
    fn narrow([Lanes2([a, b]), Lanes2([c, d])]: [Lanes2; 2]) -> Self {
        Lanes4([a as f32, b as f32, c as f32, d as f32])
    }

    #[inline(always)]
    fn broadcast(self) -> [Self; LANES] {
        self.0.map(Self::splat)
    }
}

impl Real for Lanes2 {
    type Mask = bool;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Lanes2([value; 2])
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Lanes2(self.0.map(f64::sqrt))
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> bool {
        self.0[0] <= other.0[0] && self.0[1] <= other.0[1]
    }
}

impl Pair for Lanes2 {
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: the caller says that two elements can be read.
        Lanes2(unsafe { from.cast::<[f64; 2]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller says that two elements can be written.
        unsafe { to.cast::<[f64; 2]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn reduce(a: Self, b: Self) -> Self {
        Lanes2([a.sum(), b.sum()])
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        self.0[0] + self.0[1]
    }
}
