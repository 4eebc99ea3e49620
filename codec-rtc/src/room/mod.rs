//! Conference rooms of a selective forwarding unit (SFU) as state machines without sockets and clocks.
//!
//! | part | subject |
//! |---|---|
//! | [`Room`] | video from publishers to viewers: layers, bandwidth, switches, joins |
//! | [`Speakers`] | who speaks, who is dominant, and which audio packets to forward |
//! | [`AudioForwarder`] | audio from publishers to viewers, as [`Speakers`] selects it |
//! | [`allocator`] | division of a viewer's bandwidth among its sources |
//! | [`RequestMerger`](request_merger::RequestMerger) | when to request a key frame from a publisher |
//! | [`JoinCache`](join_cache::JoinCache) | the packets with which a viewer that joins can start at once |
//! | [`Inspector`](packet::Inspector) | frames, layers and switch points of received packets |
//!
//! [`Room`] handles video and [`AudioForwarder`] audio. The caller passes the order of speakers, as
//! [`Speakers::by_last_speech`] returns it, to [`Room::set_speakers`].
//!
//! As in the whole crate, time is an argument: a [`Duration`](core::time::Duration) since an epoch
//! that the caller chooses. It does not decrease from one call to the next. Rates are in bits per
//! second and heights in pixels.
//!
//! # Limits
//!
//! - Packets are forwarded, not repaired: NACK, RTX, FEC and RED, in both directions, are up to the
//!   caller, as are RTCP, header extensions and the bandwidth estimate of each viewer.
//! - The caller assigns SSRCs to sources, for example by MID and RID ([`Room::add_encoding`]).
//! - When a viewer is switched to another encoding, its timestamps continue by the arrival times of packets, not by
//!   sender reports. Lip sync may change by the difference of the delays of the two encodings.
//! - A viewer of a spatial layer also gets all lower ones, even in `_KEY` modes. Spatial layers are added at key
//!   frames only.
//! - VP9 without switching-up points (U) gets its temporal layers back at key frames only. H.264 has
//!   temporal layers only with the Dependency Descriptor.

pub mod allocator;
mod audio;
mod conference;
mod constraints;
mod encoding;
mod id;
pub mod join_cache;
mod layer_filter;
mod output;
pub mod packet;
mod rate_meter;
pub mod request_merger;
pub mod speakers;
mod stream;
mod subscription;
mod up_hold;

pub use audio::{AudioForwarder, AudioTransmit};
pub use conference::{
    EncodingConfig, LayerInfo, Room, RoomConfig, RoomCounters, RoomError, RoomEvent, RoomTransmit,
};
pub use constraints::{PauseReason, SourceLimits, StreamState, ViewerConstraints};
pub use id::{ParticipantId, StreamId};
pub use output::{OutputConfig, ViewerOutput};
pub use speakers::Speakers;
pub use stream::{SourceKind, StreamConfig};
