//! Writes the blocks of a tile: partitions, modes and coefficients.

use std::ops::Range;

use super::tokens::TokenSink;
use super::vectors::write_vector;
use crate::block::candidates::{Site, lower_precision, sub_block_candidates};
use crate::block::contexts::Contexts;
use crate::block::mode_map::{BlockInfo, ModeMap};
use crate::block::reference_contexts;
use crate::block::setup::FrameSetup;
use crate::block::site::BlockSite;
use crate::encoder::levels::LevelReader;
use crate::header::Filter;
use crate::header::compressed::ReferenceMode;
use crate::probability::{Counts, Probabilities};
use crate::tables::modes::{INTRA_FRAME_CHROMA, INTRA_FRAME_LUMA, INTRA_FRAME_PARTITION};
use crate::trees;
use crate::types::{
    BlockSize, InterMode, IntraMode, MotionVector, Partition, Reference, References, TxMode, TxSize,
};

/// Writes the blocks of one tile after the other, and counts their syntax elements.
#[derive(Debug)]
pub(crate) struct BlockWriter<'a, 'l, K> {
    pub(crate) setup: &'a FrameSetup<'a, u8>,
    pub(crate) probabilities: &'a Probabilities,
    pub(crate) modes: &'a ModeMap,
    pub(crate) levels: LevelReader<'l>,
    pub(crate) counts: &'a mut Counts,
    /// Contexts of partitions; whether transforms have coefficients is known from their levels.
    pub(crate) contexts: &'a mut Contexts,
    pub(crate) sink: K,
    /// Columns of the tile in units of 8 pixels.
    pub(crate) cols: Range<usize>,
}

impl<K: TokenSink> BlockWriter<'_, '_, K> {
    /// Writes a row of superblocks of the tile with the columns `cols`.
    pub(crate) fn write_row(&mut self, row: usize) {
        self.contexts.reset_left();
        for col in self.cols.clone().step_by(8) {
            self.write_partition(8 * row, col, 0);
        }
    }

    /// Writes the square at a position in units of 8 pixels; `level` 0 is 64x64, 3 is 8x8.
    pub(crate) fn write_partition(&mut self, row: usize, col: usize, level: usize) {
        let FrameSetup { rows, cols, .. } = *self.setup;
        if row >= rows || col >= cols {
            return;
        }
        let half = 4 >> level;
        let size = self.modes.get(row, col).size;
        let is_size = |partition: &Partition| BlockSize::partitioned(level, *partition) == size;
        let partition = Partition::ALL.into_iter().find(is_size).unwrap_or(Partition::Split);
        self.put_partition(row, col, level, partition);
        if level == 3 || partition == Partition::Whole {
            self.write_block(row, col);
        } else {
            match partition {
                Partition::Horizontal => {
                    self.write_block(row, col);
                    if row + half < rows {
                        self.write_block(row + half, col);
                    }
                }
                Partition::Vertical => {
                    self.write_block(row, col);
                    if col + half < cols {
                        self.write_block(row, col + half);
                    }
                }
                _ => {
                    for (down, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                        self.write_partition(row + down, col + right, level + 1);
                    }
                }
            }
        }
        if level == 3 || partition != Partition::Split {
            self.contexts.set_partition(row, col, level, size);
        }
    }

    fn put_partition(&mut self, row: usize, col: usize, level: usize, partition: Partition) {
        let half = 4 >> level;
        let context = self.contexts.partition(row, col, level);
        let probabilities = if self.setup.header.is_intra() {
            &INTRA_FRAME_PARTITION[context]
        } else {
            &self.probabilities.partition[context]
        };
        let is_split = partition == Partition::Split;
        match (row + half < self.setup.rows, col + half < self.setup.cols) {
            (true, true) => {
                trees::PARTITION.write(&mut self.sink, probabilities, partition as usize);
            }
            (false, true) => self.sink.put_bool(is_split, probabilities[1]),
            (true, false) => self.sink.put_bool(is_split, probabilities[2]),
            (false, false) => {}
        }
        self.counts.partition[context][partition as usize] += 1;
    }

    fn write_block(&mut self, row: usize, col: usize) {
        let info = *self.modes.get(row, col);
        let site = BlockSite {
            row,
            col,
            size: info.size,
            above: row.checked_sub(1).map(|row| *self.modes.get(row, col)),
            left: (col > self.cols.start).then(|| *self.modes.get(row, col - 1)),
        };
        if self.setup.header.is_intra() {
            self.write_intra_frame_modes(&site, &info);
        } else {
            self.write_inter_frame_modes(&site, &info);
        }
        if !info.skip {
            self.write_residual(&info);
        }
    }

