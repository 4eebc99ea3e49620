//! What `inspect` is asked to do.

use std::path::PathBuf;
use std::str::FromStr;

use codec_media::io::input::InputSpec;

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// A page of its own, for a browser.
    Html,
    /// The same data, for programs.
    Json,
}

/// Options of a report on a stream.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// The input.
    pub input: InputSpec,
    /// Report, or `-`: a page to look at, or its data.
    pub output: PathBuf,
    /// Form of the report, for pipes (default: json) and odd names.
    pub format: Option<ReportForm>,
    /// Write the data, too, beside a page.
    pub json: Option<PathBuf>,
    /// Report at most so many packets, or those from A up to, without, B. Whatever comes before is
    /// decoded all the same.
    pub frames: Option<FrameRange>,
    /// Leave out the first packets.
    pub skip: u64,
    /// Pictures in the page, from the first reported packet on: none, all or a number.
    pub pictures: u64,
    /// Go on after damage, with what is missing filled in and marked.
    pub conceal: bool,
    /// Overwrite existing files.
    pub yes: bool,
}

/// Packets to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameRange {
    /// So many.
    Count(u64),
    /// From the first number up to, without, the second.
    Range(u64, u64),
}

impl FromStr for FrameRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok();
        let range = match text.split_once("..") {
            None => number(text).map(Self::Count),
            Some((from, to)) => {
                let from = if from.is_empty() { Some(0) } else { number(from) };
                let to = if to.is_empty() { Some(u64::MAX) } else { number(to) };
                from.zip(to).filter(|(from, to)| from < to).map(|(from, to)| Self::Range(from, to))
            }
        };
        range.ok_or_else(|| "expected a number, or a range such as 10..40".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counts_or_halves_or_both_ends() {
        assert_eq!("40".parse(), Ok(FrameRange::Count(40)));
        assert_eq!("10..40".parse(), Ok(FrameRange::Range(10, 40)));
        assert_eq!("10..".parse(), Ok(FrameRange::Range(10, u64::MAX)));
        assert_eq!("..4".parse(), Ok(FrameRange::Range(0, 4)));
        for wrong in ["", "x", "4..4", "5..4", "1..2..3", "-1"] {
            assert!(wrong.parse::<FrameRange>().is_err(), "{wrong}");
        }
    }
}
