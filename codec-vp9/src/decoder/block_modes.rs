//! Parsing of a block's modes: segment, skip flag, transform size, prediction modes, references and
//! vectors.

use codec_core::error::Corrupt;

use super::segments::Area;
use super::tile::TileParser;
use super::vectors::parse_vector;
use crate::block::candidates::{Site, lower_precision, sub_block_candidates};
use crate::block::mode_map::BlockInfo;
use crate::block::reference_contexts;
use crate::block::sample::Sample;
use crate::block::site::BlockSite;
use crate::header::Filter;
use crate::header::compressed::ReferenceMode;
use crate::tables::modes::{INTRA_FRAME_CHROMA, INTRA_FRAME_LUMA};
use crate::trees;
use crate::types::{InterMode, IntraMode, MotionVector, Reference, References, TxMode, TxSize};

impl<S: Sample> TileParser<'_, '_, S> {
    /// Parses the modes of a block in an intra frame.
    pub(super) fn parse_intra_frame_modes(
        &mut self,
        site: &BlockSite,
        area: Area,
        info: &mut BlockInfo,
    ) {
        let segmentation = &self.setup.header.segmentation;
        info.segment = self.segments.parse_intra(&mut self.reader, segmentation, area);
        info.skip = self.parse_skip(site, info.segment);
        info.tx = self.parse_tx_size(site, true);
        for &(index, copies) in site.sub_blocks() {
            let [above, left] = site.intra_neighbours(index, &info.luma_modes);
            let probabilities = &INTRA_FRAME_LUMA[above as usize][left as usize];
            let mode = trees::INTRA_MODE.parse(&mut self.reader, probabilities);
            copies.iter().for_each(|&to| info.luma_modes[to] = IntraMode::ALL[mode]);
        }
        let probabilities = &INTRA_FRAME_CHROMA[info.luma_modes[3] as usize];
        let mode = trees::INTRA_MODE.parse(&mut self.reader, probabilities);
        info.chroma_mode = IntraMode::ALL[mode];
    }

    /// Parses the modes of a block in an inter frame.
    pub(super) fn parse_inter_frame_modes(
        &mut self,
        site: &BlockSite,
        area: Area,
        info: &mut BlockInfo,
    ) -> Result<(), Corrupt> {
        let segmentation = &self.setup.header.segmentation;
        let predicted = site.count(|block| block.segment_predicted);
        (info.segment, info.segment_predicted) =
            self.segments.parse_inter(&mut self.reader, segmentation, area, predicted);
        info.skip = self.parse_skip(site, info.segment);
        let is_inter = self.parse_is_inter(site, info.segment);
        info.tx = self.parse_tx_size(site, !info.skip || !is_inter);
        if is_inter {
            self.parse_inter_modes(site, info)?;
        } else {
            self.parse_intra_modes(site, info);
        }
        Ok(())
    }

    fn parse_skip(&mut self, site: &BlockSite, segment: u8) -> bool {
        if self.setup.header.segmentation.features(segment).skip {
            return true;
        }
        let context = site.count(|block| block.skip);
        let skip = self.reader.get_bool(self.setup.probabilities.skip[context]);
        self.counts.skip[context][usize::from(skip)] += 1;
        skip
    }

    fn parse_tx_size(&mut self, site: &BlockSite, is_coded: bool) -> TxSize {
        let (largest, mode) = (site.size.max_tx(), self.setup.compressed.tx_mode);
        if mode != TxMode::PerBlock || site.size.is_sub8x8() || !is_coded {
            return largest.min(mode.largest());
        }
        let context = site.tx_context(largest);
        let (reader, counts) = (&mut self.reader, &mut self.counts);
        let tx = &self.setup.probabilities.tx;
        let (probabilities, counts): (&[u8], &mut [u32]) = match largest {
            TxSize::Tx4 | TxSize::Tx8 => (&tx.up_to_8[context], &mut counts.tx_up_to_8[context]),
            TxSize::Tx16 => (&tx.up_to_16[context], &mut counts.tx_up_to_16[context]),
            TxSize::Tx32 => (&tx.up_to_32[context], &mut counts.tx_up_to_32[context]),
        };
        let size = probabilities.iter().take_while(|&&prob| reader.get_bool(prob)).count();
        counts[size] += 1;
        TxSize::ALL[size]
    }

