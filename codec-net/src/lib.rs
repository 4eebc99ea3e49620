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
