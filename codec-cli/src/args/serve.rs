//! Flags of `codec serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use codec_core::codec::Bitrate;

use super::values;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct ServeArgs {
    /// What is published from here, any number: a file, `-` (y4m), testsrc:size=640x360,fps=30 or
    /// `v4l2:/dev/video0` as for `send`, each with a name for the stream before it, if wanted: NAME=IN.
    #[arg(value_name = "[NAME=]IN")]
    pub(crate) inputs: Vec<String>,
    /// Begin files again at their end.
    #[arg(long = "loop")]
    pub(crate) repeat: bool,
    /// Bitrate of what is published from here.
    #[arg(short, long, value_name = "RATE", value_parser = values::bitrate, default_value = "1500k")]
    pub(crate) bitrate: Bitrate,
    /// Bits per second of the sound that is published from here. Default: 64k; Opus of the input is
    /// taken over as it is, unless this is given.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<Bitrate>,
    /// Publish pictures alone.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Speed of the encoder, 0 (best) to 10 (fastest).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) speed: u8,
    /// Address and port of HTTP. Wider than this machine with a token alone.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Port of UDP for WebRTC, on the same address. Default: the number of HTTP's port.
    #[arg(long, value_name = "PORT")]
    pub(crate) udp_port: Option<u16>,
    /// IP address to offer to WebRTC clients, if it differs from the socket's (NAT). By default a
    /// server on a loopback address also offers this machine's address in its network, which
    /// Firefox needs; `--announce 127.0.0.1` stays on loopback.
    #[arg(long, value_name = "IP")]
    pub(crate) announce: Option<IpAddr>,
    /// A TURN server that passes datagrams on where nothing else gets through.
    #[arg(long, value_name = "HOST:PORT", requires = "turn_user")]
    pub(crate) turn: Option<String>,
    /// User name there.
    #[arg(long, value_name = "NAME", requires = "turn")]
    pub(crate) turn_user: Option<String>,
    /// Password there; better kept in the environment: `CODEC_TURN_PASSWORD`.
    #[arg(long, value_name = "PASSWORD", env = "CODEC_TURN_PASSWORD", hide_env_values = true)]
    pub(crate) turn_password: Option<String>,
    /// Callers are told of no other address.
    #[arg(long, requires = "turn")]
    pub(crate) turn_only: bool,
    /// Callers are told of the TURN server, with name and password, to use it for themselves.
    #[arg(long, requires = "turn")]
    pub(crate) turn_share: bool,
    /// Who may do what: SCOPE=VALUE, with scopes publish, view and admin joined by +. Other users of
    /// this machine see it here; --token-file hides it.
    #[arg(long, value_name = "SCOPE=VALUE")]
    pub(crate) token: Vec<String>,
    /// A file of such lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file of lines NAME:SCOPE:PASSWORD, for HTTP basic authentication over TLS.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) user_file: Option<PathBuf>,
    /// Another origin whose pages may use the server: scheme, host and port, as browsers write it.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// Certificate chain (PEM) for https and wss.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Record all streams here, as WebM.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Keep files here that viewers send. Without it none are taken.
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// Write beginnings, ends and refusals of sessions here, a JSON object a line; `-`: standard
    /// output.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Do not decode what others publish (that is for statistics alone).
    #[arg(long)]
    pub(crate) no_decode: bool,
    /// Most sessions.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) max_sessions: usize,
    /// Limit the open TCP connections of one address (of IPv6, of one /64 network). Raise it if
    /// viewers come through a reverse proxy.
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub(crate) max_connections_per_address: usize,
    /// Most viewers of one stream.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_viewers: usize,
    /// Highest bitrate of a publisher.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate, default_value = "20M")]
    pub(crate) max_bitrate: Bitrate,
    /// Largest file that viewers may send, such as 256M.
    #[arg(long, value_name = "BYTES", value_parser = values::quantity, default_value = "256M")]
    pub(crate) max_file: u64,
}
