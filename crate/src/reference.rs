//! The specification: layer normalization as plain loops in f64, with nothing done for speed. Every test
//! of a kernel compares with it. Where rows are not `centred`, it is RMSNorm: 0 takes the place of the mean.

/// What a forward pass gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// `[rows, cols]`
    pub y: Vec<f64>,
    /// `[rows]`
    pub mean: Vec<f64>,
    /// `[rows]`
    pub rstd: Vec<f64>,
}

/// What a backward pass gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Backward {
    /// `[rows, cols]`
    pub dx: Vec<f64>,
    /// `[cols]`
    pub dgamma: Vec<f64>,
    /// `[cols]`
    pub dbeta: Vec<f64>,
}

/// `mean` and `1 / sqrt(var + eps)` of a row, `var` the biased variance.
pub fn mean_rstd(x: &[f32], eps: f64, centred: bool) -> (f64, f64) {
    let cols = x.len() as f64;
    let mut sum = 0.0;
    for &x in x {
        sum += f64::from(x);
    }
    let mean = if centred { sum / cols } else { 0.0 };
    let mut squares = 0.0;
    for &x in x {
        squares += (f64::from(x) - mean) * (f64::from(x) - mean);
    }
    (mean, 1.0 / (squares / cols + eps).sqrt())
}

/// `(x - mean) * rstd`, and zero where a constant row makes that 0 times infinity.
fn xhat(x: f32, mean: f64, rstd: f64) -> f64 {
    let centred = f64::from(x) - mean;
    if centred == 0.0 { 0.0 } else { centred * rstd }
}

/// `y = xhat * gamma + beta`
pub fn layer_norm_forward(
    x: &[f32],
    gamma: Option<&[f32]>,
    beta: Option<&[f32]>,
    cols: usize,
    eps: f64,
    centred: bool,
) -> Forward {
    let mut result = Forward { y: Vec::new(), mean: Vec::new(), rstd: Vec::new() };
    for x in x.chunks_exact(cols) {
        let (mean, rstd) = mean_rstd(x, eps, centred);
        for col in 0..cols {
            let gamma = gamma.map_or(1.0, |gamma| f64::from(gamma[col]));
            let beta = beta.map_or(0.0, |beta| f64::from(beta[col]));
            result.y.push(xhat(x[col], mean, rstd) * gamma + beta);
        }
        result.mean.push(mean);
        result.rstd.push(rstd);
    }
    result
}

/// `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))` with `g = dy * gamma`; `dgamma` and `dbeta` are the
/// sums over rows of `dy * xhat` and `dy`.
pub fn layer_norm_backward(
    dy: &[f32],
    x: &[f32],
    gamma: Option<&[f32]>,
    cols: usize,
    eps: f64,
    centred: bool,
) -> Backward {
    let mut result = Backward { dx: Vec::new(), dgamma: vec![0.0; cols], dbeta: vec![0.0; cols] };
    for (dy, x) in dy.chunks_exact(cols).zip(x.chunks_exact(cols)) {
        let (mean, rstd) = mean_rstd(x, eps, centred);
        let g = |col: usize| f64::from(dy[col]) * gamma.map_or(1.0, |gamma| f64::from(gamma[col]));
        let (mut g_mean, mut gx_mean) = (0.0, 0.0);
        for (col, &x) in x.iter().enumerate() {
            g_mean += if centred { g(col) / cols as f64 } else { 0.0 };
            gx_mean += g(col) * xhat(x, mean, rstd) / cols as f64;
        }
        for (col, &x) in x.iter().enumerate() {
            let xhat = xhat(x, mean, rstd);
            result.dx.push(rstd * (g(col) - g_mean - xhat * gx_mean));
            result.dgamma[col] += f64::from(dy[col]) * xhat;
            result.dbeta[col] += f64::from(dy[col]);
        }
    }
    result
}
