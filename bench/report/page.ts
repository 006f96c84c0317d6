/** The page of a run: charts first, then every figure. One file, without a script. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { document } from "../../examples/mnist/document.js";
import { escapeHtml, htmlPage, htmlTable } from "../../examples/mnist/html.js";
import type { RunData } from "../run-data.js";
import { CHART_STYLE, charts } from "./charts.js";
import { figureTables, machineLines, targetsTable } from "./tables.js";

const STYLE = `${CHART_STYLE}
td { white-space: nowrap; } td:nth-child(2) { text-align: left; }
`;

export function writePage(path: string, run: RunData): void {
  const body = `<p>Layer normalization, each engine on one thread, in rounds that take turns; before that every answer was
checked against a reference in f64. Further to the right is faster. The copy does no arithmetic: it moves as many bytes.</p>
<h2>Speed</h2>
${charts(run, document)}
${htmlTable(targetsTable(run))}
<h2>Figures</h2>
${figureTables(run).map(htmlTable).join("\n")}
<h2>Where this was measured</h2>
${machineLines(run)
  .map((line) => `<p class="quiet">${escapeHtml(line)}</p>`)
  .join("\n")}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, htmlPage({ title: "layernorm-wasm: benchmark", style: STYLE, body }));
}
