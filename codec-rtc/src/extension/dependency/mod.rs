//! Frame dependencies: the Dependency Descriptor of the RTP Payload Format For AV1, annex A, usable
//! with any codec.
//!
//! The first packet of a key frame carries a [`Structure`]: templates of the following frames, the
//! decode targets (sets of layers that a receiver may choose to decode), and chains (frames that a
//! target must not miss). Each packet refers to a template and carries the differences from it.
//!
//! [`Writer`] selects the template, [`Reader`] keeps the structure, [`DescriptorBuilder`] creates
//! the descriptors of streams with one spatial and up to three temporal layers, and [`LayeredBuilder`]
//! the descriptors of streams with up to three spatial layers.

use crate::rtp::WriteError;

mod bits;
mod builder;
mod layered;
mod read;
mod structure;
mod write;

pub use builder::{DescriptorBuilder, FrameReferences};
pub use layered::{LayerFrame, LayeredBuilder};
pub use read::{MandatoryFields, Reader};
pub use structure::{DecodeTargetIndication, Structure, Template};
pub use write::{Writer, for_packet};

/// Maximum number of decode targets of a structure.
pub const MAX_DECODE_TARGETS: usize = 32;
/// Maximum number of templates of a structure.
pub const MAX_TEMPLATES: usize = 64;
/// Maximum distance of a referenced frame.
pub const MAX_FRAME_DIFF: u16 = 1 << 12;
/// Highest spatial layer id.
const MAX_SPATIAL_ID: u8 = 3;
/// Highest temporal layer id.
const MAX_TEMPORAL_ID: u8 = 7;
/// Number of template ids; ids and their offset have six bits.
const TEMPLATE_IDS: u8 = 64;
/// Maximum frame difference in a template.
const MAX_TEMPLATE_DIFF: u16 = 16;
/// Size of the mandatory fields in bytes.
const MANDATORY_BYTES: usize = 3;

/// The descriptor of one packet, with the template resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet is the first of the frame.
    pub start_of_frame: bool,
    /// Whether the packet is the last of the frame.
    pub end_of_frame: bool,
    /// Frame number, counted over all layers; wraps.
    pub frame_number: u16,
    /// Spatial layer, 0..=3.
    pub spatial_id: u8,
    /// Temporal layer, 0..=7.
    pub temporal_id: u8,
    /// Relation of the frame to each decode target.
    pub dtis: Vec<DecodeTargetIndication>,
    /// Distances to the referenced frames, 1..=4096 each; empty for a key frame.
    pub frame_diffs: Vec<u16>,
    /// For each chain, the distance to its previous frame; 0 if there is none.
    pub chain_diffs: Vec<u8>,
    /// Width and height of the spatial layer, if the structure contains resolutions.
    pub resolution: Option<(u32, u32)>,
    /// Bit mask of the active decode targets, if the packet contains it. A structure without it
    /// activates all.
    pub active_decode_targets: Option<u32>,
    /// The structure, if the packet carries one; it applies to this and all later packets.
    pub structure: Option<Structure>,
}

/// Distances from a frame to its references, each once, the nearest first.
///
/// # Errors
/// If a reference is not before the frame or more than [`MAX_FRAME_DIFF`] back.
fn frame_diffs(number: i64, references: &[i64]) -> Result<Vec<u16>, WriteError> {
    let mut diffs = Vec::with_capacity(references.len());
    for &reference in references {
        match u16::try_from(number.saturating_sub(reference)) {
            Ok(diff @ 1..=MAX_FRAME_DIFF) => diffs.push(diff),
            _ => {
                let what = "a frame reference is not 1 to 4096 frames back";
                return Err(WriteError::Field { what });
            }
        }
    }
    diffs.sort_unstable();
    diffs.dedup();
    Ok(diffs)
}

/// Distance from a frame to the previous one of a chain, at most 255; 0 if there is none.
fn chain_diff(number: i64, previous: Option<i64>) -> u8 {
    previous.map_or(0, |it| u8::try_from(number.saturating_sub(it)).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests;
