/** The plots: one value for each element or column, row by row from left to right. */
import * as Plot from "@observablehq/plot";
import { escapeHtml, image } from "../../examples/mnist/html.js";
import type { Results } from "./compute.js";
import type { Input } from "./input.js";
import { about } from "./text.js";

/** Beyond this many values, a line is what the eye can follow. */
const STEMS = 80;

interface Shown {
  name: string;
  what: string;
  values: Float32Array;
  /** Where the stems stand, of each value. */
  from: (k: number) => number;
  colour: string;
  /** Values in a row, where there are several rows. */
  cols: number;
}

export function plots({ x, cols }: Input, results: Results, width: number): string {
  const { mean, xhat, y, dx, dgamma, dbeta } = results;
  const zero = () => 0;
  const elements = { from: zero, cols };
  const shown: Shown[] = [
    {
      name: "x",
      what: "from its row's mean",
      values: x,
      colour: "x",
      cols,
      from: (k) => mean[Math.floor(k / cols)],
    },
    { name: "xhat", what: "normalised: mean 0, variance 1", values: xhat, colour: "x", ...elements },
    { name: "y", what: "xhat * gamma + beta", values: y, colour: "y", ...elements },
    { name: "dx", what: "gradient of x", values: dx, colour: "gradient", ...elements },
    { name: "dgamma", what: "gradient of gamma, by column", values: dgamma, colour: "gradient", ...elements },
    { name: "dbeta", what: "gradient of beta, by column", values: dbeta, colour: "gradient", ...elements },
  ];
  return shown.map((each) => figure(each, width)).join("\n");
}

function figure(shown: Shown, width: number): string {
  const { name, what } = shown;
  const caption = `<figcaption><b>${name}</b> <span class="quiet">${escapeHtml(what)}</span></figcaption>`;
  return `<figure id="plot-${name}">${caption}${plot(shown, width)}</figure>`;
}

function plot({ name, values, from, colour, cols }: Shown, width: number): string {
  const numbers = Array.from(values);
  const finite = numbers.filter(Number.isFinite);
  const stroke = `var(--play-${colour})`;
  const edges = Array.from(
    { length: Math.ceil(numbers.length / cols) - 1 },
    (_, row) => (row + 1) * cols + 0.5,
  );
  const column = (_: number, k: number) => k + 1;
  const svg = Plot.plot({
    width,
    height: 190,
    marginLeft: 72,
    marginBottom: 26,
    marginTop: 10,
    style: { fontSize: "12px", background: "none" },
    x: { domain: [0.5, numbers.length + 0.5], label: null, axis: null },
    y: {
      label: null,
      ticks: 5,
      domain: around([...finite, ...numbers.map((_, k) => from(k))]),
      tickFormat: tick,
    },
    marks: [
      Plot.gridY({ ticks: 5 }),
      Plot.axisX({
        interval: 1,
        ticks: Math.min(numbers.length, Math.floor(width / 50)),
        tickSize: 0,
        label: null,
      }),
      ...(edges.length < STEMS ? [Plot.ruleX(edges, { stroke: "var(--line)", strokeDasharray: "3 3" })] : []),
      Plot.line(numbers, {
        x: column,
        y: (_: number, k: number) => from(k),
        stroke: "currentColor",
        strokeOpacity: 0.5,
        z: null,
        curve: "step",
      }),
      ...(numbers.length <= STEMS
        ? [
            Plot.ruleX(numbers, {
              x: column,
              y1: (_: number, k: number) => from(k),
              y2: Plot.identity,
              stroke,
              strokeWidth: 2,
            }),
            Plot.dot(numbers, { x: column, y: Plot.identity, fill: stroke, r: 3.5 }),
          ]
        : [Plot.line(numbers, { x: column, y: Plot.identity, stroke, strokeWidth: 1.5 })]),
    ],
  });
  return image(svg, described(name, numbers, finite));
}

function described(name: string, numbers: number[], finite: number[]): string {
  const [low, high] = extent(finite);
  const range = finite.length > 0 ? `from ${about(low)} to ${about(high)}` : "none of them finite";
  return `${name}: ${numbers.length} values, ${range}`;
}

/** Without rounding errors of the ticks, and without commas: seven digits have to fit. */
const tick = (value: number) => String(Number(value.toPrecision(9)));

/** With some room, and never without height: constant rows are drawn too. */
function around(values: number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [-1, 1];
  const [low, high] = extent(finite);
  const room = 0.08 * (high - low) || Math.abs(high) * 1e-6 || 1;
  return [low - room, high + room];
}

/** A spread argument for each value would be too many for a call. */
const extent = (values: number[]): [low: number, high: number] => [
  values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY),
  values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY),
];
