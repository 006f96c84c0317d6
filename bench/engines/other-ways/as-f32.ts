/** The same values, stored as f32: twice the memory, and nothing to convert. */
import * as api from "layernorm-wasm";
import type { Start } from "../engine.js";
import { onTensors } from "../ours.js";

export const start: Start = async (host) => {
  const { version, prepare } = onTensors(api, host.version("layernorm-wasm"));
  return { version, prepare: (problem) => prepare({ ...problem, operation: "layer_norm" }) };
};
