//! Parts of the frame header, each with parser and writer.

use super::super::types::QIndex;
use super::literal_u8;
use codec_core::codec::SlotSet;
use codec_core::entropy::{BoolDecoder, BoolSink};

/// Reads a signed value whose magnitude has at most 7 bits.
fn signed_i8(reader: &mut BoolDecoder<'_>, bits: u32) -> i8 {
    i8::try_from(reader.get_signed(bits)).unwrap_or_default()
}

/// Reads a flag and, if it is set, a signed value; otherwise returns 0.
fn optional_i8(reader: &mut BoolDecoder<'_>, bits: u32) -> i8 {
    if reader.get_flag() { signed_i8(reader, bits) } else { 0 }
}

fn write_optional_i8<S: BoolSink>(sink: &mut S, value: i8, bits: u32) {
    sink.put_flag(value != 0);
    if value != 0 {
        sink.put_signed(value.into(), bits);
    }
}

/// Segment-based adjustments. Section 9.3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the bitstream")]
pub struct Segmentation {
    /// Whether segmentation is enabled.
    pub enabled: bool,
    /// Whether this frame updates the segment map; otherwise the map persists.
    pub update_map: bool,
    /// Whether this frame updates `absolute`, `quantiser` and `filter_level`; otherwise they
    /// persist.
    pub update_data: bool,
    /// Whether the values replace the frame's values; otherwise they are added to them.
    pub absolute: bool,
    /// Quantiser index by segment, -127..=127.
    pub quantiser: [i8; 4],
    /// Filter level by segment, -63..=63.
    pub filter_level: [i8; 4],
    /// Probabilities of the segment tree, coded only if [`Self::update_map`] is set.
    pub tree_probs: [u8; 3],
}

impl Segmentation {
    /// Returns the quantiser index of `segment` in a frame with index `frame_q`.
    #[must_use]
    pub fn qindex(&self, frame_q: QIndex, segment: u8) -> QIndex {
        let value = self.quantiser[usize::from(segment & 3)];
        QIndex::saturating(self.adjust(frame_q.get(), value, QIndex::MAX.get().into()))
    }

    /// Returns the filter level of `segment` in a frame with level `frame_level`: 0..=63.
    #[must_use]
    pub fn level(&self, frame_level: u8, segment: u8) -> u8 {
        let value = self.filter_level[usize::from(segment & 3)];
        self.adjust(frame_level, value, 63)
    }

    fn adjust(&self, base: u8, value: i8, max: i16) -> u8 {
        let base = i16::from(base);
        let adjusted = match (self.enabled, self.absolute) {
            (false, _) => base,
            (true, true) => value.into(),
            (true, false) => base + i16::from(value),
        };
        u8::try_from(adjusted.clamp(0, max)).unwrap_or_default()
    }

    pub(super) fn parse(&mut self, reader: &mut BoolDecoder<'_>) {
        self.enabled = reader.get_flag();
        (self.update_map, self.update_data) = (false, false);
        if !self.enabled {
            return;
        }
        self.update_map = reader.get_flag();
        self.update_data = reader.get_flag();
        if self.update_data {
            self.absolute = reader.get_flag();
            self.quantiser = std::array::from_fn(|_| optional_i8(reader, 7));
            self.filter_level = std::array::from_fn(|_| optional_i8(reader, 6));
        }
        if self.update_map {
            let mut prob = |_| if reader.get_flag() { literal_u8(reader, 8) } else { 255 };
            self.tree_probs = std::array::from_fn(&mut prob);
        }
    }

    pub(super) fn write<S: BoolSink>(&self, sink: &mut S) {
        sink.put_flag(self.enabled);
        if !self.enabled {
            return;
        }
        sink.put_flag(self.update_map);
        sink.put_flag(self.update_data);
        if self.update_data {
            sink.put_flag(self.absolute);
            self.quantiser.iter().for_each(|&value| write_optional_i8(sink, value, 7));
            self.filter_level.iter().for_each(|&value| write_optional_i8(sink, value, 6));
        }
        if self.update_map {
            for prob in self.tree_probs {
                sink.put_flag(prob != 255);
                if prob != 255 {
                    sink.put_literal(prob.into(), 8);
                }
            }
        }
    }
}

/// Loop filter type, level and deltas. Section 9.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterHeader {
    /// Whether the simple filter (luma only) is used rather than the normal one.
    pub is_simple: bool,
    /// Filter level, 0 (off) to 63.
    pub level: u8,
    /// Sharpness, 0..=7.
    pub sharpness: u8,
    /// Whether the deltas apply.
    pub deltas_enabled: bool,
    /// Level offsets by reference: current frame, last, golden, altref; -63..=63.
    pub reference_deltas: [i8; 4],
    /// Level offsets by mode: `B_PRED`, zero, nearest/near/new, split; -63..=63.
    pub mode_deltas: [i8; 4],
}

