//! H.264 in RTP: packetizer, depacketizer, `profile-level-id`. RFC 6184.
//!
//! | section of RFC 6184 | subject | here |
//! |---|---|---|
//! | 5.1 | marker, timestamp | [`Packetizer`], [`Depacketizer`] |
//! | 5.2, 5.6 to 5.8 | payload structures | [`Payload`] |
//! | 6.2, 6.3 | packetization modes 0 and 1 | [`PacketizationMode`] |
//! | 7.1 | depacketization in modes 0 and 1 | [`Depacketizer`] |
//! | 8.1 | `profile-level-id` and the other parameters | [`ProfileLevelId`], [`crate::sdp::h264`] |
//! | 8.2.2 | offer and answer | [`crate::sdp::h264`] |
//!
//! Packets contain single NAL units, STAP-A or FU-A. The payload structures of the interleaved mode
//! (STAP-B, MTAP16, MTAP24, FU-B) are rejected with an error that names them. Access units are in the
//! byte stream format (ITU-T H.264, annex B).

mod depacketizer;
mod mode;
mod packetizer;
mod parameter_sets;
mod payload;
mod profile;
mod unit;

pub use super::vp8::{Counters, Pushed};
pub use codec_core::annex_b::Units;
pub use depacketizer::{AccessUnit, Depacketizer, DepacketizerConfig};
pub use mode::PacketizationMode;
pub use packetizer::{Packetizer, PacketizerConfig};
pub use parameter_sets::{MAX_SET_BYTES, ParameterSets};
pub use payload::{Aggregate, Fragment, Payload};
pub use profile::{InvalidProfileLevelId, Level, Profile, ProfileLevelId};
pub use unit::starts_access_unit;

pub(crate) use depacketizer::Joiner;
pub(crate) use parameter_sets::SetId;
pub(crate) use payload::START_CODE;
pub(crate) use unit::SliceHead;

/// RTP clock rate of video in Hz.
pub const CLOCK_HZ: u32 = 90_000;
