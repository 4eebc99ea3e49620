//! Sockets, clocks and threads around `codec-rtc`, whose state machines use none of them.
//!
//! | module | |
//! |---|---|
//! | [`url`] | URLs of streams |
//! | [`clock`] | the time passed to the state machines |
//! | [`framing`] | records with length and checksum, for streams and datagrams |
//! | [`transport`]: [`tcp`], [`udp`], [`websocket`] | the transports of the framing |
//! | [`ice_server`] | STUN and TURN servers in `Link` headers |
//! | `turn_allocation` | an allocation on a TURN server (features `serve`, `whip`) |
//! | [`socket`], [`error`] | TCP with and without TLS; connection errors |
//! | [`tls`] | TLS configuration of both ends |
//! | [`random`] | session numbers; tokens |
//! | `server` | the server of `codec serve` (feature `serve`) |
//! | `whip` | the client of WHIP and WHEP (feature `whip`) |
//! | [`link_emulator`] | emulates a link of `codec_rtc::link` in front of real sockets |
//!
//! # Examples
//!
//! A server of streams to and from browsers (feature `serve`):
//!
//! ```no_run
//! # #[cfg(feature = "serve")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use codec_net::server::{Config, Server};
//!
//! let mut config = Config::loopback(); // without authentication, for this machine only
//! config.listen.set_port(8080);
//! let server = Server::start(config)?;
//! println!("open {}", server.url());
//! while server.failure().is_none() {
//!     std::thread::sleep(std::time::Duration::from_secs(1));
//! }
//! server.stop();
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "serve"))]
//! # fn main() {}
//! ```
//!
//! Put an emulated link in front of a UDP service, to test a client against loss and delay:
//!
//! ```no_run
//! use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
//! use codec_rtc::link::LinkSpec;
//!
//! let spec: LinkSpec = "rate=1M,delay=40ms,loss=5%".parse()?;
//! let link = spec.constant().ok_or("the rate varies")?;
//! let config = LinkEmulatorConfig::symmetric(link, 1);
//! let relay = LinkEmulator::start("127.0.0.1:0".parse()?, "127.0.0.1:5004".parse()?, &config)?;
//! println!("send to {} instead", relay.address());
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
//! | RFC 9725, WHEP draft | client of WHIP and WHEP | `whip.rs` |
//! | RFC 9725, WHEP draft | the server's calls (ADR 0022, 0029) | `server/rtc/` |
//! | RFC 8288, 7064, 7065 | STUN and TURN servers in `Link` headers | [`ice_server`] |
//! | RFC 8656 | relayed addresses | `turn_allocation.rs` |
//! | RFC 9110, 6750, 6454 | HTTP, access, routes, the page | `server/http/`, `server/page/` |
//! | | one publisher and its viewers | `server/room/` |
//!
//! Paths are relative to `src`.

#![forbid(unsafe_code)]

pub mod clock;
pub mod error;
pub mod framing;
pub mod ice_server;
pub mod link_emulator;
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
pub mod udp;
pub mod url;
pub mod websocket;
#[cfg(feature = "whip")]
pub mod whip;
