//! Weights of the references of P slices, for fades and flashes. ITU-T H.264, clauses 7.3.3.2 and
//! 8.4.2.3.2.
//!
//! A weight and an offset follow from the means and the standard deviations of a frame and its
//! reference. They are used if they reduce the cost of motion compensation with integer vectors.

use codec_core::analysis::FrameAnalysis;
use codec_core::frame::{Picture, SourceMb};
use codec_core::motion::{FullPel, Lambda};
use codec_simd::{Block16, BlockUv, Kernels};

use super::brightness::{Brightness, PlaneBrightness};
use super::lambda::Lambdas;
use super::predict::RefPlanes;
use super::references::{MAX_REFS, RefList};
use crate::slice::{MAX_REFS as MAX_ENTRIES, PredWeights, Weight, WeightEntry};

/// Highest denominator's logarithm.
const MAX_LOG2_DENOM: u8 = 6;

/// Weight and offset with their denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PlaneWeight {
    log2_denom: u8,
    weight: i16,
    offset: i16,
}

impl PlaneWeight {
    /// Returns the weight for `contrast_q16`, which the denominator can express, with the offset that
    /// gives the mean.
    fn new(
        log2_denom: u8,
        contrast_q16: u64,
        own: PlaneBrightness,
        reference: PlaneBrightness,
    ) -> Self {
        let weight = weight_at(log2_denom, contrast_q16).min(127);
        let scaled_q8 = (reference.mean_q8 * weight) >> log2_denom;
        let offset = (own.mean_q8.cast_signed() - scaled_q8.cast_signed() + 128) >> 8;
        Self {
            log2_denom,
            weight: i16::try_from(weight).unwrap_or(127),
            offset: i16::try_from(offset.clamp(-128, 127)).unwrap_or(0),
        }
    }

    fn apply(self, kernels: &Kernels, rows: &mut [[u8; 16]]) {
        kernels.h264_weight_rows(rows, self.log2_denom, self.weight, self.offset);
    }

    fn as_syntax(self) -> Weight {
        Weight { weight: self.weight, offset: self.offset }
    }
}

fn weight_at(log2_denom: u8, contrast_q16: u64) -> u64 {
    ((contrast_q16 << log2_denom) + (1 << 15)) >> 16
}

/// Returns the highest denominator's logarithm at which all contrasts are weights of at most 127.
fn log2_denom(contrasts: &(impl Iterator<Item = u64> + Clone)) -> u8 {
    let fits = |&log2: &u8| contrasts.clone().all(|contrast| weight_at(log2, contrast) <= 127);
    (0..=MAX_LOG2_DENOM).rev().find(fits).unwrap_or(0)
}

/// Weights of an entry of list 0.
#[derive(Clone, Debug)]
pub(super) struct EntryWeights {
    luma: Option<PlaneWeight>,
    chroma: Option<[PlaneWeight; 2]>,
    /// The sample of the reference that becomes each sample.
    origins: [u8; 256],
}

impl EntryWeights {
    fn new(luma: Option<PlaneWeight>, chroma: Option<[PlaneWeight; 2]>) -> Self {
        let origin = |sample: usize| {
            let sample = i32::try_from(sample).unwrap_or(255);
            let Some(PlaneWeight { log2_denom, weight, offset }) = luma else { return sample };
            let weight = i32::from(weight).max(1);
            (((sample - i32::from(offset)) << log2_denom) + weight / 2).div_euclid(weight)
        };
        let origins = std::array::from_fn(|n| u8::try_from(origin(n).clamp(0, 255)).unwrap_or(0));
        Self { luma, chroma, origins }
    }

    pub(super) fn has_luma(&self) -> bool {
        self.luma.is_some()
    }

    /// Weighs a prediction.
    pub(super) fn weigh_luma(&self, kernels: &Kernels, to: &mut Block16) {
        if let Some(weight) = self.luma {
            weight.apply(kernels, &mut to.0);
        }
    }

    /// Weighs a prediction of both chroma planes.
    pub(super) fn weigh_chroma(&self, kernels: &Kernels, to: &mut BlockUv) {
        let Some([u, v]) = self.chroma else { return };
        let mut second = to.0;
        u.apply(kernels, &mut to.0);
        v.apply(kernels, &mut second);
        for (line, second) in to.0.iter_mut().zip(&second) {
            line[8..].copy_from_slice(&second[8..]);
        }
    }

    /// Returns the block that the search looks for in the reference without weights.
    pub(super) fn unweighted(&self, luma: &Block16) -> Block16 {
        Block16(luma.0.map(|line| line.map(|sample| self.origins[usize::from(sample)])))
    }

