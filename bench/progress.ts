import { Presets, SingleBar } from "cli-progress";
import { type Case, fullName } from "./cases/index.js";

export interface Progress {
  tell(text: string): void;
  done(cases: readonly Case[]): void;
  end(): void;
}

/** A bar on a terminal; elsewhere a line for each case, so that a log stays short. */
export function progress(cases: readonly Case[]): Progress {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(0)} s`;
  if (!process.stdout.isTTY) {
    let finished = 0;
    const done = (them: readonly Case[]) => {
      finished += them.length;
      const name = them.length > 1 ? them[0].about : fullName(them[0]);
      console.log(`  ${finished} of ${cases.length}: ${name}, ${seconds()}`);
    };
    return { tell: () => {}, done, end: () => {} };
  }
  const bar = new SingleBar(
    { format: "  {bar} {value}/{total}  {seconds}  {shape} {text}", hideCursor: true, barsize: 24 },
    Presets.shades_classic,
  );
  const shape = (index: number) => (cases[index] ? fullName(cases[index]) : "");
  let finished = 0;
  bar.start(cases.length, 0, { seconds: seconds(), shape: shape(0), text: "" });
  return {
    tell: (text) => bar.update({ text, seconds: seconds() }),
    done: (them) => {
      finished += them.length;
      bar.update(finished, { shape: shape(finished), text: "", seconds: seconds() });
    },
    end: () => bar.stop(),
  };
}
