//! Segments of a frame: for cyclic refresh, or for the quantiser offsets of macroblocks.

use codec_core::encoder::{CodedMbHistory, CyclicRefresh};
use codec_core::entropy::prob_from_counts;
use codec_core::fixed::log2_q16;
use codec_core::frame::Size;

use super::description::VP9;
use crate::block::mode_map::{BlockInfo, ModeMap};
use crate::header::{Segment, SegmentMapCoding, Segmentation};
use crate::probability::node_counts;
use crate::trees::SEGMENT_BRANCHES;
use crate::types::{BlockSize, InterMode, Reference, References};

/// Number of segments.
pub(super) const SEGMENTS: usize = 8;
/// Segment of the parts that are refreshed; all others are in segment 0.
const REFRESH: u8 = 1;
/// Quantiser step of refreshed blocks, in percent of the frame's.
const FINER_PCT: u64 = 55;
/// Minimum decrease of the quantiser index for which a refresh is worthwhile.
const WORTHWHILE: u8 = 12;
/// Lowest quantiser index of a frame with a refresh.
const MIN_QINDEX: u8 = 20;
/// Side of the units that are refreshed, in units of 8 pixels.
const UNIT: usize = 4;
/// Smallest distance of two segments in sixteenths of an octave of the step. Smaller ones gain less than the map costs.
const MIN_DISTANCE: i32 = 6;

/// Purpose of the segments of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    /// All blocks are in segment 0.
    #[default]
    None,
    Refresh,
    Offsets,
}

/// Assigns blocks to segments.
///
/// The units of the refresh are squares of 32x32 pixels. They are numbered by superblocks, so that the units of
/// a superblock follow one another.
#[derive(Debug, Default)]
pub(super) struct Segments {
    refresh: CyclicRefresh,
    purpose: Purpose,
    /// By unit: whether it is refreshed.
    refreshed: Vec<bool>,
    /// By unit: how the last frame was coded. Kept for its memory.
    coded: Vec<CodedMbHistory>,
    /// By macroblock: how much coarser than the frame it is coded, in sixteenths of an octave of the step.
    mb_offsets: Vec<i8>,
    /// The offset of each segment.
    offsets: [i32; SEGMENTS],
    /// Number of columns of superblocks.
    superblock_cols: usize,
    /// Size of the frame in units of 8 pixels.
    cols: usize,
    rows: usize,
}

impl Segments {
    /// Resets the state for frames of a size.
    pub(super) fn reset(&mut self, size: Size) {
        (self.cols, self.rows) =
            (size.width.div_ceil(8) as usize, size.height.div_ceil(8) as usize);
        self.superblock_cols = self.cols.div_ceil(8);
        let superblocks = self.superblock_cols * self.rows.div_ceil(8);
        self.refresh.reset(4 * superblocks, u8::MAX);
        self.purpose = Purpose::None;
    }

    /// Selects at most `share_pct` percent of a frame at `qindex` for a refresh.
    pub(super) fn plan_refresh(&mut self, qindex: u8, share_pct: u8) -> Segmentation {
        self.refreshed.clear();
        self.refreshed.resize(self.refresh.count(), false);
        let step = VP9.step(qindex) * FINER_PCT / 100;
        let finer = (1..=qindex).rev().find(|&finer| VP9.step(finer) <= step).unwrap_or(1);
        let share_pct = if qindex < MIN_QINDEX { 0 } else { share_pct };
        let limit = finer.saturating_add(WORTHWHILE);
        let map = &mut self.refreshed;
        if !self.refresh.plan(limit, share_pct, |index| map[index] = true) {
            self.purpose = Purpose::None;
            return Segmentation::default();
        }
        self.purpose = Purpose::Refresh;
        let mut indices = [qindex; SEGMENTS];
        indices[usize::from(REFRESH)] = finer;
        segmentation(qindex, indices)
    }

    /// Assigns all blocks to segments by the quantiser offsets of their macroblocks, instead of cyclic
    /// refresh. The offsets are relative to `qindex`, in sixteenths of an octave of the step; positive ones
    /// are coarser. All indices are within `range`.
    pub(super) fn plan_offsets(
        &mut self,
        qindex: u8,
        offsets_q4: &[i8],
        (best, worst): (u8, u8),
    ) -> Segmentation {
        self.refresh.plan(0, 0, |_| {});
        self.purpose = Purpose::None;
        let count = self.cols.div_ceil(2) * self.rows.div_ceil(2);
        let (Some(&least), Some(&most)) = (offsets_q4.iter().min(), offsets_q4.iter().max()) else {
            return Segmentation::default();
        };
        if offsets_q4.len() != count {
            return Segmentation::default();
        }
        let (least, most) = (i32::from(least), i32::from(most));
        let distance = ((most - least + 6) / 7).max(MIN_DISTANCE);
        self.offsets =
            std::array::from_fn(|segment| least + distance * i32::try_from(segment).unwrap_or(0));
        let own = log2_q16(VP9.step(qindex));
        let (best, worst) = (best.max(1), worst.max(best));
        let indices = self
            .offsets
            .map(|offset| nearest_index(own.saturating_add(offset * 4096)).clamp(best, worst));
        if indices.iter().all(|&index| index == qindex) {
            return Segmentation::default();
        }
        self.mb_offsets.clear();
        self.mb_offsets.extend_from_slice(offsets_q4);
        self.purpose = Purpose::Offsets;
        segmentation(qindex, indices)
    }

