/** The operations that are measured, and what they are called in tables. */
export type Operation =
  | "layer_norm"
  | "rms_norm"
  | "add_layer_norm"
  | "add_rms_norm"
  /** Layer normalization of `[N, C, P]` over C. */
  | "axes"
  /** Layer normalization, each stored so. */
  | "f16"
  | "bf16";

export const TITLES: Record<Operation, string> = {
  layer_norm: "Layer normalization",
  rms_norm: "RMSNorm",
  add_layer_norm: "Residual and layer normalization",
  add_rms_norm: "Residual and RMSNorm",
  axes: "Layer normalization over channels",
  f16: "Layer normalization in f16",
  bf16: "Layer normalization in bf16",
};

export const OPERATIONS = Object.keys(TITLES) as Operation[];

export const isHalf = (operation: Operation): operation is "f16" | "bf16" =>
  operation === "f16" || operation === "bf16";

export const addsFirst = (operation: Operation) =>
  operation === "add_layer_norm" || operation === "add_rms_norm";
