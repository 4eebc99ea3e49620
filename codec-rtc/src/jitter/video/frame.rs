//! What goes into the frame buffer beside the packets, and what comes out.

use std::fmt;
use std::time::Duration;

use crate::packet::vp8::{Decodable, Descriptor, PictureId};

/// Most frames that one frame may refer to.
pub const MAX_REFERENCES: usize = 8;

/// The frames that a frame refers to, each as its distance from the frame (`frame_diffs` of the
/// Dependency Descriptor): none for a key frame.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameDiffs {
    diffs: [u16; MAX_REFERENCES],
    len: usize,
}

impl FrameDiffs {
    /// Those distances: 1 is the frame before. `None` if there are more than [`MAX_REFERENCES`], or
    /// one is 0.
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

/// What the Dependency Descriptor of a packet says of its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameDependency {
    /// Counts the frames of the stream, and wraps.
    pub frame_number: u16,
    /// The packet is the first of its frame.
    pub starts_frame: bool,
    /// The packet is the last of its frame.
    pub ends_frame: bool,
    /// 0: the base layer.
    pub temporal_id: u8,
    /// What the frame refers to; `None` while the structure with the templates is not known.
    pub diffs: Option<FrameDiffs>,
}

/// How long frames may be held back (the playout-delay extension).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// At least, even if the network needs less. With `max` both 0: show on arrival.
    pub min: Duration,
    /// At most, even if the network needs more.
    pub max: Duration,
}

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketInfo {
    /// From the Dependency Descriptor.
    pub dependency: Option<FrameDependency>,
    /// When the frame was captured, on the sender's NTP clock in 32.32 (abs-capture-time).
    pub captured: Option<u64>,
    /// From the playout-delay extension: holds from this frame on.
    pub playout_delay: Option<PlayoutDelay>,
    /// The packet came by retransmission or was made from FEC, so that its time says nothing of
    /// the network's jitter.
    pub repaired: bool,
}

/// Names a frame to the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameId {
    /// Number of the Dependency Descriptor.
    pub frame_number: Option<u16>,
    /// Number of the VP8 payload descriptor (what RPSI carries: RFC 7741, section 5.2).
    pub picture_id: Option<PictureId>,
    /// RTP timestamp.
    pub timestamp: u32,
}

/// A frame for the decoder.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts what came out of the buffer; [`super::FrameBuffer::decoded`] takes it.
    pub number: u64,
    /// The coded frame.
    pub data: Vec<u8>,
    /// Names of the frame.
    pub id: FrameId,
    /// The timestamp without wraps, in ticks of 90 kHz; the first packet's is its own.
    pub media_ticks: i64,
    /// A key frame.
    pub is_key: bool,
    /// 0: the base layer, or no layers.
    pub temporal_id: u8,
    /// Of its first packet.
    pub descriptor: Descriptor,
    /// Whether all that it refers to was given out before. [`Decodable::No`] only where
    /// [`super::FrameBufferConfig::conceal`] asks for such frames.
    pub decodable: Decodable,
    /// When it was captured, on the sender's NTP clock in 32.32.
    pub captured: Option<u64>,
    /// When its first and its last packet came.
    pub arrived: (Duration, Duration),
    /// Packets of the frame.
    pub packets: u32,
    /// Of those, how many came by retransmission or FEC.
    pub repaired_packets: u32,
    /// When to show it: not before the one before it; in the past if it is late.
    pub render_at: Duration,
}

/// A loss that cannot be repaired, for the sender: it may answer with a frame that refers only to
/// what was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostFrame {
    /// The last frame that was given out as decodable; `None` before the first.
    pub last_decoded: Option<FrameId>,
    /// The first frame that cannot be decoded: missing packets, or something that it refers to.
    pub lost: FrameId,
}

/// Why frames did not come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DroppedFrames {
    /// Something that they refer to is lost.
    pub reference_lost: u64,
    /// No key frame came before them.
    pub no_key_frame: u64,
    /// Packets of them were missing when a later frame came out.
    pub incomplete: u64,
    /// Complete, and passed over by a later frame that needs none of them.
    pub overtaken: u64,
    /// They waited too long for others.
    pub too_old: u64,
    /// More bytes than a frame may have.
    pub too_large: u64,
    /// Thrown away because too much was held, or the numbers began anew.
    pub overflow: u64,
}

impl DroppedFrames {
    /// All of them: `framesDropped` of getStats, as far as the decoder is not to blame.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { reference_lost, no_key_frame, incomplete, overtaken, .. } = *self;
        let Self { too_old, too_large, overflow, .. } = *self;
        reference_lost + no_key_frame + incomplete + overtaken + too_old + too_large + overflow
    }
}
