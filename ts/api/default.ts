import { InlinedModule } from "../engine/inlined.js";
import { Context } from "./context.js";

/** @internal The inlined WebAssembly. */
export const inlined = /* @__PURE__ */ new InlinedModule();
/** @internal The default runtime, made on first use: what the package's own functions and classes are on. */
export const context = /* @__PURE__ */ new Context(() => inlined.start());