impl FilterHeader {
    pub(super) fn parse(&mut self, reader: &mut BoolDecoder<'_>) {
        self.is_simple = reader.get_flag();
        self.level = literal_u8(reader, 6);
        self.sharpness = literal_u8(reader, 3);
        self.deltas_enabled = reader.get_flag();
        if self.deltas_enabled && reader.get_flag() {
            for delta in self.reference_deltas.iter_mut().chain(&mut self.mode_deltas) {
                if reader.get_flag() {
                    *delta = signed_i8(reader, 6);
                }
            }
        }
    }

    /// Writes the deltas that differ from `before`.
    pub(super) fn write<S: BoolSink>(&self, sink: &mut S, before: &Self) {
        sink.put_flag(self.is_simple);
        sink.put_literal(self.level.into(), 6);
        sink.put_literal(self.sharpness.into(), 3);
        sink.put_flag(self.deltas_enabled);
        if !self.deltas_enabled {
            return;
        }
        let deltas = self.reference_deltas.iter().chain(&self.mode_deltas);
        let before = before.reference_deltas.iter().chain(&before.mode_deltas);
        let is_changed = !deltas.clone().eq(before.clone());
        sink.put_flag(is_changed);
        if is_changed {
            for (&delta, &before) in deltas.zip(before) {
                sink.put_flag(delta != before);
                if delta != before {
                    sink.put_signed(delta.into(), 6);
                }
            }
        }
    }
}

/// Offset of a quantiser index from the index of luma AC, -15..=15.
pub type DeltaQ = i8;

/// Quantiser indices. Section 9.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub struct QuantIndices {
    /// Index of luma AC, on which the others are based.
    pub y_ac: QIndex,
    pub y_dc: DeltaQ,
    pub y2_dc: DeltaQ,
    pub y2_ac: DeltaQ,
    pub uv_dc: DeltaQ,
    pub uv_ac: DeltaQ,
}

/// Quantiser steps of one index: DC, then AC. Sections 9.6 and 14.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub struct Steps {
    pub y: [i16; 2],
    pub y2: [i16; 2],
    pub uv: [i16; 2],
}

impl QuantIndices {
    /// Returns the steps at base index `qindex`, the index of the frame or of a segment.
    #[must_use]
    pub fn steps(&self, qindex: QIndex) -> Steps {
        let dc = |delta: DeltaQ| i16::from(qindex.offset(delta).dc_step());
        let ac = |delta: DeltaQ| qindex.offset(delta).ac_step().cast_signed();
        let y2_ac = i32::from(ac(self.y2_ac)) * 155 / 100;
        Steps {
            y: [dc(self.y_dc), ac(0)],
            y2: [dc(self.y2_dc) * 2, i16::try_from(y2_ac).unwrap_or(i16::MAX).max(8)],
            uv: [dc(self.uv_dc).min(132), ac(self.uv_ac)],
        }
    }

    pub(super) fn parse(reader: &mut BoolDecoder<'_>) -> Self {
        let y_ac = QIndex::saturating(literal_u8(reader, 7));
        let [y_dc, y2_dc, y2_ac, uv_dc, uv_ac] = std::array::from_fn(|_| optional_i8(reader, 4));
        Self { y_ac, y_dc, y2_dc, y2_ac, uv_dc, uv_ac }
    }

    pub(super) fn write<S: BoolSink>(&self, sink: &mut S) {
        sink.put_literal(self.y_ac.get().into(), 7);
        for delta in [self.y_dc, self.y2_dc, self.y2_ac, self.uv_dc, self.uv_ac] {
            write_optional_i8(sink, delta, 4);
        }
    }
}

/// Source of a copy to the golden or altref frame if the new frame does not replace it. Section
/// 9.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum BufferCopy {
    /// No copy.
    #[default]
    None,
    /// The last frame, before this frame replaces it.
    Last,
    /// The altref frame for a copy to golden, and the golden frame for a copy to altref.
    Other,
}

impl BufferCopy {
    /// Parses the source; the reserved value 3 counts as no copy.
    fn parse(reader: &mut BoolDecoder<'_>) -> Self {
        match reader.get_literal(2) {
            1 => Self::Last,
            2 => Self::Other,
            _ => Self::None,
        }
    }
}

