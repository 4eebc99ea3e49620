//! Residuals: transform, quantisation, cost, and reconstruction. RFC 6386, section 14.

use codec_simd::{Block16, BlockMask, BlockUv, Coeffs, Kernels};

use super::levels::MbLevels;
use super::quant::MbQuantisers;
use super::rate_distortion::RateDistortion;
use super::rate_table::estimate_bits;
use super::trellis::Trellis;

/// Residual of a macroblock: quantised levels and dequantised coefficients.
#[derive(Clone, Debug, Default)]
pub(super) struct Residual {
    pub(super) levels: MbLevels,
    /// Dequantised coefficients in raster order; luma DCs are unused with Y2.
    luma: Coeffs<16>,
    chroma: Coeffs<8>,
    y2: Coeffs<1>,
}

impl Residual {
    /// Transforms and quantises luma with a Y2 block.
    pub(super) fn code_luma(
        &mut self,
        kernels: &Kernels,
        cur: &Block16,
        pred: &Block16,
        set: MbQuantisers<'_>,
        trellis: Option<Trellis<'_>>,
    ) -> RateDistortion {
        if let Some(trellis) = trellis {
            let mut coeffs = Coeffs::<16>::default();
            kernels.fdct_luma(cur, pred, &mut coeffs.0);
            let dcs = coeffs.0.map(|block| block[0]);
            let coeffs_y2 = kernels.forward_wht(&dcs);
            let back: [&mut [[i16; 16]]; 2] = [&mut self.luma.0, &mut self.y2.0];
            return trellis.luma(kernels, &coeffs.0, &coeffs_y2, set, &mut self.levels, back);
        }
        let mut dcs = [0; 16];
        let MbLevels { luma, y2, luma_eobs, y2_eob, .. } = &mut self.levels;
        let coeffs = kernels.transform_quantise_luma(
            cur,
            pred,
            &set.y1_ac,
            &mut luma.0,
            &mut self.luma.0,
            luma_eobs,
            &mut dcs,
        );
        let coeffs_y2 = [kernels.forward_wht(&dcs)];
        kernels.quantise(&coeffs_y2, &set.y2, &mut y2.0, &mut self.y2.0, y2_eob);
        let error_y2 = kernels.coeff_sse(&coeffs_y2, &self.y2.0);
        let bits_q8 = estimate_bits(kernels, &y2.0, &*y2_eob, 0)
            + estimate_bits(kernels, &luma.0, &*luma_eobs, 1);
        RateDistortion { sse: coeffs / 4 + error_y2 / 16, bits_q8 }
    }

    /// Transforms and quantises luma without a Y2 block.
    pub(super) fn code_luma_whole(
        &mut self,
        kernels: &Kernels,
        cur: &Block16,
        pred: &Block16,
        set: MbQuantisers<'_>,
        trellis: Option<Trellis<'_>>,
    ) -> RateDistortion {
        if let Some(trellis) = trellis {
            let mut coeffs = Coeffs::<16>::default();
            kernels.fdct_luma(cur, pred, &mut coeffs.0);
            return trellis.luma_whole(kernels, &coeffs.0, set, &mut self.levels, &mut self.luma.0);
        }
        let MbLevels { luma, luma_eobs, y2_eob, .. } = &mut self.levels;
        let coeffs = kernels.transform_quantise_luma(
            cur,
            pred,
            &set.y1,
            &mut luma.0,
            &mut self.luma.0,
            luma_eobs,
            &mut [0; 16],
        );
        *y2_eob = [0];
        let bits_q8 = estimate_bits(kernels, &luma.0, &*luma_eobs, 0);
        RateDistortion { sse: coeffs / 4, bits_q8 }
    }

    /// Transforms and quantises both chroma blocks.
    pub(super) fn code_chroma(
        &mut self,
        kernels: &Kernels,
        cur: &BlockUv,
        pred: &BlockUv,
        set: MbQuantisers<'_>,
        trellis: Option<Trellis<'_>>,
    ) -> RateDistortion {
        if let Some(trellis) = trellis {
            let mut coeffs = Coeffs::<8>::default();
            kernels.fdct_chroma(cur, pred, &mut coeffs.0);
            return trellis.chroma(kernels, &coeffs.0, set, &mut self.levels, &mut self.chroma.0);
        }
        let MbLevels { chroma, chroma_eobs, .. } = &mut self.levels;
        let coeffs = kernels.transform_quantise_chroma(
            cur,
            pred,
            &set.uv,
            &mut chroma.0,
            &mut self.chroma.0,
            chroma_eobs,
        );
        let bits_q8 = estimate_bits(kernels, &chroma.0, &*chroma_eobs, 0);
        RateDistortion { sse: coeffs / 4, bits_q8 }
    }