    /// Moves the coded blocks that have no residual, and therefore no quantiser, to the segment of most others, which
    /// costs the fewest bits. Then sets the probabilities of the map's tree.
    ///
    /// Blocks that are refreshed stay in their segment, which tells the next refreshes that their quality is
    /// good enough.
    pub(super) fn finish_map(&self, segmentation: &mut Segmentation, blocks: &mut [BlockInfo]) {
        let Some(map) = &mut segmentation.map else { return };
        let mut counts = [0; SEGMENTS];
        let is_free = |info: &BlockInfo| info.skip && self.purpose == Purpose::Offsets;
        for info in blocks.iter().filter(|info| !is_free(info)) {
            counts[usize::from(info.segment) % SEGMENTS] += 1;
        }
        let most = (0_u8..).zip(counts).max_by_key(|&(_, count)| count).map_or(0, |(most, _)| most);
        for info in blocks.iter_mut().filter(|info| is_free(info)) {
            info.segment = most;
            counts[usize::from(most)] += 1;
        }
        for (to, counts) in map.tree.iter_mut().zip(node_counts(&SEGMENT_BRANCHES, &counts)) {
            *to = if counts == [0, 0] { 255 } else { prob_from_counts(counts) };
        }
    }

    /// Whether the blocks of a segment are refreshed.
    pub(super) fn is_refresh(&self, segment: u8) -> bool {
        self.purpose == Purpose::Refresh && segment == REFRESH
    }

    /// Returns the segment of a block: the segment of most of its units, or the segment of its mean offset.
    pub(super) fn of(&self, row: usize, col: usize, size: BlockSize) -> u8 {
        let (width, height) = size.mi();
        let rows = row..(row + height).min(self.rows);
        let cols = col..(col + width).min(self.cols);
        match self.purpose {
            Purpose::None => 0,
            Purpose::Refresh => {
                let (mut selected, mut all) = (0, 0);
                for row in rows.step_by(UNIT) {
                    for col in cols.clone().step_by(UNIT) {
                        all += 1;
                        selected += usize::from(self.refreshed[self.unit(row, col)]);
                    }
                }
                if 2 * selected >= all { REFRESH } else { 0 }
            }
            Purpose::Offsets => {
                let (mut sum, mut all) = (0, 0);
                for row in rows.step_by(2) {
                    for col in cols.clone().step_by(2) {
                        all += 1;
                        sum +=
                            i32::from(self.mb_offsets[row / 2 * self.cols.div_ceil(2) + col / 2]);
                    }
                }
                nearest(&self.offsets, sum.div_euclid(all.max(1)))
            }
        }
    }

    /// The unit at a position in units of 8 pixels.
    fn unit(&self, row: usize, col: usize) -> usize {
        let superblock = row / 8 * self.superblock_cols + col / 8;
        4 * superblock + 2 * (row % 8 / UNIT) + col % 8 / UNIT
    }

    /// Records how the units of a frame were coded that replaces the last frame.
    pub(super) fn update(&mut self, modes: &ModeMap, qindex: impl Fn(u8) -> u8) {
        let coded =
            CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex: 0 };
        let mut units = std::mem::take(&mut self.coded);
        units.clear();
        // Units outside of the frame are never due.
        units.resize(self.refresh.count(), CodedMbHistory { is_still: false, ..coded });
        for row in (0..self.rows).step_by(UNIT) {
            for col in (0..self.cols).step_by(UNIT) {
                units[self.unit(row, col)] = coded;
            }
        }
        for info in modes.blocks() {
            let (row, col) = (usize::from(info.row), usize::from(info.col));
            let (width, height) = info.size.mi();
            let (is_still, qindex) = (is_still(info), qindex(info.segment));
            for row in (row..(row + height).min(self.rows)).step_by(UNIT) {
                for col in (col..(col + width).min(self.cols)).step_by(UNIT) {
                    let unit = &mut units[self.unit(row, col)];
                    unit.is_still &= is_still;
                    unit.is_skipped &= info.skip;
                    unit.qindex = unit.qindex.max(qindex);
                }
            }
        }
        self.refresh.update(units.iter().copied());
        self.coded = units;
    }
}

