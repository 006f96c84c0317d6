/** Interleaved rounds: A B C, B C A, ... so that what disturbs the machine falls on all alike. */
import { type Case, caseName } from "./cases/index.js";
import type { Pass } from "./engines/engine.js";
import type { Contestant, Effort, Tell, Timing } from "./measure.js";
import type { Elapsed, Remote } from "./remote.js";
import { quantile } from "./statistics.js";

/** A call of so many milliseconds has compiled what it runs by its end: no need to warm up. */
const LONG_MS = 500;

/** The part of a round in which a process has to have had its core. */
const UNDISTURBED = 0.97;

interface Plan extends Contestant {
  pass: Pass;
  /** One call, about. */
  oneMs: number;
  /** Calls in a round. */
  repetitions: number;
  rounds: number;
}

export async function time(
  pass: Pass,
  contestants: readonly Contestant[],
  effort: Effort,
  tell: Tell,
): Promise<Timing[]> {
  const runs: { plan: Plan; times: number[]; disturbed: number }[] = [];
  for (const contestant of contestants) {
    tell(`${pass}: warming ${contestant.engine.info.name}`);
    runs.push({ plan: await makePlan(contestant, pass, effort), times: [], disturbed: 0 });
  }
  for (let round = 0; round < effort.rounds; round++) {
    tell(`${pass}: round ${round + 1} of ${effort.rounds}`);
    // Another one begins each time, so that none always follows the same one.
    for (let k = 0; k < runs.length; k++) {
      const run = runs[(k + round) % runs.length];
      if (round >= run.plan.rounds) continue;
      const { ns, busy } = await undisturbedRound(run.plan, effort);
      run.times.push(ns / run.plan.repetitions);
      if (busy < UNDISTURBED) run.disturbed += 1;
    }
  }
  return runs.map(({ plan: { engine, it, note }, times, disturbed }) => ({
    engine: engine.info.id,
    operation: it.operation,
    rows: it.rows,
    cols: it.cols,
    inner: it.inner,
    group: it.group,
    pass,
    ns: quantile(times, 0.5),
    low: quantile(times, 0.25),
    high: quantile(times, 0.75),
    rounds: times.length,
    ...(disturbed > 0 ? { disturbed } : {}),
    ...(note ? { note } : {}),
  }));
}

/** Done again while another process had the core for a part of it, as happens on a busy machine. */
async function undisturbedRound({ engine, it, pass, repetitions, oneMs }: Plan, { roundMs }: Effort) {
  const key = caseName(it);
  const short = oneMs < roundMs;
  let best: Elapsed = { ns: 0, busy: -1 };
  for (let tries = 0; tries < (short ? 4 : 1) && best.busy < UNDISTURBED; tries++) {
    // The engine before has taken the caches.
    if (short) await engine.run(key, pass, 1);
    const elapsed = await engine.run(key, pass, repetitions);
    if (elapsed.busy > best.busy) best = elapsed;
  }
  return best;
}

/** Warms up, and finds how many calls fill a round. Those that take very long get fewer rounds. */
async function makePlan(contestant: Contestant, pass: Pass, effort: Effort): Promise<Plan> {
  const { engine, it, first, passes } = contestant;
  const { rounds, roundMs } = effort;
  const warmMs = isCompiled(engine, it, pass, passes) ? effort.warmMs : effort.firstWarmMs;
  engine.warmed.add(passName(it, pass));
  const firstMs = first.get(pass) ?? 0;
  let oneMs = firstMs > LONG_MS ? firstMs : Number.POSITIVE_INFINITY;
  let repetitions = 1;
  for (let total = firstMs > LONG_MS ? firstMs : 0; total < warmMs || oneMs === Number.POSITIVE_INFINITY; ) {
    const { ns } = await engine.run(caseName(it), pass, repetitions);
    const ms = ns / 1e6;
    total += ms;
    // Clocks of browsers have steps of up to 0.1 ms, in which a call may seem to take no time.
    if (ms >= 1) oneMs = Math.min(oneMs, ms / repetitions);
    const enough =
      oneMs === Number.POSITIVE_INFINITY ? 4 * repetitions : Math.ceil(effort.warmMs / 4 / oneMs);
    repetitions = Math.max(1, Math.min(4 * repetitions, enough));
  }
  const long = oneMs > 8 * roundMs;
  return {
    ...contestant,
    pass,
    oneMs,
    repetitions: Math.max(1, Math.round(roundMs / oneMs)),
    rounds: long ? Math.max(3, Math.ceil(rounds / 3)) : rounds,
  };
}

/** Whether this process has run the pass, or all that it is made of, for long enough. */
function isCompiled({ info, warmed }: Remote, it: Case, pass: Pass, passes: readonly Pass[]): boolean {
  const parts: Pass[] = pass === "both" && passes.includes("backward") ? ["forward", "backward"] : [pass];
  const has = (part: Pass) => warmed.has(passName(it, part));
  return info.kind === "native" || has(pass) || parts.every(has);
}

/** Of an operation: each runs code of its own. */
const passName = ({ operation }: Case, pass: Pass) => `${operation} ${pass}`;
