/** The page of curves. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as Plot from "@observablehq/plot";
import { document } from "./document.js";
import { escapeHtml, htmlPage, htmlTable, roundTicks } from "./html.js";
import type { Table } from "./table.js";
import type { Curve, Point } from "./train.js";

const STYLE = `
:root { --with: #0550ae; --without: #bc4c00; }
@media (prefers-color-scheme: dark) { :root { --with: #79b8ff; --without: #ffa657; } }
.key { display: inline-block; width: 28px; border-top: 3px solid var(--with); vertical-align: middle; margin: 0 6px 0 0; }
.key.without { border-top: 3px dashed var(--without); margin-left: 18px; }
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
  const body = `${introduction.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n")}
<h2>Training</h2>
<p><span class="key"></span>with layer norm <span class="key without"></span>without</p>
<p class="quiet">Training loss: the mean over the steps since the point before. Test error: on all test digits.</p>
<div class="charts">
${charts.join("\n")}
</div>
${htmlTable(results)}
<h2>Speed and accuracy</h2>
${timing.map(htmlTable).join("\n")}
<p class="quiet">${escapeHtml(machine)}</p>`;
  const html = htmlPage({ title: "Layer normalization on handwritten digits", style: STYLE, body });
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
      Plot.gridY(roundTicks(domain)),
      Plot.axisY(roundTicks(domain), { label: unit, text: String }),
      ...marks,
    ],
  });
  return `<figure><figcaption>${title}, batch ${batch}</figcaption>${svg.outerHTML}</figure>`;
}
