/** How far a result is from what it should be, in a word or two. */
import type { Expected } from "./reference.js";

const UNIT = 2 ** -24;
const DENORMAL = 2 ** -149;

/** The worst error in units of 2^-24 of each element's scale, or what is wrong where that says nothing. */
export function verdict(actual: Float32Array, { values, scales }: Expected): string {
  if (actual.length !== values.length) return "wrong (length)";
  if (actual.some(Number.isNaN)) return "wrong (NaN)";
  if (actual.some((value, k) => !Number.isFinite(value) && Number.isFinite(Math.fround(values[k]))))
    return "wrong (infinity)";
  if (actual.every((value) => value === 0) && values.some((value) => Math.abs(value) > DENORMAL))
    return "wrong (0)";
  const worst = actual.reduce((worst, value, k) => Math.max(worst, units(value, values[k], scales[k])), 0);
  return worst >= 1 / UNIT ? "wrong" : inWords(worst);
}

/** One denormal is free: what is too small for a normal f32 has fewer bits. */
function units(actual: number, expected: number, scale: number): number {
  const error = Math.abs(actual - expected) - DENORMAL;
  return error > 0 && Number.isFinite(actual) ? error / (UNIT * scale) : 0;
}

/** Two digits: more would be those of chance. */
function inWords(units: number): string {
  if (units === 0) return "0";
  if (units < 10) return units.toFixed(1);
  return Number(units.toPrecision(2)).toLocaleString("en-US");
}
