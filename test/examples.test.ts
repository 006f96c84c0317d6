import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { checkedExample, examplesOf, expectations, expectThat } from "./documentation.js";

/* The examples of README.md and of the TSDoc comments: compiled and run on their own, against the built package. */

const root = fileURLToPath(new URL("..", import.meta.url));
/** Not in node_modules, from where the package could not import itself. */
const folder = join(root, "target/examples-of-documentation");
const run = promisify(execFile);

const sources = readdirSync(join(root, "ts/api"), { encoding: "utf8" }).map((name) => `ts/api/${name}`);
const examples = ["README.md", ...sources, "ts/tfjs.ts"].flatMap(examplesOf);

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, code } of examples) writeFileSync(join(folder, `${file}.ts`), code);
  const config = { extends: "../../tsconfig.json", include: ["*.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
});

test("there are examples, with expectations that are checked", () => {
  expect(examples.length).toBeGreaterThan(10);
  const checked = examples.flatMap(({ code }) =>
    code.split("\n").flatMap((line) => expectations(line, code)),
  );
  expect(checked.length).toBeGreaterThan(10);
});

test("an expectation that does not hold fails", () => {
  expect(() => expectThat("y is about 1.34", 1.35, 1.34, 0.005, false)).toThrow(
    'says "y is about 1.34", it is 1.35',
  );
  expect(() => expectThat("y is [1]", [1, 2], [1], 0, false)).toThrow();
  expect(expectations("// y.data[0] is about -1.34", "const y = 1;")).toEqual([
    'expectThat("y.data[0] is about -1.34", y.data[0], -1.34, 0.005, false);',
  ]);
});

test("they type-check, all together", async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [tsc, "--noEmit", "-p", folder]).catch((failure) => failure);
  expect(stdout).toBe("");
});

describe("each runs, and does what it says", () => {
  test.concurrent.each(examples)("$from", async ({ file, code }) => {
    const path = join(folder, `${file}.mjs`);
    writeFileSync(path, await checkedExample(code));
    await run(process.execPath, [path]);
  });
});