/// Returns the segmentation of a frame at `qindex` with the indices of its segments, before
/// [`Segments::finish_map`].
fn segmentation(qindex: u8, indices: [u8; SEGMENTS]) -> Segmentation {
    let quantiser = |index: u8| (index != qindex).then(|| i16::from(index) - i16::from(qindex));
    Segmentation {
        enabled: true,
        map: Some(SegmentMapCoding { tree: [255; 7], temporal: None }),
        segments: indices
            .map(|index| Segment { quantiser: quantiser(index), ..Segment::default() }),
        ..Segmentation::default()
    }
}

/// Returns the segment with the nearest offset.
fn nearest(offsets: &[i32; SEGMENTS], offset: i32) -> u8 {
    let segments = 0_u8..;
    let distances = segments.zip(offsets).map(|(segment, of)| (of.abs_diff(offset), segment));
    distances.min().map_or(0, |(_, segment)| segment)
}

/// Returns the index with the nearest step logarithm.
fn nearest_index(target_q16: i32) -> u8 {
    let distance = |index: u8| log2_q16(VP9.step(index)).abs_diff(target_q16);
    (1..=u8::MAX).min_by_key(|&index| distance(index)).unwrap_or(1)
}

/// Whether a block is predicted from the last frame without motion.
pub(super) fn is_still(info: &BlockInfo) -> bool {
    info.references == References::Single(Reference::Last) && info.inter_mode == InterMode::Zero
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments() -> Segments {
        let mut segments = Segments::default();
        segments.reset(Size::new(128, 64));
        segments
    }

    #[test]
    fn a_block_has_the_offset_of_its_macroblocks() {
        let mut segments = segments();
        let mut offsets = [0; 32];
        offsets[..2].fill(-32);
        offsets[31] = 16;
        let plan = segments.plan_offsets(120, &offsets, (1, 255));
        let step = |row, col, size| {
            let segment = segments.of(row, col, size);
            VP9.step(plan.qindex(segment, 120)) as f64 / VP9.step(120) as f64
        };
        let is_near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.15;
        // Two octaves finer, and one coarser.
        assert!(is_near(step(0, 0, BlockSize::B16x16), 0.25));
        assert!(is_near(step(0, 0, BlockSize::B8x8), 0.25));
        assert!(is_near(step(6, 14, BlockSize::B16x16), 2.0));
        assert!(is_near(step(4, 4, BlockSize::B32x32), 1.0));
        assert!(!segments.is_refresh(1));
    }

    #[test]
    fn blocks_without_a_residual_join_the_largest_segment() {
        let mut segments = segments();
        let block = |segment, skip| BlockInfo { segment, skip, ..BlockInfo::default() };
        let coded = [block(2, false), block(2, false), block(5, false)];
        let mut blocks = [coded[0], block(7, true), coded[1], coded[2], block(5, true)];
        let mut offsets = [0; 32];
        offsets[0] = 32;
        let mut plan = segments.plan_offsets(120, &offsets, (1, 255));
        segments.finish_map(&mut plan, &mut blocks);
        assert_eq!(blocks.map(|info| info.segment), [2, 2, 2, 5, 2]);
        // Four of five blocks are in the first half of the segments, all of these in its second half.
        assert_eq!(plan.map.unwrap().tree, [205, 1, 255, 255, 255, 1, 255]);
        // A refresh keeps them.
        let still =
            CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex: 120 };
        for _ in 0..4 {
            segments.plan_refresh(120, 0);
            segments.refresh.update((0..8).map(|_| still));
        }
        let mut plan = segments.plan_refresh(120, 50);
        assert!(plan.enabled);
        let mut blocks = [block(0, false), block(0, false), block(REFRESH, true)];
        segments.finish_map(&mut plan, &mut blocks);
        assert_eq!(blocks[2].segment, REFRESH);
    }

    #[test]
    fn equal_offsets_need_no_segments() {
        let mut segments = segments();
        assert!(!segments.plan_offsets(60, &[0; 32], (60, 60)).enabled);
        assert!(!segments.plan_offsets(60, &[], (1, 255)).enabled);
        assert_eq!(segments.of(3, 3, BlockSize::B8x8), 0);
    }

    #[test]
    fn units_of_a_superblock_are_refreshed_together() {
        let mut segments = segments();
        let still =
            CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex: 120 };
        assert!(!segments.plan_refresh(120, 50).enabled);
        for _ in 0..4 {
            segments.refresh.update((0..8).map(|_| still));
        }
        let plan = segments.plan_refresh(120, 50);
        assert!(plan.enabled);
        assert_eq!(segments.of(0, 0, BlockSize::B64x64), REFRESH);
        assert_eq!(segments.of(0, 8, BlockSize::B64x64), 0);
        assert!(segments.is_refresh(REFRESH) && plan.qindex(REFRESH, 120) < 100);
        assert_eq!(plan.qindex(0, 120), 120);
    }
}
