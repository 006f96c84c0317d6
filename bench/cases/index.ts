/** Which shapes are measured, by whom and for what. To add one, add a line. */
import type { Pass } from "../engines/engine.js";
import { addsFirst, type Operation } from "./operations.js";
import type { Sizes } from "./problem.js";

export interface Case extends Sizes {
  passes: readonly Pass[];
  /** Of which model the shape is, or what it is there for. */
  about: string;
  /** Ids of engines; all of them where this is left out. */
  engines?: readonly string[];
  /** What its figures are shown and judged as. */
  group: "shapes" | "sweep" | "calls";
}

const PASSES: readonly Pass[] = ["forward", "backward", "both"];

type Line = readonly [rows: number, cols: number, about: string];

const QUICK: readonly Line[] = [
  [64, 64, "small, in the first-level cache"],
  [128, 1000, "the paper's, a batch of 128; not a power of two"],
  [128, 1024, "GPT-2 medium, 128 tokens"],
  [512, 768, "BERT base, 512 tokens"],
  [8192, 768, "BERT base, 16 x 512 tokens; beyond the caches"],
];

const FULL: readonly Line[] = [
  [1, 768, "one token of BERT base"],
  [1, 4096, "one token of Llama 7B"],
  [1, 16384, "one row, wide"],
  [7, 127, "odd on both sides"],
  [65536, 8, "many rows, very short"],
  [16384, 32, "many rows, short"],
  [4096, 96, "Swin, the first stage of an image"],
  [256, 384, "MiniLM, one text of 256 tokens"],
  [512, 1024, "GPT-2 medium, 512 tokens"],
  [512, 1600, "GPT-2 XL, 512 tokens"],
  [333, 999, "not a multiple of anything"],
  [128, 4096, "Llama 7B, 128 tokens"],
  [64, 16384, "wide rows"],
  [65536, 64, "many rows, short; beyond the caches"],
  [16384, 384, "MiniLM, 64 x 256 tokens; beyond the caches"],
  [4096, 1600, "GPT-2 XL, 4 x 1024 tokens; beyond the caches"],
  [4096, 4096, "Llama 7B, 4096 tokens; far beyond the caches"],
];

const shapes = (lines: readonly Line[], operation: Operation = "layer_norm"): Case[] =>
  lines.map(([rows, cols, about]) => shape({ operation, rows, cols, inner: 1 }, about));

const shape = (sizes: Sizes, about: string): Case => ({
  ...sizes,
  about,
  passes: passesOf(sizes.operation),
  group: "shapes",
});

/** Where differentiation is compared there is `both`; what adds first is compared with calls that add, forward alone. */
function passesOf(operation: Operation): readonly Pass[] {
  if (addsFirst(operation)) return ["forward"];
  return operation === "layer_norm" || operation === "rms_norm" ? PASSES : ["forward", "backward"];
}

export const quickShapes = shapes(QUICK);

export const fullShapes = shapes([...QUICK, ...FULL].sort(([a, b], [c, d]) => a * b - c * d));

/** The relatives of layer normalization, a part of the benchmark each, and the operations in it. */
export const FAMILY = {
  rms: ["rms_norm"],
  add: ["add_layer_norm", "add_rms_norm"],
  axes: ["axes"],
  half: ["bf16", "f16"],
} as const satisfies Record<string, readonly Operation[]>;
type Relative = keyof typeof FAMILY;
export const RELATIVES = Object.keys(FAMILY) as Relative[];

const FAMILY_QUICK: readonly Line[] = [
  [128, 1024, "GPT-2 medium, 128 tokens"],
  [512, 768, "BERT base, 512 tokens"],
  [8192, 768, "BERT base, 16 x 512 tokens; beyond the caches"],
];
const FAMILY_FULL: readonly Line[] = [
  [1, 4096, "one token of Llama 7B"],
  [64, 64, "small, in the first-level cache"],
  [128, 4096, "Llama 7B, 128 tokens"],
  [4096, 4096, "Llama 7B, 4096 tokens; far beyond the caches"],
];

type Images = readonly [images: number, channels: number, pixels: number, about: string];

const IMAGES_QUICK: readonly Images[] = [
  [1, 384, 196, "ConvNeXt, the third stage of an image"],
  [1, 96, 3136, "ConvNeXt, the first stage of an image"],
  [16, 96, 3136, "ConvNeXt, the first stage of 16 images; beyond the caches"],
];
const IMAGES_FULL: readonly Images[] = [
  [4, 768, 49, "ConvNeXt, the last stage of 4 images"],
  [2, 64, 4096, "a power of two apart"],
  [32, 192, 784, "ConvNeXt, the second stage of 32 images; beyond the caches"],
];

