//! Flags of `codec send` and `codec recv`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use codec_core::codec::Limits;
use codec_media::cut::{parse_duration, parse_time};
use codec_media::failure::{Failure, Result};
use codec_media::io::media::MediaSelection;
use codec_media::live::options::{NetworkOptions, ReceiveOptions, SendOptions, SimulcastLayers};
use codec_media::values::{LimitList, RawLayout, Samples, Scale};
use codec_rtc::adaptation::DegradationPreference;
use codec_rtc::link::LinkSpec;

use super::audio::AudioArgs;
use super::encoder::EncoderArgs;
use super::numbers::{count, within};
use super::shared::TimeArgs;

/// The environment variable with the token.
const TOKEN: &str = "CODEC_TOKEN";

/// Flags common to both ends.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Emulate a network link between this end and the other, in both directions (rtp, srtp, udp).
    ///
    /// LINK is a comma-separated list of loss=5%, burst=4, delay=40ms, jitter=10ms, reorder=on, rate=800k,
    /// queue=200ms, dup=1% and seed=1. `burst` is the mean number of packets lost in a row, `dup` the share
    /// of packets sent twice, `reorder=on` lets packets overtake each other, and `queue` is the longest time
    /// that a packet waits for the link.
    ///
    /// LINK may begin with a profile: `wifi`, `wifi_lossy`, `wifi_congested`, `cellular`, `satellite`
    /// or `congested`. Settings after the profile replace its settings. Example: `wifi_lossy,rate=2M`.
    #[arg(long, value_name = "LINK")]
    pub(crate) netem: Option<LinkSpec>,
    /// Write or read the SDP description of the session (RTP).
    #[arg(long, value_name = "F.sdp")]
    pub(crate) sdp: Option<PathBuf>,
    /// Set the authentication token (WebSocket, WebRTC).
    ///
    /// The connecting end sends it, the listening end requires it. Other users of this machine can
    /// see command lines; prefer the environment variable `CODEC_TOKEN`.
    #[arg(long, env = TOKEN, hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Trust only the CA certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Set the certificate chain (PEM) for listening over wss, leaf certificate first.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Set the private key (PEM) of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Encrypt media end to end with the key in this file.
    ///
    /// Uses SFrame (RFC 9605). The file holds 16 to 64 random bytes in hexadecimal or base64;
    /// both ends need the same key. WebRTC and H.264 over RTP do not support it.
    #[arg(long, value_name = "FILE")]
    pub(crate) e2ee_key: Option<PathBuf>,
    /// Write statistics to this file every second.
    ///
    /// Each line is a JSON object with the names of WebRTC's getStats.
    #[arg(long, value_name = "F.ndjson")]
    pub(crate) stats: Option<PathBuf>,
    /// Stop after this time, such as 90s, 1:30 or 1500ms; a plain number is seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
}

impl NetworkArgs {
    /// Rejects options that the transport of `url` does not use, except for a token from the
    /// environment.
    ///
    /// # Errors
    /// If there is one.
    pub(crate) fn check(&self, url: &str) -> Result<()> {
        // An SDP file (.sdp) describes an RTP session. Unknown schemes are reported later.
        let scheme = url.split_once("://").map_or("rtp", |(scheme, _)| scheme);
        let (tls, token): (&[&str], &[&str]) =
            (&["wss", "whip", "whep"], &["ws", "wss", "whip", "whep"]);
        let is_from_environment = std::env::var(TOKEN).ok() == self.token;
        let given = [
            ("--ca", self.ca.is_some(), tls),
            ("--cert", self.cert.is_some(), &["wss"]),
            ("--token", self.token.is_some() && !is_from_environment, token),
        ];
        let is_known = ["rtp", "srtp", "udp", "tcp", "ws", "whip", "whep"].contains(&scheme);
        match given.iter().find(|(_, given, schemes)| *given && !schemes.contains(&scheme)) {
            Some((flag, _, schemes)) if is_known => {
                let schemes = schemes.join(", ");
                let message = format!("{flag} cannot be used with {scheme}, only with {schemes}");
                Err(Failure::usage(message))
            }
            _ => Ok(()),
        }
    }
}