    /// Changes chroma DCs so that the mean of each plane differs from the mean of `cur` by at most `limit`,
    /// as far as the step allows, where it differs by more.
    ///
    /// Half a step is 6 pixel levels at the coarsest quantisers. But a quarter of it can be reached by
    /// coding some of the four DCs of a plane: each block passes its error on to the next one, so the
    /// errors of a plane add up to at most half a step. The squared error stays about the same.
    pub(super) fn correct_chroma_means(
        &mut self,
        kernels: &Kernels,
        cur: &BlockUv,
        pred: &BlockUv,
        set: MbQuantisers<'_>,
        limit: u32,
    ) {
        let step = set.steps.uv[0];
        let mut coeffs = Coeffs::<8>::default();
        kernels.fdct_chroma(cur, pred, &mut coeffs.0);
        for plane in [0..4, 4..8] {
            let dc_error = |n: usize| i32::from(coeffs.0[n][0]) - i32::from(self.chroma_dc(n));
            let total: i32 = plane.clone().map(dc_error).sum();
            // A DC is 8 times the mean of its block.
            if total.unsigned_abs() <= 4 * 8 * limit {
                continue;
            }
            let mut error = 0;
            for n in plane {
                error += i32::from(coeffs.0[n][0]);
                let level = rounded_quotient(error, i32::from(step));
                error -= level * i32::from(step);
                self.set_chroma_dc(n, i16::try_from(level).unwrap_or_default(), step);
            }
        }
    }

    /// Returns the dequantised DC of chroma block `n`.
    fn chroma_dc(&self, n: usize) -> i16 {
        if self.levels.chroma_eobs[n] > 0 { self.chroma.0[n][0] } else { 0 }
    }

    fn set_chroma_dc(&mut self, n: usize, level: i16, step: i16) {
        let MbLevels { chroma, chroma_eobs, .. } = &mut self.levels;
        if chroma_eobs[n] == 0 {
            (chroma.0[n], self.chroma.0[n]) = ([0; 16], [0; 16]);
        }
        (chroma.0[n][0], self.chroma.0[n][0]) = (level, level * step);
        if chroma_eobs[n] <= 1 {
            chroma_eobs[n] = u8::from(level != 0);
        }
    }

    /// Returns the number of luma blocks with coefficients, not counting Y2.
    pub(super) fn coded_luma_blocks(&self) -> usize {
        self.levels.luma_eobs.iter().filter(|&&eob| eob > 0).count()
    }

    /// Returns whether luma has no coefficients, including Y2.
    pub(super) fn luma_is_empty(&self) -> bool {
        self.levels.luma_eobs == [0; 16] && self.levels.y2_eob == [0]
    }

    /// Returns whether chroma has no coefficients.
    pub(super) fn chroma_is_empty(&self) -> bool {
        self.levels.chroma_eobs == [0; 8]
    }

    /// Sets luma block `n` in a macroblock without Y2, which is reconstructed elsewhere.
    pub(super) fn set_block(&mut self, n: usize, levels: [i16; 16], eob: u8) {
        self.levels.luma.0[n] = levels;
        self.levels.luma_eobs[n] = eob;
    }

    /// Clears luma.
    pub(super) fn clear_luma(&mut self) {
        self.levels.luma_eobs = [0; 16];
        self.levels.y2_eob = [0];
    }

    /// Clears chroma.
    pub(super) fn clear_chroma(&mut self) {
        self.levels.chroma_eobs = [0; 8];
    }

    /// Adds the luma residual to its prediction.
    pub(super) fn add_luma_to(&self, kernels: &Kernels, has_y2: bool, pixels: &mut Block16) {
        let mask = mask_of(&self.levels.luma_eobs);
        if has_y2 {
            let dcs = match self.levels.y2_eob {
                [0] => [0; 16],
                _ => kernels.inverse_wht(&self.y2.0[0]),
            };
            kernels.idct_add_luma_y2(&self.luma.0, &dcs, mask.ac, pixels.window_mut());
        } else if mask.any != 0 {
            kernels.idct_add_luma(&self.luma.0, mask, pixels.window_mut());
        }
    }

    /// Adds the chroma residual to its prediction.
    pub(super) fn add_chroma_to(&self, kernels: &Kernels, pixels: &mut BlockUv) {
        let mask = mask_of(&self.levels.chroma_eobs);
        if mask.any != 0 {
            let (u, v) = pixels.planes_mut();
            kernels.idct_add_chroma(&self.chroma.0, mask, u, v);
        }
    }
}

/// Returns `value / step`, rounded to the nearest integer.
fn rounded_quotient(value: i32, step: i32) -> i32 {
    (2 * value + step * value.signum()) / (2 * step)
}

/// Returns the masks of blocks with coefficients, and of those with more than a DC.
fn mask_of(eobs: &[u8]) -> BlockMask {
    eobs.iter().enumerate().fold(BlockMask::default(), |mask, (n, &eob)| BlockMask {
        any: mask.any | u32::from(eob > 0) << n,
        ac: mask.ac | u32::from(eob > 1) << n,
    })
}
