//! Quantisers and Lagrange multipliers by quantiser index. RFC 6386, sections 9.6 and 14.1.

use std::ops::Deref;

use codec_simd::Quantiser;

use crate::header::{QuantIndices, Steps};
use crate::tables::ZIGZAG;
use crate::types::QIndex;
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::Tune;
use codec_core::motion::Lambda;

/// Quantisers and Lagrange multipliers for one quantiser index.
///
/// Cheap to create (a few hundred operations, no allocation): one per segment and frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantiserSet {
    /// Quantiser index.
    pub qindex: QIndex,
    /// Dequantisation steps.
    pub steps: Steps,
    /// Luma including its DC, for 4x4 intra and split macroblocks.
    pub y1: Quantiser,
    /// Luma with a Y2 block: the DC is always 0.
    pub y1_ac: Quantiser,
    /// Y2, the block of luma DCs.
    pub y2: Quantiser,
    /// Chroma.
    pub uv: Quantiser,
    /// Quantisers without zero bins: luma including DC, luma with Y2, Y2, chroma.
    pub nearest: [Quantiser; 4],
    /// Squared error per bit in macroblocks of mean contrast: 0.028 times the squared luma DC step. (With 0.036, a single frame has a
    /// better ratio of error to bits, but what it drops is missing in the frames predicted from it.)
    pub mean_lambda: Lambda,
    /// Absolute error per bit, for integer motion search.
    pub lambda_sad: Lambda,
}

impl QuantiserSet {
    /// Creates the set for `qindex`, the index of the frame or of a segment, with the deltas of
    /// `quant`.
    #[must_use]
    pub fn new(qindex: QIndex, quant: &QuantIndices) -> Self {
        Self::with_zero_bin(qindex, quant, ZeroBin::of(qindex))
    }

    /// Creates the set for [`Tune::Visual`], with a narrower zero bin and a lower multiplier: more
    /// coefficients of texture are coded.
    fn visual(qindex: QIndex, quant: &QuantIndices) -> Self {
        let mut set = Self::with_zero_bin(qindex, quant, ZeroBin::VISUAL);
        set.mean_lambda = Lambda(scaled(set.mean_lambda.0, VISUAL_LAMBDA_Q16));
        set
    }

    fn with_zero_bin(qindex: QIndex, quant: &QuantIndices, zbin: ZeroBin) -> Self {
        let steps = quant.steps(qindex);
        let y1 = quantiser(steps.y, zbin);
        let mut y1_ac = y1.clone();
        y1_ac.zbin[0] = Quantiser::NEVER;
        let nearest = [steps.y, steps.y, steps.y2, steps.uv].map(nearest);
        // From the index without deltas, so that lambdas of one index are comparable.
        let q = u32::from(qindex.dc_step());
        Self {
            qindex,
            steps,
            y1,
            y1_ac,
            y2: quantiser(steps.y2, zbin),
            uv: quantiser(steps.uv, zbin),
            nearest: under_y2(nearest),
            mean_lambda: Lambda((q * q * 7168 + 500) / 1000),
            lambda_sad: Lambda((q * 1070 + 61_714) / 100),
        }
    }
}

/// Multiplier of [`Tune::Visual`] as a share of the usual one: 85 %.
const VISUAL_LAMBDA_Q16: u64 = 55_706;
/// Octaves of the multiplier per octave of variance, in 1/64. Twice as much gains another 1 to 2 % of SSIM, for the same
/// luma and up to 1 % more chroma.
const CONTRAST_Q6: i32 = 8;
/// As [`CONTRAST_Q6`], of [`Tune::Visual`] without masking.
const VISUAL_CONTRAST_Q6: i32 = 16;
/// Octaves of the multiplier of [`Tune::Visual`] per octave of the masking offset, as a ratio. (Quantiser steps that
/// follow the offset would change the multiplier by two octaves.)
const PER_MASKING: (i32, i32) = (4, 5);
/// Range of these octaves, in sixteenths.
const MASKING_Q4: (i32, i32) = (-26, 13);

/// Quantisers of a frame by segment.
///
/// VP8 has four quantisers per frame, and coding the segment of each macroblock takes many bits. But
/// the Lagrange multiplier need not be coded: where errors are visible, it is lower.
#[derive(Clone, Debug, Default)]
pub(super) struct Quantisers {
    sets: Vec<QuantiserSet>,
    tune: Tune,
}

