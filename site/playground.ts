/** The playground: reads the form, runs the package, shows what came out. All at once, as the package is synchronous. */
import { createRuntime } from "layernorm-wasm";
import { createRuntime as createPlainRuntime } from "layernorm-wasm/js";
import { normal } from "../bench/cases/problem.js";
import { htmlTable } from "../examples/mnist/html.js";
import { Random } from "../examples/mnist/random.js";
import { accuracies, compareBits, compute, type Results } from "./playground/compute.js";
import { FIRST, positionOf, SLIDERS, valueAt } from "./playground/form.js";
import { type Fields, type Input, InputError, LABELS, readInput } from "./playground/input.js";
import { plots } from "./playground/plots.js";
import { accuracyTable, summary, tables } from "./playground/text.js";

const runtimes = { simd128: createRuntime(), js: createPlainRuntime() };
const names = { simd128: "layernorm-wasm", js: "layernorm-wasm/js" };

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const form = element<HTMLFormElement>("play");
const field = (name: keyof Fields) => element<HTMLInputElement>(`play-${name}`);

/** What is shown now, to be drawn again where the page gets another width. */
let shown: { input: Input; results: Results } | undefined;
let seed = 0;

function update(): void {
  try {
    const data = new FormData(form);
    const input = readInput(Object.fromEntries(data) as unknown as Fields);
    const chosen = data.get("engine") as keyof typeof runtimes;
    const results = compute(runtimes[chosen], input);
    const other = chosen === "js" ? "simd128" : "js";
    show(input, results, chosen, compareBits(results, compute(runtimes[other], input)));
    complain(undefined);
  } catch (error) {
    complain(error as Error);
  }
}

function show(
  input: Input,
  results: Results,
  chosen: keyof typeof runtimes,
  { numbers, different }: { numbers: number; different: number },
): void {
  shown = { input, results };
  element("play-summary").textContent = summary(input, results);
  draw();
  const { engine } = runtimes[chosen].info();
  const same =
    different === 0
      ? `all ${numbers} numbers have the same bits`
      : `${different} of ${numbers} numbers have other bits`;
  element("play-bits").textContent =
    `Shown: ${names[chosen]}, on its engine ${engine}. Both were run: ${same} on ${engines()}.`;
  const compared = accuracies(input, results);
  element("play-accuracy").innerHTML =
    compared === undefined
      ? "<p>There is nothing to compare with: the plain formula in f64 has no finite answer here.</p>"
      : htmlTable(accuracyTable(compared));
  fillTables();
}

/** Where WebAssembly or its SIMD is missing, layernorm-wasm runs the other engine, and there is one to speak of. */
const engines = () => [...new Set(Object.values(runtimes).map((each) => each.info().engine))].join(" and ");

function draw(): void {
  if (shown === undefined) return;
  const place = element("play-plots");
  // As many columns as the style sheet makes of it.
  const columns = getComputedStyle(place).gridTemplateColumns.split(" ");
  place.innerHTML = plots(shown.input, shown.results, Math.max(240, Number.parseFloat(columns[0])));
}

/** Thousands of cells, which are made when somebody opens them. */
function fillTables(): void {
  if (shown === undefined || !element<HTMLDetailsElement>("play-listed").open) return;
  element("play-tables").innerHTML = tables(shown.input, shown.results).map(htmlTable).join("\n");
}

function complain(error: Error | undefined): void {
  const text =
    error === undefined
      ? ""
      : error instanceof InputError
        ? error.message
        : `${error.name}: ${error.message}`;
  const kept = text && shown !== undefined ? ". What is below belongs to the numbers before." : "";
  element("play-error").textContent = text + kept;
  for (const name of Object.keys(LABELS) as (keyof Fields)[]) {
    const wrong = error instanceof InputError && error.field === name;
    if (wrong) field(name).setAttribute("aria-invalid", "true");
    else field(name).removeAttribute("aria-invalid");
  }
}

// --- what the user does --------------------------------------------------------------------------------------------

const sliders = Object.entries(SLIDERS).map(([name, slider]) => ({
  slider,
  range: element<HTMLInputElement>(`slide-${name}`),
  number: field(name as keyof typeof SLIDERS),
}));

const followNumber = ({ slider, range, number }: (typeof sliders)[number]) => {
  range.value = String(positionOf(slider, Number(number.value)));
  range.setAttribute("aria-valuetext", number.value);
};

for (const each of sliders) {
  const { slider, range, number } = each;
  range.addEventListener("input", () => {
    number.value = String(valueAt(slider, Number(range.value)));
    range.setAttribute("aria-valuetext", number.value);
  });
  number.addEventListener("input", () => followNumber(each));
  followNumber(each);
}

const NUMBERS: Record<string, () => string> = {
  first: () => FIRST.numbers,
  random: () => {
    const values = Array.from(normal(4 * 16, new Random(++seed)), (value) => value.toFixed(3));
    return [0, 1, 2, 3].map((row) => values.slice(16 * row, 16 * row + 16).join(" ")).join("\n");
  },
  constant: () => "7.1 7.1 7.1 7.1 7.1 7.1 7.1 7.1",
};
for (const button of form.querySelectorAll<HTMLButtonElement>("button[data-numbers]")) {
  button.addEventListener("click", () => {
    field("numbers").value = NUMBERS[button.dataset.numbers ?? "first"]();
    update();
  });
}

form.addEventListener("input", update);
form.addEventListener("submit", (event) => event.preventDefault());
element("play-listed").addEventListener("toggle", fillTables);
// Only the width matters, and drawing changes the height.
let width = 0;
new ResizeObserver(([entry]) => {
  if (entry.contentRect.width === width) return;
  width = entry.contentRect.width;
  draw();
}).observe(element("play-plots"));
update();
