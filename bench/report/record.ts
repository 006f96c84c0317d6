/** A run as files for git: JSON to compare with, Markdown to read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Table } from "../../examples/mnist/table.js";
import type { ResultName } from "../engines/engine.js";
import type { RunData } from "../run-data.js";
import { judge } from "../targets/targets.js";
import { briefTables, machineLines, targetsTable } from "./tables.js";

const folder = fileURLToPath(new URL("../records/", import.meta.url));

/** The path without its ending. */
export function writeRecord(run: RunData, name: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run.date.slice(0, 10)}-${name.replace(/[^\w.-]+/g, "-")}`);
  // A line for each timing: small, and readable as a difference.
  const { timings, errors: _, ...rest } = run;
  const columns = [
    "group",
    "operation",
    "pass",
    "rows",
    "cols",
    "inner",
    "engine",
    "ns",
    "low",
    "high",
    "rounds",
  ] as const;
  const rows = timings.map((t) =>
    columns.map((name) => (typeof t[name] === "number" ? round(t[name]) : t[name])),
  );
  const whole = { ...rest, targets: judge(run), worst: worstErrors(run), columns };
  const head = JSON.stringify(whole, null, 2).replace(/\n}$/, "");
  const lines = rows.map((row) => JSON.stringify(row)).join(",\n    ");
  writeFileSync(`${path}.json`, `${head},\n  "timings": [\n    ${lines}\n  ]\n}\n`);
  writeFileSync(`${path}.md`, markdown(run));
  return path;
}

const round = (ns: number) => Number(ns.toPrecision(4));

/** Of each engine and operation over all shapes. */
function worstErrors({ errors }: RunData): Record<string, Partial<Record<ResultName, number>>> {
  const worst: Record<string, Partial<Record<ResultName, number>>> = {};
  for (const found of errors) {
    const key = `${found.operation} ${found.engine}`;
    worst[key] ??= {};
    const of = worst[key];
    for (const [name, error] of Object.entries(found.worst) as [ResultName, number][])
      of[name] = Math.max(of[name] ?? 0, round(error));
  }
  return worst;
}

function markdown(run: RunData): string {
  const tables = [targetsTable(run), ...briefTables(run)];
  const about = machineLines(run).map((line) => `- ${line}`);
  return `# Benchmark of ${run.date.slice(0, 10)}\n\n${about.join("\n")}\n\n${tables.map(section).join("\n\n")}\n`;
}

function section(table: Table): string {
  const notes = (table.notes ?? []).map((note) => `\n${note}`);
  return [`## ${table.title}\n`, markdownTable(table), ...notes].join("\n");
}

export function markdownTable({ head, rows }: Table): string {
  const row = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = head.map((_, c) => (c === 0 ? "---" : "---:"));
  return [row(head), row(rule), ...rows.map(row)].join("\n");
}
