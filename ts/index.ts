export * from "./api/functions.js";
export { Tensor } from "./api/tensor.js";
export type * from "./api/types.js";
