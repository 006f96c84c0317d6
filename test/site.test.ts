import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { context } from "esbuild";
import { layerNormForward } from "layernorm-wasm";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildSite } from "../site/build.js";
import { compareBits, type Results } from "../site/playground/compute.js";
import { browsers, launch } from "./browsers.js";
import { keepsContract } from "./reference.js";
import { normal } from "./support.js";

/*
 * The site as a server would have it, in a folder below its root: what it computes, what it says, and whether it can be
 * used by keys, on a phone, and by those who do not see it.
 */

const PATH = "some/folder";
/** A browser starts in seconds, on a busy machine in many. */
const HOOK_MS = 120_000;
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1200, height: 900 };

let address: string;
const above = mkdtempSync(join(tmpdir(), "layernorm-wasm-site-"));
const server = await context({});
beforeAll(async () => {
  await buildSite(join(above, PATH));
  const { port } = await server.serve({ servedir: above, host: "127.0.0.1" });
  address = `http://localhost:${port}/${PATH}/`;
}, HOOK_MS);
afterAll(async () => {
  await server.dispose();
  rmSync(above, { recursive: true });
});

/** What the page shows, and what the browser complains about. */
interface Visit {
  page: Page;
  complaints: string[];
}

async function visit(browser: Browser, query = ""): Promise<Visit> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(message.text());
  });
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
  await page.setViewport(DESK);
  await page.goto(address + query, { waitUntil: "load" });
  await page.waitForSelector("#plot-dbeta svg");
  return { page, complaints };
}

/** As typing does: the value, then the event. */
async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  await page.evaluate((fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const field = document.getElementById(`play-${name}`) as HTMLInputElement;
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }, fields);
}

const text = (page: Page, selector: string) =>
  page.$eval(selector, (element) => (element as HTMLElement).innerText.trim());

/** The rows of the tables below an element, without their heads. */
const rowsOf = (page: Page, selector: string): Promise<string[][][]> =>
  page.$$eval(`${selector} table`, (tables) =>
    tables.map((table) =>
      [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent ?? "")),
    ),
  );

