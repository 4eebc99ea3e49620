//! Reconstruction of a block: prediction and residual.

use codec_core::error::Corrupt;
use codec_simd::vp9::{Vp9Motion, Vp9TxKind};

use super::intra_edges::IntraEdges;
use super::mode_map::BlockInfo;
use super::planes::PlaneRef;
use super::references::{PlaneVector, ReferencePlanes, ScaledAxis};
use super::sample::{Kit, Sample, Target};
use super::scans::scan;
use super::site::BlockSite;
use super::tile::TileDecoder;
use super::tokens::{TokenContexts, TokenFormat, parse_tokens};
use crate::types::{IntraMode, MotionVector, TxSize};

/// A block's part of a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlaneBlock {
    pub(super) plane: usize,
    /// Position and size in units of 4 samples.
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// First column and row outside of the frame, in units of 4 samples.
    pub(super) end: (usize, usize),
    /// Size of the transforms.
    pub(super) tx: TxSize,
    /// Whether the plane has half the width and half the height of luma.
    pub(super) halved: [bool; 2],
}

impl<S: Sample> TileDecoder<'_, S> {
    /// Returns the part of `plane` that belongs to a block.
    pub(super) fn plane_block(&self, info: &BlockInfo, plane: usize) -> PlaneBlock {
        let halved = self.setup.header.format.sampling.halved().map(|halved| halved && plane > 0);
        let [shift_x, shift_y] = halved.map(usize::from);
        let (cols, rows) = info.size.mi();
        let tx = info.plane_tx(plane, self.setup.header.format.sampling);
        PlaneBlock {
            plane,
            x: (2 * usize::from(info.col)) >> shift_x,
            y: (2 * usize::from(info.row)) >> shift_y,
            width: (2 * cols) >> shift_x,
            height: (2 * rows) >> shift_y,
            end: ((2 * self.setup.cols) >> shift_x, (2 * self.setup.rows) >> shift_y),
            tx,
            halved,
        }
    }

    /// Returns the parts of the planes that belong to a block.
    #[inline]
    fn plane_blocks(&self, info: &BlockInfo) -> [PlaneBlock; 3] {
        let [y, u] = [self.plane_block(info, 0), self.plane_block(info, 1)];
        [y, u, PlaneBlock { plane: 2, ..u }]
    }

    /// Predicts and reconstructs an intra block, transform by transform.
    pub(super) fn reconstruct_intra(&mut self, info: &BlockInfo, site: &BlockSite) {
        for block in self.plane_blocks(info) {
            for (x, y) in block.transforms() {
                let mode = block.intra_mode(info, x, y);
                self.predict_intra(&block, site, mode, (x, y));
                if !info.skip {
                    let kind = block.tx_kind(mode, self.setup.kit.lossless);
                    self.add_residual(info, &block, (x, y), kind);
                }
            }
        }
    }

    /// Adds the residual to the prediction of an inter block; returns whether there is any.
    pub(super) fn reconstruct_residual(&mut self, info: &BlockInfo) -> bool {
        let kind = if self.setup.kit.lossless { Vp9TxKind::Wht } else { Vp9TxKind::Dct };
        let mut has_coefficients = false;
        for block in self.plane_blocks(info) {
            for at in block.transforms() {
                has_coefficients |= self.add_residual(info, &block, at, kind);
            }
        }
        has_coefficients
    }

    /// Parses the coefficients of the transform at `at`, in units of 4 samples, and adds its
    /// residual; returns whether there is any.
    fn add_residual(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        (x, y): (usize, usize),
        kind: Vp9TxKind,
    ) -> bool {
        let setup = self.setup;
        let (is_chroma, tx) = (usize::from(block.plane > 0), block.tx);
        let is_inter = usize::from(info.is_inter());
        let contexts = TokenContexts {
            probabilities: &setup.probabilities.coefficients[tx as usize][is_chroma][is_inter],
            counts: &mut self.counts.coefficients[tx as usize][is_chroma][is_inter],
            magnitudes: &mut self.scratch.magnitudes,
        };
        let format = TokenFormat {
            scan: scan(tx, kind),
            steps: setup.quantisers[usize::from(info.segment)][is_chroma],
            is_halved: tx == TxSize::Tx32,
            depth: setup.kit.depth,
        };
        let context = self.contexts.nonzero(block.plane, x, y, tx);
        let coefficients = &mut *self.scratch.coefficients;
        let tokens = parse_tokens(&mut self.reader, contexts, format, context, coefficients);
        if tokens.any || context > 0 {
            self.contexts.set_nonzero(block.plane, (x, y), tx, block.end, tokens.any);
        }
        if tokens.any {
            let to = self.planes[block.plane].block_mut(4 * x, 4 * y);
            S::inverse_transform(&setup.kit, tx, kind, coefficients, tokens.positions, to);
        }
        tokens.any
    }

    fn predict_intra(
        &mut self,
        block: &PlaneBlock,
        site: &BlockSite,
        mode: IntraMode,
        (x, y): (usize, usize),
    ) {
        let (kit, plane) = (&self.setup.kit, &mut self.planes[block.plane]);
        let edges = IntraEdges {
            has_above: y > block.y || site.above.is_some(),
            has_left: x > block.x || site.left.is_some(),
            has_above_right: x + block.tx.units() < block.x + block.width,
            end: (4 * block.end.0, 4 * block.end.1),
        };
        let edges = edges.collect(plane, (4 * x, 4 * y), block.tx.pixels(), kit.depth);
        S::predict_intra(kit, mode, block.tx, &edges, plane.block_mut(4 * x, 4 * y));
    }

    /// Predicts an inter block from its references.
    pub(super) fn predict_inter(&mut self, info: &BlockInfo) -> Result<(), Corrupt> {
        let references = [info.references.first(), info.references.second()];
        let blocks = self.plane_blocks(info);
        for (order, reference) in references.into_iter().enumerate() {
            let Some(reference) = reference else { continue };
            let Some(planes) = &self.setup.references[reference as usize] else {
                return Err(self.corrupt("a reference of a size that can be scaled"));
            };
            self.used[reference as usize] = true;
            if info.size.is_sub8x8() {
                let vectors = info.vectors.map(|vectors| vectors[order]);
                for block in &blocks {
                    self.predict_sub_blocks(info, block, vectors, order, planes);
                }
            } else {
                let [y, u, v] = &blocks;
                let vector = info.vectors[0][order];
                let piece = (0, 0, y.width, y.height);
                self.predict_piece(info, &[y], piece, vector, order, planes);
                let piece = (0, 0, u.width, u.height);
                self.predict_piece(info, &[u, v], piece, vector, order, planes);
            }
        }
        Ok(())
    }

    /// Predicts a block smaller than 8x8: each 4x4 samples with the vectors of its sub-blocks.
    fn predict_sub_blocks(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        vectors: [MotionVector; 4],
        order: usize,
        reference: &ReferencePlanes<'_, S>,
    ) {
        for y in 0..block.height {
            for x in 0..block.width {
                // In raster order of the plane's pieces, also where a plane has two of them only:
                // the lower one of 4:2:2 uses the sub-blocks 1 and 2.
                let index = y * 2 + x;
                let vector = match block.halved {
                    [false, false] => vectors[index],
                    [true, false] => mean(&[vectors[y], vectors[y + 1]]),
                    [false, true] => mean(&[vectors[x], vectors[x + 2]]),
                    [true, true] => mean(&vectors),
                };
                self.predict_piece(info, &[block], (x, y, 1, 1), vector, order, reference);
            }
        }
    }

    /// Predicts a piece of a block in one plane, or in both of chroma: position in the block and size,
    /// in units of 4 samples.
    #[inline]
    fn predict_piece(
        &mut self,
        info: &BlockInfo,
        blocks: &[&PlaneBlock],
        piece: (usize, usize, usize, usize),
        vector: MotionVector,
        order: usize,
        reference: &ReferencePlanes<'_, S>,
    ) {
        let Some(&block) = blocks.first() else { return };
        let setup = self.setup;
        let (x, y, width, height) = piece;
        // Rows below the frame are not needed.
        let (width, height) = (4 * width, 4 * height.min(block.end.1 - block.y - y));
        let at = (4 * (block.x + x), 4 * (block.y + y));
        let vector = plane_vector(info, block, vector, (setup.cols, setup.rows));
        let byte = |value: usize| value.to_le_bytes()[0];
        let fraction = |value: i32| (value & 15).to_le_bytes()[0];
        let motion = Vp9Motion {
            filter: info.filter,
            fraction_x: fraction(vector.col),
            fraction_y: fraction(vector.row),
            width: byte(width),
            height: byte(height),
            average: order > 0,
        };
        let scratch = &mut self.scratch.reference;
        for block in blocks {
            let to = self.planes[block.plane].block_mut(at.0, at.1);
            let plane = &reference.planes[block.plane];
            if let Some(scale) = reference.scale {
                let luma = |mi: u16, piece: usize| 8 * usize::from(mi) + 4 * piece;
                let luma_at = (luma(info.col, x), luma(info.row, y));
                let axes = scale.axes(at, luma_at, vector);
                predict_scaled(&setup.kit, motion, plane, axes, scratch, to);
                continue;
            }
            let from = (position(at.0, vector.col), position(at.1, vector.row));
            let is_whole = (vector.col | vector.row) & 15 == 0;
            if is_whole && order == 0 && plane.copy(from, (width, height), to.0, to.1) {
                continue;
            }
            let to = self.planes[block.plane].block_mut(at.0, at.1);
            let from = (from.0 - 3, from.1 - 3);
            let from = plane.fetch(from, (width + 7, height + 7), scratch);
            S::predict(&setup.kit, motion, None, from, to);
        }
    }
}

