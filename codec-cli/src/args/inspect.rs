//! Flags of `codec inspect`.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use codec_lab::inspect::options::{FrameRange, InspectOptions, ReportFormat, SourceOptions};
use codec_media::cut::{Cut, parse_time};
use codec_media::io::input::InputSpec;

use super::numbers::count;
use super::shared::{InputArgs, PartArgs};

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormatArg {
    /// A self-contained HTML page.
    Html,
    /// The same data as JSON.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Compare the decoded frames with this source and report their chroma errors.
    ///
    /// FILE is the video from which IN was encoded, of the same frame size. Frames are matched by timestamp.
    #[arg(long, value_name = "FILE")]
    pub(crate) source: Option<PathBuf>,
    /// Skip the first N frames of the source; the next frame then has timestamp 0.
    ///
    /// Use it if IN was cut with `codec encode --skip`.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "source", value_parser = count::<u64>)]
    pub(crate) source_skip: u64,
    /// Start at this time of the source; its first frame then has timestamp 0.
    ///
    /// Use it if IN was cut with `codec encode --from`.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true,
          requires = "source", conflicts_with_all = ["source_skip", "from"])]
    pub(crate) source_from: Option<Duration>,
    /// Report file (.html or .json), or `-` for standard output.
    #[arg(short, long, value_name = "F.html|F.json")]
    pub(crate) output: PathBuf,
    /// Set the format of the report.
    ///
    /// Required if the file name does not end in .html or .json, except for pipes (default: json).
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<ReportFormatArg>,
    /// Also write the data as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Report the first N packets, or packets A to B-1 (A..B).
    ///
    /// Earlier packets are still decoded.
    #[arg(short = 'n', long, value_name = "N|A..B", conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) frames: Option<FrameRange>,
    /// Skip the first N packets.
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value_t = 0,
          conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) skip: u64,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Include images of the first N reported frames in the HTML page: none, all or N.
    #[arg(long, value_name = "none|all|N", default_value = "120")]
    pub(crate) pictures: ImageCount,
    /// Conceal damage and continue; damaged frames are marked.
    #[arg(long)]
    pub(crate) conceal: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// Number of frames whose image is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageCount(pub(crate) u64);

impl FromStr for ImageCount {
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

impl From<&InspectArgs> for InspectOptions {
    fn from(args: &InspectArgs) -> Self {
        let input = InputSpec::from(&args.input);
        let spec = |path: &Path| InputSpec::with_layout(path, input.raw, input.limits);
        let source = args.source.as_deref().map(spec);
        let source =
            source.map(|spec| InputSpec { cut: Cut::new(args.source_from, None, None), ..spec });
        let part = args.part.cut();
        Self {
            // With a source, the layout applies to the file that has no headers.
            input: InputSpec {
                cut: part,
                ..if source.is_some() { spec(&input.path) } else { input.clone() }
            },
            source: source.map(|spec| SourceOptions { spec, skip: args.source_skip }),
            output: args.output.clone(),
            format: args.format.map(ReportFormat::from),
            json: args.json.clone(),
            frames: args.frames,
            skip: args.skip,
            images: args.pictures.0,
            conceal: args.conceal,
            yes: args.yes,
        }
    }
}

impl From<ReportFormatArg> for ReportFormat {
    fn from(arg: ReportFormatArg) -> Self {
        match arg {
            ReportFormatArg::Html => Self::Html,
            ReportFormatArg::Json => Self::Json,
        }
    }
}
