//! Flags of `codec compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use codec_core::codec::Bitrate;
use codec_measure::bd::Interpolation;

use super::values;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InterpolationArg {
    /// Monotone cubics, as the JCT recommendations have it.
    Pchip,
    /// Akima's cubics.
    Akima,
}

impl From<InterpolationArg> for Interpolation {
    fn from(arg: InterpolationArg) -> Self {
        match arg {
            InterpolationArg::Pchip => Self::Pchip,
            InterpolationArg::Akima => Self::Akima,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Clips: anything that holds pictures.
    #[arg(value_name = "CLIP")]
    pub(crate) clips: Vec<PathBuf>,
    /// An encoder with its settings, as [NAME=]WHAT: "vp8 --preset rtc --speed 8" (codec or
    /// codec/backend with options of `codec encode` and its knobs as --NAME VALUE), "cmd:vpxenc ...
    /// --target-bitrate={kbps} -o {out} {in}" (any program), or chrome-vp8. May be repeated; the
    /// first is the one that others are compared with.
    #[arg(long = "arm", value_name = "ARM")]
    pub(crate) arms: Vec<String>,
    /// Name of the arm that the others are compared with.
    #[arg(long, value_name = "NAME")]
    pub(crate) anchor: Option<String>,
    /// Bitrates: 200k,400k,800k,1600k.
    #[arg(short, long, value_name = "RATE,...", value_delimiter = ',',
          value_parser = values::bitrate, group = "targets")]
    pub(crate) bitrate: Vec<Bitrate>,
    /// Bits per pixel, which make bitrates that fit each clip: 0.03,0.06,0.12,0.24.
    #[arg(long, value_name = "BITS,...", value_delimiter = ',', value_parser = values::bpp,
          group = "targets")]
    pub(crate) bpp: Vec<f64>,
    /// Constant qualities, 0 (worst) to 100 (best).
    #[arg(short, long, value_name = "N,...", value_delimiter = ',',
          value_parser = clap::value_parser!(u8).range(0..=100), group = "targets")]
    pub(crate) quality: Vec<u8>,
    /// Constant quantisers, in the scale of each codec.
    #[arg(long, value_name = "N,...", value_delimiter = ',', group = "targets")]
    pub(crate) qp: Vec<u8>,
    /// A bitrate that changes: a CSV file of SECONDS,RATE lines; one point for each clip.
    #[arg(long, value_name = "FILE", group = "targets")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Each arm at each of these speeds: --speed of a backend, {speed} of a command.
    #[arg(long, value_name = "N,...", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) speeds: Vec<String>,
    /// Each arm with each of these numbers of threads: -j of a backend, {threads} of a command.
    /// Default: 1.
    #[arg(long, value_name = "N,...", value_delimiter = ',',
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Vec<u16>,
    /// Use at most so many frames of each clip.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Leave out the first frames of each clip.
    #[arg(long, value_name = "FRAMES")]
    pub(crate) skip: Option<u64>,
    /// Times that each point is encoded, in turn with the others; figures are medians. Default: 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,
    /// Encodings of each arm on each clip before the times count. Default: 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) warm_up: Option<u32>,
    /// Repeat further, up to ten times --repeat and at least five times, until the repeats leave no more
    /// than this open in each arm's CPU time as a ratio to the anchor's, clip by clip: 2%.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) until: Option<f64>,
    /// Measures of quality; BD-rate by the first one leads. Default: `psnr_y_global`, `psnr_611`, `ssim`.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// What lies between the points of a curve. Default: pchip.
    #[arg(long, value_enum)]
    pub(crate) interpolation: Option<InterpolationArg>,
    /// Encodings side by side: times then say nothing and are left out.
    #[arg(short = 'j', long, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Most time for an encoding: 600s, 10m. Default: 10m.
    #[arg(long, value_name = "TIME", value_parser = values::seconds)]
    pub(crate) time_limit: Option<f64>,
    /// Leave out points of which the anchor's bitrate is further from the target, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) max_rate_error: Option<f64>,
    /// A study kept in a TOML file; what is given here as well counts more, clips and arms add up.
    #[arg(long, value_name = "FILE")]
    pub(crate) study: Option<PathBuf>,
    /// Write the study to a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_study: Option<PathBuf>,
    /// Title of the report.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Folder of the report. What it holds of the same study already is not measured again.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Use a folder that holds other files; overwrite a study.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