/// Predicts a block from a reference of another size.
#[cold]
fn predict_scaled<S: Sample>(
    kit: &Kit,
    motion: Vp9Motion,
    plane: &PlaneRef<'_, S>,
    [col, row]: [ScaledAxis; 2],
    scratch: &mut [S],
    to: Target<'_, S>,
) {
    let length = |axis: &ScaledAxis, size: u8| {
        ((usize::from(size) - 1) * usize::from(axis.step) + usize::from(axis.fraction)) / 16 + 8
    };
    let motion = Vp9Motion { fraction_x: col.fraction, fraction_y: row.fraction, ..motion };
    let needed = (length(&col, motion.width), length(&row, motion.height));
    let from = plane.fetch((col.start - 3, row.start - 3), needed, scratch);
    S::predict(kit, motion, Some([col.step, row.step]), from, to);
}

/// Integer position of a vector in sixteenths of a sample.
fn position(at: usize, vector: i32) -> isize {
    at.cast_signed() + isize::try_from(vector >> 4).unwrap_or(0)
}

/// Returns a vector in units of a plane, clamped so that the block lies at most 4 samples and its
/// own size outside of the frame.
fn plane_vector(
    info: &BlockInfo,
    block: &PlaneBlock,
    vector: MotionVector,
    (cols, rows): (usize, usize),
) -> PlaneVector {
    let (width, height) = info.size.mi();
    let clamp = |value: i16, halved: bool, at: u16, length: usize, units: usize, frame: usize| {
        let int = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let factor = if halved { 1 } else { 2 };
        let margin = (4 + 4 * int(units)) * 16;
        let min = -int(64 * usize::from(at)) * factor - margin;
        let max = (int(64 * frame) - int(64 * (length + usize::from(at)))) * factor + margin - 16;
        (i32::from(value) * factor).clamp(min, max.max(min))
    };
    PlaneVector {
        row: clamp(vector.row, block.halved[1], info.row, height, block.height, rows),
        col: clamp(vector.col, block.halved[0], info.col, width, block.width, cols),
    }
}

