//! Mathematical functions whose results are the same on every machine, unlike those of the system's
//! math library.

/// `e^-value` for numbers from 0 on, with a relative error below 1e-13.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "exponents below 1000, not negative"
)]
pub(super) fn exp_of_negative(value: f64) -> f64 {
    let halvings = (value * std::f64::consts::LOG2_E + 0.5).floor();
    if halvings > 1000.0 {
        return 0.0;
    }
    // The rest is within half of ln 2, where 16 terms of the series suffice.
    let rest = halvings * std::f64::consts::LN_2 - value;
    let series = (1..=16).rev().fold(1.0, |sum, term| 1.0 + sum * rest / f64::from(term));
    series * f64::from_bits((1023 - halvings as u64) << 52)
}

/// The cube root of a number that is not negative.
pub(super) fn cube_root(value: f64) -> f64 {
    /// Two thirds of the exponent of 1, corrected for the least error.
    const BIAS: u64 = 0x2a9f_7893 << 32;
    if value <= 0.0 {
        return 0.0;
    }
    let mut root = f64::from_bits(value.to_bits() / 3 + BIAS);
    for _ in 0..4 {
        root -= (root - value / (root * root)) / 3.0;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_those_of_the_library() {
        for step in 0_u32..20_000 {
            let value = f64::from(step) * 0.0137;
            let (found, expected) = (exp_of_negative(value), (-value).exp());
            assert!((found - expected).abs() <= 1e-13 * expected, "{value}");
            let value = value * value * value;
            let (found, expected) = (cube_root(value), value.cbrt());
            assert!((found - expected).abs() <= 1e-15 * expected, "{value}");
        }
        assert!(exp_of_negative(1e300) == 0.0 && exp_of_negative(f64::INFINITY) == 0.0);
    }
}
