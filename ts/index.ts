export * from "./api/functions.js";
export * from "./api/relatives.js";
export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";
