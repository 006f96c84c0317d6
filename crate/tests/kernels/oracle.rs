//! Layer normalization in arithmetic of 240 bits, and how far results are from it in units of the numeric contract.

use crate::batch::{Batch, Forward};
use dashu_float::{FBig, round::mode::HalfEven};

type Real = FBig<HalfEven, 2>;

fn real(value: f64) -> Real {
    Real::try_from(value).expect("a finite value").with_precision(240).value()
}

/// What a batch comes to, each result rounded to f64 once.
#[derive(Default)]
pub struct Exact {
    pub y: Vec<f64>,
    pub mean: Vec<f64>,
    pub rstd: Vec<f64>,
    pub dx: Vec<f64>,
    pub dgamma: Vec<f64>,
    pub dbeta: Vec<f64>,
    pub xhat: Vec<f64>,
    pub std: Vec<f64>,
}

/// The formulas of `crate::layer_norm`. A row without variance has `xhat` 0 and, with `eps` 0, `rstd` infinity.
pub fn exact(batch: &Batch) -> Exact {
    let Batch { x, dy, gamma, beta, cols, eps, centred } = batch;
    let (cols, centred) = (*cols, *centred);
    let f64_of = |value: &Real| value.to_f64().value();
    let one = real(1.0);
    let reals = |values: &[f32]| values.iter().map(|&x| real(f64::from(x))).collect::<Vec<_>>();
    let gamma = gamma.as_deref().map(reals);
    let beta = beta.as_deref().map(reals);
    let n = real(cols as f64);
    let (mut dgamma, mut dbeta) = (vec![real(0.0); cols], vec![real(0.0); cols]);
    let mut result = Exact::default();
    for (x, dy) in x.chunks(cols).zip(dy.chunks(cols)) {
        let (x, dy) = (reals(x), reals(dy));
        let average = |terms: &[Real]| {
            if centred { terms.iter().fold(real(0.0), |sum, x| sum + x) / &n } else { real(0.0) }
        };
        let mean = average(&x);
        let deviations: Vec<Real> = x.iter().map(|x| x - &mean).collect();
        let var = deviations.iter().fold(real(0.0), |sum, x| sum + x * x) / &n;
        let spread = &var + real(*eps);
        let is_zero = spread == real(0.0);
        let rstd = if is_zero { real(0.0) } else { &one / spread.sqrt() };
        let xhat: Vec<Real> = deviations.iter().map(|x| x * &rstd).collect();
        let g: Vec<Real> = match &gamma {
            Some(gamma) => dy.iter().zip(gamma).map(|(dy, gamma)| dy * gamma).collect(),
            None => dy.clone(),
        };
        let offset = average(&g);
        let slope = g.iter().zip(&xhat).fold(real(0.0), |sum, (g, xhat)| sum + g * xhat) / &n;
        for k in 0..cols {
            let scaled = gamma.as_ref().map_or(xhat[k].clone(), |gamma| &xhat[k] * &gamma[k]);
            let y = beta.as_ref().map_or(scaled.clone(), |beta| &scaled + &beta[k]);
            result.y.push(f64_of(&y));
            result.xhat.push(f64_of(&xhat[k]));
            result.dx.push(f64_of(&((&g[k] - &offset - &xhat[k] * &slope) * &rstd)));
            dgamma[k] += &dy[k] * &xhat[k];
            dbeta[k] += &dy[k];
        }
        result.mean.push(f64_of(&mean));
        result.std.push(f64_of(&var).sqrt());
        result.rstd.push(if is_zero { f64::INFINITY } else { f64_of(&rstd) });
    }
    result.dgamma = dgamma.iter().map(f64_of).collect();
    result.dbeta = dbeta.iter().map(f64_of).collect();
    result
}

