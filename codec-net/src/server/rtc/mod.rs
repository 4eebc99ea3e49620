//! WebRTC: all calls on one UDP port, on one thread.

mod call;
mod call_sink;
mod calls;
mod collapse;
mod command;
mod config;
mod congestion;
mod demux;
mod media_sender;
mod negotiation;
mod network;
mod playout_delay;
mod publisher_session;
mod rendition;
mod sdp_fragment;
mod sockets;
mod temporal_layers;
mod turn;
mod viewer_session;

#[cfg(test)]
mod tests;

pub(super) use command::{CallHandle, Role};
pub use config::{RtcConfig, StartRtcError, TurnServer};
pub(super) use negotiation::Offer;
pub(super) use network::Network;
pub(super) use sdp_fragment::{SDP_FRAGMENT, SdpFragment};