    /// Returns the multipliers for errors without weights.
    pub(super) fn unweighted_lambdas(&self, lambdas: Lambdas) -> Lambdas {
        let Some(PlaneWeight { log2_denom, weight, .. }) = self.luma else { return lambdas };
        let by_weight = |lambda: Lambda| {
            let scaled =
                (u64::from(lambda.0) << log2_denom) / u64::from(weight.unsigned_abs()).max(1);
            Lambda(u32::try_from(scaled).unwrap_or(u32::MAX))
        };
        Lambdas { sad: by_weight(lambdas.sad), sse: by_weight(lambdas.sse) }
    }

    /// Returns the cost with weights of a cost without them.
    pub(super) fn weighted_cost(&self, cost: u32) -> u32 {
        let Some(PlaneWeight { log2_denom, weight, .. }) = self.luma else { return cost };
        let scaled = (u64::from(cost) * u64::from(weight.unsigned_abs())) >> log2_denom;
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }
}

/// Weights of the entries of list 0 of a P slice.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    pub entries: [Option<EntryWeights>; MAX_REFS],
    log2_denoms: [u8; 2],
}

/// A picture that is to be predicted.
#[derive(Clone, Copy)]
pub(super) struct Predicted<'a> {
    pub kernels: &'static Kernels,
    pub picture: &'a Picture<'a>,
    pub analysis: Option<&'a FrameAnalysis>,
    pub brightness: Brightness,
    /// Columns and rows of macroblocks.
    pub size: (usize, usize),
}

/// Costs of predictions without weights and with them.
#[derive(Clone, Copy, Default)]
struct Gain {
    plain: u64,
    weighted: u64,
}

impl Gain {
    /// Returns whether weights save at least a part in `parts`.
    fn is_worthwhile(self, parts: u64) -> bool {
        self.weighted * parts < self.plain * (parts - 1)
    }
}

impl Weights {
    /// No weights.
    pub(super) const NONE: Self = Self { entries: [const { None }; MAX_REFS], log2_denoms: [0; 2] };

    /// Finds the weights of the entries of `list` that predict better with weights.
    pub(super) fn find(predicted: &Predicted<'_>, list: &RefList) -> Self {
        let own = &predicted.brightness;
        let contrasts = list.frames.each_ref().map(|frame| match frame {
            Some(frame) => own.contrasts_to(&frame.brightness),
            None => [None; 2],
        });
        let luma = contrasts.iter().filter_map(|[luma, _]| Some((*luma)?[0]));
        let chroma = contrasts.iter().filter_map(|[_, chroma]| *chroma).flat_map(|c| [c[1], c[2]]);
        let log2_denoms = [log2_denom(&luma), log2_denom(&chroma)];
        let mut entries = [const { None }; MAX_REFS];
        for (n, entry) in entries.iter_mut().enumerate() {
            let Some(frame) = &list.frames[n] else { continue };
            let weight = |plane: usize, contrasts: [u64; 3]| {
                let log2_denom = log2_denoms[usize::from(plane > 0)];
                let reference = frame.brightness.0[plane];
                PlaneWeight::new(log2_denom, contrasts[plane], own.0[plane], reference)
            };
            let [luma, chroma] = contrasts[n];
            let luma = luma.map(|contrasts| weight(0, contrasts));
            let chroma = chroma.map(|contrasts| [1, 2].map(|plane| weight(plane, contrasts)));
            if luma.is_none() && chroma.is_none() {
                continue;
            }
            let tried = EntryWeights::new(luma, chroma);
            let [in_luma, in_chroma] = predicted.gains(&tried, &RefPlanes::from(&*frame.buf), n);
            let luma = luma.filter(|_| in_luma.is_worthwhile(32));
            let chroma = chroma.filter(|_| in_chroma.is_worthwhile(16));
            if luma.is_some() || chroma.is_some() {
                *entry = Some(EntryWeights::new(luma, chroma));
            }
        }
        Self { entries, log2_denoms }
    }

    /// Returns the table of the slice header.
    pub(super) fn table(&self) -> PredWeights {
        let [luma_log2_denom, chroma_log2_denom] = self.log2_denoms;
        let plain = |denom: u8| Weight { weight: 1 << denom, offset: 0 };
        let none = WeightEntry {
            luma: plain(luma_log2_denom),
            chroma: [plain(chroma_log2_denom); 2],
            ..WeightEntry::default()
        };
        let mut table =
            PredWeights { luma_log2_denom, chroma_log2_denom, entries: [[none; MAX_ENTRIES]; 2] };
        for (to, entry) in table.entries[0].iter_mut().zip(&self.entries) {
            let Some(EntryWeights { luma, chroma, .. }) = entry else { continue };
            if let Some(luma) = luma {
                (to.luma, to.has_luma) = (luma.as_syntax(), true);
            }
            if let Some(chroma) = chroma {
                (to.chroma, to.has_chroma) = (chroma.map(PlaneWeight::as_syntax), true);
            }
        }
        table
    }
}

