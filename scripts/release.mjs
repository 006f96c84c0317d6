// Everything short of publishing: two clean builds in two places, which must give the same tarball to the byte, every
// check and every test, the reference, and what the tarball contains. It is left in target/release-check/.

import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { echo, root, run } from "./toolchain.mjs";

const release = join(root, "target/release-check");

/**
 * @param {string[]} command
 * @param {string} [cwd]
 */
async function must(command, cwd = root) {
  const { code, output } = await run(command, { cwd });
  if (code === 0) return output;
  console.error(`> ${command.join(" ")}\n${output}`);
  process.exit(1);
}

const listed = await must([
  "git",
  "ls-files",
  "-z",
  "--cached",
  "--others",
  "--exclude-standard",
  "--deduplicate",
]);
const files = listed.split("\0").filter(Boolean);

/** Builds and packs a copy of the checkout that has nothing but its files: gives the tarball and what is in it. */
async function buildClean() {
  const copy = mkdtempSync(join(tmpdir(), "layernorm-wasm-release-"));
  try {
    for (const file of files) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      cpSync(join(root, file), join(copy, file));
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    await must([process.execPath, "scripts/build.mjs"], copy);
    const packed = await must(["npm", "pack", "--json"], copy);
    const [{ filename, files: contents }] = JSON.parse(packed.slice(packed.indexOf("[")));
    const tarball = join(release, filename);
    mkdirSync(release, { recursive: true });
    copyFileSync(join(copy, filename), tarball);
    const hash = createHash("sha256").update(readFileSync(tarball)).digest("hex");
    return { tarball, hash, contents };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const first = await buildClean();
const { tarball, hash, contents } = await buildClean();
if (hash !== first.hash) {
  console.error(`Two builds differ: ${first.hash} and ${hash}`);
  process.exit(1);
}
console.log("Two clean builds give the same tarball");

const steps = [["build.mjs"], ["check.mjs"], ["test.mjs"], ["test.mjs", "packaging"], ["docs.mjs"]];
for (const [script = "", ...args] of steps) {
  console.log(`\n=== ${[script, ...args].join(" ")}`);
  const { code } = await run([process.execPath, join(root, "scripts", script), ...args], { onText: echo });
  if (code !== 0) process.exit(1);
}

console.log(`\n${tarball}\nsha256 ${hash}`);
for (const { path, size } of contents) console.log(`${String(size).padStart(9)} ${path}`);
