import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";

/*
 * The examples of README.md and of the TSDoc comments, as a user would run them: compiled on their own, against
 * the built package. Their comments are checked where they say `<expression> is <value>` or `... about <value>`.
 */

const root = fileURLToPath(new URL("..", import.meta.url));
/** Not in node_modules, from where the package could not import itself. */
const folder = join(root, "target/examples-of-documentation");
const run = promisify(execFile);

interface Example {
  readonly from: string;
  readonly file: string;
  readonly code: string;
}

function examplesOf(path: string): Example[] {
  const text = readFileSync(join(root, path), "utf8");
  const blocks = path.endsWith(".ts") ? text.replaceAll(/^ *\* ?/gm, "") : text;
  return Array.from(blocks.matchAll(/^```ts\n(.*?)^```$/gms), ([, code], k) => ({
    from: `${path}, example ${k + 1}`,
    file: `${path.replaceAll(/\W/g, "-")}-${k + 1}`,
    code,
  }));
}

const sources = readdirSync(join(root, "ts/api"), { encoding: "utf8" }).map((name) => `ts/api/${name}`);
const examples = ["README.md", ...sources, "ts/tfjs.ts"].flatMap(examplesOf);

const EXPRESSION = String.raw`[A-Za-z_$][\w$]*(?:\.[\w$]+|\(\)|\[\d+\])*`;
const VALUE = String.raw`\[[^\]]*\]|"[^"]*"|true\b|false\b|-?\d+(?:\.\d+)?(?:e-?\d+)?`;
const EXPECTATION = new RegExp(
  `(each row of )?(${EXPRESSION}) (?:is (?:now )?)?(about |(?<=is |now ))(${VALUE})`,
  "g",
);

/** What the comment of a line expects, as code that fails where it does not hold. */
function expectations(line: string, code: string): string[] {
  const comment = /\/\/ (.*)$/.exec(line)?.[1] ?? "";
  return Array.from(comment.matchAll(EXPECTATION), ([said, eachRow, expression, about, value]) => {
    // A word of the sentence is no variable of the code.
    const [name] = expression.split(/\W/);
    const isVariable = new RegExp(String.raw`\b(?:const|let|using)\b[^=]*\b${name}\b[^=]*=`).test(code);
    const digits = /\.(\d+)/.exec(value)?.[1]?.length ?? 0;
    const tolerance = about ? 0.5 * 10 ** -digits : 0;
    const args = [JSON.stringify(said), expression, value, tolerance, Boolean(eachRow)];
    return isVariable ? `expectThat(${args.join(", ")});` : "";
  }).filter(Boolean);
}

/** Runs in the example: `actual` is `expected`, an array, string, number or boolean; numbers as f32. */
function expectThat(what: string, actual: unknown, expected: unknown, tolerance: number, eachRow: boolean) {
  const flat = (value: unknown) =>
    typeof value === "object"
      ? Array.from((value as { data?: ArrayLike<unknown> }).data ?? (value as ArrayLike<unknown>))
      : [value];
  const [values, wanted] = [flat(actual), flat(expected)];
  const holds = (value: unknown, k: number) => {
    const want = wanted[k % wanted.length];
    if (typeof value !== "number" || typeof want !== "number") return value === want;
    return Math.abs(value - want) <= tolerance || Math.fround(value) === Math.fround(want);
  };
  const fits = eachRow ? values.length % wanted.length === 0 : values.length === wanted.length;
  if (!fits || !values.every(holds)) throw new Error(`the example says "${what}", it is ${values}`);
}

const withExpectations = (code: string) =>
  code
    .split("\n")
    .map((line) => [line, ...expectations(line, code)].join("\n"))
    .join("\n");

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
    const source = `${withExpectations(code)}\n${expectThat}`;
    const { code: compiled } = await transform(source, { loader: "ts", format: "esm", target: "es2022" });
    const path = join(folder, `${file}.mjs`);
    writeFileSync(path, compiled);
    await run(process.execPath, [path]);
  });
});
