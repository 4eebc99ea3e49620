//! Quantised coefficients of a macroblock. RFC 6386, sections 13 and 14.

use codec_simd::Coeffs;

/// Plane types of section 13.3.
pub(super) const LUMA_AFTER_Y2: u8 = 0;
pub(super) const LUMA_Y2: u8 = 1;
pub(super) const CHROMA: u8 = 2;
pub(super) const LUMA_WHOLE: u8 = 3;

/// Index of the Y2 block in a macroblock: after 16 of Y, 4 of U and 4 of V.
pub(super) const Y2: usize = 24;

/// Quantised coefficients of a macroblock, in scan order.
#[derive(Clone, Debug, Default)]
pub(super) struct MbLevels {
    pub(super) luma: Coeffs<16>,
    pub(super) chroma: Coeffs<8>,
    pub(super) y2: Coeffs<1>,
    /// End of block of each block: the position after its last non-zero level, 0 if empty.
    pub(super) luma_eobs: [u8; 16],
    pub(super) chroma_eobs: [u8; 8],
    pub(super) y2_eob: [u8; 1],
}

impl MbLevels {
    /// Returns the ends of all blocks, in the order of [`Self::block`].
    pub(super) fn eobs(&self) -> [u8; 25] {
        let mut eobs = [0; 25];
        eobs[..16].copy_from_slice(&self.luma_eobs);
        eobs[16..Y2].copy_from_slice(&self.chroma_eobs);
        eobs[Y2] = self.y2_eob[0];
        eobs
    }

    /// Returns the levels of block `n`: 0..16 Y, 16..20 U, 20..24 V, 24 Y2.
    pub(super) fn block(&self, n: usize) -> &[i16; 16] {
        match n {
            0..16 => &self.luma.0[n],
            16..24 => &self.chroma.0[n - 16],
            _ => &self.y2.0[0],
        }
    }
}

/// A macroblock with coefficients, without their values.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedMb {
    pub(super) eobs: [u8; 25],
    pub(super) has_y2: bool,
    /// Flags of the neighbouring blocks above and to the left that have coefficients, in the order
    /// of [`super::row_context::AboveInfo::nonzero`].
    pub(super) above: u16,
    pub(super) left: u16,
}