impl Predicted<'_> {
    /// Returns the costs of predicting luma and chroma from entry `n` of the list, at the vectors of
    /// the analysis or without motion.
    fn gains(&self, weights: &EntryWeights, refp: &RefPlanes<'_>, n: usize) -> [Gain; 2] {
        let mut mb = SourceMb::default();
        let mut gains = [Gain::default(); 2];
        let (cols, rows) = self.size;
        for index in 0..cols * rows {
            mb.gather(self.kernels, self.picture, index % cols, index / cols);
            let at = (16 * (index % cols), 16 * (index / cols));
            let analysis = self.analysis.and_then(|frame| frame.macroblocks.get(index));
            let motion = analysis.map_or(FullPel::ZERO, |mb| mb.motion.to_full());
            let mut best = [[u64::MAX; 2]; 2];
            for by in [0, n + 1] {
                let by = by.cast_signed();
                let vector = (by * isize::from(motion.x), by * isize::from(motion.y));
                let Some((mut luma, mut chroma)) = predict(refp, at, vector) else { continue };
                let kernels = self.kernels;
                let satd = |luma: &Block16| u64::from(kernels.satd_16x16(&mb.luma, luma.window()));
                let sse = |chroma: &BlockUv| u64::from(kernels.sse_uv(&mb.chroma, chroma));
                let plain = [satd(&luma), sse(&chroma)];
                weights.weigh_luma(kernels, &mut luma);
                weights.weigh_chroma(kernels, &mut chroma);
                let weighted = [satd(&luma), sse(&chroma)];
                for (best, cost) in best.iter_mut().zip([plain, weighted]) {
                    *best = [best[0].min(cost[0]), best[1].min(cost[1])];
                }
            }
            let [plain, weighted] = best;
            for (plane, gain) in gains.iter_mut().enumerate() {
                gain.plain = gain.plain.saturating_add(plain[plane]);
                gain.weighted = gain.weighted.saturating_add(weighted[plane]);
            }
        }
        gains
    }
}

/// Predicts the macroblock at `at` by a full-sample vector; `None` outside of the border.
fn predict(
    refp: &RefPlanes<'_>,
    at: (usize, usize),
    vector: (isize, isize),
) -> Option<(Block16, BlockUv)> {
    let (mut luma, mut chroma) = (Block16::default(), BlockUv::default());
    let (x, y) = (at.0.cast_signed() + vector.0, at.1.cast_signed() + vector.1);
    luma.window_mut().copy_from(refp.y.window::<16, 16>(x, y)?);
    let [u, v] = [refp.u, refp.v].map(|plane| plane.window::<8, 8>(x >> 1, y >> 1));
    let (u, v) = (u?, v?);
    for (y, line) in chroma.0.iter_mut().enumerate() {
        line[..8].copy_from_slice(u.row(y));
        line[8..].copy_from_slice(v.row(y));
    }
    Some((luma, chroma))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_map_one_brightness_to_the_other() {
        let plane = |mean_q8, deviation_q8| PlaneBrightness { mean_q8, deviation_q8 };
        let reference = Brightness([plane(100 << 8, 40 << 8); 3]);
        let half = Brightness([plane(58 << 8, 20 << 8); 3]);
        assert_eq!(reference.contrasts_to(&reference), [None; 2]);
        let [Some([contrast, ..]), Some(_)] = half.contrasts_to(&reference) else {
            panic!("a fade has weights")
        };
        let log2 = log2_denom(&[contrast].into_iter());
        let weight = PlaneWeight::new(log2, contrast, half.0[0], reference.0[0]);
        assert_eq!(weight, PlaneWeight { log2_denom: 6, weight: 32, offset: 8 });
        let entry = EntryWeights::new(Some(weight), None);
        for sample in [0_u8, 100, 200, 255] {
            let mut block = Block16([[sample; 16]; 16]);
            entry.weigh_luma(Kernels::best(), &mut block);
            assert_eq!(block.0[3][5], sample.div_ceil(2) + 8);
            assert!(entry.unweighted(&block).0[0][0].abs_diff(sample) <= 1);
        }
        assert_eq!(entry.weighted_cost(100), 50);
    }

    #[test]
    fn a_large_contrast_has_a_lower_denominator() {
        assert_eq!(log2_denom(&[1 << 16].into_iter()), 6);
        assert_eq!(log2_denom(&[1 << 16, 5 << 16].into_iter()), 4);
        assert_eq!(log2_denom(&[200 << 16].into_iter()), 0);
    }
}
