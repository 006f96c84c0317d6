/** Cases from their numbers to their timings: every answer is checked first (check.ts), then all take turns (time.ts). */
import { type Case, caseName, fullName, together } from "./cases/index.js";
import type { Operation } from "./cases/operations.js";
import { makeProblem, type Sizes } from "./cases/problem.js";
import { reference } from "./cases/reference.js";
import { check } from "./check.js";
import type { Pass, ResultName } from "./engines/engine.js";
import { does, type EngineInfo } from "./engines/list.js";
import type { Remote } from "./remote.js";
import { time } from "./time.js";

export interface Effort {
  rounds: number;
  /** How long an engine runs in a round, and before the first one. */
  roundMs: number;
  warmMs: number;
  /** The same before the first round of a process that compiles as it runs, for its compiler to have finished. */
  firstWarmMs: number;
  /**
   * Leaves out `both` of engines that have a backward pass of their own, but for the package's tensors, and large
   * shapes of slow engines.
   */
  brief: boolean;
}

export interface Timing extends Sizes {
  engine: string;
  group: Case["group"];
  pass: Pass;
  /** Of one call, in nanoseconds: the median of the rounds, and the quartiles. */
  ns: number;
  low: number;
  high: number;
  rounds: number;
  /** Of the rounds, those in which another process took the core, each time it was tried. */
  disturbed?: number;
  note?: string;
}

export interface Trouble {
  engine: string;
  case: string;
  what: string;
}

export interface Measured {
  timings: Timing[];
  /** Worst errors in units of 2^-24 of each value's scale, by engine. */
  errors: { engine: string; operation: Operation; worst: Partial<Record<ResultName, number>> }[];
  troubles: Trouble[];
}

export type Tell = (text: string) => void;

/** How much is spent on a shape: enough for figures to repeat, or a first look. */
export const EFFORTS = {
  full: { rounds: 21, roundMs: 20, warmMs: 100, firstWarmMs: 1000, brief: false },
  quick: { rounds: 5, roundMs: 8, warmMs: 40, firstWarmMs: 200, brief: true },
} satisfies Record<string, Effort>;

/** An engine with one case prepared. */
export interface Contestant {
  it: Case;
  engine: Remote;
  passes: Pass[];
  note: string;
  /** How many milliseconds the checked call of each pass took: its first. */
  first: Map<Pass, number>;
}

/** Adds to `into`, which is complete for some of the cases whenever `done` is called. */
export async function measureAll(
  cases: readonly Case[],
  engines: readonly Remote[],
  effort: Effort,
  into: Measured,
  { tell, done }: { tell: Tell; done: (cases: readonly Case[]) => void },
): Promise<void> {
  for (const them of together(cases)) {
    // The sweep has many shapes, all of them small.
    const short = { ...effort, roundMs: effort.roundMs / 4, warmMs: effort.warmMs / 4 };
    const found = await measure(them, engines, them[0].group === "sweep" ? short : effort, tell);
    into.timings.push(...found.timings);
    into.errors.push(...found.errors);
    into.troubles.push(...found.troubles);
    done(them);
  }
}

/** The cases are timed together: in each round, each of the engines on each of the cases. */
async function measure(
  cases: readonly Case[],
  engines: readonly Remote[],
  effort: Effort,
  tell: Tell,
): Promise<Measured> {
  const measured: Measured = { timings: [], errors: [], troubles: [] };
  const contestants: Contestant[] = [];
  for (const it of cases) {
    const chosen = engines.filter(({ info }) => takesPart(info, it, effort));
    contestants.push(...(await prepare(it, chosen, measured, tell)));
  }
  for (const pass of new Set(cases.flatMap(({ passes }) => passes))) {
    const able = contestants
      .filter(({ passes }) => passes.includes(pass))
      .filter((each) => isWanted(each, pass, effort));
    measured.timings.push(...(await time(pass, able, effort, tell)));
  }
  for (const { engine, it } of contestants) await engine.dispose(caseName(it));
  return measured;
}

export function takesPart(info: EngineInfo, it: Case, { brief }: Pick<Effort, "brief">): boolean {
  const isTooLong = brief && info.slow && it.rows * it.cols > 1e6;
  return (it.engines?.includes(info.id) ?? true) && does(info, it.operation) && !isTooLong;
}

function isWanted({ engine, passes }: Contestant, pass: Pass, { brief }: Effort): boolean {
  return !(brief && pass === "both" && passes.includes("backward") && engine.info.id !== "tensors");
}

async function prepare(
  it: Case,
  engines: readonly Remote[],
  { errors, troubles }: Measured,
  tell: Tell,
): Promise<Contestant[]> {
  const { operation } = it;
  const key = caseName(it);
  const problem = makeProblem(it);
  const expected = reference(problem);
  const contestants: Contestant[] = [];
  const ours = new Map<ResultName, Float32Array>();
  for (const engine of engines) {
    tell(`checking ${engine.info.name}`);
    try {
      const { passes, note } = await engine.prepare(key, problem);
      const chosen = it.passes.filter((pass) => passes.includes(pass));
      const { worst, first } = await check(engine, it, chosen, expected, ours);
      contestants.push({ it, engine, passes: chosen, note, first });
      errors.push({ engine: engine.info.id, operation, worst });
    } catch (error) {
      const what = error instanceof Error ? error.message.split("\n")[0] : String(error);
      troubles.push({ engine: engine.info.id, case: fullName(it), what });
      await engine.dispose(key).catch(() => {});
    }
  }
  return contestants;
}
