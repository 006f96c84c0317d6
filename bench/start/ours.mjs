// Import, instantiate, and one call.
import { layerNorm } from "layernorm-wasm";

layerNorm(Float32Array.of(1, 2, 3, 4), 4);
