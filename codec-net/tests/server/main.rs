//! Tests of the server from outside: access, limits, sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod bandwidth_drop;
mod browser;
#[path = "../../../tests/src/browsers.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of other crates")]
mod browsers;
mod caller;
mod calls;
mod client;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of other crates")]
mod depth;
mod draining;
mod emulated;
mod examples;
mod h264;
mod http;
mod impaired;
mod insufficient_bandwidth;
mod jwt;
mod load;
mod local_audio;
mod local_camera;
mod offers;
mod peers;
mod publishing;
mod renegotiation;
mod room_cluster;
mod room_messages;
mod rooms;
mod takeover;
mod trickle;
mod vp9;
mod webhooks;
mod websocket;
