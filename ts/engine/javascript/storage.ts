/*
 * The bits of one element from one storage to another: what `crate/src/element.rs` does with four. Whole numbers alone,
 * for a float in JavaScript does not keep the bits of a NaN.
 */

/** The exponents of f32 and binary16 differ by 127 - 15. */
const REBIAS = 112 << 23;

/** binary16 to f32. */
export function widenF16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  const shifted = magnitude << 13;
  if (magnitude >= 0x7c00) return sign | (shifted + 2 * REBIAS); // infinity and NaN: 31 becomes 255
  if (magnitude >= 0x400) return sign | (shifted + REBIAS);
  if (magnitude === 0) return sign;
  // Denormal: `magnitude` units of 2^-24. The leading 1 goes where it adds 1 to the exponent.
  const zeros = Math.clz32(magnitude);
  return sign | (((133 - zeros) << 23) + (magnitude << (zeros - 8)));
}

/** bfloat16 to f32. */
export function widenBf16(half: number): number {
  return half << 16;
}

/** f32 to binary16. */
export function narrowF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 143 << 23) return sign | 0x7c00; // 2^16
  if (magnitude >= 113 << 23) return sign | rounded(magnitude - REBIAS, 13);
  // Denormal: the fraction with its leading 1, in units of 2^-24. All of it is shifted out below half a unit.
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | rounded((magnitude & 0x7fffff) | 0x800000, shift);
}

/** f32 to bfloat16. */
export function narrowBf16(bits: number): number {
  return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded(bits, 16);
}

/** `bits / 2^shift` to the nearest whole number, of two to the even one: a carry goes on into the exponent. */
function rounded(bits: number, shift: number): number {
  const odd = (bits >>> shift) & 1;
  return (bits + (1 << (shift - 1)) - 1 + odd) >>> shift;
}
