import type { HalfType } from "./support.js";

/*
 * The 16-bit types from their definitions, with nothing done for speed: IEEE 754 binary16, and bfloat16, which is
 * the upper half of an f32. Both are a sign, an exponent and a fraction; denormals have the lowest exponent.
 */

const FORMATS: { [name in HalfType]: { readonly fraction: number; readonly lowest: number } } = {
  f16: { fraction: 10, lowest: -14 },
  bf16: { fraction: 7, lowest: -126 },
};

/** The number that 16 bits stand for. */
export function numberOf(type: HalfType, bits: number): number {
  const { fraction, lowest } = FORMATS[type];
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fraction;
  const rest = (bits & (2 ** fraction - 1)) / 2 ** fraction;
  if (exponent === 2 ** (15 - fraction) - 1) return rest === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? rest * 2 ** lowest : (1 + rest) * 2 ** (lowest + exponent - 1));
}

/** The bits of the number of this type that is nearest to `value`, of two the even one; of NaN, those of one. */
export function bitsOf(type: HalfType, value: number): number {
  const { fraction, lowest } = FORMATS[type];
  const infinite = 0x8000 - 2 ** fraction;
  if (Number.isNaN(value)) return infinite + 2 ** (fraction - 1);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // The logarithm is rounded: one less is not too much.
  let exponent = Math.max(lowest, Math.floor(Math.log2(size)) - 1);
  while (exponent <= -lowest + 1 && size >= 2 ** (exponent + 1)) exponent++;
  if (exponent > -lowest + 1) return sign + infinite;
  // Steps of 2^-fraction of that power of two. A step more than the last fraction is the next exponent, and the
  // step after the largest number infinity: so the bits of numbers in order are in order.
  const steps = size / 2 ** (exponent - fraction);
  const below = Math.floor(steps);
  const up = steps - below > 0.5 || (steps - below === 0.5 && below % 2 === 1);
  return sign + (exponent - lowest) * 2 ** fraction + below + (up ? 1 : 0);
}

/** The number of this type that is nearest to `value`. */
export const roundTo = (type: HalfType, value: number) => numberOf(type, bitsOf(type, value));

/** Each value as it would be read from storage. */
export const roundAll = (type: HalfType, values: Float32Array) => values.map((value) => roundTo(type, value));

/** Results of f32 as they are stored, but for those that stay f32: the statistics of a row, as a rule. */
export const inStorage = (
  type: HalfType,
  results: Record<string, Float32Array>,
  kept: readonly string[] = ["mean", "rstd"],
) =>
  Object.fromEntries(
    Object.entries(results).map(([name, values]) => [
      name,
      kept.includes(name) ? values : roundAll(type, values),
    ]),
  );
