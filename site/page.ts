/** The page: its sections are the repository's documents, and two that are programs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineInfo } from "../bench/engines/list.js";
import { BENCH_STYLE, benchSection } from "../bench/page/html.js";
import { escapeHtml, STYLE } from "../examples/mnist/html.js";
import { root } from "../scripts/toolchain.mjs";
import { render, type Section, sectionsOf, slug } from "./markdown.js";
import { PLAYGROUND } from "./playground/form.js";

/** Of the README: what is said at the top, and what is not for users of the page. The rest is the API. */
const FIRST = ["Install", "Normalise"];
const ELSEWHERE = ["Numerics", "Speed", "The repository", "Contributing", "Licence"];
/** Of docs/numerics.md: the rest can be unfolded. */
const CONTRACT = "The contract";

const PARTS = [
  { id: "playground", title: "Playground" },
  { id: "benchmark", title: "Benchmark" },
  { id: "contract", title: "Numerics" },
  { id: "api", title: "API" },
] as const;

export interface Around {
  engines: readonly EngineInfo[];
  /** The address of the reference of every export, where it is there. */
  reference: string | undefined;
  version: string;
}

export function page({ engines, reference, version }: Around): string {
  const readme = sectionsOf(readFileSync(join(root, "README.md"), "utf8"));
  const numerics = sectionsOf(readFileSync(join(root, "docs/numerics.md"), "utf8"));
  const first = FIRST.map((title) => sectionOf(readme.sections, title, "README.md"));
  const api = readme.sections.filter(({ title }) => ![...FIRST, ...ELSEWHERE].includes(title));
  const contract = sectionOf(numerics.sections, CONTRACT, "docs/numerics.md");
  const rest = numerics.sections.filter((section) => section !== contract);

  const anchors = new Set([...first, ...api, ...rest].map(({ title }) => slug(title)));
  const html = ({ title, tokens }: Section) => render(tokens, title, anchors);
  const named = (section: Section) => `<h3 id="${slug(section.title)}">${escapeHtml(section.title)}</h3>
${html(section)}`;
  const folded = (section: Section) => `<details id="${slug(section.title)}">
<summary><h3>${escapeHtml(section.title)}</h3></summary>
${html(section)}</details>`;
  const contents = api.map(({ title }) => `<li><a href="#${slug(title)}">${escapeHtml(title)}</a></li>`);
  const more =
    reference === undefined
      ? ""
      : `<p><a href="${reference}">Reference of every export</a>, with shapes, defaults, errors and examples.</p>`;

  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Layer normalization for JavaScript and TypeScript, as SIMD WebAssembly: a playground, a benchmark, the numeric contract, the API">
<title>layernorm-wasm</title>
<link rel="icon" href="data:,">
<style>${STYLE}${BENCH_STYLE}${SITE_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the contents</a>
<header>
<h1>layernorm-wasm</h1>
<nav aria-label="Parts of this page"><ul>
${PARTS.map(({ id, title }) => `<li><a href="#${id}">${title}</a></li>`).join("\n")}
</ul></nav>
</header>
<main id="main" tabindex="-1">
<section aria-label="What it is">
${render(readme.introduction, "What it is", anchors)}
${first.map((section) => named(section).replaceAll("h3", "h2")).join("\n")}
</section>
<section aria-labelledby="playground">
<h2 id="playground">Playground</h2>
${PLAYGROUND}
</section>
<section aria-labelledby="benchmark">
${benchSection(
  engines,
  // What others need is megabytes, which the visitor may ask for.
  engines.filter(({ file }) => !file.startsWith("competitors/")),
)}
</section>
<section aria-labelledby="contract">
<h2 id="contract">Numeric contract</h2>
${render(numerics.introduction, "Numerics", anchors)}
${html(contract)}
${rest.map(folded).join("\n")}
</section>
<section aria-labelledby="api">
<h2 id="api">API</h2>
${more}
<ul class="contents">
${contents.join("\n")}
</ul>
${api.map(named).join("\n")}
</section>
</main>
<footer>
<p class="quiet">layernorm-wasm ${escapeHtml(version)}, under MIT or Apache 2.0, as you like.</p>
</footer>
</body>
</html>
`;
}

/** A document that no longer has it has to be followed here. */
function sectionOf(sections: Section[], title: string, file: string): Section {
  const found = sections.find((section) => section.title === title);
  if (!found) throw new Error(`${file} has no section "${title}", which site/page.ts shows`);
  return found;
}

const SITE_STYLE = `
:root { --play-x: #0550ae; --play-y: #1a7f37; --play-gradient: #bc4c00; --link: #0550ae; --wrong: #b3161f; --soft: #f6f8fa;
  --field: #6e7781; }
@media (prefers-color-scheme: dark) { :root { --play-x: #79b8ff; --play-y: #7ee787; --play-gradient: #ffa657;
  --link: #79b8ff; --wrong: #ff938a; --soft: #161b22; --field: #8b949e; } }
html { scroll-padding-top: 16px; scrollbar-color: var(--field) transparent; } a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 8px; top: 8px; background: var(--paper); padding: 8px; }
header { border-bottom: 1px solid var(--line); padding-bottom: 8px; }
nav ul, .contents { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 8px 0; }
nav a, .contents a { display: inline-block; padding: 4px 0; }
section > h2 { margin-top: 48px; font-size: 22px; } section:first-child > h2 { margin-top: 32px; }
h3, h4 { margin: 28px 0 4px; } h4 { font-size: 16px; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; overflow-wrap: break-word; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: 12px; overflow-x: auto; line-height: 1.45; }
main ul:not(.contents), main ol { padding-left: 24px; } li { margin: 6px 0; max-width: 75ch; }
main li > .scroll { margin-top: 8px; } .scroll { margin-top: 12px; }
table.words th, table.words td { text-align: left; vertical-align: top; padding: 5px 16px 5px 0; }
table.words .figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
details { border-top: 1px solid var(--line); padding: 8px 0; } summary { cursor: pointer; } summary h3 { display: inline; margin: 0; }
.playground { margin-top: 16px; } .box { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px 16px;
  background: var(--soft); border: 1px solid var(--line); padding: 12px 16px; }
@media (min-width: 900px) { .playground { display: grid; grid-template-columns: 340px minmax(0, 1fr); gap: 36px; align-items: start; }
  .box + .box { border-top: 0; padding-top: 4px; } .box:not(:last-child) { border-bottom: 0; } }
@media (max-width: 899px) { .controls { display: contents; } .results { margin-top: 20px; } }
@media (max-width: 899px) and (min-height: 500px) { .sliders { position: sticky; top: 0; z-index: 1; gap: 4px; padding: 6px 16px; }
  .box :is(input, select, textarea, button), .results :is(summary, .scroll) { scroll-margin-top: 140px; } }
.field { display: flex; flex-direction: column; gap: 3px; min-width: 0; } .field.whole { grid-column: 1 / -1; }
.field > label, legend { font-weight: 600; font-size: 15px; padding: 0; } .hint { font-size: 13px; color: var(--quiet); }
fieldset { border: 0; margin: 0; padding: 0; } fieldset.field > label { font-weight: 400; display: flex; gap: 8px; align-items: baseline; font-size: 15px; }
.field input:not([type]), .field textarea, .field select { font: 15px/1.4 ui-monospace, monospace; padding: 6px 8px; width: 100%;
  box-sizing: border-box; color: var(--text); background: var(--paper); border: 1px solid var(--field); border-radius: 6px; }
.field select { font-family: inherit; } .field textarea { resize: vertical; white-space: pre; overflow-x: auto; }
.field [aria-invalid] { border-color: var(--wrong); border-width: 2px; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) 7.5em; gap: 12px; align-items: center; }
.pair input[type="range"] { width: 100%; margin: 0; accent-color: var(--link); }
.field.buttons { flex-direction: row; flex-wrap: wrap; gap: 8px; } .buttons button { margin: 0; padding: 4px 12px; font-size: 15px; }
button.second { border-color: var(--field); }
.results > :first-child { margin-top: 0; } #play-error { color: var(--wrong); font-weight: 600; overflow-wrap: break-word; }
#play-error:empty { margin: 0; } #play-summary { font-variant-numeric: tabular-nums; margin-top: 0; min-height: 3em; }
.results .charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 12px 24px; }
.results figure { margin: 0; min-width: 0; } .results figcaption { font-weight: 400; }
.results caption { white-space: normal; } .results figure svg { display: block; width: auto; max-width: 100%; }
footer { border-top: 1px solid var(--line); margin-top: 56px; padding-top: 8px; }
@media (max-width: 480px) { body { padding: 16px; } nav ul { gap: 4px 14px; } }
`;
