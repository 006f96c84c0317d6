//! What [`crate::oracle`] compares: the same fields as in the tests that it comes from.

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
}

impl Batch {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.x.len() / self.cols
    }

    /// The batch of some of its rows.
    pub fn of_rows(&self, rows: impl Iterator<Item = usize> + Clone) -> Batch {
        let cols = self.cols;
        let some = |of: &[f32]| {
            rows.clone().flat_map(|row| &of[row * cols..(row + 1) * cols]).copied().collect::<Vec<f32>>()
        };
        Batch { x: some(&self.x), dy: some(&self.dy), ..self.clone() }
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
