import { parseArgs } from "node:util";
import {
  type Case,
  calls,
  chosenShapes,
  FAMILY,
  familyCases,
  fullShapes,
  quickShapes,
  quickSweep,
  RELATIVES,
  sweep,
} from "./cases/index.js";
import type { Operation } from "./cases/operations.js";
import { ENGINES, type EngineInfo } from "./engines/list.js";
import { EFFORTS, type Effort } from "./measure.js";

const QUICK_PARTS = ["shapes", "sweep", "calls", "start", "sizes"] as const;
const PARTS = [...QUICK_PARTS, ...RELATIVES] as const;
type Part = (typeof PARTS)[number];

const HELP = `npm run bench -- [options]

  --quick            few shapes and short rounds: under a minute. Without the relatives: ${RELATIVES.join(", ")}
  --only LIST        these parts alone: ${PARTS.join(", ")}
  --shapes LIST      these shapes alone, as 64x64,512x768; of the relatives that --only names, as 16x96x3136 for axes
  --engines LIST     these engines beside the package's tensors, by id:
                     ${ENGINES.map(({ id }) => id).join(", ")}
  --native           installs the native engines first (about 3 GB); they take part whenever they are there
  --no-native        leaves them out
  --rounds N         interleaved rounds; more where the machine is noisy
  --core N           the core that every engine is kept on; the last one unless told
  --record NAME      keeps the results in bench/records/DATE-NAME.json and .md
  --page             serves the benchmark for a browser instead; --port N
  --help`;

export interface Options {
  command: string;
  cases: Case[];
  engines: EngineInfo[];
  parts: ReadonlySet<Part>;
  effort: Effort;
  starts: number;
  native: boolean | undefined;
  core: number | undefined;
  record: string | undefined;
  page: number | undefined;
}

export class Usage extends Error {}

export function readOptions(args: readonly string[]): Options {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${HELP}`);
  }
  if (values.help) throw new Usage(HELP);
  const quick = values.quick ?? false;
  const effort = quick ? EFFORTS.quick : EFFORTS.full;
  const rounds = whole("--rounds", values.rounds) ?? effort.rounds;
  if (rounds === 0) throw new Usage("--rounds wants at least 1");
  const chosenParts = new Set(parts(values.only, values.shapes ? ["shapes"] : quick ? QUICK_PARTS : PARTS));
  const relatives = RELATIVES.filter((name) => chosenParts.has(name));
  return {
    command: ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
    cases: values.shapes
      ? chosen(values.shapes, [
          ...(chosenParts.has("shapes") ? (["layer_norm"] as const) : []),
          ...relatives.flatMap((name) => FAMILY[name]),
        ])
      : [
          ...(chosenParts.has("shapes") ? (quick ? quickShapes : fullShapes) : []),
          ...(chosenParts.has("sweep") ? (quick ? quickSweep : sweep) : []),
          ...(chosenParts.has("calls") ? calls : []),
          ...relatives.flatMap((name) => familyCases(name, quick)),
        ],
    engines: engines(values.engines, values["no-native"] ?? false),
    parts: chosenParts,
    effort: { ...effort, rounds },
    starts: quick ? 11 : 41,
    native: values["no-native"] ? false : values.native,
    core: whole("--core", values.core),
    record: values.record,
    page: values.page ? (whole("--port", values.port) ?? 8080) : undefined,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean" },
      only: { type: "string" },
      shapes: { type: "string" },
      engines: { type: "string" },
      native: { type: "boolean" },
      "no-native": { type: "boolean" },
      rounds: { type: "string" },
      core: { type: "string" },
      record: { type: "string" },
      page: { type: "boolean" },
      port: { type: "string" },
      help: { type: "boolean" },
    },
  }).values;
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d+$/.test(text))
    throw new Usage(`${name} wants a whole number, and got ${text}`);
  return text === undefined ? undefined : Number(text);
}

function parts(text: string | undefined, otherwise: readonly Part[]): readonly Part[] {
  if (text === undefined) return otherwise;
  const names = text.split(",");
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Usage(`--only has no ${unknown}; there are: ${PARTS.join(", ")}`);
  return PARTS.filter((part) => names.includes(part));
}

function chosen(text: string, operations: readonly Operation[]): Case[] {
  try {
    return chosenShapes(text, operations);
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

/** The limit and the package's tensors are always there: everything is in terms of them. */
function engines(text: string | undefined, withoutNative: boolean): EngineInfo[] {
  const known = ENGINES.filter(({ kind }) => kind !== "native" || !withoutNative);
  if (text === undefined) return known;
  const ids = text.split(",");
  const unknown = ids.find((id) => ENGINES.every((engine) => engine.id !== id));
  if (unknown !== undefined)
    throw new Usage(`--engines has no ${unknown}; there are: ${known.map((e) => e.id).join(", ")}`);
  return known.filter(({ id, kind }) => kind === "limit" || id === "tensors" || ids.includes(id));
}
