import type { Data, Dtype, Tensor } from "./tensor.js";

/*
 * What the operations take and give, beside `x` and `normalizedShape`. `T` is the kind of `x`: a Float32Array, or a
 * tensor of one storage type.
 */

/** The sizes of the normalised dimensions, as in PyTorch: the last ones of `x`, unless `axes` says otherwise. */
export type NormalizedShape = number | readonly number[];

/** Data of the kind of `T`, stored as f32. */
export type F32Of<T extends Data> = T extends Tensor<Dtype> ? Tensor : T;

/** A parameter, or its gradient: of the kind of `T`, stored as `x` is or as f32. */
export type ParameterOf<T extends Data> = T | F32Of<T>;

/** Where the rows are. */
export interface RowOptions {
  /** The shape of `x`. A tensor has it; of a plain array it is needed for `axes`, and else checked. */
  readonly shape?: readonly number[] | undefined;
  /**
   * Which dimensions of `x` the sizes of `normalizedShape` are, in that order; a negative one counts from the end. The
   * last ones where it is left out.
   */
  readonly axes?: readonly number[] | undefined;
}

/** How rows are scaled. */
export interface ScaleOptions<T extends Data> extends RowOptions {
  /** Scale, `[cols]`, or `[samples, cols]` with `rowsPerSample`; 1 where it is left out. */
  readonly gamma?: ParameterOf<T> | undefined;
  /** Whether `gamma` is stored as its distance from 1, as Gemma's is; false where it is left out. */
  readonly unitOffset?: boolean | undefined;
  /**
   * How many rows share a row of `gamma` and `beta`, which are then `[rows / rowsPerSample, cols]`: adaptive layer norm.
   * All rows share one where it is left out.
   */
  readonly rowsPerSample?: number | undefined;
}

/** Options of each forward call. */
export interface RmsNormSettings<T extends Data> extends ScaleOptions<T> {
  /** Added to the variance, or to the mean of the squares; finite and at least 0, 1e-5 where it is left out. */
  readonly eps?: number | undefined;
}

/** Options of each forward call of layer normalization. */
export interface LayerNormSettings<T extends Data> extends RmsNormSettings<T> {
  /** Shift, as `gamma`; 0 where it is left out. */
  readonly beta?: ParameterOf<T> | undefined;
}

/** Options of `layerNorm`. */
export interface LayerNormOptions<T extends Data> extends LayerNormSettings<T> {
  /** Where to write `y`; may be `x`. A new one where it is left out. */
  readonly out?: T | undefined;
}

/** Options of `rmsNorm`. */
export interface RmsNormOptions<T extends Data> extends RmsNormSettings<T> {
  /** Where to write `y`; may be `x`. A new one where it is left out. */
  readonly out?: T | undefined;
}

/** What `rmsNormForward` returns. */
export interface RmsNormForwardResult<T extends Data> {
  /** `x * rstd * gamma`, of the shape of `x`. */
  readonly y: T;
  /** `1 / sqrt(mean(x^2) + eps)` of each row. */
  readonly rstd: F32Of<T>;
}

/** What `layerNormForward` returns. */
export interface LayerNormForwardResult<T extends Data> {
  /** `(x - mean) * rstd * gamma + beta`, of the shape of `x`. */
  readonly y: T;
  /** The mean of each row, in the order of the dimensions that are not normalised. */
  readonly mean: F32Of<T>;
  /** `1 / sqrt(var + eps)` of each row, `var` the biased variance. */
  readonly rstd: F32Of<T>;
}

/** What is returned beside by a call that adds first. */
export interface WithSum<T extends Data> {
  /** `x + residual`, of their shape. */
  readonly sum: T;
}

/** What `addLayerNorm` returns. */
export type AddLayerNormResult<T extends Data> = LayerNormForwardResult<T> & WithSum<T>;

