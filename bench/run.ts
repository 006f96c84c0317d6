/** `npm run bench`: see bench/README.md. */
import { fileURLToPath } from "node:url";
import { textTable } from "../examples/mnist/table.js";
import { NOT_THERE } from "./engines/list.js";
import { available, startEngines } from "./launch.js";
import { commit, coreToUse, inWords, machine } from "./machine.js";
import { measureAll, takesPart } from "./measure.js";
import { type Options, readOptions, Usage } from "./options.js";
import { serve } from "./page/serve.js";
import { progress } from "./progress.js";
import { writePage } from "./report/page.js";
import { writeRecord } from "./report/record.js";
import { briefTables, machineLines, targetsTable } from "./report/tables.js";
import type { RunData } from "./run-data.js";
import { installCompetitors } from "./setup.js";
import { measureSizes } from "./sizes.js";
import { measureStartup } from "./startup.js";

const PAGE = fileURLToPath(new URL("output/bench.html", import.meta.url));

async function main(options: Options): Promise<void> {
  const core = coreToUse(options.core);
  const here = machine(core);
  const run: RunData = {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    command: options.command,
    commit: commit(),
    where: inWords(here),
    machine: here,
    versions: {},
    timings: [],
    errors: [],
    troubles: [],
    notes: [...NOT_THERE],
  };
  if (options.parts.has("sizes")) run.sizes = await measureSizes();
  const needed = options.engines.filter((info) =>
    options.cases.some((it) => takesPart(info, it, options.effort)),
  );
  const engines = await startEngines(available(needed, options.native, run.notes), core, run.troubles);
  run.versions = Object.fromEntries(engines.map(({ info, version }) => [info.id, version]));
  const shown = progress(options.cases);
  await measureAll(options.cases, engines, options.effort, run, shown);
  shown.end();
  for (const engine of engines) engine.stop();
  if (options.parts.has("start")) run.startup = measureStartup(options.starts, core);
  report(run, options.record);
}

async function servePage(port: number): Promise<void> {
  const missing = installCompetitors();
  if (missing) console.log(`Without the competitors: ${missing}`);
  const { address } = await serve(port);
  console.log(`\n${address}\n\nThe benchmark runs in the browser that opens it. Ctrl+C ends the server.`);
}

function report(run: RunData, record: string | undefined): void {
  const text = [...briefTables(run), targetsTable(run)].map(textTable);
  console.log(`\n${text.join("\n\n")}\n\n${machineLines(run).join("\n")}\n`);
  if (record !== undefined) console.log(`${writeRecord(run, record)}.md`);
  writePage(PAGE, run);
  console.log(PAGE);
  // A wrong answer of our own is a failure, a missed target is not: that depends on the machine.
  if (run.troubles.some(({ engine }) => ["tensors", "arrays", "js"].includes(engine))) process.exitCode = 1;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.page === undefined) await main(options);
  else await servePage(options.page);
} catch (error) {
  if (!(error instanceof Usage)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
