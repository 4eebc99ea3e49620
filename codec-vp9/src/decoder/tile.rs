//! The main loop of the decoder: the blocks of a tile.

use std::ops::Range;

use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;

use super::residual::ResidualParser;
use super::segments::{Area, SegmentMaps};
use super::tiles::{Run, Tile};
use crate::block::contexts::Contexts;
use crate::block::mode_map::{BlockInfo, ModeMap};
use crate::block::reconstruct::Reconstructor;
use crate::block::sample::Sample;
use crate::block::setup::FrameSetup;
use crate::block::site::BlockSite;
use crate::probability::Counts;
use crate::tables::modes::INTRA_FRAME_PARTITION;
use crate::trees;
use crate::types::{BlockSize, Partition, Reference};

/// Takes the blocks of tiles in the order of the stream.
pub(super) trait BlockSink<S: Sample> {
    /// Takes a block whose modes are parsed. Unless it has none, parses its residual and notes in `info`
    /// whether there is any. `has_left` states whether its tile has blocks on the left.
    fn block(
        &mut self,
        info: &mut BlockInfo,
        has_left: bool,
        parser: &mut ResidualParser<'_, '_, S>,
    );
}

/// Parses the blocks of one tile after the other.
#[derive(Debug)]
pub(crate) struct TileParser<'a, 'd, S: Sample> {
    pub(super) setup: &'a FrameSetup<'a, S>,
    pub(super) modes: &'a mut ModeMap,
    pub(super) segments: SegmentMaps<'a>,
    pub(super) counts: &'a mut Counts,
    pub(super) contexts: &'a mut Contexts,
    /// See [`super::tokens::TokenContexts::magnitudes`].
    pub(super) magnitudes: &'a mut [u8; 1024],
    pub(super) reader: BoolDecoder<'d>,
    /// Columns of the tile in units of 8 pixels.
    pub(super) cols: Range<usize>,
    /// Offset of the tile in the frame, in bytes.
    pub(super) offset_bytes: usize,
    /// The references that blocks are predicted from.
    pub(super) used: [bool; 3],
}

impl<'d, S: Sample> TileParser<'_, 'd, S> {
    /// Parses superblocks of a tile, of which there may be nothing to parse.
    pub(super) fn run(
        &mut self,
        tile: &mut Option<Tile<'d>>,
        run: &Run,
        sink: &mut impl BlockSink<S>,
    ) -> Result<(), Corrupt> {
        let Some(tile) = tile else { return Ok(()) };
        self.cols = 8 * run.tile_cols.start..(8 * run.tile_cols.end).min(self.setup.cols);
        if run.cols.start == run.tile_cols.start {
            self.contexts.reset_left();
        }
        self.offset_bytes = tile.offset_bytes;
        std::mem::swap(&mut self.reader, &mut tile.reader);
        for col in run.cols.clone() {
            self.decode_partition(8 * run.row, 8 * col, 0, sink)?;
        }
        std::mem::swap(&mut self.reader, &mut tile.reader);
        Ok(())
    }

    /// Decodes the square at a position in units of 8 pixels; `level` 0 is 64x64, 3 is 8x8.
    fn decode_partition(
        &mut self,
        row: usize,
        col: usize,
        level: usize,
        sink: &mut impl BlockSink<S>,
    ) -> Result<(), Corrupt> {
        let FrameSetup { rows, cols, .. } = *self.setup;
        if row >= rows || col >= cols {
            return Ok(());
        }
        let half = 4 >> level;
        let partition = self.parse_partition(row, col, level);
        let size = BlockSize::partitioned(level, partition);
        if level == 3 {
            self.decode_block(row, col, size, sink)?;
        } else {
            match partition {
                Partition::Whole => self.decode_block(row, col, size, sink)?,
                Partition::Horizontal => {
                    self.decode_block(row, col, size, sink)?;
                    if row + half < rows {
                        self.decode_block(row + half, col, size, sink)?;
                    }
                }
                Partition::Vertical => {
                    self.decode_block(row, col, size, sink)?;
                    if col + half < cols {
                        self.decode_block(row, col + half, size, sink)?;
                    }
                }
                Partition::Split => {
                    for (down, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                        self.decode_partition(row + down, col + right, level + 1, sink)?;
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

    /// Parses a block.
    fn decode_block(
        &mut self,
        row: usize,
        col: usize,
        size: BlockSize,
        sink: &mut impl BlockSink<S>,
    ) -> Result<(), Corrupt> {
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
            self.check_references(&info)?;
        }
        if info.skip {
            let sampling = self.setup.header.format.sampling;
            self.contexts.clear_nonzero(col..col + width, row..row + height, sampling);
        }
        let mut residual = ResidualParser {
            setup: self.setup,
            reader: &mut self.reader,
            contexts: &mut *self.contexts,
            counts: &mut *self.counts,
            magnitudes: &mut *self.magnitudes,
        };
        sink.block(&mut info, site.left.is_some(), &mut residual);
        self.modes.push(&info, area.cols, area.rows);
        if self.reader.overrun_bits() > 0 {
            return Err(self.corrupt("the rest of a tile"));
        }
        Ok(())
    }

    /// Notes the references of a block, whose sizes must permit a prediction.
    fn check_references(&mut self, info: &BlockInfo) -> Result<(), Corrupt> {
        let references = [info.references.first(), info.references.second()];
        for reference in references.into_iter().flatten() {
            if self.setup.references[reference as usize].is_none() {
                return Err(self.corrupt("a reference of 1/16 to 2 times the frame size"));
            }
            self.note_reference(reference);
        }
        Ok(())
    }

    pub(super) fn note_reference(&mut self, reference: Reference) {
        self.used[reference as usize] = true;
    }

    /// An error at the position of the reader; `what` is the syntax element that was expected.
    pub(super) fn corrupt(&self, what: &'static str) -> Corrupt {
        let used_bytes = usize::try_from(self.reader.used_bits() / 8).unwrap_or(usize::MAX);
        let in_tile = used_bytes.min(self.reader.len_bytes());
        Corrupt::Other { what, offset_bytes: self.offset_bytes + in_tile }
    }
}

impl<S: Sample> BlockSink<S> for Reconstructor<'_, S> {
    #[inline]
    fn block(
        &mut self,
        info: &mut BlockInfo,
        has_left: bool,
        parser: &mut ResidualParser<'_, '_, S>,
    ) {
        let has_residual = self.reconstruct(info, has_left, parser);
        info.note_residual(has_residual);
        self.add_edges(info);
    }
}
