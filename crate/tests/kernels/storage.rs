//! Elements on their way between storages: conversions against the crate `half`, copies against plain index arithmetic.

use crate::cases::{assert_same_bits, cols, normal, row};
use crate::kernel_test;
use half::{bf16, f16};
use layernorm_wasm::copy::{Place, copy};
use layernorm_wasm::element::{Bf16, Element, F16};
use layernorm_wasm::elementwise::{add, plus_one};
use layernorm_wasm::vector::{Best, Lanes4, Vector};

/// A box of elements, as the exports take it.
type Box3 = [usize; 3];

/// Copies within slices.
fn copy_box<V: Vector, From: Element, To: Element>(
    sizes: Box3,
    from: (&[From::Unit], Box3),
    to: (&mut [To::Unit], Box3),
) {
    let last =
        |strides: Box3| sizes.iter().zip(strides).map(|(size, stride)| (size - 1) * stride).sum::<usize>();
    if sizes.iter().all(|&size| size > 0) {
        assert!(last(from.1) < from.0.len() && last(to.1) < to.0.len());
    }
    let from = Place { first: from.0.as_ptr(), strides: from.1 };
    let to = Place { first: to.0.as_mut_ptr(), strides: to.1 };
    // SAFETY: the last element of either is in its slice.
    unsafe { copy::<V, From, To>(sizes, from, to) }
}

/// Converts a slice.
fn convert<V: Vector, From: Element, To: Element>(from: &[From::Unit]) -> Vec<To::Unit>
where
    To::Unit: Default,
{
    let mut to = vec![Default::default(); from.len()];
    copy_box::<V, From, To>([1, 1, from.len()], (from, [0, 0, 1]), (&mut to, [0, 0, 1]));
    to
}

/// A storage of 16 bits, as this file sees it: from bits to f32 and back.
trait Storage: Element<Unit = i16> {
    const NAME: &str;
    /// The one NaN that is written.
    const NAN: u16;
    /// Infinity: the bits of the exponent.
    const INFINITY: u16;
    /// How many bits of the fraction f32 has beyond this.
    const SHIFT: u32;
    fn to_f32(bits: u16) -> f32;
    fn from_f32(value: f32) -> u16;

    /// The bits that come out for bits of f32.
    fn narrowed(bits: i32) -> i16 {
        let value = f32::from_bits(bits as u32);
        (if value.is_nan() { Self::NAN } else { Self::from_f32(value) }) as i16
    }

    /// The bits of f32 that come out for bits. Those of a NaN are where they were: `half` makes it quiet.
    fn widened(bits: i16) -> i32 {
        let bits = bits as u16;
        let value = Self::to_f32(bits);
        let nan = u32::from(bits & 0x8000) << 16
            | 0x7f80_0000
            | u32::from(bits & !Self::INFINITY & 0x7fff) << Self::SHIFT;
        (if value.is_nan() { nan } else { value.to_bits() }) as i32
    }
}

impl Storage for F16 {
    const NAME: &str = "f16";
    const NAN: u16 = 0x7e00;
    const INFINITY: u16 = 0x7c00;
    const SHIFT: u32 = 13;
    fn to_f32(bits: u16) -> f32 {
        f16::from_bits(bits).to_f32()
    }
    fn from_f32(value: f32) -> u16 {
        f16::from_f32(value).to_bits()
    }
}

impl Storage for Bf16 {
    const NAME: &str = "bf16";
    const NAN: u16 = 0x7fc0;
    const INFINITY: u16 = 0x7f80;
    const SHIFT: u32 = 16;
    fn to_f32(bits: u16) -> f32 {
        bf16::from_bits(bits).to_f32()
    }
    fn from_f32(value: f32) -> u16 {
        bf16::from_f32(value).to_bits()
    }
}

/// Fails where a conversion gives other bits than expected.
#[track_caller]
fn assert_bits<F: Copy + core::fmt::LowerHex, T: Copy + PartialEq + core::fmt::LowerHex>(
    what: &str,
    from: &[F],
    to: &[T],
    expected: impl Fn(F) -> T,
) {
    assert_eq!(from.len(), to.len());
    for (&from, &to) in from.iter().zip(to) {
        let expected = expected(from);
        assert!(to == expected, "{what}: {from:x} became {to:x}, not {expected:x}");
    }
}

