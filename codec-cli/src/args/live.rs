//! Flags of `codec send` and `codec recv`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use codec_core::frame::Size;
use codec_rtc::adaptation::Preference;
use codec_rtc::link::{self, LinkSpec};

use super::encoder::EncoderArgs;
use super::raw::SoundArgs;
use super::values::{self, LimitList, RawLayout, Samples};

/// Flags that both ends have.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Emulate a link on this end, for datagrams: loss=5%,delay=40ms,jitter=10ms,rate=800k,
    /// queue=200ms,burst=4,reorder=on,dup=1%,seed=1, or one by name: wifi, `wifi_lossy`,
    /// `wifi_congested`, cellular, satellite, congested.
    #[arg(long, value_name = "LINK")]
    pub(crate) netem: Option<LinkSpec>,
    /// Session description: `send` writes it, `recv` reads it (RTP).
    #[arg(long, value_name = "F.sdp")]
    pub(crate) sdp: Option<PathBuf>,
    /// Token that a client shows and a server asks for (WebSockets, WebRTC); better kept in the
    /// environment: `CODEC_TOKEN`.
    #[arg(long, env = "CODEC_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Believe these authorities (PEM) and not the public ones (TLS).
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificates of a server, its own first (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of a server (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Encrypt frames and sound from end to end (`SFrame`, RFC 9605) with the key in this file: 16 to 64
    /// random bytes in hexadecimal digits or base64, the same at both ends. Not for WebRTC.
    #[arg(long, value_name = "FILE")]
    pub(crate) e2ee_key: Option<PathBuf>,
    /// Write statistics every second, one JSON object a line, by getStats' names.
    #[arg(long, value_name = "F.ndjson")]
    pub(crate) stats: Option<PathBuf>,
    /// End after this time.
    #[arg(long, value_name = "TIME", value_parser = link::time)]
    pub(crate) duration: Option<Duration>,
}

/// What is given up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptArg {
    Balanced,
    Motion,
    Detail,
    Off,
}

impl AdaptArg {
    pub(crate) fn preference(self) -> Option<Preference> {
        match self {
            Self::Balanced => Some(Preference::Balanced),
            Self::Motion => Some(Preference::Motion),
            Self::Detail => Some(Preference::Detail),
            Self::Off => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Input: a file, `-` (y4m or --raw), testsrc:scene=talking-head,size=640x360,fps=30,
    /// sound=tone,seed=0, or a camera (feature `capture`):
    /// `v4l2:/dev/video0,size=640x480,fps=30,format=mjpeg,channels=1,mic=default`.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where to: rtp://host:port, srtp://, udp://, tcp://, ws://, wss:// (`?listen` waits for the
    /// other end), or `whip://host/path`, a server of WebRTC.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// What input may ask for: pixels=N|WxH, memory=512M, packet=8M,
    /// resized=128M, gap=10.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Begin the file again at its end.
    #[arg(long = "loop")]
    pub(crate) repeat: bool,
    /// Send the packets of the file as they are.
    #[arg(long, conflicts_with_all = ["resize", "rate", "rate_trace"])]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Bitrate that changes: a CSV file of SECONDS,RATE lines (0,600k).
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// What is given up where link or machine are too slow, over RTP and WebRTC: size and frame rate in turn (balanced),
    /// the size first (motion), the frame rate first (detail), or nothing (off).
    #[arg(long, value_enum, default_value = "balanced", conflicts_with = "copy")]
    pub(crate) adapt: AdaptArg,
    /// Threads. Default: by size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Send at most so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Scale to this size.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) resize: Option<Size>,
    #[command(flatten)]
    pub(crate) sound: SoundArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecvArgs {
    /// Where from: rtp://host:port, srtp://, udp://, tcp://, ws://, wss:// (waits there for the
    /// other end; `?connect` goes there), `whep://host/path`, a server of WebRTC, or a file .sdp.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Output: .webm, .mkv, .ivf, .mp4 as it comes; .y4m, .yuv decoded; .opus the sound; or `-`.
    #[arg(short, long, value_name = "OUT", required_unless_present = "null")]
    pub(crate) output: Option<PathBuf>,
    /// Decode and throw away.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Form of the output, for pipes and odd names; pipes carry y4m unless this says otherwise.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Samples of raw output: i420, nv12, yuy2, rgb24, bgra.
    #[arg(long, value_name = "SAMPLES")]
    pub(crate) pixels: Option<Samples>,
    /// Leave out the sound.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// End when nothing has come for this time; 0: wait without end.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "10s")]
    pub(crate) max_idle: Duration,
    /// End after so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Threads of the decoder. Default: by size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// What input may ask for: pixels=N|WxH, memory=512M, packet=8M,
    /// resized=128M, gap=10.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
