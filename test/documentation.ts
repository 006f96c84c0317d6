import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

/*
 * The examples of the documentation, as a user would run them. Their comments are checked where they say
 * `<expression> is <value>` or `... about <value>`.
 */

const root = fileURLToPath(new URL("..", import.meta.url));

export interface Example {
  readonly from: string;
  readonly file: string;
  readonly code: string;
}

/** The `ts` blocks of a file. */
export function examplesOf(path: string): Example[] {
  const text = readFileSync(join(root, path), "utf8");
  const blocks = path.endsWith(".ts") ? text.replaceAll(/^ *\* ?/gm, "") : text;
  return Array.from(blocks.matchAll(/^```ts\n(.*?)^```$/gms), ([, code], k) => ({
    from: `${path}, example ${k + 1}`,
    file: `${path.replaceAll(/\W/g, "-")}-${k + 1}`,
    code,
  }));
}

const EXPRESSION = String.raw`[A-Za-z_$][\w$]*(?:\.[\w$]+|\(\)|\[\d+\])*`;
const VALUE = String.raw`\[[^\]]*\]|"[^"]*"|true\b|false\b|-?\d+(?:\.\d+)?(?:e-?\d+)?`;
const EXPECTATION = new RegExp(
  `(each row of )?(${EXPRESSION}) (?:is (?:now )?)?(about |(?<=is |now ))(${VALUE})`,
  "g",
);

/** What the comment of a line expects, as code that fails where it does not hold. */
export function expectations(line: string, code: string): string[] {
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
export function expectThat(
  what: string,
  actual: unknown,
  expected: unknown,
  tolerance: number,
  eachRow: boolean,
) {
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

/** An example as JavaScript that checks what its comments say. */
export async function checkedExample(code: string): Promise<string> {
  const lines = code.split("\n").flatMap((line) => [line, ...expectations(line, code)]);
  const source = `${lines.join("\n")}\n${expectThat}`;
  const { code: compiled } = await transform(source, { loader: "ts", format: "esm", target: "es2022" });
  return compiled;
}
