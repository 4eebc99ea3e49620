//! The tiles of a frame, and the order of their superblocks.

use std::ops::Range;

use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;

use crate::header::TileLayout;
use crate::header::compressed::open_partition;

/// Largest number of columns of tiles.
const MAX_TILE_COLS: usize = 64;

/// A tile between two of its runs.
#[derive(Clone, Debug)]
pub(super) struct Tile<'a> {
    pub(super) reader: BoolDecoder<'a>,
    /// Offset of the tile in the frame, in bytes.
    pub(super) offset_bytes: usize,
}

/// The tiles of one row of tiles after the other.
#[derive(Clone, Debug)]
pub(super) struct Tiles<'a> {
    layout: TileLayout,
    /// Data of the tiles that are not opened; `None` after a damaged size.
    rest: Option<&'a [u8]>,
    /// Offset of the end of the tiles in the frame, in bytes.
    end_bytes: usize,
    /// Number of rows of tiles that were opened.
    opened: usize,
    /// By column; `None` for damaged tiles.
    pub(super) cols: [Option<Tile<'a>>; MAX_TILE_COLS],
}

impl<'a> Tiles<'a> {
    /// Creates the tiles of `data`, which begins at `offset_bytes` in the frame.
    pub(super) fn new(layout: TileLayout, data: &'a [u8], offset_bytes: usize) -> Self {
        Self {
            layout,
            rest: Some(data),
            end_bytes: offset_bytes + data.len(),
            opened: 0,
            cols: [const { None }; MAX_TILE_COLS],
        }
    }

    /// Opens the tiles of a row of tiles, and tiles before it that are not opened yet. If `keeps_going`,
    /// tiles that cannot be opened are no errors.
    pub(super) fn open_row(&mut self, row: usize, keeps_going: bool) -> Result<(), Corrupt> {
        let cols = 1 << self.layout.log2_cols;
        while self.opened <= row {
            for col in 0..cols {
                let index = self.opened * cols + col;
                let is_last = index + 1 == cols << self.layout.log2_rows;
                let opened = open_tile(&mut self.rest, index, is_last, self.end_bytes);
                self.cols[col] = match opened {
                    Ok(tile) => Some(tile),
                    Err(error) if !keeps_going => return Err(error),
                    Err(_) => None,
                };
            }
            self.opened += 1;
        }
        Ok(())
    }
}

/// Superblocks of a tile that follow one another in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) tile_row: usize,
    /// Column of tiles.
    pub(super) tile_col: usize,
    /// Columns of the tile, in superblocks.
    pub(super) tile_cols: Range<usize>,
    /// Position in superblocks.
    pub(super) row: usize,
    pub(super) cols: Range<usize>,
    /// Rows of superblocks that can be filtered after this run. The filter of a row follows the next
    /// row, whose intra prediction needs it without a filter.
    pub(super) filtered: Range<usize>,
}

/// The runs of a frame. All tiles of a row of superblocks come before the next row, so that the loop
/// filter finds the samples in the cache.
#[derive(Debug)]
pub(super) struct Runs {
    layout: TileLayout,
    /// Number of columns and rows of superblocks.
    superblocks: (usize, usize),
    /// Largest number of superblocks in a run.
    longest: usize,
    /// The next run begins here.
    tile_row: usize,
    tile_col: usize,
    row: usize,
    col: usize,
}

impl Runs {
    pub(super) fn new(layout: TileLayout, superblocks: (usize, usize), longest: usize) -> Self {
        Self { layout, superblocks, longest, tile_row: 0, tile_col: 0, row: 0, col: 0 }
    }

    /// Whether there are no more runs.
    pub(super) fn is_over(&self) -> bool {
        self.row == self.superblocks.1
    }
}

impl Iterator for Runs {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.is_over() {
            return None;
        }
        let (cols, rows) = self.superblocks;
        while self.layout.row(self.tile_row, rows).end <= self.row {
            self.tile_row += 1;
        }
        let tile_cols = self.layout.col(self.tile_col, cols);
        let end = self.col.saturating_add(self.longest).min(tile_cols.end);
        let mut run = Run {
            tile_row: self.tile_row,
            tile_col: self.tile_col,
            row: self.row,
            cols: self.col..end,
            filtered: 0..0,
            tile_cols,
        };
        self.col = end;
        if end == run.tile_cols.end {
            self.tile_col += 1;
        }
        if end == cols {
            let is_last = self.row + 1 == rows;
            run.filtered = self.row.saturating_sub(1)..self.row + usize::from(is_last);
            (self.row, self.tile_col, self.col) = (self.row + 1, 0, 0);
        }
        Some(run)
    }
}

/// Takes a tile off the start of `rest`, which is `None` after a damaged size. All tiles but the last
/// are preceded by their size. The frame's data ends at `end_bytes`.
fn open_tile<'a>(
    rest: &mut Option<&'a [u8]>,
    index: usize,
    is_last: bool,
    end_bytes: usize,
) -> Result<Tile<'a>, Corrupt> {
    const WHAT: &str = "a tile";
    let missing = Corrupt::Other { what: WHAT, offset_bytes: end_bytes };
    let mut data = rest.take().ok_or(missing)?;
    let tile = if is_last {
        data
    } else {
        let at = end_bytes - data.len();
        let tile = split_tile(&mut data, index, at)?;
        *rest = Some(data);
        tile
    };
    let after = if is_last { 0 } else { data.len() };
    let offset_bytes = end_bytes - after - tile.len();
    Ok(Tile { reader: open_partition(tile, WHAT, offset_bytes)?, offset_bytes })
}

/// Takes a tile and its size off the start of `rest`.
fn split_tile<'a>(
    rest: &mut &'a [u8],
    index: usize,
    offset_bytes: usize,
) -> Result<&'a [u8], Corrupt> {
    let had_bytes = rest.len();
    let damaged =
        |size_bytes| Corrupt::TokenPartition { index, offset_bytes, size_bytes, had_bytes };
    let (size, after) = rest.split_first_chunk::<4>().ok_or(damaged(4))?;
    let size = u32::from_be_bytes(*size) as usize;
    let (tile, after) = after.split_at_checked(size).ok_or(damaged(size))?;
    *rest = after;
    Ok(tile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_each_superblock_once_and_filter_each_row() {
        for (log2_cols, log2_rows) in [(0, 0), (1, 0), (2, 2), (0, 2)] {
            let layout = TileLayout { log2_cols, log2_rows };
            for superblocks in [(20, 12), (17, 1), (16, 3)] {
                for longest in [1, 4, usize::MAX] {
                    let runs: Vec<Run> = Runs::new(layout, superblocks, longest).collect();
                    let covered =
                        runs.iter().flat_map(|run| run.cols.clone().map(|x| (run.row, x)));
                    let (cols, rows) = superblocks;
                    let all = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
                    assert!(covered.eq(all), "{layout:?} {superblocks:?} {longest}");
                    let filtered = runs.iter().flat_map(|run| run.filtered.clone());
                    assert!(filtered.eq(0..rows), "{layout:?} {superblocks:?} {longest}");
                    for run in &runs {
                        assert!(layout.row(run.tile_row, rows).contains(&run.row));
                        assert_eq!(layout.col(run.tile_col, cols), run.tile_cols);
                        assert!(run.cols.len() <= longest);
                    }
                }
            }
        }
    }
}
