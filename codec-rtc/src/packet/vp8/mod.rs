//! VP8 in RTP: payload descriptor, packetizer, depacketizer. RFC 7741.

mod depacketizer;
mod descriptor;
mod packetizer;
mod partitions;
mod references;

pub use depacketizer::{
    AssembledFrame, Completeness, Counters, Depacketizer, DepacketizerConfig, MediaClock, Pushed,
};
pub use descriptor::{Descriptor, LayerInfo, PictureId};
pub use packetizer::{Packetizer, PacketizerConfig};
pub use references::{Decodable, References};

/// RTP clock rate of video in Hz.
pub const CLOCK_HZ: u32 = 90_000;
