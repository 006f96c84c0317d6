/** The engines of a run: which of those asked for are here, and their processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineInfo } from "./engines/list.js";
import type { Trouble } from "./measure.js";
import { EngineProcess, Exchange } from "./process.js";
import { hasPython, installCompetitors, installNative, python } from "./setup.js";

/** Those that can run here; why the others cannot is added to `notes`. */
export function available(
  engines: readonly EngineInfo[],
  native: boolean | undefined,
  notes: string[],
): EngineInfo[] {
  const wants = (test: (info: EngineInfo) => boolean) => engines.some(test);
  const isCompetitor = ({ file }: EngineInfo) => file.startsWith("competitors/");
  const isNative = ({ kind }: EngineInfo) => kind === "native";
  const missing = wants(isCompetitor) ? installCompetitors() : "";
  if (missing) notes.push(`Without the JavaScript competitors: ${missing}`);
  const nativeMissing = native
    ? installNative()
    : hasPython()
      ? ""
      : "not installed, `npm run bench -- --native` does";
  if (nativeMissing && wants(isNative)) notes.push(`Without the native engines: ${nativeMissing}`);
  return engines.filter((info) => !(missing && isCompetitor(info)) && !(nativeMissing && isNative(info)));
}

/** All at once; one that does not start is a trouble. */
export async function startEngines(
  infos: readonly EngineInfo[],
  core: number | undefined,
  troubles: Trouble[],
): Promise<EngineProcess[]> {
  const folder = mkdtempSync(join(tmpdir(), "layernorm-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  process.once("SIGINT", () => process.exit(130));
  const exchange = new Exchange(folder);
  console.log(`\nStarting ${infos.length} engines: ${infos.map(({ id }) => id).join(", ")}`);
  const started = await Promise.allSettled(
    infos.map((info) => EngineProcess.start(info, { core, python, exchange })),
  );
  return started.flatMap((result, k) => {
    const { id, name } = infos[k];
    if (result.status === "fulfilled") return [result.value];
    troubles.push({ engine: id, case: "", what: String(result.reason) });
    console.log(`  ${name} does not start: ${result.reason}`);
    return [];
  });
}
