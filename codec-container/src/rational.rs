//! Converts the frame rates, time bases and aspect ratios in container headers to [`Rational`].

use codec_core::frame::Rational;

/// A stated frame rate above this is a clock, not a frame rate.
const MAX_FRAME_RATE: u32 = 300;

/// `num / den` in lowest terms; `None` if one is 0 or does not fit 32 bits.
pub(crate) fn reduced(num: u64, den: u64) -> Option<Rational> {
    if num == 0 || den == 0 {
        return None;
    }
    let divisor = greatest_common_divisor(num, den);
    let part = |part: u64| u32::try_from(part / divisor).ok();
    Some(Rational::new(part(num)?, part(den)?))
}

/// `num / den` frames per second in lowest terms, unless it exceeds any real frame rate.
pub(crate) fn plausible_frame_rate(num: u64, den: u64) -> Option<Rational> {
    reduced(num, den).filter(|rate| rate.num / rate.den <= MAX_FRAME_RATE)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The frame rate for frames of `ns` nanoseconds. Common rates within the rounding of `ns` are
/// exact: 33366667 gives 30000/1001.
pub(crate) fn frame_rate_from_ns(ns: u64) -> Option<Rational> {
    if ns == 0 {
        return None;
    }
    let rounds_to = |num: u64, den: u64| (1_000_000_000 * den / num).abs_diff(ns) <= 1;
    for rate in 1..=MAX_FRAME_RATE {
        if rounds_to(rate.into(), 1) {
            return Some(Rational::new(rate, 1));
        }
        if rounds_to(u64::from(rate) * 1000, 1001) {
            return Some(Rational::new(rate * 1000, 1001));
        }
    }
    plausible_frame_rate(1_000_000_000, ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_frame_rates_survive_nanoseconds() {
        for rate in [24, 25, 30, 50, 60, 120] {
            for (num, den) in [(rate, 1), (rate * 1000, 1001)] {
                let ns = 1e9 * f64::from(den) / f64::from(num);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "positive and far below 2^64"
                )]
                for ns in [ns.floor() as u64, ns.ceil() as u64] {
                    assert_eq!(frame_rate_from_ns(ns), Some(Rational::new(num, den)));
                }
            }
        }
        assert_eq!(frame_rate_from_ns(66_000_000), Some(Rational::new(500, 33)));
        assert_eq!(frame_rate_from_ns(0), None);
        assert_eq!(frame_rate_from_ns(1_000_000), None);
    }
}
