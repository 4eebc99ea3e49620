//! Lists the frames in AV1 packets, with the properties in their frame headers.

use codec_core::frame::Size;

use super::frame_header::{Coded, Header, HeaderParser};
use super::frame_kind::Av1FrameKind;
use super::references::{Slot, Slots};
use super::units::{SEQUENCE_HEADER, SequenceHeader, Unit};

const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const FRAME: u8 = 6;

/// A frame as its header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Frame {
    /// The type of the frame, or of the frame that it shows if [`Self::existing`] is given.
    pub kind: Av1FrameKind,
    /// The slot whose frame is shown again; nothing is coded then.
    pub existing: Option<u8>,
    /// Whether the frame is shown.
    pub is_shown: bool,
    /// Whether a later packet may show the frame.
    pub is_showable: bool,
    /// Whether the frame can be parsed without the probabilities of earlier frames.
    pub error_resilient: bool,
    /// Position in display order, modulo a power of two; 0 if the sequence has none.
    pub order_hint: u32,
    /// Slots that the frame replaces, one bit for each.
    pub refreshes: u8,
    /// Slots of LAST, LAST2, LAST3, GOLDEN, BWDREF, ALTREF2 and ALTREF; `None` for intra frames.
    pub references: Option<[u8; 7]>,
    /// Size after super-resolution.
    pub size: Size,
    /// Columns and rows of tiles.
    pub tiles: (u32, u32),
    /// Base quantiser index, 0 to 255; `None` if nothing is coded.
    pub qindex: Option<u8>,
    /// Temporal layer.
    pub temporal_id: u8,
    /// Spatial layer.
    pub spatial_id: u8,
    /// Bytes of the packet from the end of the frame before to the end of this one.
    pub bytes: u64,
}

/// Reads the frame headers of a stream: packets in decoding order.
#[derive(Clone, Debug, Default)]
pub struct Av1Frames {
    sequence: Option<SequenceHeader>,
    slots: Slots,
}

impl Av1Frames {
    /// Creates a reader. `private` is the configuration record of MP4 or Matroska, or empty.
    #[must_use]
    pub fn new(private: &[u8]) -> Self {
        let mut frames = Self::default();
        // The OBUs follow four bytes.
        let _ = frames.read(private.get(4..).unwrap_or_default());
        frames
    }

    /// Reads the frames of a packet. `None` if an OBU or a header is damaged, or if a frame needs a header that is
    /// missing; the next packets can be read nevertheless.
    pub fn read(&mut self, packet: &[u8]) -> Option<Vec<Av1Frame>> {
        let mut frames: Vec<Av1Frame> = Vec::new();
        let mut open: Option<&[u8]> = None;
        let (mut rest, mut counted) = (packet, packet.len());
        while !rest.is_empty() {
            let (unit, tail) = Unit::parse(rest)?;
            rest = tail;
            let mut ends_frame = unit.kind() == TILE_GROUP;
            match unit.kind() {
                SEQUENCE_HEADER => self.sequence = Some(SequenceHeader::parse(unit.payload)?),
                FRAME => {
                    frames.push(self.frame(unit)?);
                    (open, ends_frame) = (None, true);
                }
                // A copy of the same header changes nothing.
                FRAME_HEADER if open != Some(unit.payload) => {
                    frames.push(self.frame(unit)?);
                    (open, ends_frame) = (Some(unit.payload), true);
                }
                _ => {}
            }
            if ends_frame && let Some(frame) = frames.last_mut() {
                frame.bytes += (counted - rest.len()) as u64;
                counted = rest.len();
            }
        }
        if let Some(frame) = frames.last_mut() {
            frame.bytes += counted as u64;
        }
        Some(frames)
    }

    fn frame(&mut self, unit: Unit<'_>) -> Option<Av1Frame> {
        let extension = unit.extension.unwrap_or(0);
        let (temporal_id, spatial_id) = (extension >> 5, extension >> 3 & 3);
        let sequence = self.sequence.as_ref()?;
        let layers = (temporal_id, spatial_id);
        let header = HeaderParser::new(unit.payload, sequence, &self.slots, layers).parse()?;
        let frame = match header {
            Header::Existing(index) => {
                let slot = self.slots.get(usize::from(index)).copied().flatten()?;
                // A key frame that is shown again replaces all slots.
                let refreshes = if slot.kind == Av1FrameKind::Key { 0xFF } else { 0 };
                Av1Frame {
                    kind: slot.kind,
                    existing: Some(index),
                    is_shown: true,
                    is_showable: false,
                    error_resilient: false,
                    order_hint: slot.order_hint,
                    refreshes,
                    references: None,
                    size: slot.size,
                    tiles: (0, 0),
                    qindex: None,
                    temporal_id,
                    spatial_id,
                    bytes: 0,
                }
            }
            Header::Coded(coded) => {
                let Coded { kind, is_shown, is_showable, error_resilient, order_hint, .. } = coded;
                let Coded { refreshes, references, size, tiles, qindex, .. } = coded;
                Av1Frame {
                    kind,
                    existing: None,
                    is_shown,
                    is_showable,
                    error_resilient,
                    order_hint,
                    refreshes,
                    references,
                    size,
                    tiles,
                    qindex: Some(qindex),
                    temporal_id,
                    spatial_id,
                    bytes: 0,
                }
            }
        };
        let slot = Slot { kind: frame.kind, size: frame.size, order_hint: frame.order_hint };
        for (index, held) in self.slots.iter_mut().enumerate() {
            if frame.refreshes >> index & 1 == 1 {
                *held = Some(slot);
            }
        }
        Some(frame)
    }
}
