//! Rate traces: the rate of a link over time.

use std::fmt;
use std::time::Duration;

use codec_core::codec::Bitrate;

const NANOS: u128 = 1_000_000_000;
/// Maximum number of steps.
const MAX_STEPS: usize = 100_000;
/// Maximum rate in bits per second.
const MAX_RATE: u64 = 100_000_000_000;
/// Maximum time of a step in seconds.
const MAX_SECONDS: f64 = 1e6;

/// Piecewise constant rate in bits per second. The first rate applies before the first step, the
/// last one after the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateTrace {
    /// Ascending times; at least one step, the first at 0.
    steps: Vec<(Duration, Bitrate)>,
}

/// Why a rate trace is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields say it")]
pub enum TraceError {
    /// The trace has no step.
    Empty,
    /// The trace has more steps than allowed.
    TooLong { limit: usize },
    /// Line `line`, counted from 1, is invalid.
    Line { line: usize, what: String },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("invalid rate trace: no steps"),
            Self::TooLong { limit } => write!(f, "invalid rate trace: more than {limit} steps"),
            Self::Line { line, what } => write!(f, "invalid rate trace, line {line}: {what}"),
        }
    }
}

impl std::error::Error for TraceError {}

impl RateTrace {
    /// Creates a trace with a constant rate.
    ///
    /// # Errors
    /// Returns the errors of [`Self::new`].
    pub fn constant(rate: Bitrate) -> Result<Self, TraceError> {
        Self::new(vec![(Duration::ZERO, rate)])
    }

    /// Creates a trace from steps of time and rate.
    ///
    /// # Errors
    /// Returns [`TraceError`] if there are no steps or more than 100,000, times do not ascend or
    /// exceed 1,000,000 s, or a rate is neither 0 nor 1 kb/s to 100 Gb/s. Lines in errors count
    /// steps from 1.
    pub fn new(mut steps: Vec<(Duration, Bitrate)>) -> Result<Self, TraceError> {
        if steps.len() > MAX_STEPS {
            return Err(TraceError::TooLong { limit: MAX_STEPS });
        }
        let mut before = None;
        for (index, &(time, rate)) in steps.iter().enumerate() {
            let wrong = |what: &str| TraceError::Line { line: index + 1, what: what.to_owned() };
            if rate.0 != 0 && !(1_000..=MAX_RATE).contains(&rate.0) {
                return Err(wrong("expected a rate of 0, or of 1 kb/s to 100 Gb/s"));
            }
            if before.is_some_and(|before| before >= time) {
                return Err(wrong("expected a time after the previous one"));
            }
            if time.as_secs_f64() > MAX_SECONDS {
                return Err(wrong("expected a time of at most 1000000 s"));
            }
            before = Some(time);
        }
        let first = steps.first_mut().ok_or(TraceError::Empty)?;
        first.0 = Duration::ZERO;
        Ok(Self { steps })
    }

    /// Parses lines `SECONDS,RATE`, with rates such as `800k`, `1.5M` or plain kb/s, and 0 for an
    /// outage. Skips empty lines, lines starting with `#`, and a header line.
    ///
    /// # Errors
    /// Returns the errors of [`Self::new`], with line numbers of the text.
    pub fn parse_csv(text: &str) -> Result<Self, TraceError> {
        let mut steps = Vec::new();
        let mut lines = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let row = line.trim();
            let is_names = index == 0 && row.starts_with(|c: char| c.is_ascii_alphabetic());
            if row.is_empty() || row.starts_with('#') || is_names {
                continue;
            }
            let step = parse_row(row)
                .map_err(|what| TraceError::Line { line: index + 1, what: what.to_owned() })?;
            if steps.len() == MAX_STEPS {
                return Err(TraceError::TooLong { limit: MAX_STEPS });
            }
            steps.push(step);
            lines.push(index + 1);
        }
        Self::new(steps).map_err(|error| match error {
            TraceError::Line { line, what } => TraceError::Line { line: lines[line - 1], what },
            other => other,
        })
    }

    /// The steps; the first is at 0.
    #[must_use]
    pub fn steps(&self) -> &[(Duration, Bitrate)] {
        &self.steps
    }

    /// Returns the trace with every rate multiplied by `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "saturates, and is limited"
        )]
        let scale =
            |rate: Bitrate| Bitrate(((rate.0 as f64 * factor).round() as u64).min(MAX_RATE));
        Self { steps: self.steps.iter().map(|&(time, rate)| (time, scale(rate))).collect() }
    }

    fn index_at(&self, at: Duration) -> usize {
        self.steps.partition_point(|&(time, _)| time <= at).saturating_sub(1)
    }

    /// Rate at a time.
    #[must_use]
    pub fn rate_at(&self, at: Duration) -> Bitrate {
        self.steps[self.index_at(at)].1
    }

    /// Number of bits that the link can send between two times.
    #[must_use]
    pub fn bits_between(&self, from: Duration, to: Duration) -> f64 {
        let mut bits = 0.0;
        for index in self.index_at(from)..self.steps.len() {
            let (begins, rate) = self.steps[index];
            if begins >= to {
                break;
            }
            let ends = self.steps.get(index + 1).map_or(to, |&(next, _)| next.min(to));
            #[expect(clippy::cast_precision_loss, reason = "a report")]
            let rate = rate.0 as f64;
            bits += ends.saturating_sub(begins.max(from)).as_secs_f64() * rate;
        }
        bits
    }

    /// Bytes sent in `time` at the rate at `at`, or at the last rate above 0 before it.
    pub(super) fn bytes_in(&self, at: Duration, time: Duration) -> u64 {
        let index = self.index_at(at);
        let rate = self.steps[..=index].iter().rev().map(|&(_, rate)| rate.0).find(|&r| r > 0);
        let bytes = u128::from(rate.unwrap_or(0)) * time.as_nanos() / (8 * NANOS);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// When the rate is first above 0, from `start` on; `start` itself if never.
    pub(super) fn begins(&self, start: Duration) -> Duration {
        let index = self.index_at(start);
        let moving = self.steps[index..].iter().find(|(_, rate)| rate.0 > 0);
        moving.map_or(start, |&(time, _)| time.max(start))
    }

    /// When `bytes` have been sent, starting at `start`; `None` if never.
    pub(super) fn departure(&self, start: Duration, bytes: u64) -> Option<Duration> {
        // In units of bits times nanoseconds per second, so that nothing is rounded between steps.
        let mut left = u128::from(bytes) * 8 * NANOS;
        let mut at = start;
        for index in self.index_at(start)..self.steps.len() {
            let rate = u128::from(self.steps[index].1.0);
            let ends = self.steps.get(index + 1).map(|&(time, _)| time);
            let sent = ends.map(|ends| rate * ends.saturating_sub(at).as_nanos());
            match (sent, ends) {
                (Some(sent), Some(ends)) if sent < left => {
                    left -= sent;
                    at = ends;
                }
                _ if rate == 0 => return None,
                _ => {
                    let nanos = u64::try_from(left.div_ceil(rate)).ok()?;
                    return at.checked_add(Duration::from_nanos(nanos));
                }
            }
        }
        None
    }
}

