//! The filter of one macroblock.

use codec_simd::{BlockUv, Kernels, PixelWeight, TemporalWeights, Window, WindowMut, prefetch};

use super::output::OutputRows;
use super::source::{Bordered, ChromaRows, SourceRows};
use super::weights::{MAX_AGE, Weights};
use crate::frame::{Picture, SourceMb};

/// History of one macroblock, in 1/128 of a level.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct BlockHistory {
    /// The upper and the lower half.
    luma: [[[i16; 16]; 8]; 2],
    /// U in the left half of the columns, V in the right.
    chroma: [[i16; 16]; 8],
    /// Number of frames in the history of each 8x8 pixels, by half and side; 0 if there is none.
    luma_ages: [[u8; 2]; 2],
    /// The same for the left and the right half of the chroma blocks.
    chroma_ages: [u8; 2],
}

impl BlockHistory {
    /// Returns the number of blocks of 8x8 pixels, of four, whose history starts with the latest
    /// frame.
    pub(super) fn restarted(&self) -> usize {
        self.luma_ages.as_flattened().iter().filter(|&&age| age <= 1).count()
    }

    /// Makes the latest frame the first of the history.
    pub(super) fn restart(&mut self) {
        self.luma_ages = self.luma_ages.map(|ages| ages.map(|age| age.min(1)));
        self.chroma_ages = self.chroma_ages.map(|age| age.min(1));
    }
}

/// Inputs that all macroblocks of a frame share.
#[derive(Clone, Copy, Debug)]
pub(super) struct MbFilter<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) picture: &'a Picture<'a>,
    pub(super) weights: &'a Weights,
}

/// How many macroblocks ahead the history is prefetched.
const HISTORY_AHEAD: usize = 2;
/// Macroblocks in a cache line of luma.
const LINE_MBS: usize = 4;

impl MbFilter<'_> {
    /// Filters the macroblocks of row `row` into `output`.
    pub(super) fn filter_row(
        &self,
        row: usize,
        history: &mut [BlockHistory],
        output: &mut OutputRows<'_>,
    ) {
        let mut blocks = Blocks::default();
        let luma = SourceRows::new(self.picture.luma(), 16 * row);
        let chroma = ChromaRows::new(self.kernels, self.picture, row);
        for col in 0..history.len() {
            if let Some(later) = history.get(col + HISTORY_AHEAD) {
                prefetch(later);
            }
            if col % LINE_MBS == 0 {
                self.picture.luma().prefetch(16 * (col + LINE_MBS), 16 * row, 16);
            }
            let history = &mut history[col];
            // Some time before it is read, because its pixels are read wider than they are written.
            chroma.gather(col, &mut blocks.source);
            let source = luma.window(col, &mut blocks.at_edge);
            let dst = output.luma_mut(col);
            let restarted = self.filter_luma(source, history, &mut blocks.smoothed, dst);
            // Chroma moves with luma.
            for (age, restarted) in history.chroma_ages.iter_mut().zip(restarted) {
                *age = if restarted { 0 } else { *age };
            }
            self.filter_chroma(history, &mut blocks);
            output.store_chroma(col, &blocks.chroma);
        }
    }

    /// Filters the luma of a macroblock. Returns whether the history of a left and of a right block
    /// starts with this frame.
    #[inline]
    fn filter_luma(
        &self,
        source: Window<'_, 18, 18>,
        history: &mut BlockHistory,
        smoothed: &mut [[u8; 16]; 8],
        dst: Option<WindowMut<'_, 16, 16>>,
    ) -> [bool; 2] {
        let mut any = [false; 2];
        let Some(mut dst) = dst else { return any };
        let halves = history.luma.iter_mut().zip(&mut history.luma_ages);
        for ((history, [left, right]), top) in halves.zip([0, 8]) {
            let pixels = source.sub::<16, 8>(1, top + 1);
            let (sums, sads) = self.kernels.temporal_sums_16x8(pixels, history);
            let of_left = self.advance(left, [sums[0], sums[1]], sads[0] + sads[1]);
            let of_right = self.advance(right, [sums[2], sums[3]], sads[2] + sads[3]);
            let weights = TemporalWeights::new([of_left, of_left, of_right, of_right]);
            let dst = dst.sub::<16, 8>(0, top);
            if *left > 1 && *right > 1 {
                self.kernels.temporal_blend_16x8(pixels, history, &weights, dst);
                continue;
            }
            let restarted = [*left, *right].map(|age| age <= 1);
            any = [any[0] || restarted[0], any[1] || restarted[1]];
            let limits = self.weights.smooth_limits(restarted);
            self.kernels.smooth_16x8(source.sub(0, top), limits, smoothed);
            self.kernels.temporal_blend_16x8(Window::packed(smoothed), history, &weights, dst);
        }
        any
    }

    /// Filters the chroma of a macroblock.
    fn filter_chroma(&self, history: &mut BlockHistory, blocks: &mut Blocks) {
        let (history, [left, right]) = (&mut history.chroma, &mut history.chroma_ages);
        let source = Window::packed(&blocks.source.chroma.0);
        let (sums, sads) = self.kernels.temporal_sums_16x8(source, history);
        let left = self.advance(left, [sums[0], sums[2]], sads[0] + sads[2]);
        let right = self.advance(right, [sums[1], sums[3]], sads[1] + sads[3]);
        let weights = TemporalWeights::new([left, right, left, right]);
        let dst = WindowMut::packed(&mut blocks.chroma.0);
        self.kernels.temporal_blend_16x8(source, history, &weights, dst);
    }

    /// Updates the age of a block's history by the sums of the differences of the block's two
    /// halves, and returns the weight of its pixels.
    fn advance(&self, age: &mut u8, [a, b]: [i32; 2], sad: i32) -> &PixelWeight {
        let limits = self.weights.at(*age);
        let is_within =
            |sum: i32, limit: i32| (sum + limit).cast_unsigned() <= 2 * limit.cast_unsigned();
        // Without a history, the limits are below zero.
        if sad > limits.max_sad
            || !is_within(a, limits.max_part)
            || !is_within(b, limits.max_part)
            || !is_within(a + b, limits.max_sum)
        {
            *age = 1;
            return &PixelWeight::SOURCE;
        }
        // A shorter mean follows slow changes of brightness.
        let is_usual = is_within(2 * (a + b), limits.max_sum);
        let used = if is_usual { *age } else { age.div_ceil(2) };
        *age = (used + 1).min(MAX_AGE);
        &self.weights.at(used).weight
    }
}

/// Pixels of one macroblock, allocated once for a row.
#[derive(Debug, Default)]
struct Blocks {
    source: SourceMb,
    /// Source pixels of the macroblock, if a part is outside the frame.
    at_edge: Bordered,
    /// Luma of half the macroblock.
    smoothed: [[u8; 16]; 8],
    /// Filtered chroma.
    chroma: BlockUv,
}
