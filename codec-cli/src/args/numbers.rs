//! Parsers of numeric options.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Returns a parser of whole numbers in `range`.
pub(crate) fn within<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (low, high) = (range.start(), range.end());
        number.ok_or_else(|| format!("expected a whole number from {low} to {high}"))
    }
}

/// Parses 1 or 2.
pub(crate) fn one_or_two(text: &str) -> Result<u8, String> {
    within(1..=2)(text).map_err(|_| "expected 1 or 2".to_owned())
}

/// Parses any whole number that `T` can represent, such as a number of frames.
pub(crate) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

/// Parses a whole number above 0, such as a number of frames.
pub(crate) fn at_least_one(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "expected a whole number above 0".to_owned())
}

/// Parses a finite number.
pub(crate) fn decimal<T: FromStr + Into<f64> + Copy>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|&number: &T| number.into().is_finite());
    number.ok_or_else(|| "expected a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_which_numbers_are_allowed() {
        let speed = within(0_u8..=10);
        assert_eq!(speed("10"), Ok(10));
        for wrong in ["11", "256", "-1", "x", ""] {
            assert_eq!(speed(wrong).unwrap_err(), "expected a whole number from 0 to 10");
        }
        assert_eq!(count::<u32>("7"), Ok(7));
        assert_eq!(count::<u32>("1.5").unwrap_err(), "expected a whole number");
        assert_eq!(at_least_one("1"), Ok(1));
        assert_eq!(at_least_one("0").unwrap_err(), "expected a whole number above 0");
        assert_eq!(decimal::<f64>("-3.5"), Ok(-3.5));
        assert_eq!(decimal::<f32>("nan").unwrap_err(), "expected a number");
    }
}
