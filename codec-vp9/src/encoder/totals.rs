//! Statistics of the blocks that were coded in a frame.

use codec_core::codec::MacroblockCounts;
use codec_core::frame::Size;

use super::segments::{Segments, is_still};
use crate::block::mode_map::BlockInfo;
use crate::types::BlockSize;

/// Statistics of a frame's blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) macroblocks: MacroblockCounts,
    pub(super) zero_motion: u32,
    pub(super) refreshed: u32,
    pub(super) prediction_sse: u64,
    pub(super) references: [bool; 3],
}

impl Totals {
    /// Adds a block; macroblocks belong to the block of their first 8x8 pixels.
    pub(super) fn add(&mut self, info: &BlockInfo, size: Size, segments: &Segments) {
        let (width, height) = info.size.mi();
        let count = |at: u16, length: usize, frame: u32| {
            let end = (usize::from(at) + length).min(frame.div_ceil(8) as usize);
            u32::try_from(end.div_ceil(2) - usize::from(at).div_ceil(2)).unwrap_or(0)
        };
        let count = count(info.col, width, size.width) * count(info.row, height, size.height);
        if let Some(reference) = info.references.first() {
            self.references[reference as usize] = true;
            self.zero_motion += if is_still(info) { count } else { 0 };
        } else {
            self.macroblocks.intra += count;
        }
        self.refreshed += if segments.is_refresh(info.segment) { count } else { 0 };
        self.macroblocks.skipped += if info.skip { count } else { 0 };
        if info.is_inter() && info.size < BlockSize::B16x16 {
            self.macroblocks.split += count;
        }
    }
}
