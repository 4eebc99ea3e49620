//! Data that all rows of a frame share while they are coded.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};

use codec_core::analysis::FrameAnalysis;
use codec_core::frame::Picture;
use codec_core::motion::MvCost;
use codec_core::parallel::{ScratchPool, Wavefront};
use codec_simd::{Block16, BlockUv, Kernels};

use super::costs::SyntaxCosts;
use super::intra_refresh::IntraRefresh;
use super::predict::RefPlanes;
use super::quantisers::Quantisers;
use super::residual_bits::ResidualBits;
use super::row_context::RowContext;
use super::scratch::Scratch;
use super::speed::Speed;
use super::static_areas::StaticAreas;
use super::weights::{EntryWeights, Weights};
use crate::picture::Mv;

/// A frame being coded.
pub(super) struct FrameJob<'a> {
    pub kernels: &'static Kernels,
    pub picture: &'a Picture<'a>,
    pub analysis: Option<&'a FrameAnalysis>,
    pub cols: usize,
    pub rows: usize,
    pub is_key: bool,
    pub speed: &'static Speed,
    pub has_transform_8x8: bool,
    pub residual_bits: &'a ResidualBits,
    /// Reference list 0.
    pub references: &'a [RefPlanes<'a>],
    /// Weights of list 0 in P slices.
    pub weights: &'a Weights,
    /// Data that only B slices use.
    pub second: Option<SecondList<'a>>,
    pub quantisers: &'a Quantisers,
    /// Quantiser of the frame.
    pub qp: u8,
    /// Lowest and highest quantiser of macroblocks.
    pub qp_range: (u8, u8),
    /// Costs of the syntax elements of the slices.
    pub costs: SyntaxCosts,
    pub mv_cost: &'a MvCost,
    pub row_context: &'a RowContext,
    pub scratch: &'a ScratchPool<Scratch>,
    pub wave: Wavefront<'a>,
    /// First row of the slice of each row.
    pub slice_starts: &'a [usize],
    /// Vectors of the previous frame, by macroblock.
    pub last_mvs: &'a [Mv],
    /// Farthest vertical vector of the level in full pixels.
    pub reach: u16,
    pub areas: &'a StaticAreas,
    pub refresh: &'a IntraRefresh,
    /// Whether the frame takes too many bits, so that the rest of it is not coded.
    pub is_over: &'a AtomicBool,
}

/// Reference list 1 of a B slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecondList<'a> {
    pub references: &'a [RefPlanes<'a>],
    /// Blocks of the first entry that do not move, by macroblock: see
    /// [`super::finish::Picture::still_blocks`].
    pub still: &'a [u8],
    /// Distances in frames to the first entries of both lists.
    pub distances: [i16; 2],
    /// Weights of the first entries of both lists, in 1/64.
    pub weights: [i16; 2],
}

/// Share of a macroblock without texture in the bits of a key frame, as an intra cost.
const MB_COST: u64 = 64;

impl FrameJob<'_> {
    /// Returns whether the rest of the frame is not coded.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Acquire)
    }

    /// Estimates the bits of the frame, of which the first `rows` rows take `bits`; `None` if less than a third of it
    /// is left, whose bits are then counted rather than estimated. The shares of the rows of a key frame are the shares
    /// of their intra costs. The other rows count for three quarters: another attempt corrects a quantiser that is too
    /// fine, but not one that is too coarse.
    pub(super) fn estimated_bits(&self, rows: usize, bits: u64) -> Option<u64> {
        let (done, all) = (self.rows_weight(0..rows), self.rows_weight(0..self.rows));
        let left = all.checked_sub(done).filter(|left| 3 * left >= all)?;
        let rest = u128::from(bits) * u128::from(left) / u128::from(done.max(1));
        Some(bits.saturating_add(u64::try_from(rest * 3 / 4).unwrap_or(u64::MAX)))
    }

    /// Returns the share of rows in the bits of the frame, relative to other rows: in a key frame, by their intra costs.
    pub(super) fn rows_weight(&self, rows: impl Iterator<Item = usize>) -> u64 {
        let analysis = self.analysis.filter(|_| self.is_key);
        let weight = |row: usize| {
            let mbs = analysis.and_then(|frame| frame.macroblocks.chunks(self.cols).nth(row));
            mbs.map_or(1, |mbs| mbs.iter().map(|mb| MB_COST + u64::from(mb.intra_cost)).sum())
        };
        rows.map(weight).sum()
    }

    /// Ends the coding of the frame. A row that waits for another one sees it at the latest when that one ends.
    pub(super) fn end(&self) {
        self.is_over.store(true, Release);
    }

    /// Returns the weights of an entry of list 0, if it has any.
    #[inline]
    pub(super) fn weights_of(&self, reference: usize) -> Option<&EntryWeights> {
        self.weights.entries.get(reference)?.as_ref()
    }

    /// Weighs the prediction of a macroblock from an entry of list 0.
    #[inline]
    pub(super) fn weigh_luma(&self, reference: usize, luma: &mut Block16) {
        if let Some(weights) = self.weights_of(reference) {
            weights.weigh_luma(self.kernels, luma);
        }
    }

    /// As [`Self::weigh_luma`], of both chroma planes.
    #[inline]
    pub(super) fn weigh_chroma(&self, reference: usize, chroma: &mut BlockUv) {
        if let Some(weights) = self.weights_of(reference) {
            weights.weigh_chroma(self.kernels, chroma);
        }
    }

    /// Returns the address of the first macroblock of the slice in which `row` begins.
    #[inline]
    pub(super) fn first_of_slice(&self, row: usize) -> usize {
        self.cols * self.slice_starts.get(row).copied().unwrap_or(0)
    }

    /// Returns the quantiser of a macroblock: the quantiser of the frame, or of a refresh, with the offsets of MB-tree,
    /// of an importance map and of masking, in sixteenths of an octave of the step.
    #[inline]
    pub(super) fn qp_at(&self, mb: usize) -> u8 {
        let frame_qp = self.areas.qp(mb, self.qp);
        let Some(analysis) = self.analysis else { return frame_qp };
        let offset = |offsets: &[i8]| offsets.get(mb).map_or(0, |&offset| i32::from(offset));
        // Six quantisers are an octave.
        let octaves_q4 = offset(&analysis.offsets_q4) + offset(&analysis.masking_q4);
        let steps = (octaves_q4 * 6 + 8) >> 4;
        let (min, max) = self.qp_range;
        let qp = i32::from(frame_qp) + steps;
        u8::try_from(qp.clamp(i32::from(min), i32::from(max.min(51)))).unwrap_or(self.qp)
    }
}
