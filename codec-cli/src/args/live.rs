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

/// Flags common to both ends.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Emulate a network link for datagrams on this end.
    ///
    /// LIST is
    /// loss=5%,delay=40ms,jitter=10ms,rate=800k,queue=200ms,burst=4,reorder=on,dup=1%,seed=1, any
    /// of them, or a named profile: wifi, wifi_lossy, wifi_congested, cellular, satellite,
    /// congested.
    #[arg(long, value_name = "LINK")]
    pub(crate) netem: Option<LinkSpec>,
    /// Write (send) or read (recv) the SDP session description (RTP).
    #[arg(long, value_name = "F.sdp")]
    pub(crate) sdp: Option<PathBuf>,
    /// Set the authentication token (WebSocket, WebRTC).
    ///
    /// A client sends it, a server requires it. Other users of this machine can see command lines;
    /// prefer the environment variable CODEC_TOKEN.
    #[arg(long, env = "CODEC_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Trust only the CA certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Set the server's certificate chain (PEM), its own certificate first.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Set the server's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Encrypt media end to end with the key in this file (not WebRTC).
    ///
    /// `SFrame` (RFC 9605). The file holds 16 to 64 random bytes, hexadecimal or base64, the same
    /// at both ends.
    #[arg(long, value_name = "FILE")]
    pub(crate) e2ee_key: Option<PathBuf>,
    /// Write statistics every second: one JSON object per line, with getStats names.
    #[arg(long, value_name = "F.ndjson")]
    pub(crate) stats: Option<PathBuf>,
    /// Stop after this time.
    #[arg(long, value_name = "TIME", value_parser = link::time)]
    pub(crate) duration: Option<Duration>,
}

/// What is reduced first.
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
    /// Input: a file, `-`, a generated source or a camera.
    ///
    /// `-` is y4m or --raw. Generated:
    /// testsrc:scene=talking-head,size=640x360,fps=30,sound=tone,seed=0. Camera (feature
    /// `capture`): `v4l2:/dev/video0,size=640x480,fps=30,format=mjpeg,channels=1,mic=default`.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Destination: rtp://, srtp://, udp://, tcp://, ws:// or wss://HOST:PORT, or whip://HOST/PATH.
    ///
    /// `?listen` waits for the other end to connect. `whip://` publishes to a WebRTC server.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Set the layout of headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    ///
    /// Example: `640x360@30:i420`.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Reject input that exceeds these limits.
    ///
    /// LIST is pixels=N|WxH, memory=BYTES, packet=BYTES, resized=BYTES, gap=SECONDS, any of them,
    /// comma-separated. Example: `pixels=4096x2160,memory=512M,packet=8M,resized=128M,gap=10`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Restart the file at its end.
    #[arg(long = "loop")]
    pub(crate) repeat: bool,
    /// Send the file's packets without re-encoding.
    #[arg(long, conflicts_with_all = ["resize", "rate", "rate_trace"])]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Follow the bitrates in this CSV file.
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Set what to reduce when bandwidth or CPU is insufficient (RTP, WebRTC).
    ///
    /// balanced: size and frame rate in turn; motion: size first; detail: frame rate first; off:
    /// nothing.
    #[arg(long, value_enum, default_value = "balanced", conflicts_with = "copy")]
    pub(crate) adapt: AdaptArg,
    /// Set the number of threads (1 to 64).
    ///
    /// Default: by frame size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Stop after N frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Scale to this size, such as 640x360.
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
    /// Source: rtp://, srtp://, udp://, tcp://, ws:// or wss://HOST:PORT, whep://HOST/PATH, or an
    /// .sdp file.
    ///
    /// Waits for the other end; `?connect` connects to it. `whep://` plays from a WebRTC server.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Output file, or `-`: .webm, .mkv, .ivf, .mp4, .opus, .y4m or .yuv.
    ///
    /// .webm, .mkv, .ivf and .mp4 store what arrives; .y4m and .yuv hold decoded video; .opus holds
    /// the audio only.
    #[arg(short, long, value_name = "OUT", required_unless_present = "null")]
    pub(crate) output: Option<PathBuf>,
    /// Decode and discard.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Set the output format; pipes get y4m by default.
    ///
    /// Needed for pipes and unusual file names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the pixel format of raw output: i420, nv12, yuy2, rgb24 or bgra.
    #[arg(long, value_name = "SAMPLES")]
    pub(crate) pixels: Option<Samples>,
    /// Drop the audio.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Stop when nothing arrives for this long; 0 waits forever.
    #[arg(long, value_name = "TIME", value_parser = link::time, default_value = "10s")]
    pub(crate) max_idle: Duration,
    /// Stop after N frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Set the number of decoder threads (1 to 64).
    ///
    /// Default: by frame size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Reject input that exceeds these limits; see `codec send --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
