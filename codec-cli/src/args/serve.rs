//! Flags of `codec serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use codec_core::codec::Bitrate;
use codec_media::publish::PublishOptions;
use codec_media::values;

use super::numbers::{count, within};
use super::shared::PartArgs;

/// A video codec of publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VideoCodecArg {
    Vp8,
    H264,
    Vp9,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct ServeArgs {
    /// Sources to publish: [NAME=]FILE, `-`, testsrc:... or v4l2:...
    ///
    /// IN may be given any number of times. `-` is y4m; testsrc:size=640x360,fps=30 is a generated source and
    /// `v4l2:/dev/video0` a camera, as in `codec send`. NAME is the stream's name.
    #[arg(value_name = "[NAME=]IN")]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Restart each file, or its range from --from to --to, when it ends.
    #[arg(long = "loop")]
    pub(crate) repeat: bool,
    /// Set the video bitrate of the server's own sources.
    #[arg(short, long, value_name = "RATE", value_parser = values::bitrate, default_value = "1500k")]
    pub(crate) bitrate: Bitrate,
    /// Set the audio bitrate of the server's own sources.
    ///
    /// Default: 64k. Without this option, Opus input is published without re-encoding.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<Bitrate>,
    /// Publish the server's own sources without audio.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Set the encoder's speed: 0 (best quality) to 10 (fastest).
    #[arg(long, default_value_t = 8, value_parser = within(0_u8..=10))]
    pub(crate) speed: u8,
    /// Set the HTTP listen address.
    ///
    /// Non-loopback addresses require --token, --token-file, --user-file or --jwt-key.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// Set the UDP port for WebRTC, on the address of --listen.
    ///
    /// Default: the number of the HTTP port.
    #[arg(long, value_name = "PORT", value_parser = within(0_u16..=65_535))]
    pub(crate) udp_port: Option<u16>,
    /// Announce this IP address in ICE candidates (server behind NAT).
    ///
    /// By default a server on a loopback address also announces the address of this machine in the local
    /// network, because Firefox ignores loopback candidates; `--announce 127.0.0.1` prevents that.
    #[arg(long, value_name = "IP")]
    pub(crate) announce: Option<IpAddr>,
    /// Relay through this TURN server if no direct connection succeeds.
    ///
    /// HOST:PORT for UDP, or a URI: `turn:HOST:PORT?transport=tcp`, or `turns:HOST:PORT` for TLS, on networks that block UDP.
    #[arg(long, value_name = "SERVER", requires = "turn_user")]
    pub(crate) turn: Option<String>,
    /// Set the TURN user name.
    #[arg(long, value_name = "NAME", requires = "turn")]
    pub(crate) turn_user: Option<String>,
    /// Set the TURN password; prefer the environment variable `CODEC_TURN_PASSWORD`.
    #[arg(long, value_name = "PASSWORD", env = "CODEC_TURN_PASSWORD", hide_env_values = true)]
    pub(crate) turn_password: Option<String>,
    /// Trust only the CA certificates in this PEM file for --turn with TLS.
    #[arg(long, value_name = "FILE", requires = "turn")]
    pub(crate) turn_ca: Option<PathBuf>,
    /// Offer only the TURN relay candidate.
    #[arg(long, requires = "turn")]
    pub(crate) turn_only: bool,
    /// Send clients the TURN server and its credentials for their own use.
    #[arg(long, requires = "turn")]
    pub(crate) turn_share: bool,
    /// Grant access to a token: SCOPE=VALUE, with SCOPE publish, view or admin.
    ///
    /// `+` joins several scopes; VALUE is the token, at least 8 characters. May be repeated.
    /// Example: `publish+view=correct-horse`. Other users of this machine can see command lines;
    /// prefer --token-file.
    #[arg(long, value_name = "SCOPE=VALUE")]
    pub(crate) token: Vec<String>,
    /// Read tokens from this file, one SCOPE=VALUE per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Read users from this file, one NAME:SCOPE:PASSWORD per line.
    ///
    /// They log in by HTTP basic authentication, over TLS only.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) user_file: Option<PathBuf>,
    /// Accept JSON Web Tokens that this key has signed; may be repeated.
    ///
    /// FILE has a secret of at least 32 bytes (HS256) or a public key in PEM (ES256, RS256, Ed25519). The claim
    /// `scope` lists the scopes; the claims `room` and `stream` limit the token to rooms and streams by name.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwt_key: Vec<PathBuf>,
    /// Accept only JSON Web Tokens for this audience (aud).
    #[arg(long, value_name = "NAME", requires = "jwt_key")]
    pub(crate) jwt_audience: Option<String>,
    /// Allow web pages of this origin to use the server, such as `https://example.org:8443`.
    ///
    /// May be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// Set the certificate chain (PEM) for https and wss.
    ///
    /// The files of --tls-cert and --tls-key are read again when they change; calls continue.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Set the private key (PEM) of --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Accept these video codecs from publishers, in order of preference.
    ///
    /// Default: all of this build, VP8 first. Example: `h264,vp8`.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub(crate) video_codecs: Vec<VideoCodecArg>,
    /// Record all streams, except those in rooms (calls), to this folder: VP8 and VP9 as WebM, H.264 as Matroska.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Store files sent by viewers in this folder.
    ///
    /// Without this option, uploads are rejected.
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// Log session starts, ends and rejections to this file.
    ///
    /// Each line is a JSON object. `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Send events of rooms, chat, streams and recordings to this URL.
    ///
    /// Each event is a signed POST request with JSON, over http or https. Requires a secret
    /// (--webhook-secret-file).
    #[arg(long, value_name = "URL", requires = "webhook_key")]
    pub(crate) webhook: Option<String>,
    /// Read the secret that signs webhooks from this file: `whsec_` followed by Base64.
    ///
    /// The environment variable `CODEC_WEBHOOK_SECRET` can hold the secret instead.
    #[arg(long, value_name = "FILE", requires = "webhook", group = "webhook_key")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Set the secret that signs webhooks; prefer the file or the environment variable.
    #[arg(
        long,
        value_name = "SECRET",
        env = "CODEC_WEBHOOK_SECRET",
        hide_env_values = true,
        group = "webhook_key"
    )]
    pub(crate) webhook_secret: Option<String>,
    /// Trust only the CA certificates in this PEM file for --webhook.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub(crate) webhook_ca: Option<PathBuf>,
    /// Do not decode published streams for statistics.
    ///
    /// The server still decodes a stream while it encodes a smaller size of it for viewers with insufficient
    /// bandwidth.
    #[arg(long)]
    pub(crate) no_decode: bool,
    /// Let people who join a room wait until a moderator (scope admin) lets them in.
    ///
    /// Moderators can turn the lobby of each room on and off. Requires tokens or users.
    #[arg(long)]
    pub(crate) lobby: bool,
    /// On termination, wait up to this time for calls to end, and accept no new ones.
    ///
    /// With 0, calls end immediately.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = within(0_u32..=604_800))]
    pub(crate) drain: u32,
    /// Share rooms with other servers (nodes) through this NATS server: `nats://[USER:PASSWORD@]HOST[:PORT]`.
    ///
    /// `tls://` encrypts the connection. A single word before the @ is a token. Media go directly from node to node
    /// over their UDP ports, encrypted.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "URL", env = "CODEC_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// Trust only the CA certificates in this PEM file for --cluster.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) cluster_ca: Option<PathBuf>,
    /// Set the URL at which browsers reach this node: http or https, without a path.
    ///
    /// If another node stops, the browsers that were connected to it reconnect to a remaining node that has such a
    /// URL. Without this option, they do not reconnect to this node.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "URL", requires = "cluster", value_parser = page_address)]
    pub(crate) cluster_url: Option<String>,
    /// Limit the number of sessions.
    ///
    /// Each publisher, viewer and member of a room has a session.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = count::<usize>)]
    pub(crate) max_sessions: usize,
    /// Limit the open TCP connections per client address (per /64 network for IPv6).
    ///
    /// Raise it if viewers connect through a reverse proxy.
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = count::<usize>)]
    pub(crate) max_connections_per_address: usize,
    /// Limit the viewers of one stream.
    ///
    /// The limit also applies to the members of one room.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count::<usize>)]
    pub(crate) max_viewers: usize,
    /// Limit the bitrate of a publisher.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate, default_value = "20M")]
    pub(crate) max_bitrate: Bitrate,
    /// Limit the size of files sent by viewers, such as 256M.
    ///
    /// K, M and G are powers of 1024; a plain number is bytes.
    #[arg(long, value_name = "BYTES", value_parser = values::quantity, default_value = "256M")]
    pub(crate) max_file: u64,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| expected.to_owned())
}

#[cfg(feature = "cluster")]
fn page_address(text: &str) -> Result<String, String> {
    let expected = "expected http:// or https:// and a host, without a path";
    let text = text.trim_end_matches('/');
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_host =
        host.is_some_and(|it| !it.is_empty() && it.len() <= 255 && it.bytes().all(is_valid));
    if is_host { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

impl From<&ServeArgs> for PublishOptions {
    fn from(args: &ServeArgs) -> Self {
        Self {
            cut: args.part.cut(),
            repeat: args.repeat,
            bitrate: args.bitrate,
            audio_bitrate: args.audio_bitrate,
            no_audio: args.no_audio,
            speed: args.speed,
        }
    }
}