/** What `addRmsNorm` returns. */
export type AddRmsNormResult<T extends Data> = RmsNormForwardResult<T> & WithSum<T>;

/** Options of `layerNormForward`. */
export interface LayerNormForwardOptions<T extends Data> extends LayerNormSettings<T> {
  /** Where to write results; `y` may be `x`. New ones where they are left out. */
  readonly out?: Partial<LayerNormForwardResult<T>> | undefined;
}

/** Options of `rmsNormForward`. */
export interface RmsNormForwardOptions<T extends Data> extends RmsNormSettings<T> {
  /** Where to write results; `y` may be `x`. New ones where they are left out. */
  readonly out?: Partial<RmsNormForwardResult<T>> | undefined;
}

/** Options of `addLayerNorm`. */
export interface AddLayerNormOptions<T extends Data> extends LayerNormSettings<T> {
  /** Where to write results; `sum` and `y` may be `x` or `residual`. New ones where they are left out. */
  readonly out?: Partial<AddLayerNormResult<T>> | undefined;
}

/** Options of `addRmsNorm`. */
export interface AddRmsNormOptions<T extends Data> extends RmsNormSettings<T> {
  /** Where to write results; `sum` and `y` may be `x` or `residual`. New ones where they are left out. */
  readonly out?: Partial<AddRmsNormResult<T>> | undefined;
}

/** What `rmsNormBackward` returns. */
export interface RmsNormGradients<T extends Data> {
  /** The gradient of `x`, of its shape. */
  readonly dx: T;
  /** The gradient of `gamma`, of its shape: the sum over rows of `dy * xhat`. */
  readonly dgamma: ParameterOf<T>;
}

/** What `layerNormBackward` returns. */
export interface LayerNormGradients<T extends Data> extends RmsNormGradients<T> {
  /** The gradient of `beta`, of its shape: the sum over rows of `dy`. */
  readonly dbeta: ParameterOf<T>;
}

/** Options of each backward call, whose results are `Results`. */
export interface BackwardSettings<T extends Data, Results, Skipped extends keyof Results>
  extends ScaleOptions<T> {
  /** `[rows]`, from the forward call. */
  readonly rstd: F32Of<T>;
  /** Where to write results; `dx` may be `dy`. New ones where they are left out. */
  readonly out?: Partial<Results> | undefined;
  /** Adds to `out.dgamma` and `out.dbeta` instead of overwriting them; false where it is left out. */
  readonly accumulate?: boolean | undefined;
  /** Results that are not needed, and so not computed and not returned. */
  readonly skip?: readonly Skipped[] | undefined;
}

/** Options of `rmsNormBackward`. */
export interface RmsNormBackwardOptions<T extends Data, Skipped extends keyof RmsNormGradients<T> = never>
  extends BackwardSettings<T, RmsNormGradients<T>, Skipped> {}

/** Options of `layerNormBackward`. */
export interface LayerNormBackwardOptions<T extends Data, Skipped extends keyof LayerNormGradients<T> = never>
  extends BackwardSettings<T, LayerNormGradients<T>, Skipped> {
  /** `[rows]`, from the forward call. */
  readonly mean: F32Of<T>;
}

/** What a backward call takes beside, where the forward call added first. */
export interface WithDsum<T extends Data> {
  /** The gradient that reaches `sum` by the residual path, of the shape of `sum`; it is added to `dx`. */
  readonly dsum?: T | undefined;
}

/** Options of `addLayerNormBackward`. */
export interface AddLayerNormBackwardOptions<
  T extends Data,
  Skipped extends keyof LayerNormGradients<T> = never,
> extends LayerNormBackwardOptions<T, Skipped>,
    WithDsum<T> {}

/** Options of `addRmsNormBackward`. */
export interface AddRmsNormBackwardOptions<T extends Data, Skipped extends keyof RmsNormGradients<T> = never>
  extends RmsNormBackwardOptions<T, Skipped>,
    WithDsum<T> {}
