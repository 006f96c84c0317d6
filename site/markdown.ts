/** Parts of the repository's documents, as HTML: what the page says is said once, in them. */
import { Marked, type Token, type Tokens } from "marked";
import { escapeHtml, scrolling } from "../examples/mnist/html.js";

export interface Section {
  title: string;
  tokens: Token[];
}

/** What stands before the first heading of the second level (but for the title), and the sections after it. */
export function sectionsOf(text: string): { introduction: Token[]; sections: Section[] } {
  const introduction: Token[] = [];
  const sections: Section[] = [];
  for (const token of new Marked().lexer(text)) {
    if (token.type === "heading" && token.depth === 1) continue;
    if (token.type === "heading" && token.depth === 2)
      sections.push({ title: plain(token.text), tokens: [] });
    else (sections.at(-1)?.tokens ?? introduction).push(token);
  }
  return { introduction, sections };
}

const plain = (text: string) => text.replaceAll("`", "");

/** The anchor of a heading, as in the documents' own links. */
export const slug = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .replaceAll(/\s/g, "-");

/** `anchors` are the page's: a link to anything else of the repository becomes its text. */
export function render(tokens: Token[], label: string, anchors: ReadonlySet<string>): string {
  const marked = new Marked({
    renderer: {
      link({ href, tokens }: Tokens.Link) {
        const text = this.parser.parseInline(tokens);
        const leads = /^https?:/.test(href) || (href.startsWith("#") && anchors.has(href.slice(1)));
        return leads ? `<a href="${escapeHtml(href)}">${text}</a>` : text;
      },
      heading({ tokens, depth }: Tokens.Heading) {
        return `<h${depth + 1}>${this.parser.parseInline(tokens)}</h${depth + 1}>\n`;
      },
      code({ text }: Tokens.Code) {
        return `<pre tabindex="0" aria-label="Code: ${escapeHtml(label)}" role="group"><code>${escapeHtml(text)}</code></pre>\n`;
      },
      table({ header, rows }: Tokens.Table) {
        const cells = (row: Tokens.TableCell[], tag: string) =>
          row.map((cell) => cellOf(this.parser.parseInline(cell.tokens), tag, cell.align)).join("");
        const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        return `${scrolling(`Table: ${label}`)}<table class="words"><thead><tr>${cells(header, "th")}</tr></thead>
<tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  return marked.parser(tokens);
}

/** A head without text would be read out as one. */
function cellOf(html: string, tag: string, align: string | null): string {
  return `<${html === "" ? "td" : tag}${align === "right" ? ' class="figure"' : ""}>${html}</${html === "" ? "td" : tag}>`;
}
