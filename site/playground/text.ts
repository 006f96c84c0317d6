/** Numbers in words and tables. */
import type { Table } from "../../examples/mnist/table.js";
import { type Accuracy, ALLOWED, type Results } from "./compute.js";
import type { Input } from "./input.js";

/** More are drawn, but not listed. */
const LISTED = 512;
const ROWS_READ_OUT = 3;

/** The fewest digits that name this f32 and no other. */
export function exact(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return String(short);
  }
  return String(value);
}

export const about = (value: number) => String(Number(value.toPrecision(4)));

/** Read out whenever it changes: so, short. */
export function summary({ cols }: Input, { mean, rstd }: Results): string {
  const rows = mean.length;
  const read = Array.from(mean.subarray(0, ROWS_READ_OUT), (value, row) => {
    return `Row ${row + 1}: mean ${exact(value)}, rstd ${about(rstd[row])}.`;
  });
  const rest = rows > ROWS_READ_OUT ? ` And ${rows - ROWS_READ_OUT} more.` : "";
  return `${count(rows, "row")} of ${count(cols, "column")}. ${read.join(" ")}${rest}`;
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

export function tables({ x, cols, gamma, beta }: Input, results: Results): Table[] {
  const { mean, rstd, xhat, y, dy, dx, dgamma, dbeta } = results;
  const elements = listed("Elements", x.length, (k) => [
    String(Math.floor(k / cols) + 1),
    String((k % cols) + 1),
    ...[x, xhat, y, dy, dx].map((values) => exact(values[k])),
  ]);
  const rows = listed("Rows", mean.length, (k) => [String(k + 1), exact(mean[k]), exact(rstd[k])]);
  const columns = listed("Columns", cols, (k) => [
    String(k + 1),
    ...[gamma?.[k] ?? 1, beta?.[k] ?? 0, dgamma[k], dbeta[k]].map(exact),
  ]);
  return [
    { ...elements, head: ["row", "column", "x", "xhat", "y", "dy", "dx"] },
    { ...rows, head: ["row", "mean", "rstd"] },
    { ...columns, head: ["column", "gamma", "beta", "dgamma", "dbeta"] },
  ];
}

function listed(title: string, all: number, line: (k: number) => string[]) {
  const title_ = all > LISTED ? `${title}, the first ${LISTED} of ${all}` : title;
  return { title: title_, rows: Array.from({ length: Math.min(all, LISTED) }, (_, k) => line(k)) };
}

export function accuracyTable(accuracies: Accuracy[]): Table {
  return {
    title: "Worst error of xhat, in units of 2^-24",
    head: ["computed by", "units"],
    rows: [
      ...accuracies.map(({ name, error }) => [
        name,
        Number.isFinite(error) ? Number(error.toPrecision(2)).toLocaleString("en") : "no finite answer",
      ]),
      ["what this package promises at most", String(ALLOWED)],
    ],
  };
}