/// Mean of two or four vectors, rounded away from zero.
fn mean(vectors: &[MotionVector]) -> MotionVector {
    let count = if vectors.len() == 2 { 2 } else { 4 };
    let component = |of: fn(&MotionVector) -> i16| {
        let sum: i32 = vectors.iter().map(|vector| i32::from(of(vector))).sum();
        let rounded = (sum.abs() + count / 2) / count * sum.signum();
        i16::try_from(rounded).unwrap_or(0)
    };
    MotionVector { row: component(|vector| vector.row), col: component(|vector| vector.col) }
}

impl PlaneBlock {
    /// Positions of the transforms that begin inside of the frame, in units of 4 samples.
    #[inline]
    fn transforms(self) -> impl Iterator<Item = (usize, usize)> {
        let log2 = self.tx as usize;
        let count = |at: usize, length: usize, end: usize| {
            ((at + length).min(end).saturating_sub(at) + (1 << log2) - 1) >> log2
        };
        let cols = count(self.x, self.width, self.end.0);
        let rows = count(self.y, self.height, self.end.1);
        (0..rows).flat_map(move |row| {
            (0..cols).map(move |col| (self.x + (col << log2), self.y + (row << log2)))
        })
    }

    /// Mode of the transform at a position: that of its sub-block in luma.
    fn intra_mode(&self, info: &BlockInfo, x: usize, y: usize) -> IntraMode {
        if self.plane > 0 { info.chroma_mode } else { info.luma_modes[2 * (y & 1) + (x & 1)] }
    }

    /// Type of a transform of an intra block.
    fn tx_kind(&self, mode: IntraMode, lossless: bool) -> Vp9TxKind {
        use IntraMode::{D45, D63, D117, D135, D153, D207, Dc, H, Tm, V};
        if lossless {
            return Vp9TxKind::Wht;
        }
        if self.plane > 0 || self.tx == TxSize::Tx32 {
            return Vp9TxKind::Dct;
        }
        match mode {
            Dc | D45 => Vp9TxKind::Dct,
            V | D117 | D63 => Vp9TxKind::AdstColumns,
            H | D153 | D207 => Vp9TxKind::AdstRows,
            D135 | Tm => Vp9TxKind::AdstBoth,
        }
    }
}