    fn write_residual(&mut self, info: &BlockInfo) {
        let is_inter = usize::from(info.is_inter());
        for block in self.setup.plane_blocks(info) {
            let (is_chroma, tx) = (usize::from(block.plane > 0), block.tx as usize);
            let probabilities = &self.probabilities.coefficients[tx][is_chroma][is_inter];
            let counts = &mut self.counts.coefficients[tx][is_chroma][is_inter];
            for _ in block.transforms() {
                self.sink.put_tokens(probabilities, counts, self.levels.next());
            }
        }
    }

    fn write_intra_frame_modes(&mut self, site: &BlockSite, info: &BlockInfo) {
        self.write_segment(info.segment);
        self.write_skip(site, info.skip);
        self.write_tx_size(site, info.tx, true);
        for &(index, _) in site.sub_blocks() {
            let [above, left] = site.intra_neighbours(index, &info.luma_modes);
            let probabilities = &INTRA_FRAME_LUMA[above as usize][left as usize];
            self.write_intra_mode(probabilities, info.luma_modes[index]);
        }
        let probabilities = &INTRA_FRAME_CHROMA[info.luma_modes[3] as usize];
        self.write_intra_mode(probabilities, info.chroma_mode);
    }

    fn write_intra_mode(&mut self, probabilities: &[u8], mode: IntraMode) -> usize {
        let index = mode as usize;
        trees::INTRA_MODE.write(&mut self.sink, probabilities, index);
        index
    }

    fn write_inter_frame_modes(&mut self, site: &BlockSite, info: &BlockInfo) {
        self.write_segment(info.segment);
        self.write_skip(site, info.skip);
        let is_inter = info.is_inter();
        let context = reference_contexts::is_inter(site.references());
        self.sink.put_bool(is_inter, self.probabilities.is_inter[context]);
        self.counts.is_inter[context][usize::from(is_inter)] += 1;
        self.write_tx_size(site, info.tx, !info.skip || !is_inter);
        if is_inter {
            self.write_inter_modes(site, info);
        } else {
            self.write_intra_modes(site, info);
        }
    }

    fn write_segment(&mut self, segment: u8) {
        if let Some(map) = &self.setup.header.segmentation.map {
            trees::SEGMENT.write(&mut self.sink, &map.tree, segment.into());
        }
    }

    fn write_skip(&mut self, site: &BlockSite, skip: bool) {
        let context = site.count(|block| block.skip);
        self.sink.put_bool(skip, self.probabilities.skip[context]);
        self.counts.skip[context][usize::from(skip)] += 1;
    }

    fn write_tx_size(&mut self, site: &BlockSite, size: TxSize, is_coded: bool) {
        let (largest, mode) = (site.size.max_tx(), self.setup.compressed.tx_mode);
        if mode != TxMode::PerBlock || site.size.is_sub8x8() || !is_coded {
            return;
        }
        let context = site.tx_context(largest);
        let tx = &self.probabilities.tx;
        let counts = &mut self.counts;
        let (probabilities, counts): (&[u8], &mut [u32]) = match largest {
            TxSize::Tx4 | TxSize::Tx8 => (&tx.up_to_8[context], &mut counts.tx_up_to_8[context]),
            TxSize::Tx16 => (&tx.up_to_16[context], &mut counts.tx_up_to_16[context]),
            TxSize::Tx32 => (&tx.up_to_32[context], &mut counts.tx_up_to_32[context]),
        };
        for (smaller, &probability) in probabilities.iter().enumerate().take(size as usize + 1) {
            self.sink.put_bool(size as usize > smaller, probability);
        }
        counts[size as usize] += 1;
    }

    /// Writes the modes of an intra block in an inter frame.
    fn write_intra_modes(&mut self, site: &BlockSite, info: &BlockInfo) {
        let group = site.size.luma_mode_group();
        for &(index, _) in site.sub_blocks() {
            let probabilities = &self.probabilities.luma_mode[group];
            let mode = self.write_intra_mode(probabilities, info.luma_modes[index]);
            self.counts.luma_mode[group][mode] += 1;
        }
        let luma = info.luma_modes[3] as usize;
        let mode = self.write_intra_mode(&self.probabilities.chroma_mode[luma], info.chroma_mode);
        self.counts.chroma_mode[luma][mode] += 1;
    }

    /// Writes references, filter, modes and vectors of an inter block.
    fn write_inter_modes(&mut self, site: &BlockSite, info: &BlockInfo) {
        self.write_references(site, info.references);
        if site.size.is_sub8x8() {
            self.write_filter(site, info.filter);
            self.write_sub_blocks(site, info);
            return;
        }
        let candidates = candidate_site(self.setup, self.modes, &self.cols, site);
        let context = candidates.mode_context();
        let high_precision = self.setup.header.references.high_precision;
        let is_new = info.inter_mode == InterMode::New;
        let references = [info.references.first(), info.references.second()];
        let bases = references.map(|reference| {
            let nearest = candidates.nearest(reference.filter(|_| is_new)?);
            Some(lower_precision(nearest, high_precision))
        });
        let probabilities = &self.probabilities.inter_mode[context];
        trees::INTER_MODE.write(&mut self.sink, probabilities, info.inter_mode as usize);
        self.counts.inter_mode[context][info.inter_mode as usize] += 1;
        self.write_filter(site, info.filter);
        for (base, vector) in bases.into_iter().zip(info.vectors[3]) {
            let Some(base) = base else { continue };
            let vectors: (MotionVector, MotionVector) = (base, vector);
            let probabilities = &self.probabilities.vectors;
            let counts = &mut self.counts.vectors;
            write_vector(&mut self.sink, probabilities, counts, vectors, high_precision);
        }
    }

