//! The part of an input between two times.

use std::time::Duration;

use codec_core::frame::Rational;

use crate::failure::{Failure, Result};

const NS_PER_SECOND: i128 = 1_000_000_000;
const NS_PER_MS: i128 = 1_000_000;

/// The part of an input that is processed, by time. Frames and samples at or after `from` and before
/// `to` are part of it. The times of frames are compared in whole milliseconds, because many
/// containers round to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The first time that is part of it. Default: the start of the input.
    pub from: Option<Duration>,
    /// The first time after it. Default: the end of the input.
    pub to: Option<Duration>,
    /// Whether frames and samples keep their times; if not, the first frame is at time 0.
    pub keep_times: bool,
}

impl Cut {
    /// Selects the part from `from` to `to`, or of this `duration`.
    #[must_use]
    pub fn new(from: Option<Duration>, to: Option<Duration>, duration: Option<Duration>) -> Self {
        let end = |duration| from.unwrap_or_default().saturating_add(duration);
        Self { from, to: to.or(duration.map(end)), keep_times: false }
    }

    /// Checks that the part is not empty.
    ///
    /// # Errors
    /// If it ends before it starts.
    pub fn check(&self) -> Result<()> {
        let start = self.start();
        match self.to.filter(|&to| to <= start) {
            None => Ok(()),
            Some(to) => {
                let (start, to) = (text(start), text(to));
                Err(Failure::usage(format!("invalid --to {to}: must be after --from {start}")))
            }
        }
    }

    /// Whether the whole input is selected.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether a frame at `ticks` is part of it.
    #[must_use]
    pub fn contains(&self, ticks: i64, base: Rational) -> bool {
        let is_early = self.from.is_some_and(|from| is_before(ticks, base, from));
        !is_early && self.to.is_none_or(|to| is_before(ticks, base, to))
    }

    /// The start, or 0.
    pub(crate) fn start(&self) -> Duration {
        self.from.unwrap_or_default()
    }
}

/// Seconds with up to three decimals, for messages.
pub(crate) fn text(time: Duration) -> String {
    let text = format!("{:.3}", time.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Nanoseconds of a time.
pub(crate) fn ns_of(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Converts ticks to nanoseconds, rounded.
pub(crate) fn ticks_to_ns(ticks: i64, base: Rational) -> i64 {
    rounded(i128::from(ticks) * i128::from(base.num) * NS_PER_SECOND, base.den.into())
}

/// Converts nanoseconds to ticks, rounded.
pub(crate) fn ns_to_ticks(ns: i64, base: Rational) -> i64 {
    rounded(i128::from(ns) * i128::from(base.den), i128::from(base.num) * NS_PER_SECOND)
}

/// The last tick at or before `time`.
pub(crate) fn ticks_at(time: Duration, base: Rational) -> i64 {
    let num = i128::from(ns_of(time)) * i128::from(base.den);
    let den = i128::from(base.num.max(1)) * NS_PER_SECOND;
    i64::try_from(num.div_euclid(den)).unwrap_or(i64::MAX)
}

/// Whether a frame at `ticks` is before `time`, in whole milliseconds.
pub(crate) fn is_before(ticks: i64, base: Rational, time: Duration) -> bool {
    milliseconds(ticks, base) < rounded(i128::from(ns_of(time)), NS_PER_MS)
}

/// Converts ticks to milliseconds, rounded.
pub(crate) fn milliseconds(ticks: i64, base: Rational) -> i64 {
    rounded(i128::from(ticks) * i128::from(base.num) * 1000, base.den.into())
}

fn rounded(num: i128, den: i128) -> i64 {
    let den = den.max(1);
    let quotient = num.saturating_mul(2).saturating_add(den).div_euclid(2 * den);
    i64::try_from(quotient).unwrap_or(if num < 0 { i64::MIN } else { i64::MAX })
}

/// Parses a time of the input: seconds (`83.5`), `1:23.5`, `0:01:23.5`, or a number with the unit
/// `us`, `ms`, `s`, `m` or `h`.
///
/// # Errors
/// If the text is not a valid value.
pub fn parse_time(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || "expected a time such as 83.5, 1:23.5, 0:01:23.5 or 1500ms".to_owned();
    if text.starts_with('-') {
        return Err(format!("{}, not a negative one", wrong()));
    }
    let ns = if text.contains(':') { clock_ns(text) } else { unit_ns(text) };
    let ns = ns.and_then(|ns| u64::try_from(ns).ok()).filter(|&ns| ns <= i64::MAX as u64);
    ns.map(Duration::from_nanos).ok_or_else(wrong)
}

/// Parses a duration: as [`parse_time`], above 0.
///
/// # Errors
/// If the text is not a valid value.
pub fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    match parse_time(text) {
        Ok(Duration::ZERO) => Err("expected a time above 0".to_owned()),
        other => other,
    }
}

/// `[HOURS:]MINUTES:SECONDS`, in nanoseconds.
fn clock_ns(text: &str) -> Option<u128> {
    let (rest, seconds) = text.rsplit_once(':')?;
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (Some(hours), minutes),
        None => (None, rest),
    };
    let whole = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_number)
    };
    let minutes = whole(minutes).filter(|&minutes| hours.is_none() || minutes < 60)?;
    let seconds = decimal_ns(seconds, 1_000_000_000).filter(|&ns| ns < 60_000_000_000)?;
    let hours = hours.map_or(Some(0), whole)?;
    let minutes = u128::from(hours) * 60 + u128::from(minutes);
    Some(minutes * 60_000_000_000 + seconds)
}

