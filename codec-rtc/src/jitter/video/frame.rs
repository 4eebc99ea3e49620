//! Input and output types of the frame buffer.

use std::fmt;
use std::time::Duration;

use crate::extension::{PlayoutDelay, dependency};
use crate::packet::vp8::{Decodable, Descriptor, PictureId};
use crate::packet::vp9::LayerFrame;

/// Maximum number of references of a frame, or of the layer frames of a superframe.
pub const MAX_REFERENCES: usize = 9;

/// References of a frame as distances (`frame_diffs` of the Dependency Descriptor); empty for a key
/// frame.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameDiffs {
    diffs: [u16; MAX_REFERENCES],
    len: usize,
}

impl FrameDiffs {
    /// Creates the list; 1 is the previous frame. `None` if there are more than [`MAX_REFERENCES`]
    /// or one is 0.
    #[must_use]
    pub fn new(diffs: &[u16]) -> Option<Self> {
        let mut kept = Self { diffs: [0; MAX_REFERENCES], len: diffs.len() };
        kept.diffs.get_mut(..diffs.len())?.copy_from_slice(diffs);
        (!diffs.contains(&0)).then_some(kept)
    }

    /// The distances.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        self.diffs.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for FrameDiffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// Dependency Descriptor of a packet, as needed by the frame buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameDependency {
    /// Frame number; wraps.
    pub frame_number: u16,
    /// Whether the packet is the first of its frame.
    pub starts_frame: bool,
    /// Whether the packet is the last of its frame.
    pub ends_frame: bool,
    /// Temporal layer; 0 is the base layer.
    pub temporal_id: u8,
    /// References of the frame; `None` while the template structure is unknown.
    pub diffs: Option<FrameDiffs>,
}

impl From<&dependency::Descriptor> for FrameDependency {
    fn from(descriptor: &dependency::Descriptor) -> Self {
        Self {
            frame_number: descriptor.frame_number,
            starts_frame: descriptor.start_of_frame,
            ends_frame: descriptor.end_of_frame,
            temporal_id: descriptor.temporal_id,
            diffs: FrameDiffs::new(&descriptor.frame_diffs),
        }
    }
}

/// Metadata of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketInfo {
    /// From the Dependency Descriptor.
    pub dependency: Option<FrameDependency>,
    /// Capture time by the sender's NTP clock in 32.32 format (abs-capture-time).
    pub captured: Option<u64>,
    /// From the playout-delay extension; applies from this frame on.
    pub playout_delay: Option<PlayoutDelay>,
    /// Whether the packet was retransmitted or recovered by FEC, so that its arrival time says
    /// nothing about network jitter.
    pub recovered: bool,
}

/// Identifies a frame in feedback to the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameId {
    /// Frame number of the Dependency Descriptor.
    pub frame_number: Option<u16>,
    /// `PictureID` of the payload descriptor of VP8 or VP9, as used in RPSI (RFC 7741, section 5.1).
    pub picture_id: Option<PictureId>,
    /// RTP timestamp.
    pub timestamp: u32,
}

/// A frame for the decoder.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Number of the frame in output order, for [`super::FrameBuffer::decoded`].
    pub number: u64,
    /// The coded frame; for H.264, an access unit in the byte stream format; for VP9, the layer frames
    /// of a superframe, with a superframe index if there are several.
    pub data: Vec<u8>,
    /// The layer frames of a VP9 superframe.
    pub layers: Vec<LayerFrame>,
    /// Whether spatial layers of a VP9 superframe are missing in [`Self::data`], because packets of them or of
    /// their references were lost.
    pub lacks_layers: bool,
    /// References of a VP9 superframe as distances between superframes, if they are known.
    pub references: Option<FrameDiffs>,
    /// Identifiers of the frame.
    pub id: FrameId,
    /// Unwrapped timestamp in ticks of 90 kHz, starting at the timestamp of the first packet.
    pub media_ticks: i64,
    /// Whether it is a key frame.
    pub is_key: bool,
    /// Temporal layer; 0 is the base layer or a stream without layers.
    pub temporal_id: u8,
    /// VP8 payload descriptor of the first packet. For H.264, it has only
    /// [`Descriptor::non_reference`]; for VP9, the `PictureID`, TL0PICIDX and temporal layer.
    pub descriptor: Descriptor,
    /// Whether all references were emitted before. [`Decodable::No`] occurs only if
    /// [`super::FrameBufferConfig::conceal`] is set.
    pub decodable: Decodable,
    /// Capture time by the sender's NTP clock in 32.32 format.
    pub captured: Option<u64>,
    /// Arrival of the first and the last packet.
    pub arrived: (Duration, Duration),
    /// Number of packets.
    pub packets: u32,
    /// Number of packets that were retransmitted or recovered by FEC.
    pub recovered_packets: u32,
    /// Render time: not before the render time of the previous frame; in the past if the frame is late.
    pub render_at: Duration,
}

/// An unrecoverable loss, to be reported to the sender, which may respond with a frame that
/// references decoded frames only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostFrame {
    /// The last frame emitted as decodable; `None` before the first.
    pub last_decoded: Option<FrameId>,
    /// The first frame that cannot be decoded because of missing packets or references.
    pub lost: FrameId,
}

/// Dropped frames by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DroppedFrames {
    /// A reference is lost.
    pub reference_lost: u64,
    /// No key frame was received before.
    pub no_key_frame: u64,
    /// Packets were missing when a later frame was emitted.
    pub incomplete: u64,
    /// Complete, but skipped by a later frame that does not need it.
    pub skipped: u64,
    /// Waited too long for other frames.
    pub too_old: u64,
    /// Larger than the maximum frame size.
    pub too_large: u64,
    /// Complete, but its packets do not form a frame.
    pub malformed: u64,
    /// Dropped because the buffer was full or the sequence numbers restarted.
    pub overflow: u64,
    /// Emitted without some of its spatial layers (VP9); not in [`Self::total`].
    pub layers: u64,
}

impl DroppedFrames {
    /// Sum of all: `framesDropped` of getStats, except for frames dropped by the decoder.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { reference_lost, no_key_frame, incomplete, skipped: overtaken, .. } = *self;
        let Self { too_old, too_large, malformed, overflow, .. } = *self;
        let unusable = too_large + malformed + overflow;
        reference_lost + no_key_frame + incomplete + overtaken + too_old + unusable
    }
}
