//! The tiles of a frame.

use std::ops::Range;

use crate::block::setup::FrameSetup;

/// Columns of the tiles, in units of 8 pixels.
pub(super) fn tile_columns(setup: &FrameSetup<'_, u8>) -> impl Iterator<Item = Range<usize>> {
    let (layout, cols, superblocks) = (setup.header.tiles, setup.cols, setup.superblocks().0);
    (0..1 << layout.log2_cols).map(move |index| {
        let range = layout.col(index, superblocks);
        8 * range.start..(8 * range.end).min(cols)
    })
}
