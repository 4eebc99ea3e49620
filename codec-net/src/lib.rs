//! Sockets, TLS and an HTTP server around [`codec_rtc`] and `codec-webrtc`, which have no sockets
//! or threads: WHIP and WHEP in both roles, streams over TCP, UDP and WebSocket.
//!
//! | module | |
//! |---|---|
//! | `server` | a server that streams to and from browsers, as in `codec serve` (feature `serve`) |
//! | `whip` | a WHIP and WHEP client (feature `whip`) |
//! | `peer_socket` | a WebRTC peer on a UDP socket of its own, for other services than `server` (features `serve`, `whip`) |
//! | [`url`] | stream URLs, such as `rtp://host:port` and `whip://host/path` |
//! | [`transport`]: [`tcp`], [`udp`], [`websocket`] | a stream to or from another program, as in `codec send` and `codec recv` |
//! | [`framing`] | the records that these transports carry, with length and checksum |
//! | [`socket`], `tls` | TCP with and without TLS; TLS configuration of both ends (feature `tls`, on by default) |
//! | [`ice_server`], `turn_allocation`, `turn_tunnel` | STUN and TURN servers in `Link` headers; an allocation on a TURN server, over UDP, TCP or TLS (features `serve`, `whip`) |
//! | `http_file` | files on HTTP servers, read with range requests (feature `http`) |
//! | [`link_emulator`] | a link with loss, delay and a bitrate limit in front of a UDP service, for tests |
//! | [`clock`], [`random`], [`error`] | the time passed to state machines; session numbers and tokens; connection errors |
//!
//! # Example: serve
//!
//! A server whose page shows a stream that the program itself publishes. It runs on its own threads
//! until it is stopped or dropped (feature `serve`):
//!
//! ```
//! # #[cfg(feature = "serve")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Packet};
//! use codec_core::frame::{Picture, Rational, Size};
//! use codec_net::server::media::{VideoCodec, VideoFrame};
//! use codec_net::server::room::StreamInfo;
//! use codec_net::server::{Config, Server};
//!
//! // Any free port of 127.0.0.1, without authentication.
//! let server = Server::start(Config::loopback())?;
//!
//! // The callback is called when a viewer needs a key frame: ask the encoder for one.
//! let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
//! let publisher = server.hub().publish("demo", info, Box::new(|| {}))?;
//!
//! // A VP8 frame from any encoder. Browsers show it on the page; `codec recv` receives it from a
//! // `whep://` URL.
//! let size = Size::new(64, 48);
//! let config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(200));
//! let mut encoder = codec_backends::open_encoder("vp8", &config)?;
//! let samples = vec![128; 64 * 48 * 3 / 2];
//! encoder.encode(&Picture::i420_packed(size, &samples)?, &FrameRequest::at(0))?;
//! let mut packet = Packet::default();
//! while encoder.receive(&mut packet) {
//!     let data = packet.data.clone().into();
//!     publisher.send_video(VideoFrame { data, key: true, ..VideoFrame::default() })?;
//! }
//!
//! // All streams as JSON; `server.url()` is the page.
//! let mut http = TcpStream::connect(server.address())?;
//! let host = server.address();
//! write!(http, "GET /api/streams HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
//! let mut response = String::new();
//! http.read_to_string(&mut response)?;
//! assert!(response.contains(r#""name":"demo""#), "{response}");
//!
//! server.stop();
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "serve"))]
//! # fn main() {}
//! ```
//!
//! Access tokens, TLS, limits, recording and files are fields of `server::Config`; `server` has an
//! example of a public server.
//!
//! # Example: an emulated link
//!
//! Put a link with loss and delay in front of a UDP service, to test a client:
//!
//! ```
//! use std::net::UdpSocket;
//! use std::time::Duration;
//!
//! use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
//! use codec_rtc::link::LinkSpec;
//!
//! let service = UdpSocket::bind("127.0.0.1:0")?;
//! let spec: LinkSpec = "rate=1M,delay=40ms".parse()?;
//! let link = spec.constant().ok_or("the rate varies")?;
//! let config = LinkEmulatorConfig::symmetric(link, 1);
//! let emulator = LinkEmulator::start("127.0.0.1:0".parse()?, service.local_addr()?, &config)?;
//!
//! // The client sends to the emulator instead of the service.
//! UdpSocket::bind("127.0.0.1:0")?.send_to(b"hello", emulator.address())?;
//! let mut datagram = [0; 16];
//! service.set_read_timeout(Some(Duration::from_secs(30)))?;
//! assert_eq!(service.recv(&mut datagram)?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Standards
//!
//! | standard | subject | module |
//! |---|---|---|
//! | RFC 3986 | stream URLs | [`url`] |
//! | | our framing over TCP, UDP and WebSocket, with CRC-32C | [`framing`] |
//! | RFC 6455 | WebSocket | [`websocket`], `server/ws/` |
//! | RFC 8446 | TLS; a portable provider (ADR 0027) | [`tls`], `tls/portable/` |
//! | RFC 9725, WHEP draft | WHIP and WHEP client | `whip/` |
//! | RFC 9110, section 14 | range requests for files on HTTP servers | `http_file/`, `http_client/` |
//! | RFC 9725, WHEP draft | WebRTC sessions of the server (ADR 0022, 0029) | `server/rtc/` |
//! | RFC 8288, 7064, 7065 | STUN and TURN servers in `Link` headers | [`ice_server`] |
//! | RFC 8656 | relayed addresses | `turn_allocation.rs`, `turn_tunnel.rs` |
//! | RFC 9110, 6750, 6454 | HTTP, bearer tokens, origins; routes and the page | `server/http/`, `server/page/` |
//! | | one publisher and its viewers | `server/room/` |
//! | RFC 7519, 7515, 7518, 8037 | JSON Web Tokens | `server/auth/jwt/` |
//! | Standard Webhooks 1.0.0 | events for programs of the operator | `server/webhook/` |
//!
//! Paths are relative to `src`.

#![forbid(unsafe_code)]

pub mod clock;
pub mod error;
pub mod framing;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "http")]
pub mod http_file;
pub mod ice_server;
pub mod link_emulator;
#[cfg(any(feature = "serve", feature = "whip"))]
pub mod peer_socket;
pub mod random;
#[cfg(feature = "serve")]
pub mod server;
pub mod socket;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;
#[cfg(any(feature = "serve", feature = "whip"))]
pub mod turn_allocation;
#[cfg(any(feature = "serve", feature = "whip"))]
pub mod turn_tunnel;
pub mod udp;
pub mod url;
pub mod websocket;
#[cfg(feature = "whip")]
pub mod whip;