fn assert_all_halves<V: Vector, S: Storage>() {
    let halves: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let wide = convert::<V, S, f32>(&halves);
    assert_bits(&format!("{} to f32", S::NAME), &halves, &wide, S::widened);
    let back = convert::<V, f32, S>(&wide);
    let is_nan = |half: i16| half as u16 & 0x7fff > S::INFINITY;
    assert_bits(&format!("{} and back", S::NAME), &halves, &back, |half| {
        if is_nan(half) { S::NAN as i16 } else { half }
    });
}

/// What may round another way than its neighbour: every number of 16 bits, every middle of two, and one unit around each.
fn boundaries<S: Storage>() -> Vec<i32> {
    let mut all = Vec::new();
    for half in 0..=S::INFINITY {
        let bits = S::to_f32(half).to_bits();
        // The middle to the next one has the next bit, unless f32 has it as a normal number and the half does not.
        let next = if half == S::INFINITY { bits } else { S::to_f32(half + 1).to_bits() };
        let middle = (f64::from(f32::from_bits(bits)) + f64::from(f32::from_bits(next))) / 2.0;
        let middle = if next == f32::INFINITY.to_bits() {
            bits + (1 << (S::SHIFT - 1))
        } else {
            (middle as f32).to_bits()
        };
        for bits in [bits, middle].into_iter().flat_map(|bits| [bits.saturating_sub(1), bits, bits + 1]) {
            all.extend([bits as i32, (bits | 1 << 31) as i32]);
        }
    }
    all
}

fn assert_narrow<V: Vector, S: Storage>() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut wide = boundaries::<S>();
    wide.extend((0..1 << 18).map(|_| random.i32(..)));
    // Where binary16 is neither 0 nor infinity, which of all bits are few.
    wide.extend((0..1 << 18).map(|_| (random.f32() * 2f32.powi(random.i32(-26..18))).to_bits() as i32));
    wide.extend((0..32).map(|bit| 1i32 << bit)); // denormal, for the most part
    wide.extend([f32::MAX, f32::MIN, f32::NAN, -f32::NAN, f32::INFINITY].map(|value| value.to_bits() as i32));
    wide.extend([0x7f80_0001, 0x7fff_ffff, 0xff80_0001u32 as i32, -1]); // NaN
    let narrow = convert::<V, f32, S>(&wide);
    assert_bits(&format!("f32 to {}", S::NAME), &wide, &narrow, S::narrowed);
}

kernel_test! {
    fn every_half_is_widened_exactly_and_comes_back() {
        assert_all_halves::<Best, F16>();
        assert_all_halves::<Lanes4, F16>();
        assert_all_halves::<Best, Bf16>();
        assert_all_halves::<Lanes4, Bf16>();
    }
}

kernel_test! {
    fn f32_is_rounded_to_the_nearest_half_and_of_two_to_the_even_one() {
        assert_narrow::<Best, F16>();
        assert_narrow::<Lanes4, F16>();
        assert_narrow::<Best, Bf16>();
        assert_narrow::<Lanes4, Bf16>();
    }
}

/// Strides of an array that holds a box, and how many elements it has: the dimensions in any order, with or without a
/// gap after each, seldom with a gap between elements.
fn layout(random: &mut fastrand::Rng, sizes: Box3) -> (Box3, usize) {
    let mut order = [0, 1, 2];
    random.shuffle(&mut order);
    let mut strides = [0; 3];
    let mut next = if random.u8(..4) == 0 { random.usize(2..4) } else { 1 };
    for dimension in order {
        strides[dimension] = next;
        next = next * sizes[dimension].max(1) + if random.bool() { 0 } else { random.usize(..9) };
    }
    (strides, next)
}

/// What stands around and between the elements that are written.
const GUARD: i16 = 0x5a5a;

