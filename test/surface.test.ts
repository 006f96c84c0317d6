import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/*
 * The public types, as they are published and without their comments, beside a copy of them: a change of the API
 * that was not meant fails here. One that was meant: `npx vitest run test/surface.test.ts --update`.
 */

const dist = new URL("../dist/", import.meta.url);

/** A file of types and those that it imports, each once, in the order of its imports. */
function gather(url: URL, found: Map<string, string>): void {
  const name = url.href.slice(dist.href.length);
  if (found.has(name)) return;
  const text = readFileSync(url, "utf8").replaceAll(/^ *\/\*\*[\s\S]*?\*\/\n/gm, "");
  found.set(name, text);
  for (const [, path] of text.matchAll(/from "(\..*?)\.js"/g)) gather(new URL(`${path}.d.ts`, url), found);
}

test("the types of all entries are those that were agreed on", async () => {
  const { exports } = JSON.parse(readFileSync(new URL("../package.json", dist), "utf8"));
  const found = new Map<string, string>();
  for (const { types } of Object.values<{ types?: string }>(exports)) {
    if (types) gather(new URL(`../${types}`, dist), found);
  }
  const surface = Array.from(found, ([name, text]) => `// ${name}\n${text}`).join("\n");
  await expect(surface).toMatchFileSnapshot("surface.d.txt");
});
