import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";

export interface Machine {
  cpu: string;
  cores: number;
  caches: string;
  memory: string;
  system: string;
  node: string;
  pinned: boolean;
}

export function machine(core: number | undefined): Machine {
  return {
    cpu: cpuModel(),
    cores: cpus().length,
    caches: caches(),
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: `${process.versions.node} (V8 ${process.versions.v8})`,
    pinned: core !== undefined,
  };
}

export function inWords({ cpu, cores, caches, memory, system, node, pinned }: Machine): string {
  const kept = pinned ? "each engine kept on one" : "engines not kept on one";
  return `${cpu}; ${cores} cores, ${kept}; ${caches}; ${memory}; ${system}; Node ${node}`;
}

/** Virtual machines often hide the model's name: family and model number then say which generation it is. */
function cpuModel(): string {
  const name = cpus()[0]?.model.trim() || "unknown";
  if (!existsSync("/proc/cpuinfo")) return name;
  const text = readFileSync("/proc/cpuinfo", "utf8");
  const field = (key: string) => new RegExp(`^${key}\\s*: (.*)$`, "m").exec(text)?.[1];
  const [family, model] = [field("cpu family"), field("model")];
  const widest = ["avx512f", "avx2"].find((flag) => field("flags")?.includes(flag));
  return [name, family && `family ${family} model ${model}`, widest].filter(Boolean).join(", ");
}

function caches(): string {
  const folder = "/sys/devices/system/cpu/cpu0/cache";
  const found = [0, 1, 2, 3].flatMap((index) => {
    const read = (name: string) => readFileSync(join(folder, `index${index}`, name), "utf8").trim();
    if (!existsSync(join(folder, `index${index}`, "size")) || read("type") === "Instruction") return [];
    return [`L${read("level")} ${read("size")}`];
  });
  return found.join(", ") || "unknown";
}

/** The core to keep every engine on, the last one unless told; undefined where a process cannot be kept on one. */
export function coreToUse(core = cpus().length - 1): number | undefined {
  const { status } = spawnSync("taskset", ["--cpu-list", String(core), "true"]);
  return status === 0 ? core : undefined;
}

/** Of the checkout, with a plus where files differ from it. */
export function commit(): string {
  const git = (...args: string[]) => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  const name = git("rev-parse", "--short", "HEAD");
  return name && git("status", "--porcelain") ? `${name}+` : name;
}
