import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, run } from "../../scripts/toolchain.mjs";
import { folder, out } from "./support.js";

/* The installed types, checked by consumers' compilers. Nothing is skipped but the declarations of TensorFlow.js. */

const compilers: Record<string, string> = {
  "5.4": join(folder, "node_modules/typescript-5.4"),
  "5.7": join(folder, "node_modules/typescript-5.7"),
  "5.9": join(folder, "node_modules/typescript-5.9"),
  "6": join(folder, "node_modules/typescript"),
  "7": join(root, "node_modules/typescript"),
};

const consumers = [
  { lib: ["es2022", "dom"], module: "nodenext", moduleResolution: "nodenext" },
  { lib: ["es2022", "webworker"], module: "esnext", moduleResolution: "bundler" },
  { lib: ["es2022"], module: "node16", moduleResolution: "node16", types: ["node"] },
];
const options = {
  target: "es2022",
  types: [],
  typeRoots: [join(root, "node_modules/@types")],
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
};

test("of these tests themselves", async () => {
  const tsc = join(compilers[7], "bin/tsc");
  const { output } = await run([process.execPath, tsc, "--noEmit", "-p", join(folder, "tsconfig.test.json")]);
  expect(output).toBe("");
});

describe.each(Object.entries(compilers))("TypeScript %s", (version, compiler) => {
  const check = async (file: string, name: string, compilerOptions: object) => {
    const project = join(out, `tsconfig.${version}-${name}.json`);
    writeFileSync(project, JSON.stringify({ compilerOptions, files: [join(folder, "fixtures", file)] }));
    const { code, output } = await run([process.execPath, join(compiler, "bin/tsc"), "-p", project]);
    expect(output).toBe("");
    expect(code).toBe(0);
  };

  test.for(consumers)("for $lib, $module", async (consumer) => {
    await check("consumer.ts", consumer.module, { ...options, ...consumer, skipLibCheck: false });
  });

  test("./tfjs", async () => {
    // TensorFlow.js 4.22 has declarations that do not compile by themselves.
    const settings = { lib: ["es2022", "dom"], module: "nodenext", skipLibCheck: true };
    await check("tfjs/consumer.ts", "tfjs", { ...options, ...settings });
  });
});
