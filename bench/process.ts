/** An engine's process: started once, asked again and again (engines/protocol.ts). Arrays go through files. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Pass, Problem, Results } from "./engines/engine.js";
import type { EngineInfo } from "./engines/list.js";
import { onnxModel } from "./engines/onnx-model.js";
import type { Answer, Files, Question } from "./engines/protocol.js";
import type { Elapsed, Remote } from "./remote.js";

const root = fileURLToPath(new URL("../", import.meta.url));

export class EngineProcess implements Remote {
  version = "";
  readonly info: EngineInfo;
  readonly warmed = new Set<string>();
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #exchange: Exchange;
  #errors = "";

  private constructor(info: EngineInfo, command: readonly string[], exchange: Exchange) {
    this.info = info;
    this.#exchange = exchange;
    const [program, ...args] = command;
    this.#child = spawn(program, args, {
      cwd: root,
      env: environment(info),
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.on("error", () => {}); // it has ended: the answer that does not come says so
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#answers = lines[Symbol.asyncIterator]();
  }

  /**
   * Kept on one core, if given, once it has started, for many start at once. Of Node that is the thread that runs
   * JavaScript and WebAssembly: on the same core its compiler's threads would stand in its way.
   */
  static async start(
    info: EngineInfo,
    { core, python, exchange }: { core: number | undefined; python: string; exchange: Exchange },
  ): Promise<EngineProcess> {
    const engine = new EngineProcess(info, command(info, python), exchange);
    engine.version = (await engine.#answer()).version ?? "";
    if (core !== undefined) {
      const pid = String(engine.#child.pid);
      const threads = info.kind === "native" ? ["--all-tasks"] : [];
      const { status } = spawnSync("taskset", [...threads, "--cpu-list", "--pid", String(core), pid]);
      if (status !== 0) throw new Error(`it cannot be kept on core ${core}`);
    }
    return engine;
  }

  async prepare(key: string, problem: Problem): Promise<{ passes: Pass[]; note: string }> {
    const { operation, rows, cols, inner, eps } = problem;
    const files = this.#exchange.write(problem);
    const sizes = { operation, rows, cols, inner };
    const { passes = [], note = "" } = await this.#ask({ key, ask: "prepare", ...sizes, eps, files });
    return { passes, note };
  }

  async run(key: string, pass: Pass, repetitions: number): Promise<Elapsed> {
    const { ns = 0, busy = 1 } = await this.#ask({ key, ask: "run", pass, repetitions });
    return { ns, busy };
  }

  async results(key: string, pass: Pass): Promise<Results> {
    const { folder } = this.#exchange;
    const { names = [] } = await this.#ask({ key, ask: "results", pass, folder });
    return Object.fromEntries(names.map((name) => [name, this.#exchange.take(name)]));
  }

  async dispose(key: string): Promise<void> {
    await this.#ask({ key, ask: "dispose" });
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  #ask(question: Question): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<Answer> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`the process has ended: ${this.#errors.trim() || "it said nothing"}`);
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}

/** A folder for arrays of f32: the inputs of the latest problem, and results on their way back. */
export class Exchange {
  readonly folder: string;
  #latest: { problem: Problem; files: Files } | undefined;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  write(problem: Problem): Files {
    if (this.#latest?.problem === problem) return this.#latest.files;
    const write = (name: string, values: Float32Array | Uint8Array) => {
      const file = join(this.folder, `input-${name}`);
      writeFileSync(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return file;
    };
    const model = onnxModel(problem);
    const files = {
      x: write("x", problem.x),
      dy: write("dy", problem.dy),
      gamma: write("gamma", problem.gamma),
      beta: write("beta", problem.beta),
      ...(problem.residual ? { residual: write("residual", problem.residual) } : {}),
      ...(model ? { model: write("model.onnx", model) } : {}),
    };
    this.#latest = { problem, files };
    return files;
  }

  take(name: string): Float32Array {
    const file = join(this.folder, name);
    const bytes = readFileSync(file);
    rmSync(file);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
}

function command({ kind, file, bundle }: EngineInfo, python: string): string[] {
  if (kind === "native") return [python, "bench/engines/native/host.py", file];
  const host = ["--expose-gc", "--import", "tsx", "bench/engines/host.ts", file];
  return [process.execPath, ...host, ...(bundle ? ["bundle"] : [])];
}

/**
 * glibc gives large blocks back to the system when they are freed, and every call would have to fault its result in
 * again. With these settings it keeps them, and one heap for all threads: to the advantage of the native engines, which
 * allocate their results. (JAX at [8192, 768], forward and backward: 22 ms with them, 62 ms without the last.)
 */
function environment({ kind }: EngineInfo): NodeJS.ProcessEnv {
  if (kind !== "native") return process.env;
  const never = String(2 ** 40);
  return {
    ...process.env,
    MALLOC_MMAP_THRESHOLD_: never,
    MALLOC_TRIM_THRESHOLD_: never,
    MALLOC_MMAP_MAX_: "0",
    MALLOC_ARENA_MAX: "1",
  };
}