/// Parses the number of simulcast sizes.
fn simulcast(text: &str) -> std::result::Result<SimulcastLayers, String> {
    match text {
        "auto" => Ok(SimulcastLayers::BySize),
        "2" => Ok(SimulcastLayers::Count(2)),
        "3" => Ok(SimulcastLayers::Count(3)),
        _ => Err("expected 2 or 3, or auto to choose by the size of the input".to_owned()),
    }
}

/// The property that is reduced first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptArg {
    Balanced,
    Motion,
    Detail,
    Off,
}

impl AdaptArg {
    pub(crate) fn preference(self) -> Option<DegradationPreference> {
        match self {
            Self::Balanced => Some(DegradationPreference::Balanced),
            Self::Motion => Some(DegradationPreference::MaintainFrameRate),
            Self::Detail => Some(DegradationPreference::MaintainResolution),
            Self::Off => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Input: a file, `-`, a generated source or a camera.
    ///
    /// `-` reads y4m, or raw video with --raw. Generated:
    /// testsrc:scene=talking-head,size=640x360,fps=30,audio=tone,seed=0. Camera (feature
    /// `capture`): `v4l2:/dev/video0,size=640x480,fps=30,format=mjpeg,channels=1,mic=default`.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Destination: rtp://, srtp://, udp://, tcp://, ws:// or wss://HOST:PORT, or
    /// `whip://HOST/PATH`.
    ///
    /// `whip://` publishes to a WebRTC server. Over tcp, ws and wss, `?listen` waits for the other end to
    /// connect. srtp needs `?key=BASE64` or --sdp.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Set the layout of headerless input: WxH@FPS:i420|nv12|yuy2|rgb24|bgra; 30 fps and i420 by default.
    ///
    /// Example: `640x360@30:i420`.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Reject input that exceeds these limits.
    ///
    /// LIST contains any of these, comma-separated: pixels=N|WxH (largest frame), memory=BYTES (lowers
    /// `pixels` so that eight frames of 8-bit 4:2:0 fit into this memory), packet=BYTES (largest packet),
    /// resized=PIXELS (for the resolution changes within 30 frames, the sum of the new frame sizes),
    /// gap=SECONDS (longest gap between audio timestamps). K, M and G are powers of 1024. Default:
    /// `pixels=4096x4096,packet=8M,resized=128M,gap=10`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Restart the file, or its range from --from to --to, when it ends.
    #[arg(long = "loop")]
    pub(crate) repeat: bool,
    /// Send the file's packets without re-encoding (VP8, VP9, H.264).
    ///
    /// Audio other than Opus is encoded. H.264 files are sent without re-encoding by default, unless an
    /// encoder option is given or the receiver does not accept the stream.
    #[arg(long, conflicts_with_all = ["resize", "rate", "rate_trace", "speed", "keyint", "layers",
          "content", "video_denoise", "tune", "drop", "region", "max_frame_time", "error_resilient", "token_parts",
          "knob"])]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Publish 2 or 3 sizes at once: simulcast (WebRTC).
    ///
    /// Each has half the width and height of the next larger one. Without N, the size of the input determines the
    /// number. -b is the bitrate of all sizes together. A server without simulcast gets the largest size.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "auto",
          value_parser = simulcast)]
    pub(crate) simulcast: Option<SimulcastLayers>,
    /// Follow the bitrates in this CSV file.
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Set what to reduce when bandwidth or CPU is insufficient (RTP, WebRTC).
    ///
    /// `balanced` reduces size and frame rate in turn, `motion` the size first, `detail` the frame rate first; `off`
    /// reduces nothing.
    #[arg(long, value_enum, default_value = "balanced", conflicts_with = "copy")]
    pub(crate) adapt: AdaptArg,
    /// Set the number of threads (1 to 64).
    ///
    /// Default: chosen by frame size and number of cores.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
    pub(crate) threads: Option<u16>,
    /// Stop after N frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>)]
    pub(crate) frames: Option<u64>,
    /// Scale to this size, such as 640x360; 640x-1 keeps the aspect ratio.
    #[arg(long, value_name = "WxH", allow_hyphen_values = true)]
    pub(crate) resize: Option<Scale>,
    #[command(flatten)]
    pub(crate) audio: AudioArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecvArgs {
    /// Source: rtp://, srtp://, udp://, tcp://, ws://, wss:// or whep:// URL, or an .sdp file.
    ///
    /// URLs have the form SCHEME://HOST:PORT, or `whep://HOST/PATH` for a WebRTC server. Over tcp, ws
    /// and wss, the receiver waits for the other end; `?connect` connects to it. srtp needs
    /// `?key=BASE64` or --sdp.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Output file, or `-`: .webm, .mkv, .ivf, .mp4, .ts, .h264, .opus, .y4m or .yuv.
    ///
    /// .webm, .mkv, .ivf, .mp4, .ts and .h264 store the packets as received; .y4m and .yuv hold decoded
    /// video; .opus holds the audio only. Required unless --null is given.
    #[arg(short, long, value_name = "OUT", required_unless_present = "null")]
    pub(crate) output: Option<PathBuf>,
    /// Decode the stream and discard the output.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Set the output format: webm, mkv, ivf, mp4, ts, h264, opus, y4m or raw.
    ///
    /// Required if the file name has no known extension. Pipes get y4m by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the pixel format of raw output: i420, nv12, yuy2, rgb24 or bgra.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) pixels: Option<Samples>,
    /// Drop the audio.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Stop when nothing arrives for this long; 0 waits forever. A plain number is seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "10s")]
    pub(crate) max_idle: Duration,
    /// Stop after N frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>)]
    pub(crate) frames: Option<u64>,
    /// Set the number of decoder threads (1 to 64).
    ///
    /// Default: chosen by frame size and number of cores.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
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

impl From<&NetworkArgs> for NetworkOptions {
    fn from(args: &NetworkArgs) -> Self {
        Self {
            netem: args.netem.clone(),
            sdp: args.sdp.clone(),
            token: args.token.clone(),
            ca: args.ca.clone(),
            cert: args.cert.clone(),
            key: args.key.clone(),
            e2ee_key: args.e2ee_key.clone(),
            stats: args.stats.clone(),
            duration: args.duration,
        }
    }
}

impl From<&SendArgs> for SendOptions {
    fn from(args: &SendArgs) -> Self {
        Self {
            input: args.input.clone(),
            url: args.url.clone(),
            raw: args.raw,
            limits: args.limits.map_or_else(Limits::default, |list| list.0),
            cut: args.time.cut(),
            repeat: args.repeat,
            copy: args.copy,
            encoder: (&args.encoder).into(),
            simulcast: args.simulcast,
            rate_trace: args.rate_trace.clone(),
            adapt: args.adapt.preference(),
            threads: args.threads.map(usize::from),
            frames: args.frames,
            resize: args.resize,
            parts: MediaSelection { video: !args.audio.no_video, audio: !args.audio.no_audio },
            audio: (&args.audio).into(),
            network: (&args.network).into(),
            yes: args.yes,
        }
    }
}

impl From<&RecvArgs> for ReceiveOptions {
    fn from(args: &RecvArgs) -> Self {
        Self {
            url: args.url.clone(),
            output: args.output.clone(),
            format: args.format.clone(),
            pixels: args.pixels,
            no_audio: args.no_audio,
            max_idle: args.max_idle,
            frames: args.frames,
            threads: args.threads.map(usize::from),
            limits: args.limits.map_or_else(Limits::default, |list| list.0),
            network: (&args.network).into(),
            yes: args.yes,
        }
    }
}
