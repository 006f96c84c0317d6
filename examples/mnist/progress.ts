import { Presets, SingleBar } from "cli-progress";
import { runName } from "./results.js";
import type { Plan, Point } from "./train.js";

export interface Progress {
  point(point: Point): void;
  end(): void;
}

/** A bar on a terminal; elsewhere a line at each whole and quarter epoch of the first, so that a log stays short. */
export function progress(plan: Plan, trainRows: number): Progress {
  const total = Math.round(plan.epochs * trainRows);
  if (!process.stdout.isTTY) return lines(plan, trainRows);
  const format = `  ${runName(plan).padEnd(30)} {bar} {epoch}   loss {loss}   test error {error} %`;
  const bar = new SingleBar(
    { format, stream: process.stdout, hideCursor: true, barsize: 24 },
    Presets.shades_classic,
  );
  bar.start(total, 0, { epoch: "epoch 0.00", loss: "   -  ", error: "    -" });
  return { point: (point) => bar.update(point.samples, figures(point, trainRows)), end: () => bar.stop() };
}

function lines(plan: Plan, trainRows: number): Progress {
  let next = 1 / 4;
  return {
    point(point) {
      if (point.samples < next * trainRows) return;
      next += next < 1 ? 1 / 4 : 1;
      const { epoch, loss, error } = figures(point, trainRows);
      console.log(`  ${runName(plan).padEnd(30)} ${epoch}   loss ${loss}   test error ${error} %`);
    },
    end() {},
  };
}

function figures({ samples, loss, testError }: Point, trainRows: number) {
  return {
    epoch: `epoch ${(samples / trainRows).toFixed(2)}`,
    loss: loss.toFixed(4),
    error: (100 * testError).toFixed(2).padStart(5),
  };
}