    /// Writes modes and vectors of the parts of a square of 8x8 with one reference.
    fn write_sub_blocks(&mut self, site: &BlockSite, info: &BlockInfo) {
        let Some(reference) = info.references.first() else { return };
        let candidates = candidate_site(self.setup, self.modes, &self.cols, site);
        let context = candidates.mode_context();
        let high_precision = self.setup.header.references.high_precision;
        let base = lower_precision(candidates.nearest(reference), high_precision);
        let before = info.vectors.map(|vectors| vectors[0]);
        for &(index, _) in site.sub_blocks() {
            let list = candidates.two(reference, Some(index));
            let mode = sub_block_mode(before[index], sub_block_candidates(index, list, before));
            let probabilities = &self.probabilities.inter_mode[context];
            trees::INTER_MODE.write(&mut self.sink, probabilities, mode as usize);
            self.counts.inter_mode[context][mode as usize] += 1;
            if mode == InterMode::New {
                let (probabilities, vectors) = (&self.probabilities.vectors, (base, before[index]));
                let counts = &mut self.counts.vectors;
                write_vector(&mut self.sink, probabilities, counts, vectors, high_precision);
            }
        }
    }

    fn write_filter(&mut self, site: &BlockSite, filter: Filter) {
        if self.setup.header.references.filter.is_some() {
            return;
        }
        let context = site.filter_context();
        let leaf = Filter::SELECTABLE.into_iter().position(|other| other == filter).unwrap_or(0);
        trees::FILTER.write(&mut self.sink, &self.probabilities.filter[context], leaf);
        self.counts.filter[context][leaf] += 1;
    }

    fn write_references(&mut self, site: &BlockSite, references: References) {
        let neighbours = site.references();
        let compound = self.setup.compound;
        if let Some(pair) = compound.filter(|_| self.selects_compound()) {
            let context = reference_contexts::is_compound(neighbours, pair.fixed);
            let flag = references.second().is_some();
            self.sink.put_bool(flag, self.probabilities.is_compound[context]);
            self.counts.is_compound[context][usize::from(flag)] += 1;
        }
        match (references, compound) {
            (References::Compound(both), Some(pair)) => {
                let context = reference_contexts::compound_reference(neighbours, pair);
                let flag = both[1 - pair.fixed_index] == pair.variable[1];
                self.sink.put_bool(flag, self.probabilities.compound_reference[context]);
                self.counts.compound_reference[context][usize::from(flag)] += 1;
            }
            (References::Single(reference), _) => self.write_reference(site, reference),
            _ => {}
        }
    }

    fn selects_compound(&self) -> bool {
        self.setup.compressed.reference_mode == ReferenceMode::PerBlock
    }

    fn write_reference(&mut self, site: &BlockSite, reference: Reference) {
        let neighbours = site.references();
        let context = reference_contexts::single_not_last(neighbours);
        let flag = reference != Reference::Last;
        self.sink.put_bool(flag, self.probabilities.single_reference[context][0]);
        self.counts.single_reference[context][0][usize::from(flag)] += 1;
        if flag {
            let context = reference_contexts::single_not_golden(neighbours);
            let flag = reference == Reference::Altref;
            self.sink.put_bool(flag, self.probabilities.single_reference[context][1]);
            self.counts.single_reference[context][1][usize::from(flag)] += 1;
        }
    }
}

/// Returns the mode that codes the vector of a part of a square with these candidates.
pub(crate) fn sub_block_mode(
    vector: MotionVector,
    [nearest, near]: [MotionVector; 2],
) -> InterMode {
    if vector == nearest {
        InterMode::Nearest
    } else if vector == near {
        InterMode::Near
    } else if vector == MotionVector::default() {
        InterMode::Zero
    } else {
        InterMode::New
    }
}

/// Returns the site of a block for its candidates.
pub(crate) fn candidate_site<'a>(
    setup: &'a FrameSetup<'_, u8>,
    modes: &'a ModeMap,
    tile: &'a Range<usize>,
    site: &BlockSite,
) -> Site<'a> {
    Site {
        row: site.row,
        col: site.col,
        size: site.size,
        frame: (setup.rows, setup.cols),
        tile,
        modes,
        before: setup.before,
        sign_bias: setup.header.references.sign_bias,
    }
}
