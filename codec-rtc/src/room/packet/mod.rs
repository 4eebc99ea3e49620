//! Received packets of a video encoding, parsed as far as a room needs: frames, layers, switch points.
//!
//! [`Inspector`] reads the Dependency Descriptor if the packet has one, and parses the payload only if it
//! has none. Frames encrypted from end to end can therefore be forwarded by their descriptors.

mod fields;
mod inspector;
mod payload;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(in crate::room) use fields::Fields;
pub use inspector::Inspector;

/// Where a receiver of lower temporal layers can add higher ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwitchPoint {
    /// Not at this frame.
    #[default]
    None,
    /// With this frame, up to the given temporal layer: this frame and all later ones up to that layer
    /// need no earlier frame of the upper layers (Y bit of VP8, switch indication of the Dependency
    /// Descriptor).
    UpTo(u8),
    /// After this frame: later frames of higher temporal layers need none of those layers from before
    /// it (U bit of VP9).
    After,
}

/// The frame that a packet belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Whether the packet is the first of its layer frame.
    pub starts_frame: bool,
    /// Whether the packet is the last of its layer frame.
    pub ends_frame: bool,
    /// Whether the frame is a key frame: it needs no other frame of the encoding.
    pub is_key: bool,
    /// Spatial layer, 0..=7, counted from the lowest one of the encoding.
    pub spatial_id: u8,
    /// Temporal layer, 0..=7.
    pub temporal_id: u8,
    /// Where higher temporal layers can be added.
    pub switch_point: SwitchPoint,
    /// Width and height of the layer in pixels, if the packet states them.
    pub size: Option<(u32, u32)>,
}

impl FrameInfo {
    /// Whether decoding can start at this packet.
    #[must_use]
    pub fn starts_key_frame(&self) -> bool {
        self.starts_frame && self.is_key && self.spatial_id == 0
    }
}

/// A received RTP packet with the facts that forwarding depends on. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct MediaPacket {
    /// The RTP packet.
    pub data: Arc<[u8]>,
    /// Sequence number of the encoding, without wraps.
    pub number: i64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// The frame.
    pub frame: FrameInfo,
    /// Positions of the fields that each viewer gets with other values.
    pub(in crate::room) fields: Fields,
}
