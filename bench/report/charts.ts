/** The charts of a run, as SVG in HTML: for the page that Node writes and for the one in the browser. */
import * as Plot from "@observablehq/plot";
import { escapeHtml, image, roundTicks } from "../../examples/mnist/html.js";
import { caseName } from "../cases/index.js";
import { ENGINES } from "../engines/list.js";
import type { Timing } from "../measure.js";
import type { RunData } from "../run-data.js";
import { digits } from "../targets/targets.js";
import { engineName, PASS_NAMES, relatives, SHAPE_PASSES, shapeTimings, speed } from "./tables.js";

/** One colour and one form for each engine: neither alone has to tell them apart. */
const COLOURS: Record<string, readonly [light: string, dark: string]> = {
  copy: ["#8c959f", "#8b949e"],
  tensors: ["#0550ae", "#79b8ff"],
  arrays: ["#218bff", "#4493f8"],
  js: ["#54aeff", "#a5d6ff"],
  "add-loop": ["#953800", "#f0883e"],
  "add-simd": ["#0a7d75", "#56d4cc"],
  "add-free": ["#6e7781", "#afb8c1"],
  "last-axis": ["#57606a", "#afb8c1"],
  permuted: ["#953800", "#f0883e"],
  f32: ["#57606a", "#afb8c1"],
  converted: ["#953800", "#f0883e"],
  plain: ["#bc4c00", "#ffa657"],
  "onnxruntime-web": ["#9a6700", "#e3b341"],
  tfjs: ["#bf3989", "#ff9bce"],
  "tfjs-layers": ["#d4a0bf", "#b5638f"],
  "jax-js": ["#6639ba", "#d2a8ff"],
  pytorch: ["#cf222e", "#ff7b72"],
  onnxruntime: ["#1a7f37", "#7ee787"],
  jax: ["#0a7d75", "#56d4cc"],
};
const SYMBOLS = ["circle", "square", "triangle", "diamond2", "star", "wye", "cross"];
const SYMBOL_OF: Record<string, string> = Object.fromEntries(
  ENGINES.map(({ id }, k) => [id, id === "tensors" ? "circle" : SYMBOLS[k % SYMBOLS.length]]),
);

const variables = (side: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([id, colours]) => `--${id}: ${colours[side]};`)
    .join(" ");
export const CHART_STYLE = `
:root { ${variables(0)} }
@media (prefers-color-scheme: dark) { :root { ${variables(1)} } }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0; font-size: 14px; }
.key svg { display: inline-block; width: 14px; height: 14px; vertical-align: -2px; margin-right: 6px; }
.wide { margin: 12px 0 0; overflow-x: auto; } .wide svg { min-width: 720px; }
`;

/** A part, under a heading of the third level, for each pass that was timed, and one for the sweep. */
export function charts(run: RunData, document: Document): string {
  const passes = SHAPE_PASSES.filter((pass) => shapeTimings(run, pass).length > 0);
  const sections = passes.map((pass) => {
    return section(PASS_NAMES[pass], shapeTimings(run, pass), document);
  });
  const swept = run.timings.filter(({ group }) => group === "sweep");
  if (swept.length > 0) sections.push(`<h3>Rows of different lengths</h3>\n${sweepChart(swept, document)}`);
  for (const { title, timings } of relatives(run)) sections.push(section(title, timings, document));
  return sections.join("\n");
}

const section = (title: string, timings: Timing[], document: Document) =>
  `<h3>${title}</h3>\n${key(timings, document)}\n${speedChart(title, timings, document)}`;

function key(timings: Timing[], document: Document): string {
  const ids = ENGINES.map(({ id }) => id).filter((id) => timings.some(({ engine }) => engine === id));
  const items = ids.map((id) => {
    const marks = [
      Plot.dot([0], { x: 0, y: 0, symbol: SYMBOL_OF[id] as "circle", fill: `var(--${id})`, r: 5 }),
    ];
    const options = { document, width: 14, height: 14, margin: 7, axis: null, marks, x: {}, y: {} };
    const symbol = Plot.plot(options);
    symbol.setAttribute("aria-hidden", "true");
    return `<span>${symbol.outerHTML}${escapeHtml(engineName(id))}</span>`;
  });
  return `<div class="key">${items.join("")}</div>`;
}

