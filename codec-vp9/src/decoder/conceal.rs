//! Concealment of the blocks that a damaged tile lacks.

use std::ops::Range;

use super::mode_map::BlockInfo;
use super::sample::Sample;
use super::tile::TileDecoder;
use crate::types::{BlockSize, Reference, References};

impl<S: Sample> TileDecoder<'_, S> {
    /// Replaces the blocks of a row of superblocks that were not decoded by those of a reference at the
    /// same position, or by grey without one, and returns their number in units of 8x8 pixels. `row`
    /// and `cols` are in superblocks.
    pub(crate) fn conceal_row(&mut self, row: usize, cols: Range<usize>) -> usize {
        let references = &self.setup.references;
        let of_same_size = Reference::ALL.into_iter().find(|&reference| {
            references[reference as usize].as_ref().is_some_and(|frame| frame.scale.is_none())
        });
        let mut concealed = 0;
        for row in 8 * row..(8 * row + 8).min(self.setup.rows) {
            for col in 8 * cols.start..(8 * cols.end).min(self.setup.cols) {
                if self.modes.is_decoded(row, col) {
                    continue;
                }
                concealed += 1;
                let position = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
                let info = BlockInfo {
                    row: position(row),
                    col: position(col),
                    size: BlockSize::B8x8,
                    skip: true,
                    references: of_same_size.map_or(References::Intra, References::Single),
                    ..BlockInfo::default()
                };
                self.modes.push(&info, 1, 1);
                if self.predict_inter(&info).is_err() || of_same_size.is_none() {
                    self.fill_grey(&info);
                }
            }
        }
        concealed
    }

    fn fill_grey(&mut self, info: &BlockInfo) {
        let grey = S::from_value(128 << (self.setup.kit.depth - 8));
        for plane in 0..3 {
            let block = self.plane_block(info, plane);
            let (samples, stride) = self.planes[plane].block_mut(4 * block.x, 4 * block.y);
            for row in samples.chunks_mut(stride).take(4 * block.height) {
                row[..4 * block.width].fill(grey);
            }
        }
    }
}
