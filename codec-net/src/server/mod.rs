//! The server of `codec serve`: a page, WHIP and WHEP, WebSockets for networks without UDP.
//!
//! | module | |
//! |---|---|
//! | [`room`] | streams by name, their publisher and viewers |
//! | [`auth`], [`limits`], [`audit`] | access rules, limits, and the audit log |
//! | `http` | connections, routes, the page |
//! | `local`, `archive` | local streams; recording of all streams |
//! | `coder`, `small` | the encoder of a stream that adapts to its viewer; small renditions for slow links |
//! | `rtc` | WHIP, WHEP: WebRTC calls |
//! | `ws` | watching and publishing over WebSocket |
//!
//! HTTP runs on one thread and calls on another; expensive work (decoding, recording) has its own
//! threads.

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
