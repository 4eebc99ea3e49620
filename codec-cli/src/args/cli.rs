//! The command line: common flags and commands.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::audio::AudioTrackArg;
use super::bench::BenchArgs;
use super::chunks::{ChunksArgs, ChunksStep};
#[cfg(feature = "cluster")]
use super::cluster::{ClusterArgs, ClusterStep};
use super::compare::CompareArgs;
use super::concat::ConcatArgs;
use super::decode::{DecodeArgs, ProbeArgs, SnapshotArgs};
use super::encode::EncodeArgs;
use super::generate::{CodecsArgs, GenerateArgs};
use super::inspect::InspectArgs;
#[cfg(feature = "net")]
use super::live::{RecvArgs, SendArgs};
use super::metrics::MetricsArgs;
use super::mix::{MixArgs, VadArgs};
#[cfg(feature = "serve")]
use super::serve::ServeArgs;
use super::simulate::SimulateArgs;

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 internal error, 2 usage, 3 input unreadable or unsupported, 4 corrupt \
input (the output up to the damage is kept as NAME.codec.part), 5 output error, 6 backend not in this build, 7 check or \
threshold failed, 8 network error, 130 interrupted.

Environment: CODEC_SIMD=scalar|sse41|avx2|avx512|neon|simd128 forces an instruction set; \
CODEC_FFMPEG selects the ffmpeg binary with which `compare` decodes streams that this build cannot \
decode; CODEC_CA names the CA certificates (PEM) to trust for HTTPS inputs; HTTPS_PROXY and similar \
variables name the proxy for HTTP and HTTPS inputs; CODEC_TOKEN, CODEC_TURN_PASSWORD and CODEC_WEBHOOK_SECRET are the defaults of \
--token, --turn-password and --webhook-secret";

/// What follows the list of commands.
fn after_help() -> String {
    let of_clusters = if cfg!(feature = "cluster") {
        "; CODEC_NATS and CODEC_CLUSTER are the defaults of --nats and --cluster"
    } else {
        ""
    };
    format!("{EXIT_CODES}{of_clusters}.")
}

/// Encode, decode, stream and measure video and audio.
///
/// Standard output carries data only; messages and progress go to standard error. `-` means
/// standard input or standard output.
#[derive(Debug, Parser)]
#[command(name = "codec", after_help = after_help(), max_term_width = 100, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl Cli {
    /// Takes from the arguments that were `found` what the values in `self` do not contain: whether `--preset` was
    /// given (it has a default value), the names of the flags of `cluster submit`, and the positions of the
    /// arguments of `concat`.
    pub(crate) fn noting_given(mut self, found: &ArgMatches) -> Self {
        if let Verb::Encode(args) | Verb::Transcode(args) = &mut self.verb {
            let preset = found.subcommand().and_then(|(_, verb)| verb.value_source("preset"));
            args.preset_is_given = preset == Some(ValueSource::CommandLine);
        }
        if let (Verb::Concat(args), Some((_, verb))) = (&mut self.verb, found.subcommand()) {
            args.note_positions(verb);
        }
        #[cfg(feature = "cluster")]
        if let Verb::Cluster(ClusterArgs { step: ClusterStep::Submit(args) }) = &mut self.verb {
            args.note_given(found, &Self::command());
        }
        self
    }

    /// Applies `--audio none`, and rejects inputs after the first one if there is a single output.
    ///
    /// # Errors
    /// Returns the same error as for an unknown argument if there are several inputs and no `--out-dir`.
    pub(crate) fn checked(mut self) -> Result<Self, clap::Error> {
        let args = match &mut self.verb {
            Verb::Encode(args) | Verb::Transcode(args) => args,
            Verb::Chunks(ChunksArgs { step: ChunksStep::Plan(args) }) => args,
            #[cfg(feature = "cluster")]
            Verb::Cluster(ClusterArgs { step: ClusterStep::Submit(args) }) => &mut args.encode,
            _ => return Ok(self),
        };
        args.audio.no_audio |= args.audio_track == Some(AudioTrackArg::None);
        let Some(extra) = args.more.first().filter(|_| args.out_dir.is_none()) else {
            return Ok(self);
        };
        let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(&Self::command());
        let extra = ContextValue::String(extra.to_string_lossy().into_owned());
        error.insert(ContextKind::InvalidArg, extra);
        // Only --out-dir replaces -o.
        let help =
            "name a folder for the outputs of several inputs with --out-dir, not a file with -o";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![help.into()]));
        Err(error)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print more messages.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors only.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Set the progress format.
    ///
    /// Progress is printed to standard error.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "FORMAT")]
    pub(crate) progress: ProgressMode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Update one line on a terminal; otherwise print a line every few seconds.
    Auto,
    /// Print a line every few seconds.
    Plain,
    /// Print one JSON object per line, with a summary at the end.
    Json,
    /// Print no progress.
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Encode video (VP8, VP9, H.264, AV1), audio or a still image.
    ///
    /// `encode` and `transcode` read the same inputs, raw and coded, and have the same options. Only `transcode` also
    /// writes raw video (y4m, raw).
    #[command(visible_alias = "enc")]
    Encode(EncodeArgs),
    /// Decode to y4m, raw video, WAV or checksums.
    #[command(visible_alias = "dec")]
    Decode(DecodeArgs),
    /// Convert any readable video or audio file, keeping timestamps.
    ///
    /// `transcode` differs from `encode` only in that it also writes raw video (y4m, raw).
    Transcode(EncodeArgs),
    /// Join files or parts of them, without re-encoding if possible.
    Concat(ConcatArgs),
    /// Encode a long file in chunks: on several machines, or in steps that can be resumed.
    Chunks(ChunksArgs),
    /// Encode long files and compare encoders on several machines that share a NATS server.
    #[cfg(feature = "cluster")]
    Cluster(ClusterArgs),
    /// List the tracks or the packets of a media file.
    Probe(ProbeArgs),
    /// Inspect a video stream frame by frame and block by block (HTML or JSON).
    Inspect(InspectArgs),
    /// Measure quality against a reference: PSNR, SSIM, VMAF and others; audio too.
    Metrics(MetricsArgs),
    /// Compare encoders of video or audio: RD curves, BD-rate, speed and latency.
    Compare(Box<CompareArgs>),
    /// Mix the audio of several files into one.
    Mix(MixArgs),
    /// Detect speech.
    Vad(VadArgs),
    /// Send video over a simulated link and measure what the viewer sees.
    Simulate(Box<SimulateArgs>),
    /// Send a file, a pipe or a live source in real time.
    #[cfg(feature = "net")]
    Send(Box<SendArgs>),
    /// Receive a stream and record or decode it.
    #[cfg(feature = "net")]
    Recv(Box<RecvArgs>),
    /// Run a WebRTC and WebSocket server with pages for watching, publishing and video calls.
    ///
    /// A room is a video call, which browsers join by the name of the room.
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    /// List codecs, their backends, capabilities and settings.
    Codecs(CodecsArgs),
    /// Generate a synthetic clip or audio signal, identical on every machine.
    Generate(GenerateArgs),
    /// Benchmark an encoder, a decoder, audio codecs or the SIMD kernels.
    Bench(Box<BenchArgs>),
    /// Save one frame as PNG, JPEG, WebP or GIF, or a time range as an animated GIF.
    Snapshot(SnapshotArgs),
    /// Print shell completions.
    Completions {
        /// Shell to print completions for.
        shell: Shell,
    },
    /// Show the manual page of codec or of one command.
    Man {
        /// Command to show; without it, `codec` itself.
        command: Option<String>,
    },
}
