// Writes bytes as text for a string of JavaScript, so that gzip sees bytes in it. ts/engine/inlined.ts reads it.

/**
 * Characters of minified JavaScript, the most common ones first: gzip has one code for the text and the script around
 * it. ASCII, so that the charset of a page does not matter, and nothing that a string has to escape.
 */
const COMMON = "e,tra()=fniosd.0uhlmc+{}:b;yw[]pg2&1?v$*N!`E|AxB-kSFTR3_>M4L<O/Ijz6DPWqUV5YC8GJHKXQZ79#%'@^~";

/** What comes before a byte that has no character of its own, by its first three bits: `code & 7` of each. */
const PREFIXES = "py:clm&w";

/**
 * A frequent byte is one character: `alphabet[byte]`. Any other is two: `code & 7` of the first are its first three
 * bits, `code & 31` of the second the other five. In the alphabet a space stands for a byte without character.
 *
 * @param {Uint8Array} bytes
 */
export function textOf(bytes) {
  const counts = Array.from({ length: 256 }, () => 0);
  for (const byte of bytes) counts[byte]++;
  const byCount = [...counts.keys()].sort((a, b) => counts[b] - counts[a] || a - b);
  const characters = [...COMMON].filter((character) => !PREFIXES.includes(character));
  /** @type {string[]} */
  const written = [];
  byCount.forEach((byte, k) => {
    written[byte] = characters[k] ?? PREFIXES[byte >> 5] + withLowBits(byte & 31);
  });
  const alphabet = written.map((text) => (text.length === 1 ? text : " ")).join("");
  return { alphabet: alphabet.trimEnd(), text: Array.from(bytes, (byte) => written[byte]).join("") };
}

/** @param {number} bits */
const withLowBits = (bits) => [...COMMON].find((character) => (character.charCodeAt(0) & 31) === bits);
