/** f16 and bf16 to f32 and back in plain JavaScript, as whoever has them in a Uint16Array would write it. */

type Half = "f16" | "bf16";

export const fromHalf: Record<Half, <T extends Float32Array>(from: Uint16Array, to: T) => T> = {
  /** One table of all 65536 values is faster than arithmetic. */
  f16: (from, to) => {
    const table = f16Values();
    for (let k = 0; k < from.length; k++) to[k] = table[from[k]];
    return to;
  },
  bf16: (from, to) => {
    const bits = bitsOf(to);
    for (let k = 0; k < from.length; k++) bits[k] = from[k] << 16;
    return to;
  },
};

/** Rounded to the nearest, ties to even. */
export const toHalf: Record<Half, (from: Float32Array, to: Uint16Array) => Uint16Array> = {
  /**
   * A normal value keeps 10 bits of its fraction, and its exponent loses 112. A smaller one gets its bits by an addition
   * of 0.5, whose last bit is the last bit of the smallest f16.
   */
  f16: (from, to) => {
    const bits = bitsOf(from);
    for (let k = 0; k < from.length; k++) {
      const size = bits[k] & 0x7fffffff;
      const sign = (bits[k] >>> 16) & 0x8000;
      if (size >= 0x38800000 && size < 0x477ff000)
        to[k] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
      else if (size < 0x38800000) {
        one[0] = Math.abs(from[k]) + 0.5;
        to[k] = sign | (oneBits[0] - 0x3f000000);
      } else to[k] = sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00);
    }
    return to;
  },
  bf16: (from, to) => {
    const bits = bitsOf(from);
    for (let k = 0; k < from.length; k++) {
      const bit = bits[k];
      // The payload of NaN could round to infinity.
      const isNumber = (bit & 0x7fffffff) <= 0x7f800000;
      to[k] = isNumber ? (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16 : (bit >>> 16) | 0x40;
    }
    return to;
  },
};

const one = new Float32Array(1);
const oneBits = bitsOf(one);

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

const tables: Float32Array[] = [];
function f16Values(): Float32Array {
  tables[0] ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return tables[0];
}