/// A number with or without a unit, in nanoseconds.
fn unit_ns(text: &str) -> Option<u128> {
    const UNITS: [(&str, u128); 5] = [
        ("us", 1000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let with_unit = UNITS.iter().find_map(|&(name, unit)| Some((text.strip_suffix(name)?, unit)));
    let (number, unit) = with_unit.unwrap_or((text, 1_000_000_000));
    decimal_ns(number, unit)
}

/// A decimal number of units of `unit` nanoseconds, rounded to nanoseconds.
fn decimal_ns(text: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    if !has_digits || !are_digits(whole) || !are_digits(fraction) || fraction.len() > 12 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    Some(u128::from(whole) * unit + (fraction * unit + scale / 2) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_clocks_or_numbers_with_a_unit() {
        let ms = |text| parse_time(text).map(|time| time.as_millis());
        for text in ["83.5", "1:23.5", "0:01:23.5", "83500ms", "83.5s", "0:1:23.50"] {
            assert_eq!(ms(text), Ok(83_500), "{text}");
        }
        assert_eq!(ms("1500ms"), Ok(1500));
        assert_eq!(ms(".5"), Ok(500));
        assert_eq!(ms("90:00"), Ok(5_400_000));
        assert_eq!(ms("1.5h"), Ok(5_400_000));
        assert_eq!(parse_time("0.0000000014"), Ok(Duration::from_nanos(1)));
        for wrong in ["", ":", "1:", ":5", "1:60", "1:60:00", "1:2:3:4", "x", "1e3", "5 s", "NaN"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        assert!(parse_time("-5").is_err_and(|error| error.ends_with("not a negative one")));
        assert!(parse_time("99999999999999999999").is_err());
    }

    #[test]
    fn cuts_end_after_their_start() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(Cut::new(seconds(2), None, seconds(3)).to, seconds(5));
        assert!(Cut::new(seconds(2), seconds(2), None).check().is_err());
        assert!(Cut::new(None, seconds(0), None).check().is_err());
        assert!(Cut::new(None, seconds(1), None).check().is_ok());
        assert!(Cut::new(None, None, None).is_whole());
        assert!(parse_duration("0").is_err());
    }

    #[test]
    fn frames_are_compared_in_milliseconds() {
        // Frame 10 of 30 per second, in a file that counts milliseconds and in one that counts
        // frames.
        let from = |text| parse_time(text).unwrap_or_default();
        for (ticks, base) in [(333, Rational::new(1, 1000)), (10, Rational::new(1, 30))] {
            assert!(!is_before(ticks, base, from("0.3333333")));
            assert!(!is_before(ticks, base, from("0.333")));
            assert!(is_before(ticks, base, from("0.334")));
        }
    }
}
