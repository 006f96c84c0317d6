/** One table, shown twice: as text in the terminal and as HTML on the page. */
export interface Table {
  title: string;
  head: string[];
  rows: string[][];
  notes?: string[];
}

/** The first column to the left, figures to the right. */
export function textTable({ title, head, rows, notes = [] }: Table): string {
  const widths = head.map((_, c) => Math.max(...[head, ...rows].map((row) => (row[c] ?? "").length)));
  const line = (row: string[]) =>
    widths
      .map((width, c) => (c === 0 ? (row[c] ?? "").padEnd(width) : (row[c] ?? "").padStart(width)))
      .join("   ");
  const rule = widths.map((width) => "-".repeat(width)).join("   ");
  return [title, "", line(head), rule, ...rows.map(line), ...notes.map((note) => `\n${note}`)].join("\n");
}
