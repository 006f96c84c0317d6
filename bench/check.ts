/** Before anything is timed: every result of every pass against the f64 reference. */
import { worstError } from "../examples/mnist/reference.js";
import { type Case, caseName } from "./cases/index.js";
import type { Expected } from "./cases/reference.js";
import type { Pass, ResultName } from "./engines/engine.js";
import { allowed } from "./engines/list.js";
import type { Remote } from "./remote.js";

export interface Checked {
  worst: Partial<Record<ResultName, number>>;
  /** How many milliseconds the call took, by pass. */
  first: Map<Pass, number>;
}

/** Throws where an answer is too far from the reference, or where two of the package's own differ in a bit. */
export async function check(
  engine: Remote,
  it: Case,
  passes: readonly Pass[],
  expected: Expected,
  ours: Map<ResultName, Float32Array>,
): Promise<Checked> {
  const { kind } = engine.info;
  const tolerance = allowed(engine.info, it.operation);
  const key = caseName(it);
  const worst: Checked["worst"] = {};
  const first: Checked["first"] = new Map();
  for (const pass of passes) {
    first.set(pass, (await engine.run(key, pass, 1)).ns / 1e6);
    if (kind === "limit") continue; // copy.ts has checked itself
    const results = await engine.results(key, pass);
    for (const name of resultsOf(pass)) {
      const exact = expected[name];
      if (!exact) continue; // the operation has none
      const values = results[name];
      if (!values) throw new Error(`${pass} gave no ${name}`);
      const error = worstError(values, exact);
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
  const values: ResultName[] = ["y", "sum"];
  const gradients: ResultName[] = ["dx", "dgamma", "dbeta"];
  if (pass === "both") return [...values, ...gradients];
  return pass === "backward" ? gradients : values;
}
