//! The server of `codec serve`: a page, WHIP and WHEP, sockets for where UDP is closed.
//!
//! | module | |
//! |---|---|
//! | [`room`] | streams by name, their publisher and viewers |
//! | [`auth`], [`limits`], [`audit`] | who may do what, how much, and what is written down of it |
//! | `http` | connections, routes, the page |
//! | `local`, `archive` | streams that begin here; what is kept of all |
//! | `coder`, `small` | the encoder of a stream that follows its viewer; small renditions for narrow links |
//! | `rtc` | WHIP, WHEP: calls of WebRTC |
//! | `ws` | viewing and publishing by WebSocket |
//!
//! HTTP runs on one thread, calls on another; media that needs computing (decoding, recording) on threads of its own.

mod archive;
pub mod attempts;
pub mod audit;
pub mod auth;
mod coder;
pub mod decodable;
pub mod files;
mod health;
mod http;
pub mod limits;
mod local;
pub mod media;
pub mod meter;
pub mod outcome;
pub mod room;
mod rtc;
mod scale;
pub mod sessions;
mod small;
mod start;
pub mod talk;
mod ws;

use crate::random;
pub use local::{HeardPacket, LocalMedia, LocalSource, OpenMedia, Pictures, Shown, Sound};
pub use rtc::{Relay, RtcConfig, StartRtcError};
pub use start::{Config, Server, StartError};
