//! Fields of interlaced video, which can be access units of their own. ITU-T H.264, clause 7.3.3.

use codec_core::annex_b::Units;

use super::description::summary_of;
use super::sps::unescape;
use crate::bits::Bits;

/// Bytes of a slice that hold the start of its header.
const HEADER_BYTES: usize = 24;

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodedField {
    frame_num: u32,
    is_bottom: bool,
}

impl CodedField {
    /// Whether a field that follows this one belongs to the same frame.
    pub(crate) fn pairs_with(self, next: Self) -> bool {
        self.frame_num == next.frame_num && self.is_bottom != next.is_bottom
    }
}

/// Recognises fields by the last sequence parameter set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldParser {
    /// Number of bits of `frame_num`; `None` if the stream cannot have fields.
    frame_num_bits: Option<u32>,
}

impl FieldParser {
    /// Returns the field in an access unit; `None` if it is a frame.
    pub(crate) fn field(&mut self, unit: &[u8]) -> Option<CodedField> {
        if let Some(summary) = summary_of(unit) {
            self.frame_num_bits = (!summary.frames_only).then_some(summary.frame_num_bits);
        }
        let frame_num_bits = self.frame_num_bits?;
        let is_slice =
            |unit: &&[u8]| unit.first().is_some_and(|header| matches!(header & 31, 1 | 5));
        let slice = Units::new(unit).find(is_slice)?;
        let header = unescape(slice.get(1..slice.len().min(HEADER_BYTES))?);
        let mut bits = Bits::new(&header);
        // Address, type, picture parameter set.
        for _ in 0..3 {
            bits.ue()?;
        }
        let frame_num = bits.take(frame_num_bits)?;
        let is_field = bits.flag()?;
        let is_bottom = is_field && bits.flag()?;
        is_field.then_some(CodedField { frame_num, is_bottom })
    }
}