fn assert_copies<V: Vector, From: Element, To: Element>(
    what: &str,
    seed: u64,
    from_bits: fn(i32) -> From::Unit,
    guard: To::Unit,
    expected: fn(From::Unit) -> To::Unit,
) where
    To::Unit: PartialEq + core::fmt::LowerHex,
{
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..600 {
        // Mostly small, for then every edge is near; sometimes more than one tile.
        let sizes: Box3 =
            [3, 150, 150].map(|most| if random.bool() { random.usize(..10) } else { random.usize(..=most) });
        let (mut from_strides, from_length) = layout(&mut random, sizes);
        let (to_strides, to_length) = layout(&mut random, sizes);
        if random.u8(..8) == 0 {
            from_strides[random.usize(..3)] = 0; // the same elements again and again
        }
        let (before, behind) = (random.usize(..5), 20);
        let from: Vec<From::Unit> = (0..before + from_length).map(|_| from_bits(random.i32(..))).collect();
        let mut to = vec![guard; before + to_length + behind];
        let mut plain = to.clone();
        for i in 0..sizes[0] {
            for j in 0..sizes[1] {
                for k in 0..sizes[2] {
                    let at = |strides: Box3| before + i * strides[0] + j * strides[1] + k * strides[2];
                    plain[at(to_strides)] = expected(from[at(from_strides)]);
                }
            }
        }
        copy_box::<V, From, To>(sizes, (&from[before..], from_strides), (&mut to[before..], to_strides));
        for (k, (result, expected)) in to.iter().zip(&plain).enumerate() {
            assert!(
                result == expected,
                "{what}, {sizes:?} from {from_strides:?} to {to_strides:?}, element {k} - {before}: {result:x}, not {expected:x}"
            );
        }
    }
}

fn assert_all_copies<V: Vector>() {
    let wide = |bits: i32| bits;
    let narrow = |bits: i32| bits as i16;
    let guard = i32::from(GUARD);
    assert_copies::<V, f32, f32>("copy", 1, wide, guard, |bits| bits);
    assert_copies::<V, F16, f32>("widen f16", 2, narrow, guard, F16::widened);
    assert_copies::<V, Bf16, f32>("widen bf16", 3, narrow, guard, Bf16::widened);
    assert_copies::<V, f32, F16>("narrow f16", 4, wide, GUARD, F16::narrowed);
    assert_copies::<V, f32, Bf16>("narrow bf16", 5, wide, GUARD, Bf16::narrowed);
}

kernel_test! {
    fn a_box_is_copied_element_by_element_and_nothing_beside_it() {
        assert_all_copies::<Best>();
        assert_all_copies::<Lanes4>();
    }
}

kernel_test! {
    fn a_copy_in_place_changes_nothing() {
        let values: Vec<i32> = (0..67).map(|k| 0x7f80_0001 + k).collect(); // NaN, each with its own bits
        let mut copied = values.clone();
        let place = copied.as_mut_ptr();
        let at = |first| Place { first, strides: [0, 0, 1] };
        // SAFETY: there are so many elements.
        unsafe { copy::<Best, f32, f32>([1, 1, values.len()], at(place.cast_const()), Place { first: place, strides: [0, 0, 1] }) };
        assert_eq!(copied, values);
    }
}

fn assert_sums<V: Vector>() {
    for cols in [0].into_iter().chain(cols()) {
        let (mut a, mut b, mut sum) = (normal(cols, 1), normal(cols, 2), vec![7.0; cols]);
        let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        add::<V>(row(&mut a), row(&mut b), row(&mut sum));
        assert_same_bits("a + b", &sum, &expected);
        let one_more: Vec<f32> = a.iter().map(|a| 1.0 + a).collect();
        plus_one::<V>(row(&mut a), row(&mut sum));
        assert_same_bits("1 + a", &sum, &one_more);

        let mut in_place = a.clone();
        let cells = row(&mut in_place);
        add::<V>(cells, row(&mut b), cells);
        assert_same_bits("a += b", &in_place, &expected);
        let mut in_place = b.clone();
        let cells = row(&mut in_place);
        add::<V>(row(&mut a), cells, cells);
        assert_same_bits("b += a", &in_place, &expected);
        let cells = row(&mut a);
        plus_one::<V>(cells, cells);
        assert_same_bits("a += 1", &a, &one_more);
    }
}

kernel_test! {
    fn sums_of_elements() {
        assert_sums::<Best>();
        assert_sums::<Lanes4>();
    }
}
