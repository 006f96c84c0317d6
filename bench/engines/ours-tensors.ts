import * as api from "layernorm-wasm";
import type { Start } from "./engine.js";
import { onTensors } from "./ours.js";

export const start: Start = async (host) => onTensors(api, host.version("layernorm-wasm"));
