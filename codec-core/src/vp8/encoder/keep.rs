//! The short way through a macroblock, and through a whole frame, that is taken over unchanged.

use super::exchange::AboveInfo;
use super::row::MbCoder;
use super::store::RowStore;
use super::tokens::masks_of_empty;
use crate::frame::FrameBuf;
use crate::vp8::rows::MbRow;
use crate::vp8::types::{LumaMode, MbInfo, Reference, SubblockInfo};

/// The last frame, unmoved and without coefficients.
fn kept_info() -> MbInfo {
    MbInfo { luma: LumaMode::Zero, reference: Reference::Last, skip: true, ..MbInfo::default() }
}

fn count(store: &mut RowStore, macroblocks: u32) {
    store.modes.segments[0] += macroblocks;
    store.modes.skipped += macroblocks;
    store.modes.references[Reference::Last as usize] += macroblocks;
    store.modes.zero_motion += macroblocks;
}

/// Fills `store` with a row of `cols` macroblocks that are all taken over.
pub(super) fn keep_row(store: &mut RowStore, cols: usize) {
    store.clear();
    store.infos.resize(cols, kept_info());
    count(store, u32::try_from(cols).unwrap_or(u32::MAX));
}

impl MbCoder<'_> {
    /// Takes the macroblock at `col` over from `last`, the last frame.
    pub(super) fn keep(
        &mut self,
        col: usize,
        last: &FrameBuf,
        planes: &mut MbRow<'_>,
        store: &mut RowStore,
    ) {
        let row = self.row;
        self.col = col;
        self.above_left = if col > 0 { self.above.info } else { AboveInfo::default() };
        if row > 0 {
            self.above = self.job.exchange.get(row - 1, col);
        }
        let pixels = &mut self.best.pixels;
        let at = |size: usize| ((size * col).cast_signed(), (size * row).cast_signed());
        let ((x, y), (half_x, half_y)) = (at(16), at(8));
        if let (Some(luma), Some(u), Some(v)) = (
            last.plane(0).window(x, y),
            last.plane(1).window(half_x, half_y),
            last.plane(2).window(half_x, half_y),
        ) {
            pixels.luma.window_mut().copy_from(luma);
            pixels.chroma.plane_mut(0).copy_from(u);
            pixels.chroma.plane_mut(1).copy_from(v);
        }
        let info = kept_info();
        store.infos.push(info);
        count(store, 1);
        self.write_pixels(planes);

        let masks = masks_of_empty(true, self.above.info.nonzero, self.left.info.nonzero);
        self.tell_neighbours(&info, &SubblockInfo::Inter([info.mv; 16]), masks);
    }
}
