/** The tables of a run: for the terminal, the page and the record alike. */
import type { Table } from "../../examples/mnist/table.js";
import { caseName } from "../cases/index.js";
import { OPERATIONS, type Operation, TITLES } from "../cases/operations.js";
import type { Pass } from "../engines/engine.js";
import { allowed, ENGINES } from "../engines/list.js";
import type { Timing } from "../measure.js";
import type { RunData } from "../run-data.js";
import { geometricMean } from "../statistics.js";
import { digits, judge } from "../targets/targets.js";

/** Arrays of the size of x that a pass reads and writes, without rereads: forward x y, backward dy x dx. */
const STREAMS: Record<Pass, number> = { inference: 2, forward: 2, backward: 3, both: 5 };

export const PASS_NAMES = { forward: "Forward", backward: "Backward", both: "Forward and backward" } as const;
export type ShapePass = keyof typeof PASS_NAMES;
export const SHAPE_PASSES = Object.keys(PASS_NAMES) as ShapePass[];

export const engineName = (id: string) => ENGINES.find((engine) => engine.id === id)?.name ?? id;

/** 10^9 elements per second. */
export const speed = ({ rows, cols, ns }: Timing) => (rows * cols) / ns;

/** 10^9 bytes per second. */
const traffic = (timing: Timing) => speed(timing) * 4 * STREAMS[timing.pass];

export function shapeTimings(
  { timings }: RunData,
  pass: Pass,
  operation: Operation = "layer_norm",
): Timing[] {
  return timings.filter(
    (timing) => timing.pass === pass && timing.group === "shapes" && timing.operation === operation,
  );
}

/** What was timed of the relatives of layer normalization. */
export function relatives(run: RunData): { title: string; timings: Timing[] }[] {
  const all = OPERATIONS.filter((operation) => operation !== "layer_norm").flatMap((operation) =>
    SHAPE_PASSES.map((pass) => ({
      title: `${TITLES[operation]}, ${PASS_NAMES[pass].toLowerCase()}`,
      timings: shapeTimings(run, pass, operation),
    })),
  );
  return all.filter(({ timings }) => timings.length > 0);
}

const sameShape = (a: Timing, b: Timing) => caseName(a) === caseName(b);

function shapesOf(timings: Timing[]): Timing[] {
  return timings.filter((timing, k) => timings.findIndex((other) => sameShape(other, timing)) === k);
}

const enginesOf = (timings: Timing[]) =>
  ENGINES.map(({ id }) => id).filter((id) => timings.some(({ engine }) => engine === id));

/** Two tables for each pass: what the package does, and how many times as long each engine takes. */
function summaryTables(run: RunData): Table[] {
  return SHAPE_PASSES.flatMap((pass) => {
    const timings = shapeTimings(run, pass);
    const compared = timings.some(({ engine }) => engine !== "tensors");
    return [
      ...(timings.length > 0 ? [oursTable(pass, timings)] : []),
      ...(compared ? [ratioTable(PASS_NAMES[pass], timings)] : []),
    ];
  });
}

function oursTable(pass: ShapePass, timings: Timing[]): Table {
  const ours = timings.filter(({ engine }) => engine === "tensors");
  const rows = ours.map((timing) => {
    const copy = timings.find((other) => other.engine === "copy" && sameShape(other, timing));
    return [
      caseName(timing),
      milliseconds(timing.ns),
      `${milliseconds(timing.low)} - ${milliseconds(timing.high)}`,
      digits(speed(timing)),
      digits(traffic(timing)),
      copy ? digits(traffic(copy)) : "",
      copy ? `${((100 * copy.ns) / timing.ns).toFixed(0)}%` : "",
    ];
  });
  const head = [
    "",
    "ms",
    "middle half of the rounds",
    "10^9 elements/s",
    "GB/s",
    "copy, GB/s",
    "of the copy",
  ];
  return { title: `${PASS_NAMES[pass]}, ${engineName("tensors")}`, head, rows };
}

/** The same in one table: what the copy would be is not measured. */
function relativeTable(title: string, timings: Timing[]): Table {
  const ratios = ratioTable(title, timings);
  const ours = timings.filter(({ engine }) => engine === "tensors");
  const figures = new Map(ours.map((t) => [caseName(t), [milliseconds(t.ns), digits(speed(t))]]));
  const [, ...others] = ratios.head;
  return {
    ...ratios,
    head: ["", "ms", "10^9 elements/s", ...others],
    rows: ratios.rows.map(([shape, ...cells]) => [shape, ...(figures.get(shape) ?? ["", ""]), ...cells]),
  };
}

function ratioTable(what: string, timings: Timing[]): Table {
  const others = enginesOf(timings).filter((id) => id !== "tensors");
  const columns = others.map((id) =>
    shapesOf(timings).map((shape) => {
      const find = (engine: string) => timings.find((t) => t.engine === engine && sameShape(t, shape));
      const [ours, other] = [find("tensors"), find(id)];
      return ours && other ? other.ns / ours.ns : undefined;
    }),
  );
  const rows = shapesOf(timings).map((shape, k) => [
    caseName(shape),
    ...columns.map((column) => (column[k] === undefined ? "" : digits(column[k]))),
  ]);
  const known = columns.map((column) => column.filter((ratio) => ratio !== undefined));
  const sum = (name: string, of: (ratios: number[]) => number) => [
    name,
    ...known.map((ratios) => (ratios.length > 0 ? digits(of(ratios)) : "")),
  ];
  return {
    title: `${what}: how many times as long as ${engineName("tensors")}`,
    head: ["", ...others],
    rows: [...rows, sum("minimum", (ratios) => Math.min(...ratios)), sum("geometric mean", geometricMean)],
  };
}

