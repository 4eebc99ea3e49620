//! Options of simulations.

use std::path::PathBuf;
use std::time::Duration;

use codec_media::io::input::InputSpec;
use codec_media::settings::encoder::EncoderOptions;

use super::link::LinkSpec;

/// Response to packet loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Request a key frame (PLI).
    Pli,
    /// Request lost packets (NACK), and a key frame if they arrive too late.
    Nack,
    /// No response.
    None,
}

/// Display of frames with damaged references or missing packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// The decoder's concealment.
    Conceal,
    /// The last good frame, until a frame is good again (as browsers do).
    Freeze,
}

/// Options of a simulation.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// The input.
    pub input: InputSpec,
    /// Settings of the encoder.
    pub encoder: EncoderOptions,
    /// The link: `rate=800k|trace.csv`, `delay=40ms`, `jitter=10ms` (`shape=uniform|exponential`,
    /// `reorder=on|off`), `loss=2%` (`burst=3`), `queue=200ms|64kB`, `overhead=28`. Defaults:
    /// 1000M, no delay, no loss.
    pub link: LinkSpec,
    /// Seed of the packet losses.
    pub seed: u64,
    /// Number of simulations, with as many seeds from `seed` on; results are means.
    pub seeds: u32,
    /// Response to packet loss.
    pub recovery: Recovery,
    /// Display of damaged frames.
    pub on_loss: OnLoss,
    /// Time from capture to display. Default: 100 ms, or the sum of the link's delay and jitter, `encode_time`,
    /// `decode_time` and 50 ms, if that is more.
    pub playout: Option<Duration>,
    /// How long to wait for an overdue frame after a gap is detected. Default: 10 ms, or the jitter
    /// if the link reorders; with NACK, twice the sum of a round trip, the jitter and 30 ms, for two attempts, and
    /// the jitter if the link reorders.
    pub reorder_timeout: Option<Duration>,
    /// Minimum interval between key-frame requests.
    pub pli_interval: Duration,
    /// Maximum size of an RTP packet, in bytes.
    pub mtu: u16,
    /// Pacing rate as a multiple of the encoder's bitrate; 0: immediately.
    pub pace: f64,
    /// Bitrates that the encoder follows: a file (lines SECONDS,RATE), or `link`: 85 % of the
    /// link's rate.
    pub rate_trace: Option<PathBuf>,
    /// Delay of the encoder's reaction to the trace.
    pub rate_delay: Duration,
    /// Encoding time of a frame in the simulation.
    pub encode_time: Duration,
    /// Decoding time of a frame in the simulation.
    pub decode_time: Duration,
    /// Maximum number of frames.
    pub frames: Option<u64>,
    /// Maximum duration of the input.
    pub duration: Option<Duration>,
    /// Number of threads; results do not depend on it. Default: by frame size and cores.
    pub threads: Option<usize>,
    /// Output files, by name: `.json` all results, `.ivf` the stream that the decoder received,
    /// `.y4m` one frame for each input frame: the frame that the viewer sees when the input frame is
    /// due (at its capture time plus the playout delay).
    pub output: Vec<PathBuf>,
    /// Writes a CSV row for each frame.
    pub report: Option<PathBuf>,
    /// Prints JSON.
    pub json: bool,
    /// Overwrites existing files.
    pub yes: bool,
}
