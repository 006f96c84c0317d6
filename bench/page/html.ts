import { escapeHtml, htmlPage } from "../../examples/mnist/html.js";
import type { EngineInfo } from "../engines/list.js";
import { CHART_STYLE } from "../report/charts.js";

export const BENCH_STYLE = `${CHART_STYLE}
#tables td { white-space: nowrap; } #tables td:nth-child(2) { text-align: left; }
button { font: inherit; padding: 6px 16px; margin: 0 8px 8px 0; border: 1px solid var(--line); border-radius: 6px;
  background: var(--tensors); color: var(--paper); cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; } button.second { background: none; color: var(--text); }
progress { width: min(100%, 480px); accent-color: var(--tensors); } #status { min-height: 1.5em; }
#engines { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0; font-size: 15px; }
#text { width: 100%; height: 16em; box-sizing: border-box; font: 12px/1.4 ui-monospace, monospace;
  background: var(--paper); color: var(--text); border: 1px solid var(--line); white-space: pre; }
`;

/** One checkbox for each engine that can run; the package's tensors are always there: all is in terms of them. */
function choice({ id, name }: EngineInfo, checked: boolean): string {
  const state = id === "tensors" ? "checked disabled" : checked ? "checked" : "";
  return `<label><input type="checkbox" id="engine-${id}" ${state}> ${escapeHtml(name)}</label>`;
}

const NOTE = `<p class="quiet">Those that are not ticked are other packages, of megabytes, and are fetched only to run.</p>`;

/** What main.ts runs in. `engines` are offered, of which those of `checked` are chosen at first. */
export const benchSection = (
  engines: readonly EngineInfo[],
  checked: readonly EngineInfo[],
) => `<h2 id="benchmark">Benchmark in this browser</h2>
<p>Layer normalization in this browser: the package, plain JavaScript, and what else runs here, each engine in
a worker of its own, in rounds that take turns. Every answer is checked against a reference in f64 first. Further to the
right is faster. The copy does no arithmetic: it moves as many bytes.</p>
<p class="quiet" id="about"></p>
<div id="engines" role="group" aria-label="Engines">
${engines.map((engine) => choice(engine, checked.includes(engine))).join("\n")}
</div>
${engines.length > checked.length ? NOTE : ""}
<p><button id="quick">Quick, about a minute</button><button id="full">All shapes</button></p>
<p><progress id="progress" value="0" aria-label="Shapes measured"></progress></p>
<p class="quiet" id="status" role="status"></p>
<div id="result" hidden>
<div id="charts"></div>
<h3>Figures</h3>
<p><button class="second" id="copy">Copy as text</button></p>
<textarea id="text" readonly aria-label="The figures as text"></textarea>
<div id="tables"></div>
<h3>Where this was measured</h3>
<div id="where"></div>
</div>
<script type="module" src="main.js"></script>`;

export const page = (engines: readonly EngineInfo[]) =>
  htmlPage({
    title: "layernorm-wasm",
    style: BENCH_STYLE,
    body: benchSection(engines, engines),
  });
