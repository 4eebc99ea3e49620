//! Quantiser tables of the encoder for each value of the luma quantiser (`QPY`). ITU-T H.264,
//! clauses 8.5.8 and 8.5.9.

use std::sync::OnceLock;

use codec_simd::H264Quantiser;

use super::optimise::BitPrice;
use super::speed::LevelChoice;
use crate::params::ScalingMatrices;
use crate::tables::quant::{NORM_4X4, NORM_8X8, chroma_qp, class_4x4, class_8x8};

/// Price of a bit by the kind of the levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitPrices {
    pub luma: BitPrice,
    pub chroma: BitPrice,
    /// DCs that are coded separately.
    pub dc: BitPrice,
}

/// Rounding offsets in 1/4096 of a level, at the lowest and at the highest frequency; in between they are
/// interpolated by the sum of both frequencies. Levels of high frequencies are rare and therefore take more bits.
#[derive(Clone, Copy, Debug)]
struct Rounding {
    low: i32,
    high: i32,
}

impl Rounding {
    /// The same offset at all frequencies.
    const fn flat(offset: i32) -> Self {
        Self { low: offset, high: offset }
    }

    /// Returns the offsets of a block of `SIDE` columns and rows.
    fn offsets<const N: usize, const SIDE: i32>(self) -> [i16; N] {
        let highest = 2 * (SIDE - 1);
        let mut sums = (0..SIDE).flat_map(|x| (0..SIDE).map(move |y| x + y));
        std::array::from_fn(|_| {
            let sum = sums.next().unwrap_or(0);
            let offset = self.low + (self.high - self.low) * sum / highest;
            i16::try_from(offset.max(0)).unwrap_or(i16::MAX)
        })
    }
}

/// How intra or inter macroblocks are quantised.
#[derive(Clone, Copy, Debug)]
struct ClassTuning {
    /// Rounding offsets of luma and chroma levels. Offsets below one half widen the dead zone around zero, which saves
    /// more bits than it costs quality.
    luma: Rounding,
    chroma: Rounding,
    prices: Option<BitPrices>,
}

/// How macroblocks are quantised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    inter: ClassTuning,
    intra: ClassTuning,
}

impl Tuning {
    /// Rounding offsets without optimised levels.
    pub(super) const ROUNDED: Self = Self {
        inter: ClassTuning {
            luma: Rounding { low: 1700, high: -200 },
            chroma: Rounding::flat(900),
            prices: None,
        },
        intra: ClassTuning {
            luma: Rounding { low: 1800, high: 700 },
            chroma: Rounding::flat(1344),
            prices: None,
        },
    };
    /// Rounding offsets of levels that are then optimised by rate and distortion. A bit is worth less error in intra
    /// macroblocks: other pictures are predicted from them.
    pub(super) const OPTIMISED: Self = Self {
        inter: ClassTuning {
            luma: Rounding::flat(1300),
            chroma: Rounding::flat(900),
            prices: Some(BitPrices {
                luma: BitPrice(420),
                chroma: BitPrice(400),
                dc: BitPrice(200),
            }),
        },
        intra: ClassTuning {
            luma: Rounding::flat(1800),
            chroma: Rounding::flat(1344),
            prices: Some(BitPrices {
                luma: BitPrice(270),
                chroma: BitPrice(350),
                dc: BitPrice(200),
            }),
        },
    };
    /// As [`Self::OPTIMISED`], with fewer levels of inter macroblocks to choose from.
    pub(super) const SPARSE: Self = Self {
        inter: ClassTuning { luma: Rounding { low: 1500, high: 200 }, ..Self::OPTIMISED.inter },
        ..Self::OPTIMISED
    };
}

/// Quantiser of blocks of DC coefficients.
#[derive(Clone, Copy, Debug)]
pub(super) struct DcQuantiser {
    /// Multiplier of the DC of a 4x4 block.
    multiplier: i64,
    /// Shift of a 4x4 block, with the gain of the transform of the DCs.
    shift: u32,
    round: i64,
    /// [`crate::transform::LevelScales::of_dc`].
    pub scale: i32,
}

impl DcQuantiser {
    /// Returns the magnitude of a level before rounding, with 8 fractional bits.
    #[inline]
    pub(super) fn exact_level(&self, coeff: i32) -> u32 {
        let exact = (i64::from(coeff.abs()) * self.multiplier) >> (self.shift - 8);
        u32::try_from(exact).unwrap_or(u32::MAX)
    }

    /// Returns the level of a coefficient.
    #[inline]
    pub(super) fn level(&self, coeff: i32) -> i16 {
        let level = (i64::from(coeff.abs()) * self.multiplier + self.round) >> self.shift;
        let max = i64::from(H264Quantiser::<16>::MAX_LEVEL);
        let level = i16::try_from(level.min(max)).unwrap_or(i16::MAX);
        if coeff < 0 { -level } else { level }
    }
}

