import { htmlPage } from "../../examples/mnist/html.js";
import { CHART_STYLE } from "../report/charts.js";

const STYLE = `${CHART_STYLE}
td { white-space: nowrap; } td:nth-child(2) { text-align: left; }
button { font: inherit; padding: 6px 16px; margin: 0 8px 8px 0; border: 1px solid var(--line); border-radius: 6px;
  background: var(--tensors); color: var(--paper); cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; } button.second { background: none; color: var(--text); }
progress { width: min(100%, 480px); accent-color: var(--tensors); } #status { min-height: 1.5em; }
#engines { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0; font-size: 15px; }
textarea { width: 100%; height: 16em; box-sizing: border-box; font: 12px/1.4 ui-monospace, monospace;
  background: var(--paper); color: var(--text); border: 1px solid var(--line); white-space: pre; }
`;

const BODY = `<p>Layer normalization in this browser: the package, plain JavaScript, and what else runs here, each engine in
a worker of its own, in rounds that take turns. Every answer is checked against a reference in f64 first. Further to the
right is faster. The copy does no arithmetic: it moves as many bytes.</p>
<p class="quiet" id="about"></p>
<div id="engines"></div>
<p><button id="quick">Quick, about a minute</button><button id="full">All shapes</button></p>
<p><progress id="progress" value="0"></progress></p>
<p class="quiet" id="status" role="status"></p>
<div id="result" hidden>
<div id="charts"></div>
<h2>Figures</h2>
<p><button class="second" id="copy">Copy as text</button></p>
<textarea id="text" readonly aria-label="The figures as text"></textarea>
<div id="tables"></div>
<h2>Where this was measured</h2>
<div id="where"></div>
</div>
<script type="module" src="/main.js"></script>`;

export const page = () =>
  htmlPage({ title: "layernorm-wasm: benchmark in the browser", style: STYLE, body: BODY });
