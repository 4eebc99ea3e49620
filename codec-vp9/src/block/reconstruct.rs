//! Reconstruction of a block: prediction and residual.

use std::ops::Range;

use codec_simd::vp9::{Vp9IntraEdges, Vp9Motion, Vp9TxKind};

use super::intra_edges::IntraEdges;
use super::loop_filter::{EdgeMap, LoopFilter};
use super::mode_map::BlockInfo;
use super::plane_block::PlaneBlock;
use super::planes::{PlaneMut, PlaneRef};
use super::references::{PlaneVector, ReferencePlanes, ScaledAxis};
use super::sample::{Kit, Sample, Target};
use super::scratch::BlockScratch;
use super::setup::FrameSetup;
use crate::types::{IntraMode, MotionVector};

/// Contents of the tokens of a transform.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    /// Whether there is any coefficient.
    pub(crate) any: bool,
    /// Bitwise or of the positions of the coefficients that are not zero.
    pub(crate) positions: u16,
}

/// The coefficients of a block's transforms, in the order of the stream.
pub(crate) trait Residual<C> {
    /// Writes the coefficients of the next transform, at `at` in units of 4 samples of its plane, to
    /// `coefficients`, in column order, which are zero before.
    fn next(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        at: (usize, usize),
        kind: Vp9TxKind,
        coefficients: &mut [C; 1024],
    ) -> Tokens;
}

/// Reconstructs blocks of a frame, in all planes or in some of them.
#[derive(Debug)]
pub(crate) struct Reconstructor<'a, S: Sample> {
    pub(crate) setup: &'a FrameSetup<'a, S>,
    /// Planes that are not in `own` are empty.
    pub(crate) planes: [PlaneMut<'a, S>; 3],
    /// The planes that are reconstructed: luma, chroma, or all.
    pub(crate) own: Range<usize>,
    /// `None` if the frame is not filtered.
    pub(crate) filter: Option<&'a LoopFilter>,
    /// Edges of luma and of chroma, if they are reconstructed.
    pub(crate) edges: &'a mut [EdgeMap],
    pub(crate) scratch: &'a mut BlockScratch<S>,
}

impl<S: Sample> Reconstructor<'_, S> {
    /// Reconstructs a block; `has_left` states whether its tile has blocks on the left. Returns whether
    /// it has a residual.
    #[inline]
    pub(crate) fn reconstruct(
        &mut self,
        info: &BlockInfo,
        has_left: bool,
        residual: &mut impl Residual<S::Coefficient>,
    ) -> bool {
        let blocks = self.setup.plane_blocks(info);
        let own = self.own.clone();
        let is_inter = info.is_inter();
        if is_inter {
            self.predict_inter(info, &blocks);
            if info.skip {
                return false;
            }
        }
        let mut has_residual = false;
        for block in &blocks[own] {
            for at in block.transforms() {
                if !is_inter {
                    self.predict_intra(block, info, has_left, at);
                }
                if !info.skip {
                    has_residual |= self.add_residual(info, block, at, residual);
                }
            }
        }
        has_residual
    }

    /// Adds the edges of a block for the loop filter.
    #[inline]
    pub(crate) fn add_edges(&mut self, info: &BlockInfo) {
        if let Some(filter) = self.filter {
            filter.add_block(self.edges, self.own.start, info);
        }
    }

    /// Filters a row of superblocks.
    pub(crate) fn filter_row(&mut self, row: usize) {
        if let Some(filter) = self.filter {
            filter.filter_row(self.edges, self.own.clone(), row, &mut self.planes);
        }
    }

    /// Adds the residual of the transform at `at`, in units of 4 samples; returns whether there is any.
    fn add_residual(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        (x, y): (usize, usize),
        residual: &mut impl Residual<S::Coefficient>,
    ) -> bool {
        let kit = &self.setup.kit;
        let kind = block.tx_kind(info, x, y, kit.lossless);
        let coefficients = &mut *self.scratch.coefficients;
        let tokens = residual.next(info, block, (x, y), kind, coefficients);
        if tokens.any {
            self.add_coefficients(block, kind, (x, y), tokens.positions);
        }
        tokens.any
    }

    /// Adds the transform of the coefficients in the scratch buffer, which have the bitwise or of their
    /// positions, at `at` in units of 4 samples.
    #[inline]
    pub(crate) fn add_coefficients(
        &mut self,
        block: &PlaneBlock,
        kind: Vp9TxKind,
        (x, y): (usize, usize),
        positions: u16,
    ) {
        let to = self.planes[block.plane].block_mut(4 * x, 4 * y);
        let coefficients = &mut *self.scratch.coefficients;
        S::inverse_transform(&self.setup.kit, block.tx, kind, coefficients, positions, to);
    }

    /// Predicts the transform block at a position in units of 4 samples.
    pub(crate) fn predict_intra(
        &mut self,
        block: &PlaneBlock,
        info: &BlockInfo,
        has_left: bool,
        (x, y): (usize, usize),
    ) {
        let edges = self.intra_edges(block, info, has_left, (x, y));
        self.predict_from(&edges, block.intra_mode(info, x, y), block, (x, y));
    }

    /// The samples that the intra prediction of a transform block continues.
    pub(crate) fn intra_edges(
        &self,
        block: &PlaneBlock,
        info: &BlockInfo,
        has_left: bool,
        (x, y): (usize, usize),
    ) -> Vp9IntraEdges<S> {
        let edges = IntraEdges {
            has_above: y > block.y || info.row > 0,
            has_left: x > block.x || has_left,
            has_above_right: x + block.tx.units() < block.x + block.width,
            end: (4 * block.end.0, 4 * block.end.1),
        };
        let at = (4 * x, 4 * y);
        edges.collect(&self.planes[block.plane], at, block.tx.pixels(), self.setup.kit.depth)
    }

    /// Predicts the transform block at a position in units of 4 samples from `edges`.
    pub(crate) fn predict_from(
        &mut self,
        edges: &Vp9IntraEdges<S>,
        mode: IntraMode,
        block: &PlaneBlock,
        (x, y): (usize, usize),
    ) {
        let to = self.planes[block.plane].block_mut(4 * x, 4 * y);
        S::predict_intra(&self.setup.kit, mode, block.tx, edges, to);
    }

    /// Predicts an inter block from its references.
    pub(crate) fn predict_inter(&mut self, info: &BlockInfo, blocks: &[PlaneBlock; 3]) {
        let references = [info.references.first(), info.references.second()];
        let setup = self.setup;
        for (order, reference) in references.into_iter().enumerate() {
            let Some(reference) = reference else { continue };
            let Some(planes) = &setup.references[reference as usize] else { continue };
            if info.size.is_sub8x8() {
                let vectors = info.vectors.map(|vectors| vectors[order]);
                for block in &blocks[self.own.clone()] {
                    self.predict_sub_blocks(info, block, vectors, order, planes);
                }
                continue;
            }
            let [y, u, v] = blocks;
            let vector = info.vectors[0][order];
            if self.own.start == 0 {
                let piece = (0, 0, y.width, y.height);
                self.predict_piece(info, &[y], piece, vector, order, planes);
            }
            if self.own.end == 3 {
                let piece = (0, 0, u.width, u.height);
                self.predict_piece(info, &[u, v], piece, vector, order, planes);
            }
        }
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
        let scratch = &mut self.scratch.reference[..];
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
pub(crate) fn predict_scaled<S: Sample>(
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
