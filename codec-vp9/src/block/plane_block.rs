//! The part of a plane that a block covers, and the size and type of its transforms.

use codec_simd::vp9::Vp9TxKind;

use super::mode_map::BlockInfo;
use super::sample::Sample;
use super::setup::FrameSetup;
use crate::types::{IntraMode, TxSize};

/// A block's part of a plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneBlock {
    pub(crate) plane: usize,
    /// Position and size in units of 4 samples.
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// First column and row outside of the frame, in units of 4 samples.
    pub(crate) end: (usize, usize),
    /// Size of the transforms.
    pub(crate) tx: TxSize,
    /// Whether the plane has half the width and half the height of luma.
    pub(crate) halved: [bool; 2],
}

impl<S: Sample> FrameSetup<'_, S> {
    /// Returns the part of `plane` that belongs to a block.
    pub(crate) fn plane_block(&self, info: &BlockInfo, plane: usize) -> PlaneBlock {
        let halved = self.header.format.sampling.halved().map(|halved| halved && plane > 0);
        let [shift_x, shift_y] = halved.map(usize::from);
        let (cols, rows) = info.size.mi();
        let tx = info.plane_tx(plane, self.header.format.sampling);
        PlaneBlock {
            plane,
            x: (2 * usize::from(info.col)) >> shift_x,
            y: (2 * usize::from(info.row)) >> shift_y,
            width: (2 * cols) >> shift_x,
            height: (2 * rows) >> shift_y,
            end: ((2 * self.cols) >> shift_x, (2 * self.rows) >> shift_y),
            tx,
            halved,
        }
    }

    /// Returns the parts of the planes that belong to a block.
    #[inline]
    pub(crate) fn plane_blocks(&self, info: &BlockInfo) -> [PlaneBlock; 3] {
        let [y, u] = [self.plane_block(info, 0), self.plane_block(info, 1)];
        [y, u, PlaneBlock { plane: 2, ..u }]
    }
}

impl PlaneBlock {
    /// Columns and rows of the transforms that begin inside of the frame, in units of 4 samples.
    #[inline]
    pub(crate) fn sides(self) -> [impl Iterator<Item = usize> + Clone; 2] {
        let (log2, (end_x, end_y)) = (self.tx as usize, self.end);
        let sides = [(self.x, self.width, end_x), (self.y, self.height, end_y)];
        sides.map(|(at, length, end)| {
            let count = ((at + length).min(end).saturating_sub(at) + (1 << log2) - 1) >> log2;
            (0..count).map(move |index| at + (index << log2))
        })
    }

    /// Positions of the transforms that begin inside of the frame, in units of 4 samples.
    #[inline]
    pub(crate) fn transforms(self) -> impl Iterator<Item = (usize, usize)> {
        let [cols, rows] = self.sides();
        rows.flat_map(move |y| cols.clone().map(move |x| (x, y)))
    }

    /// Whether all transforms are entirely inside of the frame.
    #[inline]
    pub(crate) fn is_inside(self) -> bool {
        self.x + self.width <= self.end.0 && self.y + self.height <= self.end.1
    }

    /// Mode of the transform at a position: in luma, the mode of its sub-block.
    pub(crate) fn intra_mode(&self, info: &BlockInfo, x: usize, y: usize) -> IntraMode {
        if self.plane > 0 { info.chroma_mode } else { info.luma_modes[2 * (y & 1) + (x & 1)] }
    }

    /// Type of the transform at a position.
    #[inline]
    pub(crate) fn tx_kind(
        &self,
        info: &BlockInfo,
        x: usize,
        y: usize,
        lossless: bool,
    ) -> Vp9TxKind {
        use IntraMode::{D45, D63, D117, D135, D153, D207, Dc, H, Tm, V};
        if lossless {
            return Vp9TxKind::Wht;
        }
        if self.plane > 0 || self.tx == TxSize::Tx32 || info.is_inter() {
            return Vp9TxKind::Dct;
        }
        match self.intra_mode(info, x, y) {
            Dc | D45 => Vp9TxKind::Dct,
            V | D117 | D63 => Vp9TxKind::AdstColumns,
            H | D153 | D207 => Vp9TxKind::AdstRows,
            D135 | Tm => Vp9TxKind::AdstBoth,
        }
    }
}
