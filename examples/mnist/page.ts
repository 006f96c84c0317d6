/** One self-contained page: no script, nothing to fetch; it follows the reader's light or dark setting. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Table } from "./table.js";
import type { Curve, Point } from "./train.js";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --paper: #ffffff;
  --with: #0550ae; --without: #bc4c00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9198a1; --line: #3d444d; --paper: #0d1117; --with: #79b8ff; --without: #ffa657; } }
body { margin: 0 auto; padding: 24px; max-width: 1120px; background: var(--paper); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 8px; } h2 { font-size: 20px; margin: 36px 0 4px; }
p { max-width: 75ch; margin: 8px 0; } .quiet { color: var(--quiet); font-size: 14px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 20px 28px; }
figure { margin: 12px 0 0; } figcaption { font-weight: 600; }
svg { --plot-background: var(--paper); width: 100%; height: auto; color: var(--text); }
.key { display: inline-block; width: 28px; border-top: 3px solid var(--with); vertical-align: middle; margin: 0 6px 0 0; }
.key.without { border-top: 3px dashed var(--without); margin-left: 18px; }
.scroll { overflow-x: auto; margin-top: 24px; } table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0; white-space: nowrap; }
th, td { padding: 5px 12px; border-bottom: 1px solid var(--line); text-align: right; font-size: 15px; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
`;

export interface Page {
  introduction: string[];
  curves: Curve[];
  results: Table;
  timing: Table[];
  machine: string;
}

export function writePage(path: string, { introduction, curves, results, timing, machine }: Page): void {
  const quantities: Quantity[] = [
    { title: "Training loss", unit: "mean cross-entropy", value: ({ loss }) => loss },
    { title: "Test error", unit: "% wrong", value: ({ testError }) => 100 * testError },
  ];
  const batches = [...new Set(curves.map(({ batch }) => batch))];
  const charts = batches.flatMap((batch) => quantities.map((quantity) => chart(quantity, batch, curves)));
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Layer normalization on handwritten digits</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Layer normalization on handwritten digits</h1>
${introduction.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n")}
<h2>Training</h2>
<p><span class="key"></span>with layer norm <span class="key without"></span>without</p>
<p class="quiet">Training loss: the mean over the steps since the point before. Test error: on all test digits.</p>
<div class="charts">
${charts.join("\n")}
</div>
${htmlTable(results)}
<h2>Speed and accuracy</h2>
${timing.map(htmlTable).join("\n")}
<p class="quiet">${escapeHtml(machine)}</p>
</body>
</html>
`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, html);
}

interface Quantity {
  title: string;
  unit: string;
  value: (point: Point) => number;
}

/** Logarithmic upwards: the first steps and the last stay readable. Both batch sizes share the scale. */
function chart({ title, unit, value }: Quantity, batch: number, curves: Curve[]): string {
  // A logarithm has no place for zero: a loss or an error of 0 is left out.
  const drawn = (points: Point[]) => points.filter((point) => value(point) > 0);
  const all = curves.flatMap(({ points }) => drawn(points).map(value));
  const domain = [Math.min(...all) * 0.9, Math.max(...all) * 1.1] as const;
  const marks = curves
    .filter((curve) => curve.batch === batch)
    .flatMap(({ normalized, points }) => {
      const stroke = normalized ? "var(--with)" : "var(--without)";
      const strokeDasharray = normalized ? "" : "5 4";
      const tip = (point: Point) =>
        `${normalized ? "with" : "without"} layer norm, step ${point.step}: ${value(point).toPrecision(3)}`;
      return [
        Plot.lineY(drawn(points), { x: "step", y: value, stroke, strokeWidth: 2, strokeDasharray }),
        Plot.dot(drawn(points), { x: "step", y: value, fill: stroke, r: 2.5, title: tip }),
      ];
    });
  const svg = Plot.plot({
    document,
    width: 540,
    height: 320,
    marginLeft: 52,
    marginBottom: 44,
    style: { fontSize: "13px", background: "none" },
    x: { label: "step", labelOffset: 40, ticks: 6 },
    y: { type: "log", domain, axis: null },
    marks: [
      // Marks of their own: left to itself, a logarithmic axis leaves some of its labels out.
      Plot.gridY(roundTicks(domain)),
      Plot.axisY(roundTicks(domain), { label: unit, text: String }),
      ...marks,
    ],
  });
  return `<figure><figcaption>${title}, batch ${batch}</figcaption>${svg.outerHTML}</figure>`;
}

/** 1, 2, 5, 10, 20, 50 ... within the domain. */
function roundTicks([low, high]: readonly [number, number]): number[] {
  const powers = Array.from({ length: 13 }, (_, i) => i - 6);
  const ticks = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function htmlTable({ title, head, rows, notes = [] }: Table): string {
  const row = (cells: string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><caption>${escapeHtml(title)}</caption>
<thead>${row(head, "th")}</thead>
<tbody>${rows.map((cells) => row(cells, "td")).join("\n")}</tbody></table></div>
${notes.map((note) => `<p class="quiet">${escapeHtml(note)}</p>`).join("\n")}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
