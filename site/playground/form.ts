/** The form, as HTML: page.ts puts it in, main.ts listens to it. */
import { escapeHtml } from "../../examples/mnist/html.js";
import { DY, type Fields, LABELS } from "./input.js";

/** A slider for a number that wants all magnitudes: its position is a power of ten. */
export interface Slider {
  low: number;
  high: number;
  /** The value at position 0, which 10^0 = 1 is, unless it says otherwise. */
  zero: number;
}

export const SLIDERS: { shift: Slider; spread: Slider } = {
  shift: { low: 0, high: 8, zero: 0 },
  spread: { low: -8, high: 8, zero: 1 },
};

/** Two digits: more cannot be set by a slider. */
export const valueAt = ({ zero }: Slider, position: number) =>
  position === 0 ? zero : Number((10 ** position).toPrecision(2));

export const positionOf = ({ low, high, zero }: Slider, value: number) =>
  value === zero || !(value > 0) ? 0 : Math.min(high, Math.max(low, Math.log10(value)));

export const FIRST: Fields = {
  numbers: "1.2 0.7 2.9 3.6 5.1 4.4 2.2 1.7\n-2 0.5 1.3 3.1 -1.4 0.2 2.6 5.8",
  cols: "",
  shift: "0",
  spread: "1",
  eps: "1e-5",
  gamma: "",
  beta: "",
  dy: "first",
};

/** What a field is for, where its name does not say so. */
const HINTS: Partial<Record<keyof Fields, string>> = {
  numbers: "x: spaces, commas or new lines between them.",
  cols: "Length of a row. Empty: the first line's.",
  gamma: "Empty, one number, or cols of them.",
  beta: "Empty, one number, or cols of them.",
};

const hint = (name: keyof Fields) =>
  HINTS[name] === undefined ? "" : `<span class="hint" id="hint-${name}">${escapeHtml(HINTS[name])}</span>`;
const described = (name: keyof Fields) =>
  HINTS[name] === undefined ? "" : `aria-describedby="hint-${name}"`;

const label = (name: keyof Fields) => `<label for="play-${name}">${escapeHtml(LABELS[name])}</label>`;

const text = (name: keyof Fields) => `<div class="field">${label(name)}
<input id="play-${name}" name="${name}" value="${FIRST[name]}" autocomplete="off" spellcheck="false" ${described(name)}>
${hint(name)}</div>`;

function sliding(name: keyof typeof SLIDERS): string {
  const { low, high } = SLIDERS[name];
  return `<div class="field whole">${label(name)}
<div class="pair"><input type="range" id="slide-${name}" min="${low}" max="${high}" step="0.1" value="0" aria-label="${escapeHtml(LABELS[name])}, slider">
<input id="play-${name}" name="${name}" value="${FIRST[name]}" autocomplete="off"></div></div>`;
}

const options = Object.entries(DY)
  .map(([value, words]) => `<option value="${value}">${escapeHtml(words)}</option>`)
  .join("");

/** On a phone the sliders stay in sight, above the plots that they change. */
const FORM = `<form id="play" class="controls">
<div class="box">
<div class="field whole">${label("numbers")}
<textarea id="play-numbers" name="numbers" rows="5" spellcheck="false" autocomplete="off" ${described("numbers")}>${FIRST.numbers}</textarea>
${hint("numbers")}</div>
<div class="field whole buttons" role="group" aria-label="Other numbers">
<button type="button" class="second" data-numbers="first">Two rows</button>
<button type="button" class="second" data-numbers="random">Random</button>
<button type="button" class="second" data-numbers="constant">Constant</button></div>
</div>
<div class="box sliders">
${sliding("shift")}
${sliding("spread")}
</div>
<div class="box">
${text("cols")}
${text("eps")}
${text("gamma")}
${text("beta")}
<div class="field whole">${label("dy")}
<select id="play-dy" name="dy">${options}</select></div>
<fieldset class="field whole"><legend>Engine</legend>
<label><input type="radio" name="engine" value="simd128" checked> WebAssembly, <code>layernorm-wasm</code></label>
<label><input type="radio" name="engine" value="js"> JavaScript, <code>layernorm-wasm/js</code></label></fieldset>
</div>
</form>`;

export const PLAYGROUND = `<p>Change the numbers, move their mean, scale their spread: y stays as it is while the variance is well above
eps and f32 can tell the numbers apart. Everything is computed by the package, in this page.</p>
<div class="playground">
${FORM}
<div class="results">
<p id="play-error" role="alert"></p>
<p id="play-summary" role="status"></p>
<div id="play-plots" class="charts"></div>
<h3>Engines</h3>
<p id="play-bits"></p>
<h3>Accuracy</h3>
<p class="quiet">Against the same in f64, without gamma and beta. Move the mean up to see why it matters how it is computed.</p>
<div id="play-accuracy"></div>
<details id="play-listed"><summary>All numbers, as tables</summary><div id="play-tables"></div></details>
</div>
</div>
<noscript><p>The playground and the benchmark need JavaScript.</p></noscript>
<script type="module" src="playground.js"></script>`;