    fn parse_is_inter(&mut self, site: &BlockSite, segment: u8) -> bool {
        if let Some(reference) = self.setup.header.segmentation.features(segment).reference {
            return reference.is_some();
        }
        let context = reference_contexts::is_inter(site.references());
        let is_inter = self.reader.get_bool(self.setup.probabilities.is_inter[context]);
        self.counts.is_inter[context][usize::from(is_inter)] += 1;
        is_inter
    }

    /// Parses the modes of an intra block in an inter frame.
    fn parse_intra_modes(&mut self, site: &BlockSite, info: &mut BlockInfo) {
        let group = site.size.luma_mode_group();
        for &(_, copies) in site.sub_blocks() {
            let probabilities = &self.setup.probabilities.luma_mode[group];
            let mode = trees::INTRA_MODE.parse(&mut self.reader, probabilities);
            self.counts.luma_mode[group][mode] += 1;
            copies.iter().for_each(|&to| info.luma_modes[to] = IntraMode::ALL[mode]);
        }
        let luma = info.luma_modes[3] as usize;
        let probabilities = &self.setup.probabilities.chroma_mode[luma];
        let mode = trees::INTRA_MODE.parse(&mut self.reader, probabilities);
        self.counts.chroma_mode[luma][mode] += 1;
        info.chroma_mode = IntraMode::ALL[mode];
    }

    /// Parses references, filter, modes and vectors of an inter block.
    fn parse_inter_modes(&mut self, site: &BlockSite, info: &mut BlockInfo) -> Result<(), Corrupt> {
        let features = self.setup.header.segmentation.features(info.segment);
        info.references = match features.reference {
            Some(Some(reference)) => References::Single(reference),
            _ => self.parse_references(site),
        };
        let context = self.candidate_site(site).mode_context();
        if features.skip {
            if site.size.is_sub8x8() {
                return Err(self.corrupt("a block of at least 8x8 in a segment without residual"));
            }
            info.inter_mode = InterMode::Zero;
        } else if !site.size.is_sub8x8() {
            info.inter_mode = self.parse_inter_mode(context);
        }
        info.filter = self.parse_filter(site);
        if site.size.is_sub8x8() {
            self.parse_sub_block_vectors(site, context, info)
        } else {
            let vectors = self.parse_vectors(site, info)?;
            info.vectors = [vectors; 4];
            Ok(())
        }
    }

    fn parse_inter_mode(&mut self, context: usize) -> InterMode {
        let probabilities = &self.setup.probabilities.inter_mode[context];
        let mode = trees::INTER_MODE.parse(&mut self.reader, probabilities);
        self.counts.inter_mode[context][mode] += 1;
        InterMode::ALL[mode]
    }

    fn parse_filter(&mut self, site: &BlockSite) -> Filter {
        if let Some(filter) = self.setup.header.references.filter {
            return filter;
        }
        let context = site.filter_context();
        let probabilities = &self.setup.probabilities.filter[context];
        let filter = trees::FILTER.parse(&mut self.reader, probabilities);
        self.counts.filter[context][filter] += 1;
        Filter::SELECTABLE[filter]
    }

