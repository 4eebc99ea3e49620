//! Fields of the sequence header that are needed to parse frame headers: enabled coding tools and
//! field lengths. AV1 specification, section 5.5.1.

use crate::bits::Bits;

/// How a tool is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// For the whole sequence.
    Sequence(bool),
    /// In each frame header.
    Frame,
}

/// The decoder model: lengths of its fields in frame headers, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecoderModel {
    pub(super) removal_bits: u32,
    pub(super) presentation_bits: u32,
}

/// The tools and field lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tools {
    /// Bits of frame ids and of their differences, if frames have ids.
    pub(super) frame_id_bits: Option<(u32, u32)>,
    pub(super) large_superblocks: bool,
    /// Bits of the order hint; 0: no order hints.
    pub(super) order_hint_bits: u32,
    pub(super) reference_vectors: bool,
    pub(super) screen_content: Choice,
    pub(super) integer_vectors: Choice,
    pub(super) super_resolution: bool,
}

impl Tools {
    /// Parses from the frame ids to the loop filters.
    pub(super) fn parse(bits: &mut Bits<'_>, reduced: bool) -> Option<Self> {
        let mut frame_id_bits = None;
        if !reduced && bits.flag()? {
            let delta = bits.take(4)? + 2;
            frame_id_bits = Some((bits.take(3)? + delta + 1, delta));
        }
        let large_superblocks = bits.flag()?;
        bits.take(2)?;
        let mut tools = Self {
            frame_id_bits,
            large_superblocks,
            order_hint_bits: 0,
            reference_vectors: false,
            screen_content: Choice::Frame,
            integer_vectors: Choice::Frame,
            super_resolution: false,
        };
        if !reduced {
            tools.parse_inter(bits)?;
        }
        tools.super_resolution = bits.flag()?;
        bits.take(2)?;
        Some(tools)
    }

    fn parse_inter(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.take(4)?;
        let has_order = bits.flag()?;
        if has_order {
            bits.flag()?;
            self.reference_vectors = bits.flag()?;
        }
        let choice = |bits: &mut Bits<'_>| {
            Some(if bits.flag()? { Choice::Frame } else { Choice::Sequence(bits.flag()?) })
        };
        self.screen_content = choice(bits)?;
        if self.screen_content != Choice::Sequence(false) {
            self.integer_vectors = choice(bits)?;
        }
        if has_order {
            self.order_hint_bits = bits.take(3)? + 1;
        }
        Some(())
    }
}
