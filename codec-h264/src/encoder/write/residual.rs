//! Writes blocks of coefficient levels. ITU-T H.264, clause 7.3.5.3.

use super::near::{Grid, edges_of, grid};
use super::{Current, EntropyWriter, SliceWriter};
use crate::cabac::BlockCategory;
use crate::encoder::coded_mb::{CodedKind, CodedMb, Pending, coded};
use crate::macroblock::BLOCKS;

/// Returns `coded_block_pattern`. With the 8x8 transform, CABAC cannot represent blocks without
/// levels in it.
pub(super) fn pattern(mb: &CodedMb) -> u8 {
    if !mb.transform_8x8 {
        return mb.cbp;
    }
    let bit = |n: u32| ((mb.coded >> (4 * n)) & 1) << n;
    let with_levels = bit(0) | bit(1) | bit(2) | bit(3);
    mb.cbp & (0xf0 | with_levels.to_le_bytes()[0])
}

impl<E: EntropyWriter> SliceWriter<E> {
    /// Writes the blocks that the pattern names.
    pub(super) fn residual(
        &mut self,
        mb: &CodedMb,
        cbp: u8,
        pending: &mut Pending<'_>,
        current: &mut Current,
    ) {
        let is_16x16 = matches!(mb.kind, CodedKind::Intra16x16(_));
        let (left, top) = (current.near.left.counts, current.near.top.counts);
        if is_16x16 {
            let beside = if E::CABAC { dc_beside(current, 0) } else { [left[0], top[0]] };
            self.dc(mb.coded, 0, beside, pending, current);
        }
        if cbp & 15 != 0 {
            let mut counts: Grid<u8, 5> = grid(&left, &top);
            for quarter in (0..4).filter(|quarter| cbp >> quarter & 1 == 1) {
                if mb.transform_8x8 {
                    self.luma_8x8(quarter, pending, &mut counts);
                } else {
                    self.luma_4x4(mb.coded, quarter, is_16x16, pending, &mut counts);
                }
            }
            edges_of(&counts, &mut current.right.counts, &mut current.bottom.counts);
        }
        if cbp >> 4 != 0 {
            self.dc(mb.coded, 1, dc_beside(current, 1), pending, current);
            self.dc(mb.coded, 2, dc_beside(current, 2), pending, current);
        }
        if cbp >> 4 == 2 {
            for plane in 0..2 {
                let at = 4 + 2 * plane;
                let mut counts: Grid<u8, 3> = grid(&left[at..], &top[at..]);
                self.chroma_ac(mb.coded, plane, pending, &mut counts);
                let (right, bottom) = (&mut current.right.counts, &mut current.bottom.counts);
                edges_of(&counts, &mut right[at..], &mut bottom[at..]);
            }
        }
    }

    /// A DC block: of luma (`plane` 0), Cb or Cr.
    fn dc(
        &mut self,
        mask: u32,
        plane: u32,
        beside: [u8; 2],
        pending: &mut Pending<'_>,
        current: &mut Current,
    ) {
        let (category, count) = match plane {
            0 => (BlockCategory::LumaDc, 16),
            _ => (BlockCategory::ChromaDc, 4),
        };
        let is_coded = mask >> (coded::LUMA_DC + plane) & 1 == 1;
        let block = is_coded.then(|| pending.take_levels(count));
        self.entropy.block(category, beside, block);
        let flag = u8::from(is_coded) << plane;
        current.right.dc_flags |= flag;
        current.bottom.dc_flags |= flag;
    }

    #[inline]
    fn luma_4x4(
        &mut self,
        mask: u32,
        quarter: usize,
        is_16x16: bool,
        pending: &mut Pending<'_>,
        counts: &mut Grid<u8, 5>,
    ) {
        let blocks = &BLOCKS[4 * quarter..4 * quarter + 4];
        for (n, &(x, y)) in (4 * quarter..).zip(blocks) {
            let mut block = (mask >> n & 1 == 1).then(|| pending.take_levels(16));
            let mut category = BlockCategory::Luma4x4;
            if is_16x16 {
                category = BlockCategory::LumaAc;
                block = block.and_then(|block| block.get(1..));
            }
            let beside = [counts[y + 1][x], counts[y][x + 1]];
            counts[y + 1][x + 1] = self.entropy.block(category, beside, block);
        }
    }

    #[inline]
    fn luma_8x8(&mut self, quarter: usize, pending: &mut Pending<'_>, counts: &mut Grid<u8, 5>) {
        let block = pending.take_levels(64);
        let (x, y) = BLOCKS[4 * quarter];
        if E::CABAC {
            let count = self.entropy.block(BlockCategory::Luma8x8, [0; 2], Some(block));
            for row in &mut counts[y + 1..y + 3] {
                row[x + 1..x + 3].fill(count);
            }
            return;
        }
        for n in 0..4 {
            let (x, y) = (x + n % 2, y + n / 2);
            let mut part = [0; 16];
            part.iter_mut().zip(block.chunks_exact(4)).for_each(|(to, from)| *to = from[n]);
            let beside = [counts[y + 1][x], counts[y][x + 1]];
            let category = BlockCategory::Luma4x4;
            counts[y + 1][x + 1] = self.entropy.block(category, beside, Some(&part));
        }
    }

    #[inline]
    fn chroma_ac(
        &mut self,
        mask: u32,
        plane: usize,
        pending: &mut Pending<'_>,
        counts: &mut Grid<u8, 3>,
    ) {
        for n in 0..4 {
            let (x, y) = (n % 2, n / 2);
            let is_coded = mask >> (coded::CHROMA as usize + 4 * plane + n) & 1 == 1;
            let block = is_coded.then(|| pending.take_levels(16)).and_then(|block| block.get(1..));
            let beside = [counts[y + 1][x], counts[y][x + 1]];
            counts[y + 1][x + 1] = self.entropy.block(BlockCategory::ChromaAc, beside, block);
        }
    }
}

/// Returns whether the DC blocks of a plane left and above have coefficients.
fn dc_beside(current: &Current, plane: u32) -> [u8; 2] {
    let flag = |flags: u8| flags >> plane & 1;
    [flag(current.near.left.dc_flags), flag(current.near.top.dc_flags)]
}