/// Quantisers of intra or inter macroblocks.
#[derive(Clone, Debug)]
pub(super) struct ClassQuantisers {
    pub luma_4x4: H264Quantiser<16>,
    pub luma_8x8: H264Quantiser<64>,
    /// AC of `Intra_16x16`.
    pub luma_ac: H264Quantiser<16>,
    pub luma_dc: DcQuantiser,
    /// AC of both chroma planes.
    pub chroma_ac: H264Quantiser<16>,
    pub chroma_dc: DcQuantiser,
    /// Squared steps of luma and chroma, in 1/256 of a squared level of pixels.
    pub step_squares: [u32; 2],
    /// Prices for the optimisation of the levels.
    pub prices: Option<BitPrices>,
}

/// Quantisers at one value of `QPY`.
#[derive(Clone, Debug)]
pub(super) struct QuantiserSet {
    pub intra: ClassQuantisers,
    pub inter: ClassQuantisers,
}

/// Quantisers for all values of `QPY`.
#[derive(Clone, Debug)]
pub(super) struct Quantisers {
    sets: Vec<QuantiserSet>,
}

impl Quantisers {
    pub(super) fn new(matrices: &ScalingMatrices, tuning: Tuning) -> Self {
        let class = |qp: u8, is_inter: bool| {
            let list = 3 * usize::from(is_inter);
            let tuning = if is_inter { tuning.inter } else { tuning.intra };
            let ClassTuning { luma: round, chroma: round_chroma, .. } = tuning;
            let chroma = chroma_qp(qp, 0);
            ClassQuantisers {
                luma_4x4: quantiser_4x4(&matrices.weights_4x4[list], qp, round),
                luma_8x8: quantiser_8x8(&matrices.weights_8x8[usize::from(is_inter)], qp, round),
                luma_ac: quantiser_4x4(&matrices.weights_4x4[list], qp, round).without_dc(),
                luma_dc: dc_quantiser(&matrices.weights_4x4[list], qp, round, LUMA_DC_GAIN),
                chroma_ac: quantiser_4x4(&matrices.weights_4x4[list + 1], chroma, round_chroma)
                    .without_dc(),
                chroma_dc: dc_quantiser(
                    &matrices.weights_4x4[list + 1],
                    chroma,
                    round_chroma,
                    CHROMA_DC_GAIN,
                ),
                step_squares: [qp, chroma].map(step_square),
                prices: tuning.prices,
            }
        };
        let set = |qp| QuantiserSet { intra: class(qp, false), inter: class(qp, true) };
        Self { sets: (0..52).map(set).collect() }
    }

    /// Returns the quantisers at `qp`.
    #[inline]
    pub(super) fn at(&self, qp: u8) -> &QuantiserSet {
        &self.sets[usize::from(qp).min(self.sets.len() - 1)]
    }
}

/// Quantisers by the choice of levels. They are created at the first use.
#[derive(Debug)]
pub(super) struct QuantiserChoice {
    matrices: ScalingMatrices,
    rounded: OnceLock<Quantisers>,
    sparse: OnceLock<Quantisers>,
    optimised: OnceLock<Quantisers>,
}

impl QuantiserChoice {
    /// Creates the choice; `None` for flat scaling matrices.
    pub(super) fn new(matrices: Option<ScalingMatrices>) -> Self {
        Self {
            matrices: matrices.unwrap_or(ScalingMatrices::FLAT),
            rounded: OnceLock::new(),
            sparse: OnceLock::new(),
            optimised: OnceLock::new(),
        }
    }

    pub(super) fn of(&self, levels: LevelChoice) -> &Quantisers {
        let (cell, tuning) = match levels {
            LevelChoice::Rounded => (&self.rounded, Tuning::ROUNDED),
            LevelChoice::Sparse => (&self.sparse, Tuning::SPARSE),
            LevelChoice::Optimised => (&self.optimised, Tuning::OPTIMISED),
        };
        cell.get_or_init(|| Quantisers::new(&self.matrices, tuning))
    }
}

/// Returns the squared step of a quantiser with flat matrices, in 1/256.
fn step_square(qp: u8) -> u32 {
    // 0.625 squared, and a third of an octave per quantiser.
    [100, 126, 159][usize::from(qp % 3)] << (qp / 3)
}

/// Returns `numerator / denominator`, rounded.
fn rounded(numerator: i64, denominator: i64) -> i32 {
    i32::try_from((numerator + denominator / 2) / denominator.max(1)).unwrap_or(i32::MAX)
}

