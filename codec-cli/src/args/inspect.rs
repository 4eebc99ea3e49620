//! Flags of `codec inspect`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::raw::InputArgs;

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// A self-contained HTML page.
    Html,
    /// The same data as JSON.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Report file (.html or .json), or `-` for standard output.
    #[arg(short, long, value_name = "F.html|F.json")]
    pub(crate) output: PathBuf,
    /// Set the format of the report.
    ///
    /// Needed for unusual names; pipes get JSON (default: json).
    #[arg(short = 'f', long, value_enum, value_name = "FORM")]
    pub(crate) format: Option<ReportForm>,
    /// Also write the data as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Report the first N packets, or packets A to B-1 (A..B).
    ///
    /// Earlier packets are still decoded.
    #[arg(short = 'n', long, value_name = "N|A..B")]
    pub(crate) frames: Option<FrameRange>,
    /// Skip the first N packets.
    #[arg(long, value_name = "PACKETS", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Include this many frame images in the page: none, all or a number.
    ///
    /// Counted from the first reported packet.
    #[arg(long, value_name = "none|all|N", default_value = "120")]
    pub(crate) pictures: PictureCount,
    /// Conceal damage and continue; damaged frames are marked.
    #[arg(long)]
    pub(crate) conceal: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// The packets to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameRange {
    /// The first N packets.
    Count(u64),
    /// From the first number (inclusive) to the second (exclusive).
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
        range.ok_or_else(|| "expected a number or a range such as 10..40".to_owned())
    }
}

/// The number of frame images in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureCount(pub(crate) u64);

impl FromStr for PictureCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(0)),
            "all" => Ok(Self(u64::MAX)),
            number => {
                let parsed = number.parse().map(Self);
                parsed.map_err(|_| "expected none, all or a number".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counts_or_have_one_or_two_ends() {
        assert_eq!("40".parse(), Ok(FrameRange::Count(40)));
        assert_eq!("10..40".parse(), Ok(FrameRange::Range(10, 40)));
        assert_eq!("10..".parse(), Ok(FrameRange::Range(10, u64::MAX)));
        assert_eq!("..4".parse(), Ok(FrameRange::Range(0, 4)));
        for wrong in ["", "x", "4..4", "5..4", "1..2..3", "-1"] {
            assert!(wrong.parse::<FrameRange>().is_err(), "{wrong}");
        }
    }
}
