//! How elements are stored: as f32, or in 16 bits. Arithmetic is always on f32.
//!
//! | storage | sign, exponent, fraction in bits | source |
//! | --- | --- | --- |
//! | f32 | 1, 8, 23 | binary32 of IEEE 754-2019 |
//! | [`F16`] | 1, 5, 10 | binary16 of IEEE 754-2019 |
//! | [`Bf16`] | 1, 8, 7 | "BFLOAT16 - Hardware Numerics Definition", Intel, 2018 |
//!
//! From 16 bits to f32 is exact, the bits of a NaN included. From f32 to 16 bits rounds to the nearest, of two to the
//! even one; what is too large becomes infinity, what is too small for a normal number is denormal or zero, as IEEE 754
//! says. (Intel's document has processors flush denormal numbers of bfloat16; this does not.) Any NaN becomes one: the
//! quiet one without sign and payload.

use crate::vector::{Bits, Vector};

/// What memory holds of an element: a number of 32 bits, or of 16.
pub trait Unit: Copy {
    /// Four elements, each in a lane of its own.
    ///
    /// # Safety
    /// Four elements at `from` can be read.
    unsafe fn load<B: Bits>(from: *const Self) -> B;

    /// Writes four elements.
    ///
    /// # Safety
    /// Four elements at `to` can be written.
    unsafe fn store<B: Bits>(bits: B, to: *mut Self);
}

impl Unit for i32 {
    #[inline(always)]
    unsafe fn load<B: Bits>(from: *const i32) -> B {
        // SAFETY: as the caller says.
        unsafe { B::load(from) }
    }

    #[inline(always)]
    unsafe fn store<B: Bits>(bits: B, to: *mut i32) {
        // SAFETY: as the caller says.
        unsafe { bits.store(to) }
    }
}

impl Unit for i16 {
    #[inline(always)]
    unsafe fn load<B: Bits>(from: *const i16) -> B {
        // SAFETY: as the caller says.
        unsafe { B::load_halves(from) }
    }

    #[inline(always)]
    unsafe fn store<B: Bits>(bits: B, to: *mut i16) {
        // SAFETY: as the caller says.
        unsafe { bits.store_halves(to) }
    }
}

/// A storage of elements.
pub trait Element {
    /// What memory holds of one.
    type Unit: Unit;

    /// Stored elements as f32.
    fn widen<V: Vector>(bits: V::Bits) -> V;

    /// Elements of f32 as they are stored.
    fn narrow<V: Vector>(vector: V) -> V::Bits;
}

impl Element for f32 {
    type Unit = i32;

    #[inline(always)]
    fn widen<V: Vector>(bits: V::Bits) -> V {
        V::from_bits(bits)
    }

    #[inline(always)]
    fn narrow<V: Vector>(vector: V) -> V::Bits {
        vector.to_bits()
    }
}

/// All bits but the sign.
const MAGNITUDE: i32 = i32::MAX;
/// The lowest bit of an exponent of f32.
const EXPONENT: i32 = 1 << 23;
/// The bits of an exponent.
const EXPONENTS: i32 = 255 * EXPONENT;
/// What the exponents of f32 and binary16 differ by: 127 - 15.
const REBIAS: i32 = 112 * EXPONENT;
/// How many bits a fraction of f32 has more than one of binary16.
const SHIFT: u32 = 13;

/// IEEE 754 binary16.
pub enum F16 {}

impl Element for F16 {
    type Unit = i16;

    /// A normal number has another exponent in f32. Of a denormal one, whose exponent of 0 counts as 1 and whose fraction
    /// has no leading 1, this makes `v = 2^-15 + value / 2` instead: `value = 2v - 2^-14`, exactly. Which of the two it is
    /// need not be asked: it is the smaller one, for `2v - 2^-14 < v` where `v < 2^-14`. Infinity and NaN come out as
    /// numbers from 2^16 on, and then have all bits of the exponent set.
    ///
    /// No operation is on denormal f32, for which some processors take a hundred cycles: an idea of Fabian Giesen's, who
    /// asks which case it is ("half_to_float_fast5", 2012).
    #[inline(always)]
    fn widen<V: Vector>(bits: V::Bits) -> V {
        let splat = V::Bits::splat;
        let sign = bits & splat(!MAGNITUDE);
        let shifted = (bits << SHIFT) & splat(0x7fff << SHIFT);
        let v = V::from_bits(shifted + splat(REBIAS));
        let denormal = (v + v) - V::splat(1.0 / 16384.0);
        let finite = v.to_bits().min(denormal.to_bits());
        let filled = v.at_least(V::splat(65536.0)) & splat(REBIAS);
        V::from_bits(finite | filled | sign)
    }

    /// An addition rounds. To a magnitude in `[2^e, 2^(e + 1))` it adds `2^(e + 13)`, whose last bit counts
    /// `2^(e - 10)`, as that of the result does. The last bits of the sum are the fraction, with the leading 1, or with 2
    /// where it was rounded up to the next power of two; to these the exponent is added, less the 1 that they bring
    /// along. With an `e` of at least -14 this gives denormal numbers too, and with a magnitude of at most 2^16, whose
    /// exponent is that of infinity, infinity.
    #[inline(always)]
    fn narrow<V: Vector>(vector: V) -> V::Bits {
        let splat = V::Bits::splat;
        let magnitude = vector.to_bits() & splat(MAGNITUDE);
        let limited = magnitude.min(splat(REBIAS + 31 * EXPONENT));
        let exponent = limited.max(splat(REBIAS + EXPONENT)) & splat(EXPONENTS);
        // That 1, and the other bias, are in the last bits that are added: an even number, so that ties are what they were.
        let bias = -((REBIAS + EXPONENT) >> SHIFT) & 0x7fff;
        let magic = V::from_bits(exponent + splat(13 * EXPONENT + bias));
        let rounded = (V::from_bits(limited) + magic).to_bits() + (exponent >> SHIFT);
        let sign = (vector.to_bits() >> 16) & splat(!0x7fff);
        vector.at_least(vector).select((rounded & splat(0x7fff)) | sign, splat(0x7e00))
    }
}

/// bfloat16: the upper half of an f32.
pub enum Bf16 {}

impl Element for Bf16 {
    type Unit = i16;

    /// The lower half is 0.
    #[inline(always)]
    fn widen<V: Vector>(bits: V::Bits) -> V {
        V::from_bits(bits << 16)
    }

    /// Adds half a unit of the upper half, less one bit where that is even: a carry rounds up, on into the exponent.
    #[inline(always)]
    fn narrow<V: Vector>(vector: V) -> V::Bits {
        let splat = V::Bits::splat;
        let bits = vector.to_bits();
        let odd = (bits >> 16) & splat(1);
        let rounded = (bits + splat(0x7fff) + odd) >> 16;
        vector.at_least(vector).select(rounded, splat(0x7fc0))
    }
}
