//! Extra delay, drawn for each packet.

use std::time::Duration;

use crate::rng::Rng;

/// How the extra delay is distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JitterShape {
    /// Evenly between 0 and the stated time; its mean is half of it.
    #[default]
    Uniform,
    /// Exponentially, with the stated time as mean, cut off at ten times of it.
    Exponential,
}

/// Extra delay of each packet, on top of the propagation delay, drawn independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// See the shape.
    pub time: Duration,
    /// The distribution.
    pub shape: JitterShape,
    /// Whether packets may overtake one another. If not, a packet arrives no earlier than the one
    /// before it, which makes the mean delay longer where packets follow closely.
    pub reorders: bool,
}

impl Jitter {
    /// No extra delay.
    pub const NONE: Self =
        Self { time: Duration::ZERO, shape: JitterShape::Uniform, reorders: false };

    /// The longest extra delay.
    #[must_use]
    pub fn most(&self) -> Duration {
        match self.shape {
            JitterShape::Uniform => self.time,
            JitterShape::Exponential => self.time.saturating_mul(10),
        }
    }

    /// The extra delay of one packet.
    pub(super) fn draw(&self, rng: &mut Rng) -> Duration {
        let unit = rng.unit();
        match self.shape {
            JitterShape::Uniform => self.time.mul_f64(unit),
            JitterShape::Exponential => self.time.mul_f64(exponential(unit).min(10.0)),
        }
    }
}

/// -ln(1 - `unit`), for 0 <= `unit` < 1, from additions, multiplications and divisions alone: the
/// library's logarithm may differ between machines in its last bit, and seeded runs must not.
fn exponential(unit: f64) -> f64 {
    // x * 2^n with 0.5 <= x < 1; the series of the area tangent in (1 - x) / (1 + x).
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
    fn the_logarithm_is_one() {
        for unit in [0.0, 1e-12, 0.1, 0.5, 0.75, 0.999, 1.0 - 1e-15] {
            let expected = -f64::ln(1.0 - unit);
            assert!((exponential(unit) - expected).abs() < 1e-13 * (1.0 + expected), "{unit}");
        }
    }
}