impl Quantisers {
    /// Recreates the quantisers for segments with the given indices, in the same memory.
    pub(super) fn update(&mut self, indices: [QIndex; 4], quant: &QuantIndices, tune: Tune) {
        self.tune = tune;
        self.sets.clear();
        self.sets.extend(indices.map(|index| match tune {
            Tune::Psnr => QuantiserSet::new(index, quant),
            Tune::Visual => QuantiserSet::visual(index, quant),
        }));
    }

    /// Returns the quantisers of the macroblock with the index `mb` in `segment`, with the multiplier for its contrast or
    /// masking.
    #[inline]
    pub(super) fn at(
        &self,
        analysis: Option<&FrameAnalysis>,
        mb: usize,
        segment: u8,
    ) -> MbQuantisers<'_> {
        let set = &self.sets[usize::from(segment)];
        let octaves_q4 = analysis.map_or(0, |analysis| self.price_q4(analysis, mb));
        MbQuantisers { set, lambda: set.mean_lambda.times_octaves_q4(octaves_q4) }
    }

    /// By how much the multiplier of a macroblock differs from the mean, in sixteenths of an octave.
    fn price_q4(&self, analysis: &FrameAnalysis, mb: usize) -> i32 {
        match self.tune {
            Tune::Psnr => analysis.price_q4(mb, CONTRAST_Q6),
            // Files have offsets for masking in key and altref frames.
            Tune::Visual if analysis.masking_q4.is_empty() => {
                analysis.price_q4(mb, VISUAL_CONTRAST_Q6)
            }
            Tune::Visual => {
                let masking = analysis.masking_q4.get(mb).copied().unwrap_or(0);
                let octaves = i32::from(masking) * PER_MASKING.0 / PER_MASKING.1;
                octaves.clamp(MASKING_Q4.0, MASKING_Q4.1)
            }
        }
    }
}

/// Quantisers of a macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct MbQuantisers<'a> {
    set: &'a QuantiserSet,
    /// Squared error per bit.
    pub(super) lambda: Lambda,
}

impl Deref for MbQuantisers<'_> {
    type Target = QuantiserSet;

    #[inline]
    fn deref(&self) -> &QuantiserSet {
        self.set
    }
}

/// Returns `value` times `scale_q16` / 65536.
fn scaled(value: u32, scale_q16: u64) -> u32 {
    u32::try_from((u64::from(value) * scale_q16) >> 16).unwrap_or(u32::MAX)
}

/// Width of the zero bin, in 1/128 of the step.
#[derive(Clone, Copy)]
struct ZeroBin {
    base_q7: i32,
}

/// Rounding before the division, in 1/128 of the step.
const ROUND_Q7: i32 = 48;
/// Widening of the zero bin after a run of zeros, in 1/128 of the step.
const RUN_BOOST_Q7: [i32; 16] = [0, 0, 8, 10, 12, 14, 16, 20, 24, 28, 32, 36, 40, 44, 44, 44];

impl ZeroBin {
    /// Early in the scan, every coefficient that rounds to 1 is coded.
    const VISUAL: Self = Self { base_q7: 64 };

    fn of(qindex: QIndex) -> Self {
        let base_q7 = if qindex.get() > 48 { 80 } else { 84 };
        Self { base_q7 }
    }
}

/// Creates a quantiser that rounds to the nearest level.
fn nearest([dc, ac]: [i16; 2]) -> Quantiser {
    let steps: [i16; 16] = std::array::from_fn(|n| if n == 0 { dc } else { ac });
    let recip = |step: i16| i16::try_from(65_536 / i32::from(step)).unwrap_or(i16::MAX);
    Quantiser {
        zbin: [0; 16],
        round: steps.map(|step| step / 2),
        recip: steps.map(recip),
        step: steps,
    }
}

/// Removes the DC from the second quantiser.
fn under_y2(mut quantisers: [Quantiser; 4]) -> [Quantiser; 4] {
    quantisers[1].zbin[0] = Quantiser::NEVER;
    quantisers
}

