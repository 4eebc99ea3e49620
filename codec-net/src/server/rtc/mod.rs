//! WebRTC: all calls on one UDP port, on one thread.

mod call;
mod choice;
mod collapse;
mod config;
mod control;
mod endpoint;
mod fragment;
mod layers;
mod negotiation;
mod network;
mod patience;
mod receive;
mod routes;
mod send;
mod sockets;
mod strain;
mod watching;

#[cfg(test)]
mod tests;

pub use config::{Relay, RtcConfig, StartRtcError};
pub(super) use endpoint::{SDP, end, publish, trickle, view};
pub(super) use fragment::SDP_FRAGMENT;
pub(super) use network::Network;
