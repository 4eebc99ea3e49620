//! The server of `codec serve`: a page, WHIP and WHEP, WebSockets for networks without UDP.
//!
//! | module | |
//! |---|---|
//! | [`room`] | streams by name, their publisher and viewers |
//! | [`auth`], [`limits`], [`audit`] | access rules, limits, and the audit log |
//! | `http` | connections, access checks, routes, the page, endpoints of WHIP, WHEP and WebSocket |
//! | `rtc`, `ws` | sessions of viewers and publishers over WebRTC and WebSocket |
//! | `control_channel`, [`uploads`] | statistics, chat and files of a session |
//! | `local_source`, `local_encoder` | streams that the server itself publishes |
//! | `recorder`, `small_rendition` | recording of all streams; a small rendition for slow links |
//!
//! HTTP runs on one thread and calls on another; expensive work (decoding, recording) has its own
//! threads.

pub mod audit;
pub mod auth;
mod auth_rate_limiter;
mod config;
pub mod control_channel;
mod health;
mod http;
pub mod limits;
mod local_encoder;
mod local_source;
pub mod media;
pub mod outcome;
mod recorder;
pub mod room;
mod rtc;
mod scale;
pub mod sessions;
mod small_rendition;
mod start;
mod state;
mod token_bucket;
pub mod uploads;
mod ws;

pub use config::Config;
pub use local_source::{
    AudioSource, LocalMedia, LocalSource, OpenMedia, SourceAudioPacket, SourceFrame, VideoSource,
};
pub use rtc::{RtcConfig, StartRtcError, TurnServer};
pub use start::{Server, StartError};