/// Reference updates of a frame. Sections 9.7 and 9.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the bitstream")]
pub struct ReferenceUpdates {
    /// Whether the frame becomes the golden frame.
    pub refresh_golden: bool,
    /// Whether the frame becomes the altref frame.
    pub refresh_altref: bool,
    /// Whether the frame becomes the last frame.
    pub refresh_last: bool,
    /// Copy to golden; applies only if [`Self::refresh_golden`] is false.
    pub copy_to_golden: BufferCopy,
    /// Copy to altref; applies only if [`Self::refresh_altref`] is false.
    pub copy_to_altref: BufferCopy,
    /// Whether the sign of vectors into the golden frame is inverted.
    pub sign_bias_golden: bool,
    /// Whether the sign of vectors into the altref frame is inverted.
    pub sign_bias_altref: bool,
}

impl ReferenceUpdates {
    /// The updates of a key frame.
    pub const KEY: Self = Self {
        refresh_golden: true,
        refresh_altref: true,
        refresh_last: true,
        copy_to_golden: BufferCopy::None,
        copy_to_altref: BufferCopy::None,
        sign_bias_golden: false,
        sign_bias_altref: false,
    };

    /// Returns the slots that the frame updates, by replacement or copy.
    #[must_use]
    pub fn slots(&self) -> SlotSet {
        let golden = self.refresh_golden || self.copy_to_golden != BufferCopy::None;
        let altref = self.refresh_altref || self.copy_to_altref != BufferCopy::None;
        let updated = [
            (self.refresh_last, SlotSet::LAST),
            (golden, SlotSet::GOLDEN),
            (altref, SlotSet::ALTREF),
        ];
        let updated = updated.into_iter().filter(|(is_updated, _)| *is_updated);
        updated.fold(SlotSet::NONE, |slots, (_, slot)| slots.with(slot))
    }

    /// Returns the sign bias by [`Reference`](crate::types::Reference).
    #[must_use]
    pub fn sign_biases(&self) -> [bool; 3] {
        [false, self.sign_bias_golden, self.sign_bias_altref]
    }

    pub(super) fn parse_buffers(&mut self, reader: &mut BoolDecoder<'_>) {
        self.refresh_golden = reader.get_flag();
        self.refresh_altref = reader.get_flag();
        if !self.refresh_golden {
            self.copy_to_golden = BufferCopy::parse(reader);
        }
        if !self.refresh_altref {
            self.copy_to_altref = BufferCopy::parse(reader);
        }
        self.sign_bias_golden = reader.get_flag();
        self.sign_bias_altref = reader.get_flag();
    }

    pub(super) fn write_buffers<S: BoolSink>(&self, sink: &mut S) {
        sink.put_flag(self.refresh_golden);
        sink.put_flag(self.refresh_altref);
        if !self.refresh_golden {
            sink.put_literal(self.copy_to_golden as u32, 2);
        }
        if !self.refresh_altref {
            sink.put_literal(self.copy_to_altref as u32, 2);
        }
        sink.put_flag(self.sign_bias_golden);
        sink.put_flag(self.sign_bias_altref);
    }
}

/// Probabilities that apply to one frame. Sections 9.10 and 9.11.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModeProbabilities {
    /// Probability that a macroblock is not skipped; `None` if skip flags are disabled.
    pub skip: Option<u8>,
    /// Probability that a macroblock is intra. This and the following apply to inter frames only.
    pub intra: u8,
    /// Probability that an inter macroblock references the last frame.
    pub last: u8,
    /// Probability that an inter macroblock with another reference uses the golden frame.
    pub golden: u8,
}

impl ModeProbabilities {
    pub(super) fn parse_skip(reader: &mut BoolDecoder<'_>) -> Self {
        let skip = reader.get_flag().then(|| literal_u8(reader, 8));
        Self { skip, ..Self::default() }
    }

    pub(super) fn write_skip<S: BoolSink>(&self, sink: &mut S) {
        sink.put_flag(self.skip.is_some());
        if let Some(prob) = self.skip {
            sink.put_literal(prob.into(), 8);
        }
    }

    pub(super) fn parse_references(&mut self, reader: &mut BoolDecoder<'_>) {
        self.intra = literal_u8(reader, 8);
        self.last = literal_u8(reader, 8);
        self.golden = literal_u8(reader, 8);
    }

    pub(super) fn write_references<S: BoolSink>(&self, sink: &mut S) {
        for prob in [self.intra, self.last, self.golden] {
            sink.put_literal(prob.into(), 8);
        }
    }
}
