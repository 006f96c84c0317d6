import type { Table } from "./table.js";
import type { Curve } from "./train.js";

/** Fixed points of training, in passes over the training digits, at which all runs are compared. */
const FIRST = { epochs: 1 / 8, name: "1/8 epoch" };
const EARLY = { epochs: 1 / 4, name: "1/4 epoch" };
const MIDDLE = { epochs: 1, name: "1 epoch" };
const LATE = { epochs: 2, name: "2 epochs" };
const MARKS = [FIRST, EARLY, MIDDLE, LATE];

export function runName({ batch, normalized }: { batch: number; normalized: boolean }): string {
  return `batch ${batch}, ${normalized ? "with" : "without"} layer norm`;
}

export function resultsTable(curves: Curve[], trainRows: number, testRows: number): Table {
  return {
    title: `Error on the ${testRows} test digits in %, after as many training digits; the training loss at the end`,
    head: ["", ...MARKS.map(({ name }) => name), "end", "epochs", "training loss", "seconds in steps"],
    rows: curves.map((curve) => [
      runName(curve),
      ...MARKS.map(({ epochs }) => testErrorAt(curve, epochs * trainRows)),
      percent(curve.testError),
      String(curve.epochs),
      curve.trainLoss.toFixed(4),
      curve.seconds.toFixed(1),
    ]),
    notes: [...findings(curves, trainRows), spread(testRows)],
  };
}

/** The paper's two claims in this run's figures, whichever way they came out. */
function findings(curves: Curve[], trainRows: number): string[] {
  const errors = (mark: typeof EARLY, chosen: Curve[], name: (curve: Curve) => string) =>
    chosen.map((curve) => `${testErrorAt(curve, mark.epochs * trainRows)}% ${name(curve)}`).join(", ");
  const convergence = [...new Set(curves.map(({ batch }) => batch))].map((batch) => {
    const pair = curves.filter((curve) => curve.batch === batch);
    return `batch ${batch}: ${errors(EARLY, pair, ({ normalized }) => (normalized ? "with" : "without"))}`;
  });
  const batchSize = [true, false].map((normalized) => {
    const pair = curves.filter((curve) => curve.normalized === normalized);
    return `${normalized ? "with" : "without"}: ${errors(LATE, pair, ({ batch }) => `at batch ${batch}`)}`;
  });
  return [
    `Paper: layer norm converges faster. Here, test error after ${EARLY.name}, with and without layer norm: ` +
      `${convergence.join("; ")}.`,
    `Paper: layer norm does not depend on the batch size. Here, test error after ${LATE.name}: ${batchSize.join("; ")}.`,
  ];
}

/** Two standard deviations of an error of 4 % counted on so many digits. */
function spread(testRows: number): string {
  const points = 200 * Math.sqrt((0.04 * 0.96) / testRows);
  return (
    `One seed, ${testRows} test digits: an error of 4% is uncertain by ${points.toFixed(1)} points ` +
    "(two standard deviations), so small differences say nothing."
  );
}

/** A dash where the run was shorter. */
function testErrorAt({ points }: Curve, samples: number): string {
  const point = points.find((point) => point.samples >= samples);
  return point ? percent(point.testError) : "-";
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(1);
}
