/** `npm run accuracy`: the worst errors of the package beside its peers', as tables in docs/numerics.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Table, textTable } from "../../examples/mnist/table.js";
import type { Problem } from "../engines/engine.js";
import { ENGINES } from "../engines/list.js";
import { available, startEngines } from "../launch.js";
import { commit, machine } from "../machine.js";
import type { Trouble } from "../measure.js";
import type { Remote } from "../remote.js";
import { markdownTable } from "../report/record.js";
import { engineName } from "../report/tables.js";
import { type Case, cases, problemOf } from "./cases.js";
import { type Reference, reference } from "./reference.js";
import { verdict } from "./verdict.js";

const DOCUMENT = fileURLToPath(new URL("../../docs/numerics.md", import.meta.url));
const START = "<!-- accuracy: npm run accuracy writes from here -->";
const END = "<!-- accuracy: to here -->";

/** Short names, for a table that is wide enough as it is. */
const NAMES: Record<string, string> = {
  tensors: "layernorm-wasm",
  js: "layernorm-wasm/js",
  plain: "plain JavaScript, f64 sums",
  pytorch: "PyTorch",
  onnxruntime: "ONNX Runtime",
  jax: "JAX",
  "onnxruntime-web": "onnxruntime-web",
  tfjs: "TensorFlow.js",
  "jax-js": "jax-js",
};

const TITLES = {
  y: "`y`, in units of `max(1, abs(y))`",
  dx: "`dx`, in units of the larger of `abs(dx)` and the row's largest `abs(rstd * gamma * dy)`",
  dgamma: "`dgamma`, in units of the sum over rows of `abs(dy) * max(1, abs(xhat))`",
} as const;
type ResultName = keyof typeof TITLES;
const RESULTS = Object.keys(TITLES) as ResultName[];

/** By result, case and engine. */
type Verdicts = Map<string, string>;
const key = (result: ResultName, { name }: Case, engine: string) => `${result} ${name} ${engine}`;

async function main(): Promise<void> {
  const notes: string[] = [];
  const troubles: Trouble[] = [];
  const wanted = Object.keys(NAMES).flatMap((id) => ENGINES.filter((engine) => engine.id === id));
  const engines = await startEngines(available(wanted, undefined, notes), undefined, troubles);
  const verdicts: Verdicts = new Map();
  for (const it of cases) {
    const problem = problemOf(it);
    const expected = reference(problem);
    for (const engine of engines) await judge(engine, it, problem, expected, verdicts);
  }
  for (const engine of engines) engine.stop();
  const tables = RESULTS.map((result) => tableOf(result, engines, verdicts));
  const about = aboutRun(engines, [...notes, ...troubles.map(({ engine, what }) => `${engine}: ${what}`)]);
  console.log(`\n${tables.map(textTable).join("\n\n")}\n\n${about.join("\n")}\n`);
  // A column that is missing would be lost.
  if (engines.length === wanted.length) writeDocument(tables, about);
  else console.log("Not every engine is here: docs/numerics.md is left as it is");
}

async function judge(
  engine: Remote,
  it: Case,
  problem: Problem,
  expected: Reference,
  into: Verdicts,
): Promise<void> {
  try {
    const { passes } = await engine.prepare(it.name, problem);
    const pass = passes.includes("both") ? "both" : "forward";
    await engine.run(it.name, pass, 1);
    const results = await engine.results(it.name, pass);
    for (const name of RESULTS) {
      const values = results[name];
      if (values) into.set(key(name, it, engine.info.id), verdict(values, expected[name]));
    }
    await engine.dispose(it.name);
  } catch (error) {
    console.log(`  ${engine.info.name}, ${it.name}: ${String(error).split("\n")[0]}`);
    into.set(key("y", it, engine.info.id), "fails");
  }
}

function tableOf(result: ResultName, engines: readonly Remote[], verdicts: Verdicts): Table {
  const of = (it: Case, { info }: Remote) => verdicts.get(key(result, it, info.id));
  const able = engines.filter((engine) => cases.some((it) => of(it, engine) !== undefined));
  return {
    title: TITLES[result],
    head: ["", ...able.map(({ info }) => NAMES[info.id])],
    rows: cases.map((it) => [it.name, ...able.map((engine) => of(it, engine) ?? "")]),
  };
}

function aboutRun(engines: readonly Remote[], notes: readonly string[]): string[] {
  const here = commit();
  const versions = engines.map(({ info, version }) => `${engineName(info.id)}: ${version}`);
  const { cpu, system, node } = machine(undefined);
  return [
    `${new Date().toISOString().slice(0, 10)}${here ? `, commit ${here}` : ""}: npm run accuracy`,
    `${cpu}; ${system}; Node ${node}`,
    versions.join("; "),
    ...notes,
  ];
}

function writeDocument(tables: readonly Table[], about: readonly string[]): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/numerics.md has lost its marks: ${START} ... ${END}`);
  const sections = tables.map((table) => `${table.title}:\n\n${markdownTable(table)}`);
  const lines = about.map((line) => `- ${line}`).join("\n");
  writeFileSync(
    DOCUMENT,
    `${text.slice(0, start + START.length)}\n\n${sections.join("\n\n")}\n\n${lines}\n\n${text.slice(end)}`,
  );
}

await main();
