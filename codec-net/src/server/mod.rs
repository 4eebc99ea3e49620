//! The server of `codec serve`: a page, WHIP and WHEP, and WebSockets for networks without UDP.
//!
//! [`Server::start`] takes a [`Config`] and returns a handle; HTTP runs on one thread and WebRTC calls
//! on another, and expensive work (encoding, decoding, recording) has its own threads. Streams are
//! published by browsers, by WHIP clients, by [`Server::add_source`] from a [`LocalSource`], or frame
//! by frame through [`Server::hub`].
//!
//! # Example
//!
//! A public server with tokens, TLS and recording:
//!
//! ```no_run
//! use codec_net::server::auth::Grants;
//! use codec_net::server::{Config, Server};
//! use codec_net::tls;
//!
//! let mut config = Config::loopback();
//! config.listen = "0.0.0.0:8443".parse()?;
//! config.rtc.listen = config.listen; // UDP
//! config.tls = Some(tls::server_config(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?);
//! config.access.add_token("a-long-secret-of-publishers", Grants::parse("publish")?)?;
//! config.access.add_token("a-long-secret-of-viewers", Grants::parse("view")?)?;
//! config.access.add_origin("https://streams.example:8443")?; // the name in browsers' URLs
//! config.record = Some("recordings".into());
//!
//! let server = Server::start(config)?;
//! while server.failure().is_none() {
//!     while let Some(line) = server.next_notice() {
//!         eprintln!("{line}");
//!     }
//!     std::thread::sleep(std::time::Duration::from_secs(1));
//! }
//! server.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading order
//!
//! In this table, a module uses only modules below it. The rows follow a request from `start` to a
//! viewer:
//!
//! | module | |
//! |---|---|
//! | `start`, `start_error`, `config` | start and shutdown; the configuration |
//! | `http` | connections, access checks, routes, the page; `http/whip.rs` and `http/websocket.rs` begin sessions |
//! | `rtc` | WebRTC: `network` passes an offer to `calls`, the thread that runs all calls; each `call` has a `viewer_session`, a `publisher_session` or a `member_session` |
//! | `ws` | viewer and publisher sessions over WebSocket |
//! | `control_channel`, `file_transfers`, `uploads`, `room_files` | statistics, chat and files of a session; files attached to messages in rooms |
//! | `recorder`, `small_rendition`, `local_source`, `local_encoder` | viewers and publishers within the server: recordings, smaller copies of streams for slow links, local streams |
//! | `webhook` | reports events of rooms, streams and recordings to an HTTP server of the operator |
//! | `state`, `drain`, [`sessions`] | the state that requests share; whether new calls are accepted; the table of sessions |
//! | [`room`] | a hub of streams by name; a stream passes media from its publisher to the subscriptions of its viewers |
//! | `conference` | rooms whose members publish and watch each other: the source that each media section carries; messages |
//! | [`cluster`] | rooms of several servers: announcements, and links for media |
//! | [`media`], `video_codec`, `frame_info` | coded frames and packets; the codecs of video; properties read from frames |
//! | [`auth`], [`limits`], [`audit`], [`outcome`] | access rules; limits; the audit log; why requests are rejected and sessions end |

pub mod audit;
pub mod auth;
mod auth_rate_limiter;
pub mod cluster;
mod conference;
mod config;
mod control_channel;
mod drain;
mod file_transfers;
mod frame_info;
mod health;
mod http;
pub mod limits;
mod local_encoder;
mod local_source;
pub mod media;
pub mod outcome;
mod recorder;
pub mod room;
mod room_files;
mod rtc;
mod scale;
pub mod sessions;
mod small_rendition;
mod start;
mod start_error;
mod state;
mod token_bucket;
mod uploads;
mod video_codec;
mod vp9_picture;
mod webhook;
mod ws;

pub use config::Config;
pub use local_source::{
    AudioSource, LocalMedia, LocalSource, OpenMedia, SourceAudioPacket, SourceFrame, VideoSource,
};
pub use rtc::{RtcConfig, StartRtcError, TurnServer};
pub use start::Server;
pub use start_error::StartError;
pub use webhook::{WebhookConfig, WebhookError};
