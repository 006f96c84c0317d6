//! Four lanes as an array: the kernels' path on every machine without WebAssembly SIMD, and the one
//! that native tests and fuzzers see.

use super::{Bits, LANES, Pair, Real, Vector};
use core::array::from_fn;
use core::ops::{Add, BitAnd, BitOr, Mul, Shl, Shr, Sub};

/// Four f32 lanes in an array.
#[derive(Clone, Copy, Debug)]
pub struct Lanes4([f32; LANES]);

/// Two f64 lanes in an array.
#[derive(Clone, Copy, Debug)]
pub struct Lanes2([f64; 2]);

/// Four lanes of bits in an array.
#[derive(Clone, Copy, Debug)]
pub struct Bits4([i32; LANES]);

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
lane_by_lane!(Lanes2: Add add, Sub sub, Mul mul);
lane_by_lane!(Bits4: BitAnd bitand, BitOr bitor);

impl Vector for Lanes4 {
    type Pair = Lanes2;
    type Bits = Bits4;

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
    fn rsqrt(self) -> Self {
        Lanes4(self.0.map(|lane| 1.0 / lane.sqrt()))
    }

    #[inline(always)]
    fn broadcast(self) -> [Self; LANES] {
        self.0.map(Self::splat)
    }

    #[inline(always)]
    fn to_bits(self) -> Bits4 {
        Bits4(self.0.map(|lane| lane.to_bits() as i32))
    }

    #[inline(always)]
    fn from_bits(bits: Bits4) -> Self {
        Lanes4(bits.0.map(|bits| f32::from_bits(bits as u32)))
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> Bits4 {
        Bits4(from_fn(|lane| if self.0[lane] >= other.0[lane] { -1 } else { 0 }))
    }
}

impl Add for Bits4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Bits4(from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
    }
}

impl Shl<u32> for Bits4 {
    type Output = Self;
    #[inline(always)]
    fn shl(self, count: u32) -> Self {
        Bits4(self.0.map(|lane| lane << count))
    }
}

impl Shr<u32> for Bits4 {
    type Output = Self;
    #[inline(always)]
    fn shr(self, count: u32) -> Self {
        Bits4(self.0.map(|lane| lane >> count))
    }
}

impl Bits for Bits4 {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        Bits4([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller says that four numbers can be read.
        Bits4(unsafe { from.cast::<[i32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller says that four numbers can be written.
        unsafe { to.cast::<[i32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const i16) -> Self {
        // SAFETY: the caller says that four numbers can be read.
        Bits4(unsafe { from.cast::<[i16; LANES]>().read_unaligned() }.map(|half| half.into()))
    }

    #[inline(always)]
    unsafe fn load_upper_halves(from: *const i16) -> [Self; 2] {
        // SAFETY: the caller says that eight numbers can be read.
        from_fn(|k| unsafe { Self::load_halves(from.add(k * LANES)) } << 16)
    }

    #[inline(always)]
    unsafe fn store_halves(self, to: *mut i16) {
        // SAFETY: the caller says that four numbers can be written.
        unsafe { to.cast::<[i16; LANES]>().write_unaligned(self.0.map(|lane| lane as i16)) }
    }

    #[inline(always)]
    unsafe fn store_halves_of_two(two: [Self; 2], to: *mut i16) {
        for (at, four) in two.into_iter().enumerate() {
            // SAFETY: the caller says that eight numbers can be written.
            unsafe { four.store_halves(to.add(at * LANES)) }
        }
    }

    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        from_fn(|col| Bits4(rows.map(|row| row.0[col])))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Bits4(from_fn(|lane| self.0[lane].min(other.0[lane])))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Bits4(from_fn(|lane| self.0[lane].max(other.0[lane])))
    }

    #[inline(always)]
    fn less_than(self, other: Self) -> Self {
        Bits4(from_fn(|lane| if self.0[lane] < other.0[lane] { -1 } else { 0 }))
    }

    #[inline(always)]
    fn all_negative(self) -> bool {
        self.0.iter().all(|&lane| lane < 0)
    }

    #[inline(always)]
    fn select(self, ones: Self, zeros: Self) -> Self {
        Bits4(from_fn(|lane| (self.0[lane] & ones.0[lane]) | (!self.0[lane] & zeros.0[lane])))
    }
}

impl Real for Lanes2 {
    type Mask = bool;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Lanes2([value; 2])
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> bool {
        self.0[0] <= other.0[0] && self.0[1] <= other.0[1]
    }
}

impl Pair for Lanes2 {
    #[inline(always)]
    fn new(a: f64, b: f64) -> Self {
        Lanes2([a, b])
    }

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
