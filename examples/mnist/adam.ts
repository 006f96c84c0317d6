/** Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) with its published defaults. */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPS = 1e-8;

export interface Update {
  values: Float32Array;
  gradient: Float32Array;
}

interface Moments {
  m: Float32Array;
  v: Float32Array;
}

export class Adam {
  readonly #rate: number;
  readonly #moments: Moments[] = [];
  #step = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Always the same parameters in the same order: by their place in the list they find their moments. */
  step(updates: Update[]): void {
    this.#step++;
    const rate = this.#rate / (1 - BETA1 ** this.#step);
    const rootScale = 1 / Math.sqrt(1 - BETA2 ** this.#step);
    for (const [place, update] of updates.entries()) {
      const size = update.values.length;
      this.#moments[place] ??= { m: new Float32Array(size), v: new Float32Array(size) };
      descend(update, this.#moments[place], rate, rootScale);
    }
  }
}

/** A function of its own, with f64 arithmetic: half the time of the same loop rounded to f32 at each step. */
function descend({ values, gradient }: Update, { m, v }: Moments, rate: number, rootScale: number): void {
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i] as number;
    const mi = BETA1 * (m[i] as number) + (1 - BETA1) * g;
    const vi = BETA2 * (v[i] as number) + (1 - BETA2) * g * g;
    m[i] = mi;
    v[i] = vi;
    values[i] = (values[i] as number) - (rate * mi) / (Math.sqrt(vi) * rootScale + EPS);
  }
}
