/** All functions and classes of the package. */
export * from "./add-norm.js";
export * from "./functions.js";
export * from "./layer-norm.js";
export * from "./rms-norm.js";
export { Tensor } from "./tensor.js";
export type * from "./types.js";