    fn parse_references(&mut self, site: &BlockSite) -> References {
        let neighbours = site.references();
        let probabilities = self.setup.probabilities;
        let (reader, counts) = (&mut self.reader, &mut self.counts);
        if let Some(pair) = self.setup.compound {
            let is_compound = match self.setup.compressed.reference_mode {
                ReferenceMode::Single => false,
                ReferenceMode::Compound => true,
                ReferenceMode::PerBlock => {
                    let context = reference_contexts::is_compound(neighbours, pair.fixed);
                    let flag = reader.get_bool(probabilities.is_compound[context]);
                    counts.is_compound[context][usize::from(flag)] += 1;
                    flag
                }
            };
            if is_compound {
                let context = reference_contexts::compound_reference(neighbours, pair);
                let flag = reader.get_bool(probabilities.compound_reference[context]);
                counts.compound_reference[context][usize::from(flag)] += 1;
                let mut references = [pair.variable[usize::from(flag)]; 2];
                references[pair.fixed_index] = pair.fixed;
                return References::Compound(references);
            }
        }
        let context = reference_contexts::single_not_last(neighbours);
        let flag = reader.get_bool(probabilities.single_reference[context][0]);
        counts.single_reference[context][0][usize::from(flag)] += 1;
        if !flag {
            return References::Single(Reference::Last);
        }
        let context = reference_contexts::single_not_golden(neighbours);
        let flag = reader.get_bool(probabilities.single_reference[context][1]);
        counts.single_reference[context][1][usize::from(flag)] += 1;
        References::Single(if flag { Reference::Altref } else { Reference::Golden })
    }

    fn candidate_site(&self, site: &BlockSite) -> Site<'_> {
        Site {
            row: site.row,
            col: site.col,
            size: site.size,
            frame: (self.setup.rows, self.setup.cols),
            tile: &self.cols,
            modes: self.modes,
            before: self.setup.before,
            sign_bias: self.setup.header.references.sign_bias,
        }
    }

    /// Returns the vectors of a block of at least 8x8, by reference.
    fn parse_vectors(
        &mut self,
        site: &BlockSite,
        info: &BlockInfo,
    ) -> Result<[MotionVector; 2], Corrupt> {
        let mut vectors = [MotionVector::default(); 2];
        if info.inter_mode == InterMode::Zero {
            return Ok(vectors);
        }
        let references = [info.references.first(), info.references.second()];
        let high_precision = self.setup.header.references.high_precision;
        for (vector, reference) in vectors.iter_mut().zip(references) {
            let Some(reference) = reference else { continue };
            let candidates = self.candidate_site(site);
            let candidate = if info.inter_mode == InterMode::Near {
                candidates.two(reference, None)[1]
            } else {
                candidates.nearest(reference)
            };
            *vector = lower_precision(candidate, high_precision);
            if info.inter_mode == InterMode::New {
                *vector = self.parse_difference(*vector)?;
            }
        }
        Ok(vectors)
    }

    fn parse_difference(&mut self, base: MotionVector) -> Result<MotionVector, Corrupt> {
        let probabilities = &self.setup.probabilities.vectors;
        let high_precision = self.setup.header.references.high_precision;
        let counts = &mut self.counts.vectors;
        parse_vector(&mut self.reader, probabilities, counts, base, high_precision)
            .ok_or_else(|| self.corrupt("a motion vector within its range"))
    }

    /// Parses modes and vectors of the sub-blocks of a block smaller than 8x8.
    fn parse_sub_block_vectors(
        &mut self,
        site: &BlockSite,
        context: usize,
        info: &mut BlockInfo,
    ) -> Result<(), Corrupt> {
        let references = [info.references.first(), info.references.second()];
        let high_precision = self.setup.header.references.high_precision;
        let mut bases = [MotionVector::default(); 2];
        for (base, reference) in bases.iter_mut().zip(references) {
            let Some(reference) = reference else { continue };
            let nearest = self.candidate_site(site).nearest(reference);
            *base = lower_precision(nearest, high_precision);
        }
        for &(index, copies) in site.sub_blocks() {
            info.inter_mode = self.parse_inter_mode(context);
            let mut vectors = [MotionVector::default(); 2];
            for (order, reference) in references.into_iter().enumerate() {
                let Some(reference) = reference else { continue };
                vectors[order] = match info.inter_mode {
                    InterMode::Zero => MotionVector::default(),
                    InterMode::New => self.parse_difference(bases[order])?,
                    InterMode::Nearest | InterMode::Near => {
                        let list = self.candidate_site(site).two(reference, Some(index));
                        let before = info.vectors.map(|vectors| vectors[order]);
                        let [nearest, near] = sub_block_candidates(index, list, before);
                        if info.inter_mode == InterMode::Nearest { nearest } else { near }
                    }
                };
            }
            copies.iter().for_each(|&to| info.vectors[to] = vectors);
        }
        Ok(())
    }
}
