//! Flags of `codec simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::encoder::EncoderArgs;
use super::link::{self, LinkSpec};
use super::raw::InputArgs;

/// What is done about losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecoveryArg {
    /// Ask for a key frame (PLI).
    Pli,
    /// Ask for lost packets (NACK), and for a key frame where they come too late.
    Nack,
    /// Nothing.
    None,
}

/// What is shown of frames whose references are damaged, or that came in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnLossArg {
    /// What the decoder makes of them.
    Conceal,
    /// The last good picture, until a frame is good again (as browsers do).
    Freeze,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// The link: rate=800k|trace.csv, delay=40ms, jitter=10ms (shape=uniform|exponential,
    /// reorder=on|off), loss=2% (burst=3), queue=200ms|64kB, overhead=28. What is left out does
    /// no harm: 1000M, no delay, no loss.
    #[arg(long, value_name = "LIST", default_value = "")]
    pub(crate) link: LinkSpec,
    /// Other seeds lose other packets.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What is done about losses.
    #[arg(long, value_enum, default_value = "pli")]
    pub(crate) recovery: RecoveryArg,
    /// What is shown of damaged frames.
    #[arg(long, value_enum, default_value = "conceal")]
    pub(crate) on_loss: OnLossArg,
    /// From capture to display. Default: 100ms, or the link's delay, its jitter and 50 ms, if that is
    /// more.
    #[arg(long, value_name = "TIME", value_parser = link::time)]
    pub(crate) playout: Option<Duration>,
    /// How long after a gap was noticed an overdue frame is waited for. Default: 10ms, or the jitter
    /// if it reorders; with NACK two tries: twice a round trip, the jitter and 30 ms.
    #[arg(long, value_name = "TIME", value_parser = link::time)]
    pub(crate) patience: Option<Duration>,
    /// Least time between two key frames that are asked for.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "300ms")]
    pub(crate) pli_interval: Duration,
    /// Largest RTP packet, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1200,
          value_parser = clap::value_parser!(u16).range(64..=65_507))]
    pub(crate) mtu: u16,
    /// Packets leave at so many times the encoder's bitrate; 0: at once.
    #[arg(long, value_name = "FACTOR", default_value_t = 2.5)]
    pub(crate) pace: f64,
    /// The encoder's bitrate follows a file (lines SECONDS,RATE), or `link`: 85 % of the link's rate.
    #[arg(long, value_name = "FILE|link")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// How long after the trace the encoder follows.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "500ms",
          requires = "rate_trace")]
    pub(crate) rate_delay: Duration,
    /// Time that coding a frame takes in the simulation.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "0ms")]
    pub(crate) encode_time: Duration,
    /// Time that decoding a frame takes in the simulation.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "0ms")]
    pub(crate) decode_time: Duration,
    /// At most so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// At most so much of the input.
    #[arg(long, value_name = "TIME", value_parser = link::time)]
    pub(crate) duration: Option<Duration>,
    /// Threads; nothing depends on their number but the time it takes. Default: by size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Output file, by its name: .json all figures, .ivf what the decoder was given, .y4m what the
    /// viewer saw at each capture instant; may be repeated.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Vec<PathBuf>,
    /// Write a row for each frame, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
