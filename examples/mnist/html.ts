/** One self-contained page: no script, nothing to fetch; it follows the reader's light or dark setting. */
import type { Table } from "./table.js";

export const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --paper: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9198a1; --line: #3d444d; --paper: #0d1117; } }
body { margin: 0 auto; padding: 24px; max-width: 1120px; background: var(--paper); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 8px; } h2 { font-size: 20px; margin: 36px 0 4px; }
h3 { font-size: 17px; margin: 28px 0 4px; }
p { max-width: 75ch; margin: 8px 0; } .quiet { color: var(--quiet); font-size: 14px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 20px 28px; }
figure { margin: 12px 0 0; } figcaption { font-weight: 600; }
svg { --plot-background: var(--paper); width: 100%; height: auto; color: var(--text); }
.scroll { overflow-x: auto; margin-top: 24px; } table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0; white-space: nowrap; }
th, td { padding: 5px 12px; border-bottom: 1px solid var(--line); text-align: right; font-size: 15px; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
`;

/** `style` comes after the common one; `body` is HTML. */
export function htmlPage({ title, style, body }: { title: string; style: string; body: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
}

export function htmlTable({ title, head, rows, notes = [] }: Table): string {
  // A head without text would be read out as one.
  const row = (cells: string[], tag: string) =>
    `<tr>${cells.map((cell) => (cell === "" ? "<td></td>" : `<${tag}>${escapeHtml(cell)}</${tag}>`)).join("")}</tr>`;
  return `${scrolling(title)}<table><caption>${escapeHtml(title)}</caption>
<thead>${row(head, "th")}</thead>
<tbody>${rows.map((cells) => row(cells, "td")).join("\n")}</tbody></table></div>
${notes.map((note) => `<p class="quiet">${escapeHtml(note)}</p>`).join("\n")}`;
}

/** Begins a part that may be wider than the page: it can be reached, and moved, by keys. */
export const scrolling = (label: string) =>
  `<div class="scroll" tabindex="0" role="group" aria-label="${escapeHtml(label)}">`;

/** A plot as one image with a name: Plot's own names, of the kinds of its marks, say nothing to a screen reader. */
export function image(svg: Element, label: string): string {
  for (const named of svg.querySelectorAll("[aria-label]")) named.removeAttribute("aria-label");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  return svg.outerHTML;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** 1, 2, 5, 10, 20, 50 ... within the domain: left to itself, a logarithmic axis leaves some of its labels out. */
export function roundTicks([low, high]: readonly [number, number]): number[] {
  const powers = Array.from({ length: 13 }, (_, i) => i - 6);
  const ticks = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}
