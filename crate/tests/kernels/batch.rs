//! What the kernels are run on and what comes out, for the tests and the fuzzer.

/// A batch to normalise.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[rows, cols]`
    pub x: Vec<f32>,
    /// `[rows, cols]`
    pub dy: Vec<f32>,
    /// `[cols]`
    pub gamma: Option<Vec<f32>>,
    /// `[cols]`
    pub beta: Option<Vec<f32>>,
    /// elements in a row
    pub cols: usize,
    /// added to the variance
    pub eps: f64,
    /// whether the mean is subtracted: false for RMSNorm
    pub centred: bool,
}

impl Batch {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.x.len() / self.cols
    }
}

/// What a forward pass gives.
#[derive(Clone, Debug)]
pub struct Forward {
    /// `[rows, cols]`
    pub y: Vec<f32>,
    /// `[rows]`
    pub mean: Vec<f32>,
    /// `[rows]`
    pub rstd: Vec<f32>,
}