/** The tables of figures that fit a terminal. */
export function briefTables(run: RunData): Table[] {
  const family = relatives(run).map(({ title, timings }) => relativeTable(title, timings));
  const others = [sweepTable(run), callsTable(run), ...family, errorsTable(run)];
  return [...summaryTables(run), ...others.filter((table) => table !== undefined)];
}

/** The same, and every engine on every shape. */
export function figureTables(run: RunData): Table[] {
  const passes = SHAPE_PASSES.map((pass) => ({ title: PASS_NAMES[pass], timings: shapeTimings(run, pass) }));
  const timed = [...passes, ...relatives(run)].filter(({ timings }) => timings.length > 0);
  return [...briefTables(run), ...timed.map(({ title, timings }) => detailTable(title, timings))];
}

/** Everything that was timed on a shape. */
function detailTable(title: string, timings: Timing[]): Table {
  const rows = shapesOf(timings).flatMap((shape) =>
    timings
      .filter((timing) => sameShape(timing, shape))
      .map((timing) => {
        const ours = timings.find((other) => other.engine === "tensors" && sameShape(other, timing));
        return [
          caseName(timing),
          engineName(timing.engine),
          milliseconds(timing.ns),
          `${milliseconds(timing.low)} - ${milliseconds(timing.high)}`,
          String(timing.rounds),
          digits(speed(timing)),
          timing.operation === "layer_norm" ? digits(traffic(timing)) : "",
          ours ? digits(timing.ns / ours.ns) : "",
          timing.note ?? "",
        ];
      }),
  );
  const head = ["", "", "ms", "middle half", "rounds", "10^9 elements/s", "GB/s", "times ours", ""];
  return { title: `${title}, every engine`, head, rows };
}

function sweepTable({ timings }: RunData): Table | undefined {
  const swept = timings.filter(({ group }) => group === "sweep");
  if (swept.length === 0) return undefined;
  const best = (pass: Pass) => Math.max(...swept.filter((t) => t.pass === pass).map(speed));
  const rows = shapesOf(swept).map((shape) => [
    caseName(shape),
    ...(["forward", "backward"] as const).flatMap((pass) => {
      const found = swept.find((timing) => timing.pass === pass && sameShape(timing, shape));
      return found ? [digits(speed(found)), `${((100 * speed(found)) / best(pass)).toFixed(0)}%`] : ["", ""];
    }),
  ]);
  return {
    title: `Rows of different lengths, about as many elements each, ${engineName("tensors")}, 10^9 elements/s`,
    head: ["", "forward", "of the best", "backward", "of the best"],
    rows,
  };
}

function callsTable({ timings }: RunData): Table | undefined {
  const calls = timings.filter(({ group }) => group === "calls");
  if (calls.length === 0) return undefined;
  const rows = calls.map((timing) => [
    `${caseName(timing)} ${engineName(timing.engine)}`,
    timing.ns.toFixed(0),
    `${timing.low.toFixed(0)} - ${timing.high.toFixed(0)}`,
  ]);
  return { title: "One small call, results written to given places", head: ["", "ns", "middle half"], rows };
}

function errorsTable({ errors, troubles }: RunData): Table {
  const names = ["y", "dx", "dgamma", "dbeta"] as const;
  const rows = OPERATIONS.flatMap((operation) =>
    ENGINES.flatMap((info) => {
      const found = errors.filter((error) => error.engine === info.id && error.operation === operation);
      if (found.length === 0 || info.kind === "limit") return [];
      const limits = allowed(info, operation);
      const worst = names.map((key) => {
        const values = found.flatMap(({ worst }) => worst[key] ?? []);
        return values.length > 0 ? `${digits(Math.max(...values))} of ${limits[key]}` : "";
      });
      return [[operation === "layer_norm" ? info.name : `${operation}: ${info.name}`, ...worst]];
    }),
  );
  return {
    title:
      "Worst error against the f64 reference, and what is allowed, in units of 2^-24 of each value's scale",
    head: ["", ...names],
    rows,
    notes: troubles.map(
      ({ engine, case: shape, what }) =>
        `Not timed: ${[engineName(engine), shape].join(" ").trim()}: ${what}`,
    ),
  };
}

export function targetsTable(run: RunData): Table {
  const verdicts = judge(run);
  const count = (met: boolean | undefined) => verdicts.filter((verdict) => verdict.met === met).length;
  const measured = verdicts.filter(({ met }) => met !== undefined);
  return {
    title: "Targets: the worst shape of each has to meet it",
    head: ["", "", "target", "measured"],
    rows: measured.map(({ what, target, measured, met }) => [what, met ? "met" : "MISSED", target, measured]),
    notes: [`${count(true)} met, ${count(false)} missed, ${count(undefined)} not measured in this run.`],
  };
}

export function machineLines({
  date,
  command,
  commit,
  where,
  versions,
  notes,
  timings,
  machine,
}: RunData): string[] {
  return [
    `${date}${commit ? `, commit ${commit}` : ""}: ${command}`,
    where,
    ...(machine ? [disturbance(timings)] : []), // a browser does not tell
    ...Object.entries(versions).map(([id, version]) => `${engineName(id)}: ${version}`),
    ...notes,
  ];
}

function disturbance(timings: Timing[]): string {
  const sum = (of: (timing: Timing) => number) => timings.reduce((total, timing) => total + of(timing), 0);
  const part = sum(({ disturbed = 0 }) => disturbed) / sum(({ rounds }) => rounds);
  return `Rounds in which another process took a part of the core, after up to four tries: ${(100 * (part || 0)).toFixed(1)}%`;
}

function milliseconds(ns: number): string {
  const ms = ns / 1e6;
  return ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3);
}
