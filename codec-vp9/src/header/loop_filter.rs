//! Loop filter fields of the uncompressed header.

use codec_core::error::Corrupt;

use super::bits::BitReader;

/// Changes of the filter level by reference and mode. They persist between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopFilterDeltas {
    /// By reference: intra, LAST, GOLDEN, ALTREF. -63..=63.
    pub reference: [i8; 4],
    /// By mode: ZERO, other inter modes. -63..=63.
    pub mode: [i8; 2],
}

impl Default for LoopFilterDeltas {
    fn default() -> Self {
        Self { reference: [1, 0, -1, -1], mode: [0, 0] }
    }
}

/// Settings of the loop filter for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopFilterHeader {
    /// Level of the frame, 0..=63; 0 disables the filter.
    pub level: u8,
    /// Sharpness, 0..=7.
    pub sharpness: u8,
    /// The deltas, if they apply to this frame.
    pub deltas: Option<LoopFilterDeltas>,
    /// The deltas that the next frame starts from.
    pub next_deltas: LoopFilterDeltas,
}

impl LoopFilterHeader {
    pub(super) fn parse(
        bits: &mut BitReader<'_>,
        mut deltas: LoopFilterDeltas,
    ) -> Result<Self, Corrupt> {
        let (level, sharpness) = (bits.byte(6)?, bits.byte(3)?);
        let enabled = bits.flag()?;
        if enabled && bits.flag()? {
            for delta in deltas.reference.iter_mut().chain(&mut deltas.mode) {
                if let Some(value) = bits.optional(|bits| bits.signed(6))? {
                    *delta = value.to_le_bytes()[0].cast_signed();
                }
            }
        }
        Ok(Self { level, sharpness, deltas: enabled.then_some(deltas), next_deltas: deltas })
    }
}