/** A line for each shape, a mark for each engine: its speed, with the middle half of its rounds behind it. */
function speedChart(title: string, timings: Timing[], document: Document): string {
  const speeds = timings.map(speed);
  const domain = [Math.min(...speeds) * 0.8, Math.max(...speeds) * 1.25] as const;
  const shapes = [...new Set(timings.map(caseName))];
  const within = (value: number) => Math.min(domain[1], Math.max(domain[0], value));
  const count = ({ rows, cols }: Timing, ns: number) => within((rows * cols) / ns);
  // The package's own is drawn last, above the others.
  const order = [...ENGINES].sort((a, b) => Number(a.id === "tensors") - Number(b.id === "tensors"));
  const marks = order.flatMap(({ id, name }) => {
    const of = timings.filter(({ engine }) => engine === id);
    const colour = `var(--${id})`;
    return [
      Plot.link(of, {
        x1: (t: Timing) => count(t, t.high),
        x2: (t: Timing) => count(t, t.low),
        y1: caseName,
        y2: caseName,
        stroke: colour,
        strokeWidth: 5,
        strokeOpacity: 0.35,
      }),
      Plot.dot(of, {
        x: speed,
        y: caseName,
        fill: colour,
        symbol: SYMBOL_OF[id] as "circle",
        r: id === "tensors" ? 6 : 4,
        title: (t: Timing) => `${name}, ${caseName(t)}: ${digits(speed(t))} x 10^9 elements/s`,
      }),
    ];
  });
  const svg = Plot.plot({
    document,
    width: 1060,
    height: 70 + 30 * shapes.length,
    marginLeft: 110,
    marginBottom: 40,
    style: { fontSize: "13px", background: "none" },
    x: { type: "log", domain, axis: null },
    y: { type: "point", domain: shapes, label: null },
    marks: [
      Plot.gridX(roundTicks(domain)),
      Plot.gridY(),
      Plot.axisX(roundTicks(domain), { label: "10^9 elements per second", text: String }),
      ...marks,
    ],
  });
  return wide(`${title}: speed of each engine on each shape, 10^9 elements per second`, svg);
}

function sweepChart(timings: Timing[], document: Document): string {
  const cols = [...new Set(timings.map((timing) => timing.cols))];
  const domain = [Math.min(...cols), Math.max(...cols)] as const;
  const marks = (["forward", "backward"] as const).flatMap((pass) => {
    const of = timings.filter((timing) => timing.pass === pass);
    const stroke = pass === "forward" ? "var(--tensors)" : "var(--plain)";
    const title = (t: Timing) => `${pass}, ${caseName(t)}: ${digits(speed(t))} x 10^9 elements/s`;
    return [
      Plot.lineY(of, {
        x: "cols",
        y: speed,
        stroke,
        strokeWidth: 2,
        strokeDasharray: pass === "forward" ? "" : "5 4",
      }),
      Plot.dot(of, { x: "cols", y: speed, fill: stroke, r: 3, title }),
      Plot.text(of.slice(-1), {
        x: "cols",
        y: speed,
        text: [pass],
        dx: 8,
        textAnchor: "start",
        fill: stroke,
      }),
    ];
  });
  const svg = Plot.plot({
    document,
    width: 1060,
    height: 340,
    marginLeft: 52,
    marginRight: 80,
    marginBottom: 44,
    style: { fontSize: "13px", background: "none" },
    x: { type: "log", domain, axis: null },
    y: { domain: [0, 1.05 * Math.max(...timings.map(speed))], grid: true, label: "10^9 elements per second" },
    marks: [Plot.axisX(roundTicks(domain), { label: "cols", text: String, labelOffset: 40 }), ...marks],
  });
  return wide("Speed by the length of a row, 10^9 elements per second", svg);
}

/** Wider than a phone: it scrolls, by keys too. */
function wide(title: string, svg: Element): string {
  const drawn = image(svg, `${title}; the tables below have the figures`);
  return `<figure class="wide" tabindex="0" role="group" aria-label="${title}">${drawn}</figure>`;
}
