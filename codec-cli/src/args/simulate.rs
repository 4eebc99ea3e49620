//! Flags of `codec simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use codec_lab::simulate::link::LinkSpec;
use codec_lab::simulate::options::{OnLoss, Recovery, SimulateOptions};
use codec_media::cut::parse_duration;
use codec_media::io::input::InputSpec;
use codec_rtc::link;

use super::encoder::EncoderArgs;
use super::numbers::{count, decimal, within};
use super::shared::{InputArgs, TimeArgs};

/// The reaction to packet loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecoveryArg {
    /// Request a key frame (PLI).
    Pli,
    /// Request lost packets (NACK), and a key frame if they arrive too late.
    Nack,
    /// Do nothing.
    None,
}

/// How frames with damaged references or missing packets are displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnLossArg {
    /// Show the decoder's concealed output.
    Conceal,
    /// Show the last intact frame until the next intact one, as browsers do.
    Freeze,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Set the simulated link, such as rate=800k,delay=40ms,jitter=10ms,loss=2%.
    ///
    /// LIST is a comma-separated list of rate=800k|trace.csv, delay=40ms, jitter=10ms,
    /// shape=uniform|exponential (of the jitter), reorder=on|off (packets may overtake each other), loss=2%, burst=3
    /// (mean number of packets lost in a row), queue=200ms|64kB and overhead=28 (bytes per packet). It may begin with
    /// a profile, as in `codec send --netem`. Without settings the link is ideal: 1000M, no delay, no loss.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub(crate) link: LinkSpec,
    /// Set the seed of the simulated loss and jitter.
    #[arg(long, default_value_t = 1, value_parser = count::<u64>)]
    pub(crate) seed: u64,
    /// Simulate with N seeds, from --seed on, and report means with 95 % confidence intervals.
    ///
    /// The input must be a file, and the only output is .json. Without -j, as many simulations
    /// run in parallel as the machine has cores.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within(1_u32..=10_000))]
    pub(crate) seeds: u32,
    /// Set the reaction to packet loss.
    #[arg(long, value_enum, default_value = "pli")]
    pub(crate) recovery: RecoveryArg,
    /// Set how damaged frames are displayed.
    #[arg(long, value_enum, default_value = "conceal")]
    pub(crate) on_loss: OnLossArg,
    /// Set the delay from capture to display, such as 250ms.
    ///
    /// Default: max(100 ms, link delay + jitter + --encode-time + --decode-time + 50 ms).
    #[arg(long, value_name = "TIME", value_parser = link::parse_time)]
    pub(crate) playout: Option<Duration>,
    /// Set how long to wait for an overdue frame after a gap is detected.
    ///
    /// Default: max(10 ms, R); with --recovery nack, R + 2 x (round trip + jitter + 30 ms), which allows two
    /// attempts. R is the jitter of the link if it reorders packets, and 0 if it does not.
    #[arg(long, value_name = "TIME", value_parser = link::parse_time)]
    pub(crate) reorder_timeout: Option<Duration>,
    /// Set the minimum time between two key frame requests.
    #[arg(long, value_name = "TIME", value_parser = link::parse_time, default_value = "300ms")]
    pub(crate) pli_interval: Duration,
    /// Set the maximum size of an RTP packet, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1200,
          value_parser = within(64_u16..=65_507))]
    pub(crate) mtu: u16,
    /// Pace packets at this multiple of the encoder's bitrate; 0 disables pacing.
    #[arg(long, value_name = "FACTOR", default_value_t = 2.5, value_parser = decimal::<f64>)]
    pub(crate) pace: f64,
    /// Follow the bitrates in this file, or the link's rate (`link`).
    ///
    /// Each line of the file is SECONDS,RATE. `link` uses 85 % of the link's rate.
    #[arg(long, value_name = "FILE|link")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Delay the encoder's reaction to --rate-trace by this time.
    #[arg(long, value_name = "TIME", value_parser = link::parse_time, default_value = "500ms",
          requires = "rate_trace")]
    pub(crate) rate_delay: Duration,
    /// Set the simulated encoding time per frame.
    #[arg(long, value_name = "TIME", value_parser = link::parse_time, default_value = "0ms")]
    pub(crate) encode_time: Duration,
    /// Set the simulated decoding time per frame.
    #[arg(long, value_name = "TIME", value_parser = link::parse_time, default_value = "0ms")]
    pub(crate) decode_time: Duration,
    /// Stop after N frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>, conflicts_with_all = ["from", "to"])]
    pub(crate) frames: Option<u64>,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Stop after this much of the input, such as 10s; a plain number is seconds, as for --from.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Set the number of threads (1 to 64).
    ///
    /// The results are the same for any number. Default: chosen by frame size and number of cores.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
    pub(crate) threads: Option<u16>,
    /// Output file (.json, .ivf or .y4m); repeatable.
    ///
    /// .json stores all results, .ivf the stream that the decoder received, .y4m one frame for each input frame: the
    /// frame that the viewer sees at the capture time of the input frame plus --playout.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Vec<PathBuf>,
    /// Write delivery times and quality of each frame to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl From<&SimulateArgs> for SimulateOptions {
    fn from(args: &SimulateArgs) -> Self {
        Self {
            input: InputSpec { cut: args.time.cut(), ..InputSpec::from(&args.input) },
            encoder: (&args.encoder).into(),
            link: args.link.clone(),
            seed: args.seed,
            seeds: args.seeds,
            recovery: args.recovery.into(),
            on_loss: args.on_loss.into(),
            playout: args.playout,
            reorder_timeout: args.reorder_timeout,
            pli_interval: args.pli_interval,
            mtu: args.mtu,
            pace: args.pace,
            rate_trace: args.rate_trace.clone(),
            rate_delay: args.rate_delay,
            encode_time: args.encode_time,
            decode_time: args.decode_time,
            frames: args.frames,
            duration: args.duration,
            threads: args.threads.map(usize::from),
            output: args.output.clone(),
            report: args.report.clone(),
            json: args.json,
            yes: args.yes,
        }
    }
}

impl From<RecoveryArg> for Recovery {
    fn from(arg: RecoveryArg) -> Self {
        match arg {
            RecoveryArg::Pli => Self::Pli,
            RecoveryArg::Nack => Self::Nack,
            RecoveryArg::None => Self::None,
        }
    }
}

impl From<OnLossArg> for OnLoss {
    fn from(arg: OnLossArg) -> Self {
        match arg {
            OnLossArg::Conceal => Self::Conceal,
            OnLossArg::Freeze => Self::Freeze,
        }
    }
}