/** What axe finds wrong, and what: empty where all is well. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("  ")}`);
  });
}

const openAll = (page: Page) =>
  page.$$eval("details", (all) => {
    for (const each of all) each.open = true;
  });

/** How far the page is wider than the screen. */
const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const each of browsers) {
  describe.skipIf(!each.program)(`the site in ${each.kind}`, () => {
    let browser: Browser;
    let page: Page;
    let complaints: string[];
    beforeAll(async () => {
      browser = await launch(each, "light");
      ({ page, complaints } = await visit(browser, "?shapes=4x64"));
    }, HOOK_MS);
    afterAll(() => browser?.close());

    test("shows what the package computes", async () => {
      const [rows, cols, shift, spread] = [3, 7, 1000, 0.5];
      const numbers = Array.from(normal(rows * cols, 1), (value) => Number(value.toFixed(3)));
      const lines = [0, 1, 2].map((row) => numbers.slice(row * cols, (row + 1) * cols));
      const gamma = [0.5, 1, -2, 1.5, 1, 3, 0.25];
      await page.$eval("#play-listed", (details) => {
        (details as HTMLDetailsElement).open = true;
      });
      await page.waitForSelector("#play-tables table");
      await fill(page, {
        numbers: `${lines[0].join(", ")}\n${lines[1].join(";")}\n\n${lines[2].join("\t")}`,
        shift: String(shift),
        spread: String(spread),
        eps: "1e-3",
        gamma: gamma.join(" "),
        beta: "0.5",
        dy: "turns",
      });
      expect(await text(page, "#play-error")).toBe("");
      const [elements, statistics, columns] = await rowsOf(page, "#play-tables");
      const column = (table: string[][], k: number) => Float32Array.from(table, (cells) => Number(cells[k]));
      const x = Float32Array.from(numbers, (value) => shift + spread * value);
      const dy = x.map((_, k) => ((k % cols) % 2 === 0 ? 1 : -1));
      expect(column(elements, 2)).toEqual(x);
      expect(column(elements, 5)).toEqual(dy);
      keepsContract(
        "the tables",
        {
          rows,
          cols,
          x,
          dy,
          gamma: Float32Array.from(gamma),
          beta: new Float32Array(cols).fill(0.5),
          eps: 1e-3,
        },
        {
          y: column(elements, 4),
          dx: column(elements, 6),
          mean: column(statistics, 1),
          rstd: column(statistics, 2),
          dgamma: column(columns, 3),
          dbeta: column(columns, 4),
        },
      );
      expect(await text(page, "#play-summary")).toMatch(/^3 rows of 7 columns\. Row 1: mean \d/);
      for (const name of ["x", "xhat", "y", "dx", "dgamma", "dbeta"]) {
        const size = ["dgamma", "dbeta"].includes(name) ? cols : rows * cols;
        const plot = `#plot-${name} svg`;
        expect(await page.$eval(plot, (svg) => svg.getAttribute("aria-label"))).toMatch(
          `${name}: ${size} values, from `,
        );
        expect(await page.$$eval(`${plot} circle`, (dots) => dots.length)).toBe(size);
      }
    });

    test("has the same bits from both engines", async () => {
      await page.click("input[name=engine][value=simd128]");
      expect(await text(page, "#play-bits")).toMatch(/^Shown: layernorm-wasm, on its engine simd128\./);
      const tables = await rowsOf(page, "#play-tables");
      await page.click("input[name=engine][value=js]");
      const said = await text(page, "#play-bits");
      expect(said).toMatch(/^Shown: layernorm-wasm\/js, on its engine js\./);
      expect(said).toMatch(/all [1-9]\d* numbers have the same bits on simd128 and js\.$/);
      expect(await rowsOf(page, "#play-tables")).toEqual(tables);
    });

    test("says what is wrong with the input", async () => {
      await fill(page, { numbers: "1 2 three 4" });
      expect(await text(page, "#play-error")).toMatch(/^Numbers: "three" is not a number\./);
      expect(await page.$$eval("[aria-invalid]", (wrong) => wrong.map(({ id }) => id))).toEqual([
        "play-numbers",
      ]);
      await fill(page, { numbers: "1 2 3 4", gamma: "1 2 3" });
      let message = "";
      try {
        layerNormForward(Float32Array.of(1, 2, 3, 4), 4, { gamma: Float32Array.of(1, 2, 3) });
      } catch (error) {
        message = String(error);
      }
      expect(message).not.toBe("");
      expect(await text(page, "#play-error")).toContain(message);
      await fill(page, { gamma: "" });
      expect(await text(page, "#play-error")).toBe("");
      expect(await page.$("[aria-invalid]")).toBeNull();
    });

    test("shows what a large mean does to others", async () => {
      await fill(page, { numbers: "0.1 0.7 -1.3 2.2 0.4 -0.6", shift: "1e6", spread: "1" });
      const [[ours, , moments, allowed]] = await rowsOf(page, "#play-accuracy");
      const units = ([, cell]: string[]) => Number(cell.replaceAll(",", ""));
      expect(units(ours)).toBeLessThanOrEqual(units(allowed));
      expect(units(moments)).toBeGreaterThan(units(allowed));
    });

    test("can be used by keys", async () => {
      await page.focus("#slide-shift");
      await page.keyboard.press("Home");
      expect(await page.$eval("#play-shift", (field) => (field as HTMLInputElement).value)).toBe("0");
      const before = await text(page, "#play-summary");
      await page.keyboard.press("End");
      expect(await page.$eval("#play-shift", (field) => (field as HTMLInputElement).value)).toBe("100000000");
      expect(await text(page, "#play-summary")).not.toBe(before);
      // From the top: the way past the header comes first, and what has the focus is marked.
      await page.reload({ waitUntil: "load" });
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
      expect(await page.$eval(".skip", (link) => getComputedStyle(link).outlineStyle)).toBe("solid");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    });

    test("runs the benchmark", async () => {
      await page.click("#quick");
      await page.waitForFunction(
        () => /^(Done|Stopped)/.test(document.getElementById("status")?.textContent ?? ""),
        { timeout: 60_000 },
      );
      expect(await text(page, "#status")).toBe("Done.");
      const figures = await page.$eval("#text", (area) => (area as HTMLTextAreaElement).value);
      expect(figures).toContain("Forward, layernorm-wasm, tensors");
      expect(figures).toContain("[4, 64]");
      expect(figures).not.toContain("does not start");
      expect(figures).not.toContain("Not timed");
    });

    // After the benchmark, so that its charts and tables are looked at too.
    test("is accessible, and as wide as a phone, in light and dark", async () => {
      const scheme = (page: Page) => page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
      await openAll(page);
      expect(await scheme(page)).toBe(false);
      await page.setViewport(PHONE);
      expect(await overflow(page)).toBe(0);
      expect(await violations(page)).toEqual([]);
      expect(complaints).toEqual([]);

      const dark = await launch(each, "dark");
      try {
        const visited = await visit(dark);
        expect(await scheme(visited.page)).toBe(true);
        expect(await violations(visited.page)).toEqual([]);
        expect(visited.complaints).toEqual([]);
      } finally {
        await dark.close();
      }
    });

    test("has headings in order, and an end for each of its links", async () => {
      const levels = await page.$$eval("h1, h2, h3, h4", (all) =>
        all.map(({ tagName }) => Number(tagName[1])),
      );
      expect(levels[0]).toBe(1);
      for (const [k, level] of levels.entries()) expect(level - (levels[k - 1] ?? 0)).toBeLessThanOrEqual(1);
      const ends = await page.$$eval("a[href^='#']", (links) =>
        links.map((link) => [
          link.textContent,
          document.querySelector(link.getAttribute("href") ?? "") !== null,
        ]),
      );
      expect(ends.filter(([, there]) => !there)).toEqual([]);
      expect(ends.length).toBeGreaterThan(8);
    });
  });
}

test("the comparison of bits sees one bit", () => {
  const results = (): Results => {
    const some = () => Float32Array.of(1, -0, Number.NaN);
    return {
      xhat: some(),
      y: some(),
      mean: some(),
      rstd: some(),
      dy: some(),
      dx: some(),
      dgamma: some(),
      dbeta: some(),
    };
  };
  expect(compareBits(results(), results())).toEqual({ numbers: 24, different: 0 });
  const other = results();
  other.dx[0] = 1 + 2 ** -23;
  other.dgamma[1] = 0;
  expect(compareBits(results(), other)).toEqual({ numbers: 24, different: 2 });
});
