//! Layer normalization and RMSNorm, forward and backward, for 128-bit SIMD WebAssembly.
//!
//! ```text
//! y = (x - mean) * rstd * gamma + beta      over rows of `cols` elements, rstd = 1 / sqrt(var + eps)
//! y = x * rstd * gamma                      by RMSNorm, rstd = 1 / sqrt(sum(x^2) / cols + eps)
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`vector`] | the few vector operations that the kernels use, and their implementations |
//! | [`row`] | walks rows by vectors, tails included: the only loops over pointers |
//! | [`layer_norm`] | the kernels, forward and backward |
//! | [`extreme`] | the same for rows beyond the range of f32 squares, in f64 |
//! | [`gradients`] | sums over rows, for the gradients of gamma and beta |
//! | [`element`] | how elements are stored: as f32, or in 16 bits |
//! | [`copy`](mod@copy) | moves elements between places in memory, from one storage to another |
//! | [`elementwise`] | the sums of elements that stand beside the kernels |
//! | [`reference`] | plain f64 loops: the specification, and the oracle of every test |
//! | [`abi`] | the exports |
//!
//! The words, here as in the TypeScript: `x` and `y` have `rows * cols` elements, `gamma` and `beta` have
//! `cols`, `mean` and `rstd` have `rows`. `xhat` is `x` normalised, before gamma and beta. `dy`, `dx`,
//! `dgamma`, `dbeta` are gradients of a loss with respect to what stands after the `d`.

pub mod abi;
pub mod copy;
pub mod element;
pub mod elementwise;
pub mod extreme;
pub mod gradients;
pub mod layer_norm;
pub mod reference;
pub mod row;
pub mod vector;
