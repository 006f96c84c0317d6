/** All that one run found: what the tables, the page and the record are made of. */
import type { Machine } from "./machine.js";
import type { Measured } from "./measure.js";
import type { Sizes } from "./sizes.js";
import type { Startup } from "./startup.js";

export interface RunData extends Measured {
  date: string;
  command: string;
  commit: string;
  /** The machine in words, and in the record by its parts. */
  where: string;
  machine?: Machine;
  /** Of each engine that took part, by its id. */
  versions: Record<string, string>;
  startup?: Startup;
  sizes?: Sizes;
  notes: string[];
}