const images = (lines: readonly Images[]): Case[] =>
  lines.map(([images, cols, inner, about]) =>
    shape({ operation: "axes", rows: images * inner, cols, inner }, about),
  );

/** The cases of a relative. */
export function familyCases(relative: Relative, quick: boolean): Case[] {
  const smallFirst = (a: Case, b: Case) => a.rows * a.cols - b.rows * b.cols;
  if (relative === "axes")
    return images(quick ? IMAGES_QUICK : [...IMAGES_QUICK, ...IMAGES_FULL]).sort(smallFirst);
  const lines = quick ? FAMILY_QUICK : [...FAMILY_QUICK, ...FAMILY_FULL];
  return FAMILY[relative].flatMap((operation) => shapes(lines, operation).sort(smallFirst));
}

/** `8x64,512x768`: the shapes of the list by their sizes, and any others; `8x64x49` for axes. For each operation. */
export function chosenShapes(text: string, operations: readonly Operation[] = ["layer_norm"]): Case[] {
  const cases = text.split(",").flatMap((part) => {
    const sizes = part.split("x").map(Number);
    const [first, cols, inner = 1] = sizes;
    const rows = first * inner;
    if (sizes.length < 2 || sizes.length > 3 || !sizes.every((size) => Number.isInteger(size) && size > 0))
      throw new Error(`--shapes wants ROWSxCOLS,ROWSxCOLS, as 64x64,512x768, and got ${part}`);
    const about = fullShapes.find((each) => each.rows === rows && each.cols === cols)?.about ?? "asked for";
    return operations
      .filter((operation) => (operation === "axes") === (sizes.length === 3))
      .map((operation) => shape({ operation, rows, cols, inner }, about));
  });
  if (cases.length === 0)
    throw new Error(`--shapes ${text} fits no part: ROWSxCOLS, and for axes alone NxCxP`);
  return cases;
}

/** About as many elements each, within the second-level cache, so that only the length of a row differs. */
const SWEEP_ELEMENTS = 65536;
const SWEEP_COLS = [
  8, 12, 16, 20, 24, 32, 40, 48, 64, 65, 67, 80, 96, 100, 127, 128, 129, 192, 255, 256, 320, 384, 500, 512,
  640, 768, 1000, 1021, 1024, 1280, 1536, 1600, 2048, 3072, 4096,
];

export const sweep: Case[] = SWEEP_COLS.map((cols) => ({
  operation: "layer_norm",
  rows: Math.round(SWEEP_ELEMENTS / cols),
  cols,
  inner: 1,
  about: "sweep over cols",
  passes: ["forward", "backward"],
  engines: ["tensors"],
  group: "sweep",
}));

/** Every second length, with the shortest and those around 64. */
export const quickSweep = sweep.filter(({ cols }, k) => k % 2 === 0 || [65, 67].includes(cols));

/** Calls so small that what surrounds the kernel is what they cost. */
export const calls: Case[] = [
  call(1, 8, ["tensors", "arrays", "js", "plain", "pytorch"]),
  call(1, 64, ["tensors", "arrays", "js", "plain", "pytorch"]),
];

function call(rows: number, cols: number, engines: string[]): Case {
  const sizes = { operation: "layer_norm", rows, cols, inner: 1 } as const;
  return { ...sizes, about: "layerNorm with out", passes: ["inference"], engines, group: "calls" };
}

/** The shape of x. */
export const caseName = ({ rows, cols, inner }: Omit<Sizes, "operation">) =>
  inner === 1 ? `[${rows}, ${cols}]` : `[${rows / inner}, ${cols}, ${inner}]`;

/** The same with its operation, unless it is layer normalization. */
export const fullName = (sizes: Sizes) =>
  sizes.operation === "layer_norm" ? caseName(sizes) : `${sizes.operation} ${caseName(sizes)}`;

/** Beyond the caches: x alone is over 8 MB, so that two or three arrays of its size leave them. */
export const isBeyond = ({ rows, cols }: Pick<Case, "rows" | "cols">) => rows * cols * 4 > 8e6;

/** What is timed together: a shape by itself; the sweep as one, because there it is shapes that are compared. */
export function together(cases: readonly Case[]): Case[][] {
  const of = (group: Case["group"]) => cases.filter((it) => it.group === group);
  return [...of("shapes").map((it) => [it]), of("sweep"), of("calls")].filter((group) => group.length > 0);
}
