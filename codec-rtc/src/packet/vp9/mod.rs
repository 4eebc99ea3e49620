//! VP9 in RTP: payload descriptor, packetizer, superframes of several spatial layers. RFC 9628.
//!
//! | section of RFC 9628 | subject | here |
//! |---|---|---|
//! | 4.2 | payload descriptor | [`Descriptor`] |
//! | 4.2.1 | scalability structure, frame groups (PG) | [`ScalabilityStructure`] |
//! | 4.2.2 | references in flexible mode | [`References`] |
//! | 4.3, 4.4 | division of frames among packets, marker | [`Packetizer`] |
//!
//! A *superframe* has one *layer frame* for each spatial layer, and one RTP timestamp. The packetizer
//! uses the flexible mode by default, in which each layer frame states its references;
//! [`crate::jitter::video::FrameBuffer`] receives the flexible and the non-flexible mode, and joins the
//! layer frames of each superframe.

mod descriptor;
mod group;
mod packetizer;
mod picture;
mod reader;
mod structure;

pub use super::vp8::PictureId;
pub use descriptor::{Descriptor, LayerIndices, MAX_REFERENCES, References};
pub use group::FrameGroup;
pub use packetizer::{Packetizer, PacketizerConfig};
pub use picture::{LayerFrame, append_superframe_index, shows_key_frame};
pub use structure::{GroupPicture, MAX_SPATIAL_LAYERS, ScalabilityStructure};

/// RTP clock rate of video in Hz.
pub const CLOCK_HZ: u32 = 90_000;
