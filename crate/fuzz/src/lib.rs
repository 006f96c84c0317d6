//! Any bytes are a batch and a way to call the kernels ([`case`]). Whatever they are, [`properties`] hold.
//!
//! `npm run fuzz` lets libFuzzer look for bytes of which they do not. The seeds that it starts from are an ordinary
//! test, which Miri can run.

#[path = "../../tests/kernels/batch.rs"]
mod batch;
mod call;
mod case;
#[path = "../../tests/kernels/oracle.rs"]
mod oracle;
mod properties;
pub mod seeds;

/// Fails where one of the properties does not hold of the batch that `bytes` are.
pub fn check(bytes: &[u8]) {
    properties::check(&case::Case::from_bytes(bytes));
}
