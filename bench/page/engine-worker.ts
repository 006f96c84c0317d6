/** An engine's worker, as process.ts is an engine's process. */
import type { Pass, Problem, Results } from "../engines/engine.js";
import type { EngineInfo } from "../engines/list.js";
import type { Elapsed, Remote } from "../remote.js";
import type { Answered, Asked } from "./worker.js";

export class EngineWorker implements Remote {
  version = "";
  readonly info: EngineInfo;
  readonly warmed = new Set<string>();
  // Beside the script that this is bundled into, wherever that is served from.
  readonly #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

  private constructor(info: EngineInfo) {
    this.info = info;
  }

  static async start(info: EngineInfo): Promise<EngineWorker> {
    const engine = new EngineWorker(info);
    engine.version = (await engine.#ask({ ask: "start", file: info.file })).version ?? "";
    return engine;
  }

  async prepare(key: string, problem: Problem): Promise<{ passes: Pass[]; note: string }> {
    const { passes = [], note = "" } = await this.#ask({ ask: "prepare", key, problem });
    return { passes, note };
  }

  /** A browser does not tell how much of a core it had. */
  async run(key: string, pass: Pass, repetitions: number): Promise<Elapsed> {
    const { ns = 0 } = await this.#ask({ ask: "run", key, pass, repetitions });
    return { ns, busy: 1 };
  }

  async results(key: string, pass: Pass): Promise<Results> {
    return (await this.#ask({ ask: "results", key, pass })).results ?? {};
  }

  async dispose(key: string): Promise<void> {
    await this.#ask({ ask: "dispose", key });
  }

  stop(): void {
    this.#worker.terminate();
  }

  #ask(asked: Asked): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<Answered>) =>
        data.error === undefined ? resolve(data) : reject(new Error(data.error));
      this.#worker.onerror = ({ message }) => reject(new Error(message || "the worker does not load"));
      this.#worker.postMessage(asked);
    });
  }
}