fn parse_row(row: &str) -> Result<(Duration, Bitrate), &'static str> {
    let (time, rate) = row.split_once(',').ok_or("expected SECONDS,RATE")?;
    let seconds: f64 = time.trim().parse().map_err(|_| "expected seconds before the comma")?;
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        return Err("expected a time of 0 to 1000000 seconds");
    }
    let rate = rate.split(',').next().unwrap_or_default().trim();
    let (number, unit) = match rate.as_bytes().last() {
        Some(b'k' | b'K') => (&rate[..rate.len() - 1], 1e3),
        Some(b'm' | b'M') => (&rate[..rate.len() - 1], 1e6),
        _ => (rate, 1e3),
    };
    let bits = number.parse::<f64>().map_err(|_| "expected a rate such as 800k or 1.5M")? * unit;
    if !(0.0..=1e11).contains(&bits) {
        return Err("expected a rate of 0, or of 1 kb/s to 100 Gb/s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    Ok((Duration::from_secs_f64(seconds), Bitrate(bits.round() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn trace(steps: &[(u64, u64)]) -> RateTrace {
        let steps = steps.iter().map(|&(at, kbps)| (ms(at), Bitrate::kbps(kbps)));
        RateTrace::new(steps.collect()).unwrap()
    }

    #[test]
    fn departure_follows_the_rate() {
        let link = trace(&[(0, 800)]);
        assert_eq!(link.departure(ms(5), 1000), Some(ms(15)));
        assert_eq!(link.departure(ms(5), 0), Some(ms(5)));
        let thirds = RateTrace::constant(Bitrate(3_000)).unwrap();
        // 8 bits at 3 kb/s: 2.666666... ms, rounded up.
        assert_eq!(thirds.departure(ms(0), 1), Some(Duration::from_nanos(2_666_667)));
    }

    #[test]
    fn a_packet_may_span_steps_and_outages() {
        // 1000 bytes are 8000 bits: 4000 within 10 ms (400 kb/s), none for 20 ms, 4000 within 5 ms.
        let link = trace(&[(0, 400), (10, 0), (30, 800)]);
        assert_eq!(link.departure(ms(0), 1000), Some(ms(35)));
        assert_eq!(link.departure(ms(10), 1000), Some(ms(40)));
        assert_eq!(link.begins(ms(10)), ms(30));
        assert_eq!((link.rate_at(ms(29)).0, link.rate_at(ms(30)).0), (0, 800_000));
        assert!((link.bits_between(ms(5), ms(40)) - 10_000.0).abs() < 1e-6);
        let dead = trace(&[(0, 400), (10, 0)]);
        assert_eq!(dead.departure(ms(5), 1000), None);
        assert_eq!(dead.departure(ms(5), 250), Some(ms(10)));
    }

    #[test]
    fn csv_traces_may_have_headers_comments_and_units() {
        let text = "time_s,rate\n0,2M\r\n# dip\n 10.5 , 300k \n\n20,2000,ignored\n";
        let expected = trace(&[(0, 2000), (10_500, 300), (20_000, 2000)]);
        assert_eq!(RateTrace::parse_csv(text), Ok(expected));
    }

    #[test]
    fn invalid_traces_are_rejected_with_a_line_number() {
        let line = |text: &str| match RateTrace::parse_csv(text) {
            Err(TraceError::Line { line, .. }) => line,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(line("0,1M\n1"), 2);
        assert_eq!(line("0,1M\nx,2M"), 2);
        assert_eq!(line("0,1M\n\n0,2M"), 3);
        for wrong in ["0,-5", "0,nan", "0,1e30", "-1,5", "nan,5", "inf,5", "1e9,5", "0,0.5"] {
            assert_eq!(line(&format!("time_s,rate\n{wrong}")), 2, "{wrong}");
        }
        assert_eq!(RateTrace::parse_csv("time_s,rate\n"), Err(TraceError::Empty));
        let long: String = (0..=MAX_STEPS).map(|at| format!("{at},1M\n")).collect();
        assert_eq!(RateTrace::parse_csv(&long), Err(TraceError::TooLong { limit: MAX_STEPS }));
    }
}
