//! Options of stream reports.

use std::path::PathBuf;
use std::str::FromStr;

use codec_media::io::input::InputSpec;

/// The source of a stream, for comparisons with the decoded frames.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The video.
    pub spec: InputSpec,
    /// Frames to skip; times then count from the next one.
    pub skip: u64,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// A self-contained page for a browser.
    Html,
    /// The same data as JSON.
    Json,
}

/// Options of a stream report.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// The input.
    pub input: InputSpec,
    /// Source of the stream; if given, the report includes chroma errors.
    pub source: Option<SourceOptions>,
    /// Output file, or `-`.
    pub output: PathBuf,
    /// Format of the report, for pipes (default: JSON) and unusual names.
    pub format: Option<ReportFormat>,
    /// Also writes the data as JSON next to an HTML page.
    pub json: Option<PathBuf>,
    /// Packets to report. Earlier packets are decoded but not reported.
    pub frames: Option<FrameRange>,
    /// Number of packets to skip.
    pub skip: u64,
    /// Frame images in the page, from the first reported packet on: none, all or a number.
    pub images: u64,
    /// Continues after damage; damaged parts are concealed and marked.
    pub conceal: bool,
    /// Overwrites existing files.
    pub yes: bool,
}

/// Packets to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameRange {
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