/// The same in f64, many times as fast, where it is a matter of finding rows: the mean is two numbers, so that it is
/// good to more bits than one.
pub fn nearly_exact(batch: &Batch) -> Exact {
    let Batch { x, dy, gamma, beta, cols, eps, centred } = batch;
    let cols = *cols;
    let centring = if *centred { 1.0 } else { 0.0 };
    let n = cols as f64;
    let of = |values: &Option<Vec<f32>>, k: usize, neutral| {
        values.as_ref().map_or(neutral, |values| f64::from(values[k]))
    };
    let mut result = Exact { dgamma: vec![0.0; cols], dbeta: vec![0.0; cols], ..Exact::default() };
    for (x, dy) in x.chunks(cols).zip(dy.chunks(cols)) {
        let high = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n * centring;
        let low = x.iter().map(|&x| f64::from(x) - high).sum::<f64>() / n * centring;
        let deviations: Vec<f64> = x.iter().map(|&x| f64::from(x) - high - low).collect();
        let var = deviations.iter().map(|x| x * x).sum::<f64>() / n;
        let rstd = 1.0 / (var + eps).sqrt();
        let factor = if rstd.is_finite() { rstd } else { 0.0 };
        let g = |k: usize| f64::from(dy[k]) * of(gamma, k, 1.0);
        let offset = (0..cols).map(g).sum::<f64>() / n * centring;
        let slope = (0..cols).map(|k| g(k) * deviations[k] * factor).sum::<f64>() / n;
        for k in 0..cols {
            let xhat = deviations[k] * factor;
            result.y.push(xhat * of(gamma, k, 1.0) + of(beta, k, 0.0));
            result.xhat.push(xhat);
            result.dx.push((g(k) - offset - xhat * slope) * factor);
            result.dgamma[k] += f64::from(dy[k]) * xhat;
            result.dbeta[k] += f64::from(dy[k]);
        }
        result.mean.push(high + low);
        result.std.push(var.sqrt());
        result.rstd.push(rstd);
    }
    result
}

/// The results that have bounds, and the bounds, in units of 2^-24.
pub const BOUNDS: [(&str, f64); 6] =
    [("y", 16.0), ("mean", 4.0), ("rstd", 8.0), ("dx", 32.0), ("dgamma", 32.0), ("dbeta", 32.0)];

/// The worst error of each result, in the order and the units of [`BOUNDS`].
pub type Errors = [f64; 6];

/// The worst of a result: each element in terms of the larger of its own size and its scale. One denormal is free, and
/// so is the overflow of what f32 cannot hold.
fn worst(result: &[f32], expected: &[f64], scale: impl Fn(usize) -> f64) -> f64 {
    assert_eq!(result.len(), expected.len());
    let error = |(k, (&result, &expected)): (usize, (&f32, &f64))| {
        let error = (f64::from(result) - expected).abs() - f64::from(f32::from_bits(1));
        let as_it_must_overflow = result.is_infinite() && result == expected as f32;
        if as_it_must_overflow || error <= 0.0 { 0.0 } else { error / unit(scale(k).max(expected.abs())) }
    };
    let errors = result.iter().zip(expected).enumerate().map(error);
    // NaN would be lost in f64::max.
    errors.fold(0.0, |worst, error| if error.is_nan() || error > worst { error } else { worst })
}

fn unit(scale: f64) -> f64 {
    scale / f64::from(1 << 24)
}

/// How far the results of a batch are from `expected`.
pub fn errors(
    batch: &Batch,
    forward: &Forward,
    [dx, dgamma, dbeta]: &[Vec<f32>; 3],
    expected: &Exact,
) -> Errors {
    let cols = batch.cols;
    let size = |of: &Option<Vec<f32>>, k: usize, neutral: f64| {
        of.as_ref().map_or(neutral, |values| f64::from(values[k % cols].abs()))
    };
    let xhat_scale = |k: usize| expected.xhat[k].abs().max(1.0);
    let dy = |k: usize| f64::from(batch.dy[k].abs());
    let mut largest = vec![0f64; expected.mean.len()];
    let (mut dgamma_scale, mut dbeta_scale) = (vec![0.0; cols], vec![0.0; cols]);
    for k in 0..batch.x.len() {
        let g = dy(k) * size(&batch.gamma, k, 1.0) * expected.rstd[k / cols];
        largest[k / cols] = largest[k / cols].max(g);
        dgamma_scale[k % cols] += dy(k) * xhat_scale(k);
        dbeta_scale[k % cols] += dy(k);
    }
    [
        worst(&forward.y, &expected.y, |k| {
            xhat_scale(k) * size(&batch.gamma, k, 1.0) + size(&batch.beta, k, 0.0)
        }),
        worst(&forward.mean, &expected.mean, |k| expected.std[k]),
        worst(&forward.rstd, &expected.rstd, |_| 0.0),
        worst(dx, &expected.dx, |k| largest[k / cols]),
        worst(dgamma, &expected.dgamma, |k| dgamma_scale[k]),
        worst(dbeta, &expected.dbeta, |k| dbeta_scale[k]),
    ]
}
