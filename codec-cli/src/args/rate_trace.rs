//! A bitrate that changes over time, from a CSV file: seconds and bitrate in each line.

use std::path::Path;

use codec_core::codec::Bitrate;

use super::values;
use crate::failure::{Failure, Kind, Result};

/// Most lines of a trace, against files that are none.
const MOST_STEPS: usize = 100_000;

/// The target from each moment on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RateTrace {
    /// Seconds since the first frame, ascending from 0.
    steps: Vec<(f64, Bitrate)>,
}

impl RateTrace {
    /// Reads a file of lines `SECONDS,RATE` (0,600k); a first line of names and lines that begin
    /// with # do not count.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let unreadable = |error| Failure::new(Kind::Input, format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text)
            .map_err(|why| Failure::new(Kind::Input, format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut steps: Vec<(f64, Bitrate)> = Vec::new();
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (time, rate) =
                line.split_once(',').ok_or(format!("line {number}: expected SECONDS,RATE"))?;
            let seconds = match time.trim().parse::<f64>() {
                Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => seconds,
                // The names of the columns.
                Err(_) if steps.is_empty() && rate.trim().parse::<f64>().is_err() => continue,
                _ => return Err(format!("line {number}: {time} is no time in seconds")),
            };
            let rate =
                values::bitrate(rate.trim()).map_err(|why| format!("line {number}: {why}"))?;
            if steps.last().is_some_and(|&(last, _)| seconds <= last) {
                return Err(format!("line {number}: its time does not come after the one before"));
            }
            steps.push((seconds, rate));
            if steps.len() > MOST_STEPS {
                return Err(format!("more than {MOST_STEPS} steps"));
            }
        }
        match steps.first() {
            Some(&(begins, _)) if begins == 0.0 => Ok(Self { steps }),
            Some(_) => Err("the first step must be at 0 seconds".to_owned()),
            None => Err("no step".to_owned()),
        }
    }

    /// The bitrate at a moment.
    pub(crate) fn at(&self, seconds: f64) -> Bitrate {
        // The first step is at 0.
        let after = self.steps.partition_point(|&(begins, _)| begins <= seconds).max(1);
        self.steps[after - 1].1
    }

    /// Seconds and bitrates.
    pub(crate) fn steps(&self) -> &[(f64, Bitrate)] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_step_holds() {
        let trace = RateTrace::parse("seconds,rate\n0,600k\n# down\n 2.5 , 150\n4,1.2M\n").unwrap();
        let rates = [0.0, 2.4, 2.5, 3.9, 100.0].map(|seconds| trace.at(seconds).0);
        assert_eq!(rates, [600_000, 600_000, 150_000, 150_000, 1_200_000]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let refused = |text: &str| RateTrace::parse(text).unwrap_err();
        assert_eq!(refused(""), "no step");
        assert_eq!(refused("1,600k"), "the first step must be at 0 seconds");
        assert_eq!(
            refused("0,600k\n0,700k"),
            "line 2: its time does not come after the one before"
        );
        assert_eq!(refused("0;600k"), "line 1: expected SECONDS,RATE");
        assert!(refused("0,fast").starts_with("line 1: expected 600"));
        assert_eq!(refused("0,1k\nnan,2k"), "line 2: nan is no time in seconds");
    }
}
