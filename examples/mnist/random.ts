/** Seeded numbers, so that every run trains on the same weights and the same order of digits. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1): mulberry32 (Tommy Ettinger, public domain), 32 bits of state are plenty here. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uniform(size: number, low: number, high: number): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: size }, () => low + (high - low) * this.next());
  }

  /** 0 .. size - 1 in random order (Fisher and Yates). */
  permutation(size: number): Uint32Array {
    const order = Uint32Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return order;
  }
}
