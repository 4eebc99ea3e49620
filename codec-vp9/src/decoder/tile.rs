//! The main loop of the decoder: the blocks of a tile.

use std::ops::Range;

use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;

use super::contexts::Contexts;
use super::loop_filter::{EdgeMap, LoopFilter};
use super::mode_map::ModeMap;
use super::planes::PlaneMut;
use super::quantisers::Steps;
use super::references::ReferencePlanes;
use super::sample::{Kit, Sample};
use super::scratch::Scratch;
use super::segments::{Area, SegmentMaps};
use super::site::BlockSite;
use crate::header::compressed::CompressedHeader;
use crate::header::{CompoundReferences, FrameHeader};
use crate::probability::{Counts, Probabilities};
use crate::tables::modes::INTRA_FRAME_PARTITION;
use crate::trees;
use crate::types::{BlockSize, Partition};

/// The settings that all blocks of a frame share.
#[derive(Debug)]
pub(crate) struct FrameSetup<'a, S: Sample> {
    pub(crate) kit: Kit,
    pub(crate) header: &'a FrameHeader,
    pub(crate) compressed: CompressedHeader,
    pub(crate) probabilities: &'a Probabilities,
    /// The references of compound blocks, if the frame may have any.
    pub(crate) compound: Option<CompoundReferences>,
    pub(crate) references: [Option<ReferencePlanes<'a, S>>; 3],
    /// Steps of luma and chroma by segment.
    pub(crate) quantisers: [[Steps; 2]; 8],
    /// Modes of the last frame, if its vectors are usable.
    pub(crate) before: Option<&'a ModeMap>,
    /// Size of the frame in units of 8 pixels.
    pub(crate) cols: usize,
    pub(crate) rows: usize,
}

/// A tile between two of its rows of superblocks.
#[derive(Clone, Debug)]
pub(super) struct Tile<'a> {
    pub(super) reader: BoolDecoder<'a>,
    /// Offset of the tile in the frame, in bytes.
    pub(super) offset_bytes: usize,
}

/// Decodes the blocks of one tile after the other.
#[derive(Debug)]
pub(crate) struct TileDecoder<'a, S: Sample> {
    pub(super) setup: &'a FrameSetup<'a, S>,
    pub(super) planes: [PlaneMut<'a, S>; 3],
    pub(super) modes: &'a mut ModeMap,
    pub(super) segments: SegmentMaps<'a>,
    pub(super) counts: &'a mut Counts,
    pub(super) contexts: &'a mut Contexts,
    /// `None` if the frame is not filtered.
    pub(super) filter: Option<&'a LoopFilter>,
    pub(super) edges: &'a mut EdgeMap,
    pub(super) scratch: &'a mut Scratch<S>,
    pub(super) reader: BoolDecoder<'a>,
    /// Columns of the tile in units of 8 pixels.
    pub(super) cols: Range<usize>,
    /// Offset of the tile in the frame, in bytes.
    pub(super) offset_bytes: usize,
    /// The references that blocks have been predicted from.
    pub(super) used: [bool; 3],
}

impl<'a, S: Sample> TileDecoder<'a, S> {
    /// Decodes a row of superblocks of a tile, of which there may be nothing to decode; `row` and
    /// `cols` are in superblocks.
    pub(crate) fn decode_row(
        &mut self,
        tile: &mut Option<Tile<'a>>,
        row: usize,
        cols: Range<usize>,
    ) -> Result<(), Corrupt> {
        self.cols = 8 * cols.start..(8 * cols.end).min(self.setup.cols);
        let Some(tile) = tile else { return Ok(()) };
        self.contexts.reset_left();
        self.offset_bytes = tile.offset_bytes;
        std::mem::swap(&mut self.reader, &mut tile.reader);
        for col in cols {
            self.decode_partition(8 * row, 8 * col, 0)?;
        }
        std::mem::swap(&mut self.reader, &mut tile.reader);
        Ok(())
    }

    /// Filters a row of superblocks.
    pub(crate) fn filter_row(&mut self, row: usize) {
        if let Some(filter) = self.filter {
            filter.filter_row(self.edges, row, &mut self.planes);
        }
    }

