/** Which shapes are measured, by whom and for what. To add one, add a line. */
import type { Pass } from "../engines/engine.js";

export interface Case {
  rows: number;
  cols: number;
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

const shapes = (lines: readonly Line[]): Case[] =>
  lines.map(([rows, cols, about]) => ({ rows, cols, about, passes: PASSES, group: "shapes" }));

export const quickShapes = shapes(QUICK);

export const fullShapes = shapes([...QUICK, ...FULL].sort(([a, b], [c, d]) => a * b - c * d));

/** `8x64,512x768`: the shapes of the list by their sizes, and any others. */
export function chosenShapes(text: string): Case[] {
  return text.split(",").map((part) => {
    const [rows, cols, ...rest] = part.split("x").map(Number);
    if (!(rows > 0 && cols > 0) || rest.length > 0 || !Number.isInteger(rows * cols))
      throw new Error(`--shapes wants ROWSxCOLS,ROWSxCOLS, as 64x64,512x768, and got ${part}`);
    const known = fullShapes.find((each) => each.rows === rows && each.cols === cols);
    return known ?? { rows, cols, about: "asked for", passes: PASSES, group: "shapes" };
  });
}

/** About as many elements each, within the second-level cache, so that only the length of a row differs. */
const SWEEP_ELEMENTS = 65536;
const SWEEP_COLS = [
  8, 12, 16, 20, 24, 32, 40, 48, 64, 65, 67, 80, 96, 100, 127, 128, 129, 192, 255, 256, 320, 384, 500, 512,
  640, 768, 1000, 1021, 1024, 1280, 1536, 1600, 2048, 3072, 4096,
];

export const sweep: Case[] = SWEEP_COLS.map((cols) => ({
  rows: Math.round(SWEEP_ELEMENTS / cols),
  cols,
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
  return { rows, cols, about: "layerNorm with out", passes: ["inference"], engines, group: "calls" };
}

export const caseName = ({ rows, cols }: { rows: number; cols: number }) => `[${rows}, ${cols}]`;

/** Beyond the caches: x alone is over 8 MB, so that two or three arrays of its size leave them. */
export const isBeyond = ({ rows, cols }: Pick<Case, "rows" | "cols">) => rows * cols * 4 > 8e6;

/** What is timed together: a shape by itself; the sweep as one, because there it is shapes that are compared. */
export function together(cases: readonly Case[]): Case[][] {
  const of = (group: Case["group"]) => cases.filter((it) => it.group === group);
  return [...of("shapes").map((it) => [it]), of("sweep"), of("calls")].filter((group) => group.length > 0);
}
