/** How long a process takes until its first result, over that of a Node that does nothing. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { quantile } from "./statistics.js";

export interface Startup {
  /** Milliseconds from the start of a process to its end: median and quartiles. */
  bare: Spread;
  ours: Spread;
  /** Of the differences of each round. */
  over: Spread;
  rounds: number;
}

export interface Spread {
  median: number;
  low: number;
  high: number;
}

export function measureStartup(rounds: number, core: number | undefined): Startup {
  const script = (name: string) => fileURLToPath(new URL(`start/${name}.mjs`, import.meta.url));
  const [bare, ours] = [script("bare"), script("ours")];
  const pin = core === undefined ? [] : ["taskset", "--cpu-list", String(core)];
  const once = (file: string) => {
    const [program, ...args] = [...pin, process.execPath, file];
    const start = performance.now();
    const { status } = spawnSync(program, args, { stdio: "ignore" });
    if (status !== 0) throw new Error(`${file} ended with ${status}`);
    return performance.now() - start;
  };
  for (const file of [bare, ours]) once(file); // into the system's file cache
  const times = { bare: [] as number[], ours: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) times.bare.push(once(bare));
    times.ours.push(once(ours));
    if (round % 2 === 1) times.bare.push(once(bare));
  }
  const differences = times.ours.map((ms, k) => ms - times.bare[k]);
  return { bare: spread(times.bare), ours: spread(times.ours), over: spread(differences), rounds };
}

const spread = (values: number[]): Spread => ({
  median: quantile(values, 0.5),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});