    /// Decodes the square at a position in units of 8 pixels; `level` 0 is 64x64, 3 is 8x8.
    fn decode_partition(&mut self, row: usize, col: usize, level: usize) -> Result<(), Corrupt> {
        let FrameSetup { rows, cols, .. } = *self.setup;
        if row >= rows || col >= cols {
            return Ok(());
        }
        let half = 4 >> level;
        let partition = self.parse_partition(row, col, level);
        let size = BlockSize::partitioned(level, partition);
        if level == 3 {
            self.decode_block(row, col, size)?;
        } else {
            match partition {
                Partition::Whole => self.decode_block(row, col, size)?,
                Partition::Horizontal => {
                    self.decode_block(row, col, size)?;
                    if row + half < rows {
                        self.decode_block(row + half, col, size)?;
                    }
                }
                Partition::Vertical => {
                    self.decode_block(row, col, size)?;
                    if col + half < cols {
                        self.decode_block(row, col + half, size)?;
                    }
                }
                Partition::Split => {
                    for (down, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                        self.decode_partition(row + down, col + right, level + 1)?;
                    }
                }
            }
        }
        if level == 3 || partition != Partition::Split {
            self.contexts.set_partition(row, col, level, size);
        }
        Ok(())
    }

    fn parse_partition(&mut self, row: usize, col: usize, level: usize) -> Partition {
        let half = 4 >> level;
        let context = self.contexts.partition(row, col, level);
        let probabilities = if self.setup.header.is_intra() {
            &INTRA_FRAME_PARTITION[context]
        } else {
            &self.setup.probabilities.partition[context]
        };
        // At the edges of the frame only partitions with blocks inside of it are coded.
        let partition = match (row + half < self.setup.rows, col + half < self.setup.cols) {
            (true, true) => Partition::ALL[trees::PARTITION.parse(&mut self.reader, probabilities)],
            (false, true) if !self.reader.get_bool(probabilities[1]) => Partition::Horizontal,
            (true, false) if !self.reader.get_bool(probabilities[2]) => Partition::Vertical,
            _ => Partition::Split,
        };
        self.counts.partition[context][partition as usize] += 1;
        partition
    }

    /// Parses and reconstructs a block.
    fn decode_block(&mut self, row: usize, col: usize, size: BlockSize) -> Result<(), Corrupt> {
        let (width, height) = size.mi();
        let area = Area {
            row,
            col,
            rows: height.min(self.setup.rows - row),
            cols: width.min(self.setup.cols - col),
        };
        let site = BlockSite {
            row,
            col,
            size,
            above: row.checked_sub(1).map(|row| *self.modes.get(row, col)),
            left: (col > self.cols.start).then(|| *self.modes.get(row, col - 1)),
        };
        let mut info = site.info();
        if self.setup.header.is_intra() {
            self.parse_intra_frame_modes(&site, area, &mut info);
        } else {
            self.parse_inter_frame_modes(&site, area, &mut info)?;
        }
        self.modes.push(&info, area.cols, area.rows);
        if info.skip {
            let sampling = self.setup.header.format.sampling;
            self.contexts.clear_nonzero(col..col + width, row..row + height, sampling);
        }
        if info.is_inter() {
            self.predict_inter(&info)?;
            let has_coefficients = !info.skip && self.reconstruct_residual(&info);
            if !has_coefficients
                && !size.is_sub8x8()
                && let Some(info) = self.modes.last_mut()
            {
                info.skip = true;
            }
        } else {
            self.reconstruct_intra(&info, &site);
        }
        if let Some(filter) = self.filter
            && let Some(info) = self.modes.last_mut()
        {
            filter.add_block(self.edges, info);
        }
        if self.reader.overrun_bits() > 0 {
            return Err(self.corrupt("more data in a tile"));
        }
        Ok(())
    }

    /// An error at the position of the reader; `what` is the syntax element that was expected.
    pub(super) fn corrupt(&self, what: &'static str) -> Corrupt {
        let used_bytes = usize::try_from(self.reader.used_bits() / 8).unwrap_or(usize::MAX);
        let in_tile = used_bytes.min(self.reader.len_bytes());
        Corrupt::Other { what, offset_bytes: self.offset_bytes + in_tile }
    }
}
