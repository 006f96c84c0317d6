/**
 * `host.ts NAME`, or `host.ts NAME bundle`: one engine in a process of its own, so that engines share neither a heap nor what the compiler has
 * learnt. It speaks lines of JSON on stdin and stdout (protocol.ts) and times itself: the talking is not counted.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundle } from "./bundle.js";
import type { Engine, Pass, Prepared, Results, Start } from "./engine.js";
import { nodeHost } from "./node-host.js";
import type { Answer, Question } from "./protocol.js";

const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
// Libraries greet and warn on the console.
for (const name of ["log", "info", "debug"] as const) console[name] = console.error;

let engine: Engine | undefined;
const prepared = new Map<string, Prepared>();

async function answer(question: Question): Promise<Answer> {
  if (!engine) throw new Error("not started");
  if (question.ask === "prepare") {
    const { operation, rows, cols, inner, eps, files } = question;
    const it = await engine.prepare({
      x: readFloats(files.x),
      dy: readFloats(files.dy),
      gamma: readFloats(files.gamma),
      beta: readFloats(files.beta),
      ...(files.residual ? { residual: readFloats(files.residual) } : {}),
      operation,
      rows,
      cols,
      inner,
      eps,
    });
    prepared.set(question.key, it);
    return { passes: Object.keys(it.passes) as Pass[], note: it.note ?? "" };
  }
  const it = prepared.get(question.key);
  if (!it) throw new Error(`${question.key} is not prepared`);
  if (question.ask === "run") {
    const pass = it.passes[question.pass];
    if (!pass) throw new Error(`no pass ${question.pass}`);
    return await time(pass, question.repetitions);
  }
  if (question.ask === "results") {
    const results = await it.results(question.pass);
    return { names: writeResults(results, question.folder) };
  }
  it.dispose();
  prepared.delete(question.key);
  globalThis.gc?.();
  return {};
}

async function time(pass: () => unknown, repetitions: number): Promise<Answer> {
  const used = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let k = 0; k < repetitions; k++) {
    const result = pass();
    if (result instanceof Promise) await result;
  }
  const ns = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(used);
  return { ns, busy: (1000 * (user + system)) / ns };
}

function readFloats(file: string): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(file);
  const values = new Float32Array(bytes.length / 4);
  new Uint8Array(values.buffer).set(bytes);
  return values;
}

function writeResults(results: Results, folder: string): (keyof Results)[] {
  const names = (Object.keys(results) as (keyof Results)[]).filter((name) => results[name]);
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = results[name] as Float32Array;
    writeFileSync(join(folder, name), new Uint8Array(buffer, byteOffset, byteLength));
  }
  return names;
}

try {
  const [name, how] = process.argv.slice(2);
  const { start } = (await import(how === "bundle" ? await bundle(name) : `./${name}.ts`)) as {
    start: Start;
  };
  engine = await start(nodeHost);
  say({ version: engine.version });
} catch (error) {
  say({ error: String(error) });
  process.exit(1);
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await answer(JSON.parse(line)));
  } catch (error) {
    say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.exit(0);
