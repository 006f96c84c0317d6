import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, run } from "../../scripts/toolchain.mjs";
import { expected, expectedInTfjs, fixture } from "./support.js";

/* The installed package on the command line: Node by `import` and by `require`, Bun and Deno. */

const runtimes = join(root, "test/determinism/runtimes/node_modules");
const platform = `${process.platform}-${process.arch}`;
const glibc = process.platform === "linux" ? "-glibc" : "";
const bun = join(runtimes, `@oven/bun-${platform.replace("arm64", "aarch64")}/bin/bun`);
const deno = join(runtimes, `@deno/${platform}${glibc}/deno`);
const node = (version: number) => join(runtimes, `node${version}-${platform}/bin/node`);

const programs: Record<string, string[]> = {
  "this Node": [process.execPath],
  "Node 22": [node(22)],
  "Node 24": [node(24)],
  "Node 26": [node(26)],
  Bun: [bun],
  Deno: [deno, "run", "--allow-read"],
};

const entries = [expected("simd128"), expected("js"), expected("simd128")];
const programsOf = { "command-line": entries, "tfjs/command-line": expectedInTfjs };
const files = Object.entries(programsOf).flatMap(([name, answer]) =>
  ["mjs", "cjs"].map((ending) => [`${name}.${ending}`, answer] as const),
);

describe.each(files)("%s in", (file, answer) => {
  test.for(Object.entries(programs))("%s", async ([name, [program, ...args]], { skip }) => {
    skip(
      !existsSync(program),
      `${name} is not here: npm ci --ignore-scripts --prefix test/determinism/runtimes`,
    );
    const { code, output } = await run([program, ...args, fixture(file)], { seconds: 60 });
    expect(code, output).toBe(0);
    const line = output.split("\n").find((line) => /^\[?\{/.test(line)) ?? output;
    expect(JSON.parse(line)).toEqual(answer);
  });
});
