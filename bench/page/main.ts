/** The page: what to run, how far it is, charts as they grow, and the figures as text to copy. */
import { createRuntime } from "layernorm-wasm";
import { escapeHtml, htmlTable } from "../../examples/mnist/html.js";
import { textTable } from "../../examples/mnist/table.js";
import {
  type Case,
  chosenShapes,
  FAMILY,
  familyCases,
  fullName,
  fullShapes,
  quickShapes,
  quickSweep,
  RELATIVES,
} from "../cases/index.js";
import type { Operation } from "../cases/operations.js";
import { ENGINES, type EngineInfo } from "../engines/list.js";
import { EFFORTS, measureAll, takesPart } from "../measure.js";
import { charts } from "../report/charts.js";
import { briefTables, figureTables, machineLines } from "../report/tables.js";
import type { RunData } from "../run-data.js";
import { EngineWorker } from "./engine-worker.js";

/** Arrays that a tab can hold for every engine at once. */
const inPage = ({ rows, cols }: Case) => rows * cols <= 2 ** 23;
const SETS = {
  quick: {
    cases: [...quickShapes, ...quickSweep].filter(inPage),
    effort: { ...EFFORTS.quick, rounds: 7, roundMs: 16 },
  },
  full: {
    cases: [
      ...fullShapes,
      ...quickSweep,
      ...RELATIVES.flatMap((relative) => familyCases(relative, true)),
    ].filter(inPage),
    effort: { ...EFFORTS.full, rounds: 11 },
  },
};
type SetName = keyof typeof SETS;

/** `?shapes=64x64,512x768` measures these instead, as `--shapes` does, and `&only=rms,add` those of the relatives. */
function casesOf(name: SetName): Case[] {
  const query = new URLSearchParams(location.search);
  const shapes = query.get("shapes");
  const only = query.get("only")?.split(",") ?? ["shapes"];
  if (shapes === null) return SETS[name].cases;
  const operations: Operation[] = only.includes("shapes") ? ["layer_norm"] : [];
  for (const relative of RELATIVES) if (only.includes(relative)) operations.push(...FAMILY[relative]);
  return chosenShapes(shapes, operations).filter(inPage);
}

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const buttons = ["quick", "full"] as const;
const status = element("status");
const bar = element<HTMLProgressElement>("progress");

function where(): string {
  const runtime = createRuntime();
  const { engine } = runtime.info();
  runtime.dispose();
  return `Engine of the package: ${engine}. ${navigator.userAgent}; ${navigator.hardwareConcurrency} cores, one used.`;
}

async function run(name: SetName): Promise<void> {
  const { effort } = SETS[name];
  const cases = casesOf(name);
  const run: RunData = {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    command: `in a browser, ${name}`,
    commit: "",
    where: where(),
    versions: {},
    timings: [],
    errors: [],
    troubles: [],
    notes: [],
  };
  const needed = chosenEngines().filter((info) => cases.some((it) => takesPart(info, it, effort)));
  const engines = await start(needed, run);
  let finished = 0;
  bar.max = cases.length;
  const tell = (text: string) => {
    status.textContent = `${cases[finished] ? fullName(cases[finished]) : ""} ${text}`;
  };
  const done = (them: readonly Case[]) => {
    finished += them.length;
    bar.value = finished;
    show(run);
  };
  await measureAll(cases, engines, effort, run, { tell, done });
  for (const engine of engines) engine.stop();
  show(run);
  status.textContent = "Done.";
}

function chosenEngines(): EngineInfo[] {
  const isChosen = (id: string) => document.querySelector(`#engine-${id}:checked`) !== null;
  return ENGINES.filter(({ id, kind }) => kind === "way" || isChosen(id));
}

async function start(infos: EngineInfo[], run: RunData): Promise<EngineWorker[]> {
  status.textContent = "Starting the engines ...";
  const started = await Promise.allSettled(infos.map((info) => EngineWorker.start(info)));
  return started.flatMap((result, k) => {
    if (result.status === "fulfilled") {
      run.versions[infos[k].id] = result.value.version;
      return [result.value];
    }
    run.notes.push(`${infos[k].name} does not start: ${result.reason}`);
    return [];
  });
}

function show(run: RunData): void {
  element("charts").innerHTML = charts(run, document);
  element("tables").innerHTML = figureTables(run).map(htmlTable).join("\n");
  element("where").innerHTML = machineLines(run)
    .map((line) => `<p class="quiet">${escapeHtml(line)}</p>`)
    .join("\n");
  const text = [...machineLines(run), "", ...briefTables(run).map((table) => `${textTable(table)}\n`)].join(
    "\n",
  );
  element<HTMLTextAreaElement>("text").value = text;
  element("result").hidden = false;
}

async function copy(): Promise<void> {
  const area = element<HTMLTextAreaElement>("text");
  area.select();
  await navigator.clipboard.writeText(area.value);
  element("copy").textContent = "Copied";
}

element("about").textContent = where();
element("copy").addEventListener("click", () => {
  copy().catch(() => {
    element("copy").textContent = "Select the text and copy it";
  });
});
for (const name of buttons) {
  element(name).addEventListener("click", async () => {
    for (const each of buttons) element<HTMLButtonElement>(each).disabled = true;
    await run(name).catch((error) => {
      status.textContent = `Stopped: ${error}`;
    });
    for (const each of buttons) element<HTMLButtonElement>(each).disabled = false;
  });
}
