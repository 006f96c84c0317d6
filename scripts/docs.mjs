// Writes docs/api/: the reference of every entry, from the comments in ts/. A comment that TypeDoc warns about fails.

import { join } from "node:path";
import { echo, installPackages, root, run } from "./toolchain.mjs";

// TypeDoc needs a TypeScript before 7, which is among the packages of the packaging tests.
const trouble = await installPackages("test/packaging", "TypeDoc");
if (trouble) {
  console.error(trouble);
  process.exit(1);
}
const typedoc = join(root, "test/packaging/node_modules/typedoc/bin/typedoc");
const { code } = await run([process.execPath, typedoc], { onText: echo });
process.exitCode = code;
