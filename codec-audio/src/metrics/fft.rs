//! Discrete Fourier transform for power-of-two lengths, used for metrics only.

use std::f64::consts::TAU;

/// A complex number: real and imaginary part.
pub(super) type Complex = (f64, f64);

pub(super) fn multiply((a, b): Complex, (c, d): Complex) -> Complex {
    (a * c - b * d, a * d + b * c)
}

/// Transform of one length.
#[derive(Debug)]
pub(super) struct Fft {
    /// `exp(-2 pi i k / n)` for the first half of all `k`.
    roots: Vec<Complex>,
    length: usize,
}

impl Fft {
    /// Creates a transform; `length` must be a power of two, at least 2.
    pub(super) fn new(length: usize) -> Self {
        debug_assert!(length.is_power_of_two() && length >= 2);
        let angle = |k: usize| -TAU * k as f64 / length as f64;
        let roots = (0..length / 2).map(|k| (angle(k).cos(), angle(k).sin())).collect();
        Self { roots, length }
    }

    /// Transforms in place, without scaling.
    pub(super) fn forward(&self, values: &mut [Complex]) {
        debug_assert_eq!(values.len(), self.length);
        let bits = self.length.trailing_zeros();
        for i in 0..values.len() {
            let j = i.reverse_bits() >> (usize::BITS - bits);
            if i < j {
                values.swap(i, j);
            }
        }
        let mut size = 2;
        while size <= values.len() {
            let step = values.len() / size;
            for block in values.chunks_exact_mut(size) {
                let (low, high) = block.split_at_mut(size / 2);
                let roots = self.roots.iter().step_by(step);
                for ((a, b), &root) in low.iter_mut().zip(high).zip(roots) {
                    let turned = multiply(*b, root);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            size *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transform_equals_its_definition() {
        let values: Vec<Complex> =
            (0..16).map(|i| (f64::from(i * i % 7), f64::from(i % 3))).collect();
        let mut fast = values.clone();
        Fft::new(16).forward(&mut fast);
        for (k, got) in fast.iter().enumerate() {
            let sum = values.iter().enumerate().fold((0.0, 0.0), |sum: Complex, (n, &value)| {
                let angle = -TAU * (k * n) as f64 / 16.0;
                let term = multiply(value, (angle.cos(), angle.sin()));
                (sum.0 + term.0, sum.1 + term.1)
            });
            assert!((got.0 - sum.0).abs() < 1e-9 && (got.1 - sum.1).abs() < 1e-9);
        }
    }
}
