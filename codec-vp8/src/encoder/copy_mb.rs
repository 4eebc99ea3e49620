//! Fast path for macroblocks and frames that are copied unchanged from the last frame.

use super::row::MbCoder;
use super::store::{RowStore, SearchStats};
use super::tokenizer::empty_mb_flags;
use crate::modes::{MvBounds, Neighbours, find_near_vectors};
use crate::predict::RefPlanes;
use crate::types::{MbInfo, MbMode, Reference};

/// Returns the info of a copied macroblock: last frame, zero motion, no coefficients.
fn copied_info() -> MbInfo {
    MbInfo { mode: MbMode::STATIC, skip: true, ..MbInfo::default() }
}

fn count(store: &mut RowStore, macroblocks: u32) {
    store.modes.segments[0] += macroblocks;
    store.modes.skipped += macroblocks;
    store.modes.references[Reference::Last.index()] += macroblocks;
    store.modes.zero_motion += macroblocks;
}

/// Fills `store` with row `row` of a frame of `cols` by `rows` macroblocks that are all copied.
pub(super) fn copy_row(store: &mut RowStore, row: usize, (cols, rows): (usize, usize)) {
    store.clear();
    store.infos.resize(cols, copied_info());
    store.search_stats.resize(cols, SearchStats::default());
    let (copied, outside) = (MbMode::STATIC, MbMode::default());
    let has = |is_there: bool| if is_there { &copied } else { &outside };
    let near = |col: usize| {
        let neighbours = Neighbours {
            above: has(row > 0),
            left: has(col > 0),
            above_left: has(row > 0 && col > 0),
        };
        let bounds = MvBounds::new(col, row, cols, rows);
        find_near_vectors(&neighbours, Reference::Last, [false; 3], bounds)
    };
    // Zero vectors are within all bounds, so all columns from the second on are alike.
    store.nears.push(near(0));
    store.nears.resize(cols, near(1));
    count(store, u32::try_from(cols).unwrap_or(u32::MAX));
}

impl MbCoder<'_> {
    /// Copies the macroblock at `col` from `last`, the last frame.
    pub(super) fn copy_mb(&mut self, col: usize, last: &RefPlanes<'_>, store: &mut RowStore) {
        let row = self.row;
        self.col = col;
        self.advance_neighbours();
        let pixels = &mut self.best.pixels;
        let at = |size: usize| ((size * col).cast_signed(), (size * row).cast_signed());
        let ((x, y), (half_x, half_y)) = (at(16), at(8));
        if let (Some(luma), Some(u), Some(v)) =
            (last.y.window(x, y), last.u.window(half_x, half_y), last.v.window(half_x, half_y))
        {
            pixels.luma.window_mut().copy_from(luma);
            pixels.chroma.plane_mut(0).copy_from(u);
            pixels.chroma.plane_mut(1).copy_from(v);
        }
        let info = copied_info();
        store.infos.push(info);
        store.search_stats.push(SearchStats::default());
        store.nears.push(self.vectors().near);
        count(store, 1);
        self.write_pixels();

        let masks = empty_mb_flags(true, self.above.nonzero, self.left.info.nonzero);
        self.update_neighbours(info.mode, masks);
    }
}
