/**
 * What the package is meant to reach, and whether this run shows it. A target on several shapes is met when the worst
 * of them meets it.
 */
import { type Case, caseName, fullName, isBeyond } from "../cases/index.js";
import type { Operation } from "../cases/operations.js";
import type { Pass } from "../engines/engine.js";
import type { Timing } from "../measure.js";
import type { RunData } from "../run-data.js";
import { geometricMean } from "../statistics.js";

export interface Verdict {
  what: string;
  target: string;
  measured: string;
  met: boolean | undefined;
}

interface Target {
  what: string;
  bound: "at least" | "at most";
  value: number;
  unit: string;
  measure(figures: Figures): Found | undefined;
}

/** `where` says which shape it was, and what else is worth knowing. */
interface Found {
  value: number;
  where: string;
}

interface Point {
  value: number;
  at: Timing;
}

class Figures {
  readonly run: RunData;
  constructor(run: RunData) {
    this.run = run;
  }

  timings(
    engine: string,
    pass: Pass,
    group: Case["group"] = "shapes",
    operation: Operation = "layer_norm",
  ): Timing[] {
    return this.run.timings.filter(
      (t) => t.engine === engine && t.pass === pass && t.group === group && t.operation === operation,
    );
  }

  /** How many times as long `slow` takes as `fast`, shape by shape. */
  ratios(
    slow: string,
    fast: string,
    pass: Pass,
    which: (at: Timing) => boolean = () => true,
    operation?: Operation,
  ): Point[] {
    return this.timings(fast, pass, "shapes", operation).flatMap((at) => {
      const others = this.timings(slow, pass, "shapes", operation);
      const other = others.find((each) => caseName(each) === caseName(at));
      return other && which(at) ? [{ value: other.ns / at.ns, at }] : [];
    });
  }
}

const beyond = ({ rows, cols }: Timing) => isBeyond({ rows, cols });
const inCache = (at: Timing) => !beyond(at);

function worst(points: Point[], bound: Target["bound"]): Found | undefined {
  if (points.length === 0) return undefined;
  const sign = bound === "at least" ? 1 : -1;
  const { value, at } = points.reduce((a, b) => (sign * b.value < sign * a.value ? b : a));
  const mean = geometricMean(points.map((point) => point.value));
  const others = points.length > 1 ? `; geometric mean of ${points.length} shapes ${digits(mean)}` : "";
  return { value, where: `${fullName(at)}${others}` };
}

function against(
  what: string,
  engine: string,
  pass: Pass,
  value: number,
  which?: (at: Timing) => boolean,
  fast = "tensors",
): Target {
  const measure = (f: Figures) => worst(f.ratios(engine, fast, pass, which), "at least");
  return { what, bound: "at least", value, unit: "x", measure };
}

function meanAgainst(what: string, engine: string, pass: Pass, value: number): Target {
  const measure = (f: Figures) => {
    const points = f.ratios(engine, "tensors", pass);
    const mean = geometricMean(points.map((point) => point.value));
    return points.length > 0 ? { value: mean, where: `${points.length} shapes` } : undefined;
  };
  return { what, bound: "at least", value, unit: "x", measure };
}

/** `slow` may take at most `value` times as long as `fast`. */
function within(
  what: string,
  slow: string,
  fast: string,
  passes: Pass[],
  value: number,
  which: (at: Timing) => boolean,
): Target {
  const measure = (f: Figures) =>
    worst(
      passes.flatMap((pass) => f.ratios(slow, fast, pass, which)),
      "at most",
    );
  return { what, bound: "at most", value, unit: "x", measure };
}

/** The same on relatives of layer normalization: over all passes that were timed, at least or at most. */
function relative(
  what: string,
  operations: readonly Operation[],
  slow: string,
  fast: string,
  bound: Target["bound"],
  value: number,
  which?: (at: Timing) => boolean,
): Target {
  const passes = ["forward", "backward"] as const;
  const measure = (f: Figures) =>
    worst(
      operations.flatMap((operation) =>
        passes.flatMap((pass) => f.ratios(slow, fast, pass, which, operation)),
      ),
      bound,
    );
  return { what, bound, value, unit: "x", measure };
}

function flat(what: string, pass: Pass, value: number, which: (cols: number) => boolean): Target {
  const measure = (f: Figures) => {
    const all = f.timings("tensors", pass, "sweep");
    if (all.length === 0) return undefined;
    const speed = (t: Timing) => (t.rows * t.cols) / t.ns;
    const best = Math.max(...all.map(speed));
    const points = all
      .filter(({ cols }) => which(cols))
      .map((at) => ({ value: (100 * speed(at)) / best, at }));
    return worst(points, "at least");
  };
  return { what, bound: "at least", value, unit: "%", measure };
}

function call(what: string, engine: string, cols: number, value: number): Target {
  const measure = (f: Figures) => {
    const found = f.timings(engine, "inference", "calls").find((t) => t.cols === cols);
    return found && { value: found.ns, where: `${found.low.toFixed(0)} to ${found.high.toFixed(0)}` };
  };
  return { what, bound: "at most", value, unit: "ns", measure };
}

