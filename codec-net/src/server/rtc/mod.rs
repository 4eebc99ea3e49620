//! WebRTC: all calls on one UDP port, on one thread.

mod call;
mod control;
mod endpoint;
mod layers;
mod network;
mod patience;
mod receive;
mod routes;
mod send;

pub(super) use endpoint::{end, publish, update, view};
pub(super) use network::Network;
pub use network::{Relay, RtcConfig, StartRtcError};
