//! Every kernel, on every implementation of `Vector`, against the f64 reference.
//!
//! The same file runs natively (`cargo test`), in Node and in browsers (`wasm-pack test`); on WebAssembly
//! both implementations are there, and must agree to the bit.

mod across;
mod batch;
mod cases;
#[cfg(not(target_arch = "wasm32"))]
mod found;
mod hashes;
mod layer_norm;
#[cfg(not(target_arch = "wasm32"))]
mod oracle;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
mod storage;
#[cfg(not(target_arch = "wasm32"))]
mod worst;