const TARGETS: readonly Target[] = [
  against("forward against PyTorch, every shape", "pytorch", "forward", 1),
  meanAgainst("forward against PyTorch, geometric mean", "pytorch", "forward", 1.3),
  against("backward against PyTorch, every shape", "pytorch", "backward", 1),
  meanAgainst("backward against PyTorch, geometric mean", "pytorch", "backward", 1.25),
  against("forward and backward against PyTorch, every shape", "pytorch", "both", 1),
  against("forward against ONNX Runtime, native", "onnxruntime", "forward", 1.4),
  against("forward against plain JavaScript, in cache", "plain", "forward", 9, inCache),
  against("forward against plain JavaScript, beyond", "plain", "forward", 6, beyond),
  against("backward against plain JavaScript, in cache", "plain", "backward", 8, inCache),
  against("backward against plain JavaScript, beyond", "plain", "backward", 5, beyond),
  against("forward against onnxruntime-web", "onnxruntime-web", "forward", 21),
  against("forward against jax-js", "jax-js", "forward", 12),
  against("forward and backward against jax-js", "jax-js", "both", 6),
  against("forward against TensorFlow.js, composed", "tfjs", "forward", 11),
  against("forward against TensorFlow.js, layerNormalization", "tfjs-layers", "forward", 360),
  against("forward and backward against TensorFlow.js", "tfjs", "both", 33),
  within("forward over a copy, beyond the caches", "tensors", "copy", ["forward"], 1.3, beyond),
  within("backward over its streams, beyond the caches", "tensors", "copy", ["backward"], 1.6, beyond),
  flat("flat, forward: cols of 64 or more, of the best", "forward", 65, (cols) => cols >= 64),
  flat("flat, forward: cols of 8 to 48, of the best", "forward", 35, (cols) => cols <= 48),
  flat("flat, backward: cols of 64 or more, of the best", "backward", 65, (cols) => cols >= 64),
  flat("flat, backward: cols of 8 to 48, of the best", "backward", 35, (cols) => cols <= 48),
  call("call on tensors of [1, 8], with out", "tensors", 8, 150),
  call("call on plain arrays of [1, 64], with out", "arrays", 64, 300),
  within(
    "plain arrays over tensors, from [512, 768]",
    "arrays",
    "tensors",
    ["forward", "backward"],
    1.7,
    (at) => at.rows * at.cols >= 512 * 768,
  ),
  within("plain arrays over tensors, beyond", "arrays", "tensors", ["forward", "backward"], 1.4, beyond),
  against("layernorm-wasm/js against plain JavaScript, forward", "plain", "forward", 0.5, undefined, "js"),
  against("layernorm-wasm/js against plain JavaScript, backward", "plain", "backward", 0.5, undefined, "js"),
  oneCall("adding by a loop, in cache", "add-loop", 0.85, inCache),
  oneCall("adding by a loop, beyond", "add-loop", 0.75, beyond),
  oneCall("adding by another WebAssembly, in cache", "add-simd", 0.85, inCache),
  oneCall("adding by another WebAssembly, beyond", "add-simd", 0.75, beyond),
  relative(
    "speed over channels, of that over the last axis",
    ["axes"],
    "last-axis",
    "tensors",
    "at least",
    0.5,
  ),
  relative("bf16 against f32, beyond", ["bf16"], "f32", "tensors", "at least", 1.2, beyond),
  relative("f16 against f32, beyond", ["f16"], "f32", "tensors", "at least", 0.8, beyond),
  relative("bf16 against converting by a loop", ["bf16"], "converted", "tensors", "at least", 5),
  relative("f16 against converting by a loop", ["f16"], "converted", "tensors", "at least", 5),
  {
    what: "start: import, instantiate, first call, over bare Node",
    bound: "at most",
    value: 15,
    unit: "ms",
    measure: ({ run: { startup } }) =>
      startup && {
        value: startup.over.median,
        where: `${startup.over.low.toFixed(1)} to ${startup.over.high.toFixed(1)}, ${startup.rounds} starts`,
      },
  },
  size("layernorm.wasm", 28, (sizes) => sizes.wasm),
  size("the default entry, minified and gzipped", 20, (sizes) => sizes.entryGzipped),
];

/** Of what two calls take, the first of which adds. */
function oneCall(how: string, engine: string, value: number, which: (at: Timing) => boolean): Target {
  const operations = ["add_layer_norm", "add_rms_norm"] as const;
  return relative(`one call over two, ${how}`, operations, "tensors", engine, "at most", value, which);
}

function size(what: string, value: number, of: (sizes: NonNullable<RunData["sizes"]>) => number): Target {
  const measure = ({ run: { sizes } }: Figures) =>
    sizes && { value: of(sizes) / 1000, where: `${of(sizes)} bytes` };
  return { what, bound: "at most", value, unit: "kB", measure };
}

export function judge(run: RunData): Verdict[] {
  const figures = new Figures(run);
  return TARGETS.map(({ what, bound, value, unit, measure }) => {
    const found = measure(figures);
    const met = found && (bound === "at least" ? found.value >= value : found.value <= value);
    return {
      what,
      target: `${bound} ${value} ${unit}`,
      measured: found ? `${digits(found.value)} ${unit}: ${found.where}` : "not measured",
      met,
    };
  });
}

/** Three digits, and no exponent. */
export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}
