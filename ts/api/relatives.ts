import { notYet } from "./check.js";

/*
 * What the API names and this version does not do yet: each says so when it is called.
 */

/** RMSNorm (arXiv 1910.07467). Not available yet. @throws Error */
export function rmsNorm(..._: unknown[]): never {
  notYet("rmsNorm");
}

/** RMSNorm for training. Not available yet. @throws Error */
export function rmsNormForward(..._: unknown[]): never {
  notYet("rmsNormForward");
}

/** The gradients of RMSNorm. Not available yet. @throws Error */
export function rmsNormBackward(..._: unknown[]): never {
  notYet("rmsNormBackward");
}

/** Residual addition and layer normalization in one pass. Not available yet. @throws Error */
export function addLayerNorm(..._: unknown[]): never {
  notYet("addLayerNorm");
}

/** The gradients of `addLayerNorm`. Not available yet. @throws Error */
export function addLayerNormBackward(..._: unknown[]): never {
  notYet("addLayerNormBackward");
}

/** Residual addition and RMSNorm in one pass. Not available yet. @throws Error */
export function addRmsNorm(..._: unknown[]): never {
  notYet("addRmsNorm");
}

/** The gradients of `addRmsNorm`. Not available yet. @throws Error */
export function addRmsNormBackward(..._: unknown[]): never {
  notYet("addRmsNormBackward");
}

/** RMSNorm as a layer. Not available yet. @throws Error */
export class RMSNorm {
  constructor(..._: unknown[]) {
    notYet("RMSNorm");
  }
}
