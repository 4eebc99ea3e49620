//! What `simulate` is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use codec_media::io::input::InputSpec;
use codec_media::settings::encoder::EncoderOptions;

use super::link::LinkSpec;

/// What is done about losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Ask for a key frame (PLI).
    Pli,
    /// Ask for lost packets (NACK), and for a key frame where they come too late.
    Nack,
    /// Nothing.
    None,
}

/// What is shown of frames whose references are damaged, or that came in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// What the decoder makes of them.
    Conceal,
    /// The last good picture, until a frame is good again (as browsers do).
    Freeze,
}

/// Options of a simulation.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// The input.
    pub input: InputSpec,
    /// Settings of the encoder.
    pub encoder: EncoderOptions,
    /// The link: rate=800k|trace.csv, delay=40ms, jitter=10ms (shape=uniform|exponential,
    /// reorder=on|off), loss=2% (burst=3), queue=200ms|64kB, overhead=28. What is left out does
    /// no harm: 1000M, no delay, no loss.
    pub link: LinkSpec,
    /// Other seeds lose other packets.
    pub seed: u64,
    /// What is done about losses.
    pub recovery: Recovery,
    /// What is shown of damaged frames.
    pub on_loss: OnLoss,
    /// From capture to display. Default: 100ms, or the link's delay, its jitter and 50 ms, if that is
    /// more.
    pub playout: Option<Duration>,
    /// How long after a gap was noticed an overdue frame is waited for. Default: 10ms, or the jitter
    /// if it reorders; with NACK two tries: twice a round trip, the jitter and 30 ms.
    pub patience: Option<Duration>,
    /// Least time between two key frames that are asked for.
    pub pli_interval: Duration,
    /// Largest RTP packet, in bytes.
    pub mtu: u16,
    /// Packets leave at so many times the encoder's bitrate; 0: at once.
    pub pace: f64,
    /// The encoder's bitrate follows a file (lines SECONDS,RATE), or `link`: 85 % of the link's rate.
    pub rate_trace: Option<PathBuf>,
    /// How long after the trace the encoder follows.
    pub rate_delay: Duration,
    /// Time that coding a frame takes in the simulation.
    pub encode_time: Duration,
    /// Time that decoding a frame takes in the simulation.
    pub decode_time: Duration,
    /// At most so many frames.
    pub frames: Option<u64>,
    /// At most so much of the input.
    pub duration: Option<Duration>,
    /// Threads; nothing depends on their number but the time it takes. Default: by size and cores.
    pub threads: Option<usize>,
    /// Output file, by its name: .json all figures, .ivf what the decoder was given, .y4m what the
    /// viewer saw at each capture instant; may be repeated.
    pub output: Vec<PathBuf>,
    /// Write a row for each frame, as CSV.
    pub report: Option<PathBuf>,
    /// Print JSON.
    pub json: bool,
    /// Overwrite existing files.
    pub yes: bool,
}
