/** Before anything is timed: every result of every pass against the f64 reference. */
import { type Reference, worstError } from "../examples/mnist/reference.js";
import type { Pass, ResultName } from "./engines/engine.js";
import type { Remote } from "./remote.js";

export interface Checked {
  worst: Partial<Record<ResultName, number>>;
  /** How many milliseconds the call took, by pass. */
  first: Map<Pass, number>;
}

/** Throws where an answer is too far from the reference, or where two of the package's own differ in a bit. */
export async function check(
  engine: Remote,
  key: string,
  passes: readonly Pass[],
  expected: Reference,
  ours: Map<ResultName, Float32Array>,
): Promise<Checked> {
  const { kind, tolerance } = engine.info;
  const worst: Checked["worst"] = {};
  const first: Checked["first"] = new Map();
  for (const pass of passes) {
    first.set(pass, (await engine.run(key, pass, 1)).ns / 1e6);
    if (kind === "limit") continue; // copy.ts has checked itself
    const results = await engine.results(key, pass);
    for (const name of resultsOf(pass)) {
      const values = results[name];
      if (!values) throw new Error(`${pass} gave no ${name}`);
      const error = worstError(values, expected[name]);
      if (!(error <= tolerance[name])) {
        const off = `${error.toPrecision(3)} units of 2^-24 off, ${tolerance[name]} allowed`;
        throw new Error(`${name} of ${pass} is ${off}`);
      }
      worst[name] = Math.max(worst[name] ?? 0, error);
      if (kind === "ours") sameBits(name, values, ours);
    }
  }
  return { worst, first };
}

/** The package promises them of tensors, plain arrays and plain JavaScript. */
function sameBits(name: ResultName, values: Float32Array, ours: Map<ResultName, Float32Array>): void {
  const before = ours.get(name);
  if (!before) ours.set(name, values);
  else if (values.some((value, k) => !Object.is(value, before[k])))
    throw new Error(`${name} has other bits than the package gave before`);
}

function resultsOf(pass: Pass): ResultName[] {
  const gradients: ResultName[] = ["dx", "dgamma", "dbeta"];
  if (pass === "backward") return gradients;
  return pass === "both" ? ["y", ...gradients] : ["y"];
}
