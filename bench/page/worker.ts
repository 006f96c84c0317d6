/** One engine in a worker of its own: engines/host.ts, for a browser. */
import type { Host, Pass, Prepared, Problem, Results, Start } from "../engines/engine.js";

/** Literal paths, so that the bundler sees them. */
const ENGINES: Record<string, () => Promise<{ start: Start }>> = {
  copy: () => import("../engines/copy.js"),
  "ours-tensors": () => import("../engines/ours-tensors.js"),
  "ours-arrays": () => import("../engines/ours-arrays.js"),
  "ours-javascript": () => import("../engines/ours-javascript.js"),
  "other-ways/two-calls-loop": () => import("../engines/other-ways/two-calls-loop.js"),
  "other-ways/two-calls-simd": () => import("../engines/other-ways/two-calls-simd.js"),
  "other-ways/two-calls-free": () => import("../engines/other-ways/two-calls-free.js"),
  "other-ways/last-axis": () => import("../engines/other-ways/last-axis.js"),
  "other-ways/permuted": () => import("../engines/other-ways/permuted.js"),
  "other-ways/as-f32": () => import("../engines/other-ways/as-f32.js"),
  "other-ways/converted": () => import("../engines/other-ways/converted.js"),
  "plain-javascript": () => import("../engines/plain-javascript.js"),
  "competitors/onnxruntime-web": () => import("../engines/competitors/onnxruntime-web.js"),
  "competitors/tfjs-composed": () => import("../engines/competitors/tfjs-composed.js"),
  "competitors/tfjs-layers": () => import("../engines/competitors/tfjs-layers.js"),
  "competitors/jax-js": () => import("../engines/competitors/jax-js.js"),
};

/** Put in by files.ts. */
declare const VERSIONS: Record<string, string>;

export type Asked =
  | { ask: "start"; file: string }
  | { ask: "prepare"; key: string; problem: Problem }
  | { ask: "run"; key: string; pass: Pass; repetitions: number }
  | { ask: "results"; key: string; pass: Pass }
  | { ask: "dispose"; key: string };

export interface Answered {
  version?: string;
  passes?: Pass[];
  note?: string;
  ns?: number;
  results?: Results;
  error?: string;
}

const host: Host = {
  version: (name) => VERSIONS[name] ?? "",
  folder: (name) => new URL(`files/${name}/`, location.href).href,
  copyModule: async () =>
    new Uint8Array(await (await fetch(new URL("copy.wasm", location.href))).arrayBuffer()),
};

let engine: Awaited<ReturnType<Start>> | undefined;
const prepared = new Map<string, Prepared>();

async function answer(asked: Asked): Promise<Answered> {
  if (asked.ask === "start") {
    const { start } = await ENGINES[asked.file]();
    engine = await start(host);
    return { version: engine.version };
  }
  if (!engine) throw new Error("not started");
  if (asked.ask === "prepare") {
    const it = await engine.prepare(asked.problem);
    prepared.set(asked.key, it);
    return { passes: Object.keys(it.passes) as Pass[], note: it.note ?? "" };
  }
  const it = prepared.get(asked.key);
  if (!it) throw new Error(`${asked.key} is not prepared`);
  if (asked.ask === "run") return { ns: await time(it, asked.pass, asked.repetitions) };
  if (asked.ask === "results") return { results: await it.results(asked.pass) };
  it.dispose();
  prepared.delete(asked.key);
  return {};
}

async function time({ passes }: Prepared, name: Pass, repetitions: number): Promise<number> {
  const pass = passes[name];
  if (!pass) throw new Error(`no pass ${name}`);
  const start = performance.now();
  for (let k = 0; k < repetitions; k++) {
    const result = pass();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) * 1e6;
}

addEventListener("message", async ({ data }: MessageEvent<Asked>) => {
  const answered = await answer(data).catch((error): Answered => ({ error: String(error) }));
  postMessage(answered);
});
