//! Computes the results of VIF in one scale (the information of the reference, and the part of it
//! that the distorted frame preserves) from the sums over the window around each sample.

use super::{BLOCK, Sums};
use crate::scalar::vmaf::lanes;
use crate::vmaf::VmafVif;

/// Lanes of the statistics: column `x` belongs to lane `x % WIDTH`.
const WIDTH: usize = 16;

/// Variance of the eye's noise: 2, with 16 fractional bits.
const NOISE: f32 = 131_072.0;
/// Upper limit of the channel's gain.
const MAX_GAIN: f32 = 100.0;
/// Keeps the gain finite.
const EPSILON: f32 = 65_536.0e-10;
/// Variance of the distorted frame, per sample, at which a flat part of the reference counts as lost.
const FLAT_SCALE: f64 = 16_384.0 * 65_025.0;

/// Products of positive numbers as binary logarithms: for each lane, an exponent and the rest.
#[derive(Clone, Copy)]
struct Products {
    exponents: [i32; WIDTH],
    factors: [f32; WIDTH],
}

impl Products {
    const ONE: Self = Self { exponents: [0; WIDTH], factors: [1.0; WIDTH] };

    /// Moves the exponents out of the factors. These are below 2^15 before the products of a block, and a
    /// lane has eight columns of a block.
    #[inline(always)]
    fn normalise(&mut self) {
        const MANTISSA: u32 = (1 << 23) - 1;
        for (exponent, factor) in self.exponents.iter_mut().zip(&mut self.factors) {
            let bits = factor.to_bits();
            *exponent += (bits >> 23).cast_signed() - 127;
            *factor = f32::from_bits(bits & MANTISSA | 127 << 23);
        }
    }

    /// The binary logarithm of the product of all lanes.
    #[expect(clippy::cast_precision_loss, reason = "an exponent per sample is below 2^53")]
    fn log2(mut self) -> f64 {
        self.normalise();
        let exponent: i64 = self.exponents.iter().map(|&exponent| i64::from(exponent)).sum();
        let rest: f64 = self.factors.iter().map(|&factor| f64::from(factor)).product();
        let bits = rest.to_bits();
        let exponent = exponent + (bits >> 52).cast_signed() - 1023;
        let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
        // ln m = 2 artanh t, where t is at most 1/3.
        let t = (mantissa - 1.0) / (mantissa + 1.0);
        let square = t * t;
        let mut series = 0.0;
        for odd in (1..=33).rev().step_by(2) {
            series = series * square + 1.0 / f64::from(odd);
        }
        exponent as f64 + 2.0 * t * series * core::f64::consts::LOG2_E
    }
}

/// The sums over one scale.
pub(crate) struct Totals {
    /// Signal and noise at the output of the channel, noise alone, and signal and noise at its input, each
    /// relative to the noise of the eye.
    products: [Products; 3],
    /// Number of flat samples of the reference, and their variance in the distorted frame.
    flat: [f32; WIDTH],
    flat_variance: [f32; WIDTH],
}

impl Totals {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { products: [Products::ONE; 3], flat: [0.0; WIDTH], flat_variance: [0.0; WIDTH] }
    }

    /// Adds `L` columns by their sums under the window, from `lane` on: means of both frames, and of their
    /// squares and products.
    #[inline(always)]
    fn add<const L: usize>(
        &mut self,
        lane: usize,
        [a, b]: [&[u32; L]; 2],
        [aa, bb, ab]: [&[u32; L]; 3],
    ) {
        let [channel, noises, sources] = &mut self.products;
        for l in 0..L {
            let source = variance(aa[l], a[l], a[l]);
            let distorted = variance(bb[l], b[l], b[l]);
            let distorted = if distorted > 0.0 { distorted } else { 0.0 };
            let covariance = variance(ab[l], a[l], b[l]);
            let is_flat = source < NOISE;
            let gain = covariance / (source + EPSILON);
            let rest = distorted - gain * covariance;
            let noise = (if rest > 0.0 { rest } else { 0.0 }) + NOISE;
            let gain = if gain < MAX_GAIN { gain } else { MAX_GAIN };
            let signal = gain * gain * source + noise;
            let is_passed = !is_flat & (covariance > 0.0) & (distorted > 0.0);
            let lane = (lane + l) % WIDTH;
            channel.factors[lane] *= if is_passed { signal / NOISE } else { 1.0 };
            noises.factors[lane] *= if is_passed { noise / NOISE } else { 1.0 };
            sources.factors[lane] *= if is_flat { 1.0 } else { (source + NOISE) / NOISE };
            self.flat[lane] += if is_flat { 1.0 } else { 0.0 };
            self.flat_variance[lane] += if is_flat { distorted } else { 0.0 };
        }
    }

    /// Adds the first `count` columns of a block, the first of which belongs to lane 0.
    #[inline(always)]
    pub(crate) fn add_block(&mut self, block: &Sums<BLOCK>, count: usize) {
        let [a, b] = &block.means;
        let [aa, bb, ab] = &block.squares;
        let bulk = count - count % WIDTH;
        for at in (0..bulk).step_by(WIDTH) {
            let means = [lanes(a, at), lanes(b, at)];
            self.add::<WIDTH>(0, means, [lanes(aa, at), lanes(bb, at), lanes(ab, at)]);
        }
        for at in bulk..count {
            let means = [lanes(a, at), lanes(b, at)];
            self.add::<1>(at - bulk, means, [lanes(aa, at), lanes(bb, at), lanes(ab, at)]);
        }
        for products in &mut self.products {
            products.normalise();
        }
    }

    #[inline(always)]
    pub(crate) fn finish(self) -> VmafVif {
        let sum = |lanes: [f32; WIDTH]| lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        let (flat, flat_variance) = (sum(self.flat), sum(self.flat_variance));
        let [signal, noise, source] = self.products.map(Products::log2);
        VmafVif {
            preserved: signal - noise + flat - flat_variance / FLAT_SCALE,
            original: source + flat,
        }
    }
}

/// The mean of products less the product of the means, which have 24 fractional bits; 16 fractional bits.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "rounded so")]
fn variance(products: u32, a: u32, b: u32) -> f32 {
    let of_means = ((u64::from(a) * u64::from(b) + (1 << 31)) >> 32) as u32;
    products.wrapping_sub(of_means).cast_signed() as f32
}
