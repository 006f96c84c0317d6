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

use crate::vector::{Bits, LANES, Vector};
use core::array::from_fn;

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

    /// Four vectors, in fewer operations than by [`Element::widen`]; nothing where that would not be right.
    ///
    /// # Safety
    /// Sixteen elements at `from` can be read.
    unsafe fn load_group<V: Vector>(from: *const Self::Unit) -> Option<[V; GROUP]>;

    /// Writes four vectors, in fewer operations than by [`Element::narrow`]. False where that was not right.
    ///
    /// # Safety
    /// Sixteen elements at `to` can be written.
    unsafe fn store_group<V: Vector>(vectors: [V; GROUP], to: *mut Self::Unit) -> bool;
}

/// Vectors in a group: what is no ordinary number is looked for once in so many.
pub const GROUP: usize = 4;

/// Writes a group of 16 bits each.
///
/// # Safety
/// Sixteen elements at `to` can be written.
#[inline(always)]
unsafe fn store_halves<B: Bits>([a, b, c, d]: [B; GROUP], to: *mut i16) {
    // SAFETY: as the caller says.
    unsafe {
        B::store_halves_of_two([a, b], to);
        B::store_halves_of_two([c, d], to.add(2 * LANES));
    }
}

/// Reads a group of 16 bits each, as the upper halves of lanes.
///
/// # Safety
/// Sixteen elements at `from` can be read.
#[inline(always)]
unsafe fn load_upper_halves<B: Bits>(from: *const i16) -> [B; GROUP] {
    // SAFETY: as the caller says.
    let [[a, b], [c, d]] = unsafe { [B::load_upper_halves(from), B::load_upper_halves(from.add(2 * LANES))] };
    [a, b, c, d]
}

/// Whether all bits of a group, as numbers without a sign, are at least `start`, and less than `end`.
#[inline(always)]
fn all_within<B: Bits>(group: [B; GROUP], start: u32, end: u32) -> bool {
    // `start` becomes the lowest number with a sign; what is below it comes out above all.
    let lowest = 1u32 << 31;
    let [a, b, c, d] = group.map(|bits| bits + B::splat(lowest.wrapping_sub(start) as i32));
    a.max(b).max(c.max(d)).less_than(B::splat(lowest.wrapping_add(end - start) as i32)).all_negative()
}

impl Element for f32 {
    type Unit = i32;

    #[inline(always)]
    unsafe fn load_group<V: Vector>(from: *const i32) -> Option<[V; GROUP]> {
        // SAFETY: as the caller says.
        Some(from_fn(|k| V::from_bits(unsafe { V::Bits::load(from.add(k * LANES)) })))
    }

    #[inline(always)]
    unsafe fn store_group<V: Vector>(vectors: [V; GROUP], to: *mut i32) -> bool {
        for (k, vector) in vectors.into_iter().enumerate() {
            // SAFETY: as the caller says.
            unsafe { vector.to_bits().store(to.add(k * LANES)) }
        }
        true
    }

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
/// The lowest bit of an exponent of binary16.
const HALF_EXPONENT: u32 = 1 << 10;
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

    /// Of normal numbers the exponent becomes another, and that is all.
    #[inline(always)]
    unsafe fn load_group<V: Vector>(from: *const i16) -> Option<[V; GROUP]> {
        // SAFETY: as the caller says.
        let upper: [V::Bits; GROUP] = unsafe { load_upper_halves(from) };
        // Without the sign, which is shifted out.
        let are_normal =
            all_within(upper.map(|bits| bits << 1), HALF_EXPONENT << 17, (31 * HALF_EXPONENT) << 17);
        // The sign is in four bits then, of which it is to be in the first alone.
        let splat = V::Bits::splat;
        let widened = |bits: V::Bits| ((bits >> (16 - SHIFT)) & splat(!(7 << 28))) + splat(REBIAS);
        are_normal.then(|| upper.map(|bits| V::from_bits(widened(bits))))
    }

    /// Of numbers that are normal in both storages: adds half a unit of the last bit that is left, less one bit where that
    /// is even.
    #[inline(always)]
    unsafe fn store_group<V: Vector>(vectors: [V; GROUP], to: *mut i16) -> bool {
        const BELOW_HALF: i32 = (1 << (SHIFT - 1)) - 1;
        let splat = V::Bits::splat;
        let magnitudes = vectors.map(|vector| vector.to_bits() & splat(MAGNITUDE));
        let halves = from_fn(|k| {
            let odd = (magnitudes[k] >> SHIFT) & splat(1);
            let rounded = (magnitudes[k] + splat(BELOW_HALF - REBIAS) + odd) >> SHIFT;
            rounded | ((vectors[k].to_bits() >> 16) & splat(!0x7fff))
        });
        // SAFETY: as the caller says.
        unsafe { store_halves(halves, to) };
        all_within(magnitudes, (REBIAS + EXPONENT) as u32, (REBIAS + 31 * EXPONENT) as u32)
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
        vector.at_least(vector).select(upper_half(vector.to_bits()), V::Bits::splat(0x7fc0))
    }

    #[inline(always)]
    unsafe fn load_group<V: Vector>(from: *const i16) -> Option<[V; GROUP]> {
        // SAFETY: as the caller says.
        Some(unsafe { load_upper_halves(from) }.map(V::from_bits))
    }

    /// Where none is NaN. A sum is, where one of its terms is; where it is NaN without that, no harm is done.
    #[inline(always)]
    unsafe fn store_group<V: Vector>(vectors: [V; GROUP], to: *mut i16) -> bool {
        let [a, b, c, d] = vectors;
        let sum = (a + b) + (c + d);
        // SAFETY: as the caller says.
        unsafe { store_halves(vectors.map(|vector| upper_half(vector.to_bits())), to) };
        sum.at_least(sum).all_negative()
    }
}

/// The upper halves of f32, rounded: of no NaN.
#[inline(always)]
fn upper_half<B: Bits>(bits: B) -> B {
    let odd = (bits >> 16) & B::splat(1);
    (bits + B::splat(0x7fff) + odd) >> 16
}
