//! Jitter: random extra delay per packet.

use std::time::Duration;

use crate::rng::Rng;

/// Distribution of the extra delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JitterShape {
    /// Uniform between 0 and `time`; the mean is half of it.
    #[default]
    Uniform,
    /// Exponential with mean `time`, limited to ten times `time`.
    Exponential,
}

/// Random extra delay of each packet in addition to the propagation delay, drawn independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// Maximum or mean extra delay, depending on [`Self::shape`].
    pub time: Duration,
    /// Distribution of the extra delay.
    pub shape: JitterShape,
    /// Whether packets may be reordered. Otherwise a packet arrives no earlier than the previous
    /// one, which increases the mean delay of closely spaced packets.
    pub reorders: bool,
}

impl Jitter {
    /// No jitter.
    pub const NONE: Self =
        Self { time: Duration::ZERO, shape: JitterShape::Uniform, reorders: false };

    /// Maximum extra delay.
    #[must_use]
    pub fn max(&self) -> Duration {
        match self.shape {
            JitterShape::Uniform => self.time,
            JitterShape::Exponential => self.time.saturating_mul(10),
        }
    }

    /// Draws the extra delay of one packet.
    pub(super) fn draw(&self, rng: &mut Rng) -> Duration {
        let unit = rng.unit();
        match self.shape {
            JitterShape::Uniform => self.time.mul_f64(unit),
            JitterShape::Exponential => self.time.mul_f64(exponential(unit).min(10.0)),
        }
    }
}

/// -ln(1 - `unit`) for 0 <= `unit` < 1, computed with basic arithmetic only: the last bit of the
/// library's logarithm may differ between platforms, but seeded runs must not.
fn exponential(unit: f64) -> f64 {
    // x * 2^n with 0.5 <= x < 1; series of artanh((1 - x) / (1 + x)).
    let (mut x, mut halvings) = (1.0 - unit, 0.0);
    while x < 0.5 {
        x *= 2.0;
        halvings += 1.0;
    }
    let z = (1.0 - x) / (1.0 + x);
    let (mut power, mut sum, mut odd) = (z, 0.0, 1.0);
    while power > 1e-20 {
        sum += power / odd;
        power *= z * z;
        odd += 2.0;
    }
    2.0 * sum + halvings * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_matches_the_logarithm() {
        for unit in [0.0, 1e-12, 0.1, 0.5, 0.75, 0.999, 1.0 - 1e-15] {
            let expected = -f64::ln(1.0 - unit);
            assert!((exponential(unit) - expected).abs() < 1e-13 * (1.0 + expected), "{unit}");
        }
    }
}
