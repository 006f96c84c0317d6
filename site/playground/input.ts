/** From the fields of the form, which are text, to the arguments of a call. What the package checks is left to it. */

/** What the form holds. */
export interface Fields {
  numbers: string;
  cols: string;
  shift: string;
  spread: string;
  eps: string;
  gamma: string;
  beta: string;
  dy: string;
}

/** Fields and the words that the page has for them. */
export const LABELS: Record<keyof Fields, string> = {
  numbers: "Numbers",
  cols: "cols",
  shift: "Mean, moved by",
  spread: "Spread, times",
  eps: "eps",
  gamma: "gamma",
  beta: "beta",
  dy: "dy",
};

export interface Input {
  x: Float32Array;
  cols: number;
  gamma: Float32Array | undefined;
  beta: Float32Array | undefined;
  eps: number;
  dy: DyChoice;
}

/** Gradients to send back: what each element of `dy` is. */
export const DY = {
  first: "1 at the first column, else 0",
  turns: "+1 and -1 in turns",
  ones: "1 everywhere",
  y: "y: of half the sum of its squares",
} as const;
export type DyChoice = keyof typeof DY;

/** A field that cannot be read. */
export class InputError extends Error {
  readonly field: keyof Fields;

  constructor(field: keyof Fields, what: string) {
    super(`${LABELS[field]}: ${what}`);
    this.field = field;
  }
}

/** Throws an InputError. */
export function readInput(fields: Fields): Input {
  const lines = fields.numbers.split(/\r?\n/).map((line) => numbersOf("numbers", line));
  const numbers = lines.flat();
  if (numbers.length === 0) throw new InputError("numbers", "there are none");
  const cols = fields.cols.trim() === "" ? firstLength(lines) : one("cols", fields.cols);
  const shift = one("shift", fields.shift);
  const spread = one("spread", fields.spread);
  return {
    x: Float32Array.from(numbers, (value) => shift + spread * value),
    cols,
    gamma: perColumn("gamma", fields.gamma, cols),
    beta: perColumn("beta", fields.beta, cols),
    eps: one("eps", fields.eps),
    dy: fields.dy as DyChoice,
  };
}

const firstLength = (lines: number[][]) => lines.find((line) => line.length > 0)?.length ?? 0;

/** Between spaces, commas and semicolons. */
function numbersOf(field: keyof Fields, text: string): number[] {
  return text
    .split(/[\s,;]+/)
    .filter((word) => word !== "")
    .map((word) => {
      const value = /^[+-]?inf(inity)?$/i.test(word)
        ? Number.POSITIVE_INFINITY * (word.startsWith("-") ? -1 : 1)
        : Number(word);
      if (Number.isNaN(value) && word.toLowerCase() !== "nan")
        throw new InputError(field, `"${word}" is not a number`);
      return value;
    });
}

function one(field: keyof Fields, text: string): number {
  const [value, ...more] = numbersOf(field, text);
  if (value === undefined || more.length > 0) throw new InputError(field, "one number is expected");
  return value;
}

/** None is none, one stands for every column. */
function perColumn(field: "gamma" | "beta", text: string, cols: number): Float32Array | undefined {
  const values = numbersOf(field, text);
  if (values.length === 0) return undefined;
  // A cols that is no length is the package's to refuse.
  const length = Number.isSafeInteger(cols) && cols > 0 && cols <= 1e6 ? cols : 1;
  return values.length === 1 ? new Float32Array(length).fill(values[0]) : Float32Array.from(values);
}
