//! Tiles: a grid of areas, each with its own entropy coder.

use std::ops::Range;

use codec_core::error::Corrupt;
use codec_core::frame::Size;

use super::bits::BitReader;

/// Minimum and maximum width of a tile, in superblocks (of 64 pixels).
const TILE_SUPERBLOCKS: (usize, usize) = (4, 64);

/// The number of tiles of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TileLayout {
    /// Binary logarithm of the number of columns, 0..=6.
    pub log2_cols: usize,
    /// Binary logarithm of the number of rows, 0..=2.
    pub log2_rows: usize,
}

impl TileLayout {
    pub(super) fn parse(bits: &mut BitReader<'_>, size: Size) -> Result<Self, Corrupt> {
        let (mut log2_cols, max_cols) = Self::limits(size);
        while log2_cols < max_cols && bits.flag()? {
            log2_cols += 1;
        }
        let log2_rows = if bits.flag()? { 1 + usize::from(bits.flag()?) } else { 0 };
        Ok(Self { log2_cols, log2_rows })
    }

    /// Returns the smallest and the largest `log2_cols` of a frame.
    pub(crate) fn limits(size: Size) -> (usize, usize) {
        let superblocks = size.width.div_ceil(64) as usize;
        let (narrowest, widest) = TILE_SUPERBLOCKS;
        let mut min = 0;
        while widest << min < superblocks {
            min += 1;
        }
        let mut max = min;
        while superblocks >> (max + 1) >= narrowest {
            max += 1;
        }
        (min, max)
    }

    /// Returns the superblock columns of a column of tiles; `superblocks` is their number in the
    /// frame.
    #[must_use]
    pub fn col(&self, index: usize, superblocks: usize) -> Range<usize> {
        (index * superblocks) >> self.log2_cols..((index + 1) * superblocks) >> self.log2_cols
    }

    /// Returns the superblock rows of a row of tiles, which may be empty.
    #[must_use]
    pub fn row(&self, index: usize, superblocks: usize) -> Range<usize> {
        (index * superblocks) >> self.log2_rows..((index + 1) * superblocks) >> self.log2_rows
    }
}
