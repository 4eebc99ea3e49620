//! WebRTC: all calls on one UDP port, on one thread.
//!
//! | module | |
//! |---|---|
//! | `network`, `command` | the handle of the thread, and the commands that the handle sends |
//! | `calls` | the loop of the thread, over `sockets` and `turn`; `demux` finds the call of a datagram |
//! | `timers` | the next timeout of each call |
//! | `call` | one peer: passes its events to the session and to the control channel |
//! | `negotiation`, `ice_update`, `sdp_fragment` | checks of offers; trickled candidates and ICE restarts |
//! | `viewer_session` | joins the stream (`call_sink`), evaluates the link and sends (`media_sender`, `describer`) |
//! | `congestion`, `collapse` | the state of a viewer's link |
//! | `rendition`, `temporal_layers`, `playout_delay` | what to send to a viewer, decided from the state of its link |
//! | `publisher_session` | reassembles the frames of a publisher, and limits its bitrate |
//! | `member_session` | passes packets and messages between a member and its conference |

mod call;
mod call_sink;
mod calls;
mod cluster_side;
mod collapse;
mod command;
mod config;
mod congestion;
mod demux;
mod describer;
mod ice_update;
mod media_sender;
mod member_session;
mod negotiation;
mod network;
mod playout_delay;
mod publisher_session;
mod rendition;
mod sdp_fragment;
mod segments;
mod sockets;
mod spatial_layers;
mod temporal_layers;
mod timers;
mod turn;
mod viewer_session;

#[cfg(test)]
mod tests;

pub(super) use command::{CallHandle, Role};
pub use config::{RtcConfig, StartRtcError, TurnServer};
pub(super) use ice_update::IceUpdate;
pub(super) use negotiation::Offer;
pub(super) use network::{CallSettings, Network};
pub(super) use sdp_fragment::{SDP_FRAGMENT, SdpFragment};