fn quantiser([dc, ac]: [i16; 2], zbin: ZeroBin) -> Quantiser {
    let mut quantiser = Quantiser { zbin: [0; 16], round: [0; 16], recip: [0; 16], step: [0; 16] };
    for (n, &raster) in ZIGZAG.iter().enumerate() {
        let raster = usize::from(raster);
        let step = if raster == 0 { dc } else { ac };
        let part = |q7: i32| {
            let value = (q7 * i32::from(step) + 64) >> 7;
            i16::try_from(value).unwrap_or(Quantiser::NEVER)
        };
        // Vectorised quantisers do not know the zero run; half the position approximates it.
        quantiser.zbin[raster] = part(zbin.base_q7 + RUN_BOOST_Q7[n / 2]);
        quantiser.round[raster] = part(ROUND_Q7);
        quantiser.recip[raster] = i16::try_from(65_536 / i32::from(step)).unwrap_or(i16::MAX);
        quantiser.step[raster] = step;
    }
    quantiser
}

#[cfg(test)]
mod tests {
    use codec_simd::Kernels;

    use super::*;

    fn plain(qindex: u8) -> QuantiserSet {
        QuantiserSet::new(QIndex::saturating(qindex), &QuantIndices::default())
    }

    #[test]
    fn levels_times_steps_are_within_one_step_of_the_input() {
        for qindex in 0..=127 {
            let set = plain(qindex);
            for quantiser in [&set.y1, &set.y2, &set.uv] {
                let coeffs: [i16; 16] = std::array::from_fn(|n| {
                    let n = i16::try_from(n).unwrap();
                    (n - 8) * 250 + 3 * i16::from(qindex)
                });
                let (mut levels, mut back, mut eobs) = ([[0; 16]], [[0; 16]], [0]);
                Kernels::best().quantise(&[coeffs], quantiser, &mut levels, &mut back, &mut eobs);
                for ((&z, &b), &step) in coeffs.iter().zip(&back[0]).zip(&quantiser.step) {
                    assert!(z.abs_diff(b) <= step.unsigned_abs() + 1, "{z} {b} {step}");
                }
            }
        }
    }

    #[test]
    fn zero_bins_widen_along_the_scan() {
        let set = plain(60);
        let along: Vec<i16> = ZIGZAG[1..].iter().map(|&i| set.y1.zbin[usize::from(i)]).collect();
        assert!(along.is_sorted() && along[14] > along[0]);
        assert_eq!(set.y1_ac.zbin[0], Quantiser::NEVER);
    }

    fn quantisers(tune: Tune) -> Quantisers {
        let mut quantisers = Quantisers::default();
        let indices = [20, 40, 60, 80].map(QIndex::saturating);
        quantisers.update(indices, &QuantIndices::default(), tune);
        quantisers
    }

    /// Two macroblocks that are flat and two with contrast.
    fn analysis() -> FrameAnalysis {
        FrameAnalysis {
            masking_q4: vec![i8::MIN, -10, 10, i8::MAX],
            contrast_q4: vec![-32, -32, 32, 32],
            ..FrameAnalysis::default()
        }
    }

    #[test]
    fn bits_cost_less_where_errors_are_visible() {
        for (tune, octaves_q4) in [(Tune::Psnr, [-4, -4, 4, 4]), (Tune::Visual, [-26, -8, 8, 13])] {
            let (quantisers, analysis) = (quantisers(tune), analysis());
            let neutral = quantisers.at(None, 0, 2);
            assert_eq!(neutral.lambda, neutral.mean_lambda);
            for (mb, octaves_q4) in octaves_q4.into_iter().enumerate() {
                let own = quantisers.at(Some(&analysis), mb, 2);
                assert_eq!(
                    own.lambda,
                    neutral.lambda.times_octaves_q4(octaves_q4),
                    "{tune:?} {mb}"
                );
                assert_eq!(own.qindex, neutral.qindex);
            }
        }
        let [psnr, visual] =
            [Tune::Psnr, Tune::Visual].map(|tune| quantisers(tune).sets[2].mean_lambda.0);
        assert!(visual.abs_diff(psnr * 85 / 100) <= 1, "{psnr} {visual}");
    }

    #[test]
    fn lambda_is_a_fixed_share_of_the_squared_step() {
        // 0.028 * 157 * 157 = 690.2; in 1/256: 176684.
        assert_eq!(plain(127).mean_lambda, Lambda(176_684));
        assert_eq!(plain(0).mean_lambda, Lambda(115));
    }
}
