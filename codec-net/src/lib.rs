//! Sockets, clocks and threads around `codec-rtc`, whose state machines have none.
//!
//! | module | |
//! |---|---|
//! | [`url`] | where a stream goes or comes from |
//! | [`clock`] | the time that the state machines are told |
//! | [`framing`] | records with length and checksum, for streams and datagrams |
//! | [`carrier`]: [`tcp`], [`udp`], [`websocket`] | what carries them |
//! | [`ice_server`] | STUN and TURN servers in `Link` headers |
//! | `relaying` | an address on a TURN server (features `serve`, `whip`) |
//! | [`socket`], [`error`] | TCP with and without TLS; what ends a connection |
//! | [`tls`] | certificates and keys, both ends |
//! | [`random`] | numbers that tell sessions apart; tokens |
//! | `server` | the server of `codec serve` (feature `serve`) |
//! | `whip` | the client of WHIP and WHEP (feature `whip`) |
//! | [`relay`] | a link of `codec_rtc::link` in front of real sockets |

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
