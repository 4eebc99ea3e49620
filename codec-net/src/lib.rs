//! Sockets, clocks and threads around `codec-rtc`, whose state machines use none of them.
//!
//! | module | |
//! |---|---|
//! | [`url`] | URLs of streams |
//! | [`clock`] | the time passed to the state machines |
//! | [`framing`] | records with length and checksum, for streams and datagrams |
//! | [`carrier`]: [`tcp`], [`udp`], [`websocket`] | the transports of the framing |
//! | [`ice_server`] | STUN and TURN servers in `Link` headers |
//! | `relaying` | an allocation on a TURN server (features `serve`, `whip`) |
//! | [`socket`], [`error`] | TCP with and without TLS; connection errors |
//! | [`tls`] | TLS configuration of both ends |
//! | [`random`] | session numbers; tokens |
//! | `server` | the server of `codec serve` (feature `serve`) |
//! | `whip` | the client of WHIP and WHEP (feature `whip`) |
//! | [`relay`] | emulates a link of `codec_rtc::link` in front of real sockets |
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
//! | RFC 8656 | relayed addresses | `relaying.rs` |
//! | RFC 9110, 6750, 6454 | HTTP, access, routes, the page | `server/http/`, `server/page/` |
//! | | one publisher and its viewers | `server/room/` |
//!
//! Paths are relative to `src`.

#![forbid(unsafe_code)]

pub mod carrier;
pub mod clock;
pub mod error;
pub mod framing;
pub mod ice_server;
pub mod random;
pub mod relay;
#[cfg(any(feature = "serve", feature = "whip"))]
pub mod relaying;
#[cfg(feature = "serve")]
pub mod server;
pub mod socket;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod udp;
pub mod url;
pub mod websocket;
#[cfg(feature = "whip")]
pub mod whip;
