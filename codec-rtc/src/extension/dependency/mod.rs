//! Which frames a frame needs: the Dependency Descriptor. RTP Payload Format For AV1, annex A; not
//! bound to AV1.
//!
//! A key frame's first packet carries a [`Structure`]: templates of the frames to come, the decode
//! targets (what one may choose to decode, usually up to a temporal layer), and chains (frames that
//! a target must not miss). Each packet names a template and says what differs from it.
//!
//! [`Writer`] finds the template, [`Reader`] keeps the structure, [`Describer`] makes the
//! descriptors of streams with one spatial and up to three temporal layers.

mod bits;
mod describer;
mod read;
mod structure;
mod write;

pub use describer::{Describer, FrameReferences};
pub use read::{Mandatory, Reader};
pub use structure::{Indication, Structure, Template};
pub use write::Writer;

/// Most decode targets of a structure.
pub const MAX_TARGETS: usize = 32;
/// Most templates of a structure.
pub const MAX_TEMPLATES: usize = 64;
/// Most frames back that a frame can say it needs.
pub const MAX_FRAME_DIFF: u16 = 1 << 12;
/// Spatial and temporal layers.
const MAX_SPATIAL_ID: u8 = 3;
const MAX_TEMPORAL_ID: u8 = 7;
/// Template ids and their offset have six bits.
const TEMPLATE_IDS: u8 = 64;
/// The longest difference in a template.
const MAX_TEMPLATE_DIFF: u16 = 16;
/// Bytes of the fields that every descriptor has.
const MANDATORY_BYTES: usize = 3;

/// What one packet's descriptor says, templates looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// The frame begins with this packet.
    pub start_of_frame: bool,
    /// The frame ends with this packet.
    pub end_of_frame: bool,
    /// Counts frames of all layers; wraps.
    pub frame_number: u16,
    /// 0..=3.
    pub spatial_id: u8,
    /// 0..=7.
    pub temporal_id: u8,
    /// What the frame is to each decode target.
    pub indications: Vec<Indication>,
    /// The frames that it needs, as frames back: 1..=4096 each. None for a key frame.
    pub frame_diffs: Vec<u16>,
    /// For each chain, how many frames back its frame before this one is; 0 if there is none.
    pub chain_diffs: Vec<u8>,
    /// Width and height of the spatial layer, if the structure tells them.
    pub resolution: Option<(u32, u32)>,
    /// Decode targets that are sent, a bit each, if the packet says so. A structure without it means
    /// all.
    pub active_targets: Option<u32>,
    /// The structure, if the packet carries one: for this and all later packets.
    pub structure: Option<Structure>,
}

#[cfg(test)]
mod tests;
