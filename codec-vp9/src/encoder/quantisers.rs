//! Quantisers and the Lagrange multiplier of a frame.

use codec_core::motion::Lambda;
use codec_simd::Error8x8;
use codec_simd::vp9::Vp9Quantiser;

use super::segments::SEGMENTS;
use super::speed::Speed;
use crate::block::quantisers::Steps;
use crate::types::TxSize;

/// Shares of a step that are added before a division by it, in 1/256, by whether the plane is chroma and
/// whether the block is an inter block. Less than half makes small coefficients zero, whose bits cost
/// more than their error.
const ROUND: [[u32; 2]; 2] = [[96, 62], [132, 98]];
/// The share if levels are chosen by their costs afterwards: nearly half.
const NEAREST: u32 = 115;
/// Squared error per bit in units of the squared AC step, in 1/16384; a step of 8 is one pixel level.
const LAMBDA: u32 = 25;
/// Transforms of a predicted block whose squared error is below the squared step divided by this have no
/// coefficients, in luma and in chroma: the bits of a single one cost more than it improves.
const ENERGY_SHARE: [u32; 2] = [96, 160];
/// Like [`ENERGY_SHARE`], for errors without large coefficients of low frequency (see [`Error8x8::lowest`]): noise,
/// whose many coefficients are each quantised to zero.
const NOISE_SHARE: [u32; 2] = [16, 32];
/// The largest such coefficient in units of the step, in 1/16.
const NOISE_LOWEST_Q4: [u32; 2] = [10, 7];

/// Errors of 8x8 samples that are not coded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Negligible {
    /// Squared errors below this are not coded.
    pub(crate) squares: u32,
    /// Squared errors below this are not coded either if they have no large coefficients of low frequency.
    noise: u32,
    /// Largest coefficient of low frequency.
    lowest: u32,
}

impl Negligible {
    /// Returns the limits for a plane and a step; `noise_pct` as [`Speed::noise_pct`], or 0 without limits for noise.
    fn new(is_chroma: usize, step: u32, noise_pct: u32) -> Self {
        let squares = step * step / ENERGY_SHARE[is_chroma];
        if noise_pct == 0 {
            return Self { squares, noise: 0, lowest: 0 };
        }
        let noise = step * step / NOISE_SHARE[is_chroma] * noise_pct / 100;
        // About the square root.
        let lowest = step * NOISE_LOWEST_Q4[is_chroma] * (100 + noise_pct) / 3200;
        Self { squares, noise, lowest }
    }

    /// Whether 8x8 samples with this error are not coded.
    #[inline]
    pub(crate) fn has(self, error: Error8x8) -> bool {
        error.squares < self.squares || error.squares < self.noise && error.lowest < self.lowest
    }
}

/// Quantisers of luma and chroma.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quantisers {
    /// `[is chroma][is inter][is 32x32]`.
    planes: [[[Vp9Quantiser; 2]; 2]; 2],
    /// Errors of inter blocks in luma and chroma that are not coded.
    pub(crate) negligible: [Negligible; 2],
    /// AC step of luma.
    pub(crate) step: u32,
    /// Prices of bits in blocks of mean contrast.
    pub(crate) prices: Prices,
}

/// Prices of bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prices {
    /// In squared error.
    pub(crate) lambda: Lambda,
    /// In squared error of chroma.
    pub(crate) chroma: Lambda,
    /// In absolute error.
    pub(crate) sad: Lambda,
}

impl Prices {
    /// Returns the prices times two to the power of `octaves_q4` / 16.
    pub(crate) fn times_octaves_q4(self, octaves_q4: i32) -> Self {
        Self {
            lambda: self.lambda.times_octaves_q4(octaves_q4),
            chroma: self.chroma.times_octaves_q4(octaves_q4),
            sad: self.sad.times_octaves_q4(octaves_q4 / 2),
        }
    }

    /// Squared error per bit in a plane.
    pub(crate) fn in_plane(&self, plane: usize) -> Lambda {
        if plane == 0 { self.lambda } else { self.chroma }
    }
}

impl Quantisers {
    /// Creates the quantisers for the steps of luma and chroma at a speed.
    pub(crate) fn new(steps: [Steps; 2], speed: &Speed) -> Self {
        let chooses_levels = speed.tools.is_some_and(|tools| tools.chooses_levels);
        let plane = |is_chroma: usize| {
            ROUND[is_chroma].map(|round| {
                let round = if chooses_levels { NEAREST } else { round };
                [false, true].map(|is_halved| quantiser(steps[is_chroma], round, is_halved))
            })
        };
        let step = u32::try_from(steps[0][1]).unwrap_or(4);
        let lambda = step * step * LAMBDA / 64;
        Self {
            planes: [plane(0), plane(1)],
            negligible: [0, 1].map(|is_chroma| Negligible::new(is_chroma, step, speed.noise_pct)),
            step,
            prices: Prices {
                lambda: Lambda(lambda),
                chroma: Lambda(lambda * 4 / speed.chroma_share_q2),
                sad: sad_price(Lambda(lambda)),
            },
        }
    }

    /// Creates the quantisers of the segments.
    pub(crate) fn of_segments(steps: &[[Steps; 2]; SEGMENTS], speed: &Speed) -> [Self; SEGMENTS] {
        let first = Self::new(steps[0], speed);
        steps.map(|own| if own == steps[0] { first } else { Self::new(own, speed) })
    }

    pub(crate) fn of(&self, plane: usize, is_inter: bool, tx: TxSize) -> &Vp9Quantiser {
        let class = usize::from(tx == TxSize::Tx32);
        &self.planes[plane.min(1)][usize::from(is_inter)][class]
    }
}

/// Returns the absolute error per bit for a squared one: its square root, both in 1/256.
fn sad_price(lambda: Lambda) -> Lambda {
    Lambda((lambda.0 << 8).isqrt())
}

pub(super) fn quantiser(steps: Steps, round: u32, is_halved: bool) -> Vp9Quantiser {
    let steps = steps.map(|step| u32::try_from(step).unwrap_or(4).max(4));
    let halves = if is_halved { 1 } else { 2 };
    Vp9Quantiser {
        round: steps.map(|step| small(halves * step * round / 512)),
        reciprocal: steps.map(|step| small(2 * 65536 / (halves * step))),
        step: steps.map(small),
        is_halved,
    }
}

fn small(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