/// Gains of a basis function of the forward transform over the function of the inverse one, by class of the
/// position, in 1/25.
const GAINS_4X4: [i64; 3] = [25, 16, 20];
/// As [`GAINS_4X4`], in 1/`(289 * 289 * 25)`: even frequencies have the gain 1 or 8/5, odd ones
/// 256/289.
const GAINS_8X8: [i64; 6] = [
    289 * 289 * 25,
    256 * 256 * 25,
    289 * 289 * 64,
    256 * 289 * 25,
    289 * 289 * 40,
    256 * 289 * 40,
];

fn multiplier_4x4(weights: &[u8; 16], rest: usize, x: usize, y: usize) -> i32 {
    let class = class_4x4(x, y);
    let scale = i64::from(weights[4 * y + x]) * i64::from(NORM_4X4[rest][class]);
    rounded((1 << 21) * GAINS_4X4[class], 25 * scale)
}

/// Returns scales and the final shift for a quantiser: `level << left` is part of the scales.
fn scaling<const N: usize>(scales: [i32; N], qp: u8, right: u8) -> ([i32; N], u8) {
    let left = qp / 6;
    if left >= right {
        (scales.map(|scale| scale << (left - right)), 0)
    } else {
        (scales, right - left)
    }
}

fn quantiser_4x4(weights: &[u8; 16], qp: u8, round: Rounding) -> H264Quantiser<16> {
    let rest = usize::from(qp % 6);
    let multipliers = std::array::from_fn(|at| multiplier_4x4(weights, rest, at / 4, at % 4));
    let scales = std::array::from_fn(|at| {
        let (x, y) = (at / 4, at % 4);
        i32::from(weights[4 * y + x]) * i32::from(NORM_4X4[rest][class_4x4(x, y)])
    });
    let (scales, right) = scaling(scales, qp, 4);
    H264Quantiser::<16>::new(&multipliers, 15 + qp / 6, &scales, right, &round.offsets::<16, 4>())
}

fn quantiser_8x8(weights: &[u8; 64], qp: u8, round: Rounding) -> H264Quantiser<64> {
    let rest = usize::from(qp % 6);
    let scales: [i32; 64] = std::array::from_fn(|at| {
        let (x, y) = (at / 8, at % 8);
        i32::from(weights[8 * y + x]) * i32::from(NORM_8X8[rest][class_8x8(x, y)])
    });
    let multipliers = std::array::from_fn(|at| {
        let gain = GAINS_8X8[class_8x8(at / 8, at % 8)];
        rounded((1 << 22) * gain, GAINS_8X8[0] * i64::from(scales[at]))
    });
    let (scales, right) = scaling(scales, qp, 6);
    H264Quantiser::<64>::new(&multipliers, 16 + qp / 6, &scales, right, &round.offsets::<64, 8>())
}

/// Gain of the 4x4 Hadamard transform of luma DCs, in octaves.
const LUMA_DC_GAIN: u32 = 2;
/// Gain of the 2x2 transform of chroma DCs, in octaves.
const CHROMA_DC_GAIN: u32 = 1;

fn dc_quantiser(weights: &[u8; 16], qp: u8, round: Rounding, gain: u32) -> DcQuantiser {
    let rest = usize::from(qp % 6);
    let shift = 15 + gain + u32::from(qp / 6);
    DcQuantiser {
        multiplier: i64::from(multiplier_4x4(weights, rest, 0, 0)),
        shift,
        round: i64::from(round.low) << (shift - 12),
        scale: (i32::from(weights[0]) * i32::from(NORM_4X4[rest][0])) << (qp / 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_matrices_give_the_usual_multipliers() {
        let flat = &[16; 16];
        let by_class =
            |rest| [(0, 0), (1, 1), (0, 1)].map(|(x, y)| multiplier_4x4(flat, rest, x, y));
        assert_eq!(by_class(0), [13107, 5243, 8066]);
        assert_eq!(by_class(5), [7282, 2893, 4559]);
    }

    #[test]
    fn high_frequencies_are_rounded_down_more() {
        let offsets = Rounding { low: 1000, high: -200 }.offsets::<16, 4>();
        assert_eq!(offsets[..4], [1000, 800, 600, 400]);
        assert_eq!(offsets[12..], [400, 200, 0, 0]);
        assert_eq!(Rounding::flat(900).offsets::<64, 8>(), [900; 64]);
    }

    #[test]
    fn dc_levels_are_symmetric_and_bounded() {
        let set = Quantisers::new(&ScalingMatrices::FLAT, Tuning::ROUNDED);
        let dc = set.at(0).intra.luma_dc;
        assert_eq!(dc.level(1 << 20), H264Quantiser::<16>::MAX_LEVEL);
        assert_eq!(dc.level(-100), -dc.level(100));
        assert_eq!(dc.level(0), 0);
    }
}
