//! Parses coded block pattern, quantiser and coefficients. ITU-T H.264, clauses 7.3.5 and 7.3.5.3.

use codec_core::error::Corrupt;

use super::{MbParser, NO_BLOCK};
use crate::cabac::BlockCategory;
use crate::decoder::entropy::{Beside, Block, BlockContext, CbpContext, Entropy};
use crate::macroblock::{BLOCKS, Mb, MbClass, MbInfo, ORDER};
use crate::tables::quant::chroma_qp;
use crate::transform::{Dequant, Scans, inverse_chroma_dc, inverse_luma_dc};

/// Numbers of coefficients of a plane's blocks, with those left and above: `W` x `W` blocks.
type Counts<const W: usize> = [[u8; W]; W];

impl<E: Entropy> MbParser<'_, E> {
    pub(super) fn parse_transform_8x8(&mut self) -> bool {
        let infos = &*self.stores.infos;
        let beside = Beside {
            left: self.near.left.map(|left| &infos[left.mbs[0]]),
            top: self.near.top.map(|mb| &infos[mb]),
        };
        self.entropy.transform_8x8(beside)
    }

    pub(super) fn parse_cbp(&mut self, is_intra: bool) -> u8 {
        let context = if E::CABAC { self.cbp_context() } else { CbpContext::NONE };
        self.entropy.coded_block_pattern(is_intra, self.cx.sps.has_chroma(), context)
    }

    fn cbp_context(&self) -> CbpContext {
        let mut context = CbpContext::NONE;
        if let Some(left) = self.near.left {
            let bit = |half: usize| {
                let cbp = self.stores.infos[left.mbs[half]].cbp;
                cbp >> (1 + left.row(2 * half) / 2 * 2) & 1
            };
            context.left_luma = bit(0) | bit(1) << 1;
            context.left_chroma = self.stores.infos[left.mbs[0]].cbp >> 4;
        }
        if let Some(top) = self.near.top {
            let cbp = self.stores.infos[top].cbp;
            context.top_luma = cbp >> 2 & 3;
            context.top_chroma = cbp >> 4;
        }
        context
    }

    pub(super) fn parse_qp_delta(&mut self) -> Result<(), Corrupt> {
        let delta = self.entropy.qp_delta(self.follows_delta);
        if !(-26..=25).contains(&delta) {
            return Err(self.corrupt("a valid mb_qp_delta"));
        }
        self.follows_delta = delta != 0;
        let qp = (i32::from(self.qp) + delta + 52) % 52;
        self.qp = u8::try_from(qp).unwrap_or(0);
        let value = self.qp;
        self.info_mut().qp = value;
        Ok(())
    }

    /// Parses the coefficients of all blocks that the pattern names.
    pub(super) fn residual(&mut self, out: &mut Mb) {
        out.is_lossless = self.is_lossless();
        self.luma(out);
        if self.cx.sps.has_chroma() && self.info().cbp >> 4 != 0 {
            self.chroma_dc(out);
            if self.info().cbp >> 4 == 2 {
                self.chroma_ac(out);
            }
        }
    }

    /// Returns whether the macroblock is coded without transform and scaling.
    fn is_lossless(&self) -> bool {
        self.cx.sps.transform_bypass && self.info().qp == 0
    }

    /// The context of a block without neighbours.
    #[inline]
    fn block_context(&self) -> BlockContext {
        BlockContext {
            left: 0,
            top: 0,
            is_intra: self.info().class.is_intra(),
            is_field: self.cx.is_field(self.is_field),
        }
    }

    fn luma(&mut self, out: &mut Mb) {
        let is_16x16 = self.info().class == MbClass::Intra16x16;
        let cbp = self.info().cbp;
        if cbp & 15 == 0 && !is_16x16 {
            return;
        }
        let mut counts = self.luma_counts();
        let alone = self.block_context();
        let scans = Scans::of(alone.is_field);
        if is_16x16 {
            self.luma_dc(out, scans, [counts[1][0], counts[0][1]]);
        }
        let scales = self.cx.scales;
        let list = if alone.is_intra { 0 } else { 3 };
        let lossless = out.is_lossless.then_some(Dequant::NONE);
        let dequant = lossless.unwrap_or_else(|| scales.of_4x4(list, self.info().qp));
        let (category, scan) = if is_16x16 {
            (BlockCategory::LumaAc, &scans.scan_4x4[1..])
        } else {
            (BlockCategory::Luma4x4, &scans.scan_4x4[..])
        };
        let is_8x8 = self.info().transform_8x8;
        // The 4x4 blocks whose transform block has coefficients.
        let mut coded = 0;
        for quarter in (0..4).filter(|quarter| cbp >> quarter & 1 == 1) {
            if is_8x8 {
                if self.luma_8x8(out, quarter, scans, &mut counts) {
                    coded |= 0x33 << (quarter / 2 * 8 + quarter % 2 * 2);
                }
                continue;
            }
            for (n, coeffs) in out.coeffs.as_chunks_mut::<4>().0[quarter].iter_mut().enumerate() {
                let (x, y) = (quarter % 2 * 2 + n % 2, quarter / 2 * 2 + n / 2);
                let context =
                    BlockContext { left: counts[y + 1][x], top: counts[y][x + 1], ..alone };
                let block = Block { category, context, scan, dequant: &dequant };
                let count = self.entropy.block(block, coeffs);
                counts[y + 1][x + 1] = count;
                out.coded |= u32::from(count != 0) << (4 * quarter + n);
                coded |= u16::from(count != 0) << (4 * y + x);
            }
        }
        let info = self.info_mut();
        info.coded = coded;
        for (to, [_, row @ ..]) in info.counts.as_chunks_mut::<4>().0.iter_mut().zip(&counts[1..]) {
            *to = *row;
        }
    }

    /// The DC coefficients of an `Intra_16x16` macroblock.
    fn luma_dc(&mut self, out: &mut Mb, scans: &Scans, counts: [u8; 2]) {
        let [left, top] = if E::CABAC { self.dc_flags_beside(0) } else { counts };
        let context = BlockContext { left, top, ..self.block_context() };
        let mut levels = [0; 16];
        let block = Block {
            category: BlockCategory::LumaDc,
            context,
            scan: &scans.scan_4x4,
            dequant: &Dequant::NONE,
        };
        let count = self.entropy.block(block, &mut levels);
        if count == 0 {
            return;
        }
        self.info_mut().dc_flags |= 1;
        let values = if out.is_lossless {
            levels
        } else {
            inverse_luma_dc(&levels, self.cx.scales.of_dc(0, self.info().qp))
        };
        for (at, &value) in values.iter().enumerate() {
            let n = usize::from(ORDER[at % 4 * 4 + at / 4]);
            out.coeffs[n][0] = value;
            out.coded |= u32::from(value != 0) << n;
        }
    }

    /// Returns whether the block has coefficients.
    fn luma_8x8(
        &mut self,
        out: &mut Mb,
        quarter: usize,
        scans: &Scans,
        counts: &mut Counts<5>,
    ) -> bool {
        let scales = self.cx.scales;
        let lossless = out.is_lossless.then_some(Dequant::NONE);
        let dequant = lossless
            .unwrap_or_else(|| scales.of_8x8(!self.info().class.is_intra(), self.info().qp));
        let (x, y) = BLOCKS[4 * quarter];
        let block = out.coeffs[4 * quarter..4 * quarter + 4].as_flattened_mut();
        let mut total = 0;
        if E::CABAC {
            let (category, context) = (BlockCategory::Luma8x8, self.block_context());
            let request = Block { category, context, scan: &scans.scan_8x8, dequant: &dequant };
            total = self.entropy.block(request, block);
            // Only whether the count is 0 matters, but the value `NO_BLOCK` has another meaning.
            let count = total.min(16);
            for row in &mut counts[y + 1..y + 3] {
                row[x + 1..x + 3].fill(count);
            }
        } else {
            for (n, scan) in scans.interleaved_8x8.iter().enumerate() {
                let (x, y) = (x + n % 2, y + n / 2);
                let (left, top) = (counts[y + 1][x], counts[y][x + 1]);
                let context = BlockContext { left, top, ..self.block_context() };
                let category = BlockCategory::Luma4x4;
                let request = Block { category, context, scan, dequant: &dequant };
                let count = self.entropy.block(request, block);
                counts[y + 1][x + 1] = count;
                total |= count;
            }
        }
        out.coded |= u32::from(total != 0) << (4 * quarter);
        total != 0
    }

    fn chroma_dc(&mut self, out: &mut Mb) {
        for plane in 0..2 {
            let [left, top] = if E::CABAC { self.dc_flags_beside(1 + plane) } else { [0; 2] };
            let context = BlockContext { left, top, ..self.block_context() };
            let mut levels = [0; 4];
            let block = Block {
                category: BlockCategory::ChromaDc,
                context,
                scan: &[0, 1, 2, 3],
                dequant: &Dequant::NONE,
            };
            let count = self.entropy.block(block, &mut levels);
            if count == 0 {
                continue;
            }
            self.info_mut().dc_flags |= 2 << plane;
            let scale = self.cx.scales.of_dc(self.chroma_list(plane), self.chroma_qp(plane));
            let values = if out.is_lossless { levels } else { inverse_chroma_dc(&levels, scale) };
            for (n, value) in values.into_iter().enumerate() {
                let block = 16 + 4 * plane + n;
                out.coeffs[block][0] = value;
                out.coded |= u32::from(value != 0) << block;
            }
        }
    }

    fn chroma_ac(&mut self, out: &mut Mb) {
        let alone = self.block_context();
        let scan = &Scans::of(alone.is_field).scan_4x4[1..];
        for plane in 0..2 {
            let scales = self.cx.scales;
            let lossless = out.is_lossless.then_some(Dequant::NONE);
            let dequant = lossless
                .unwrap_or_else(|| scales.of_4x4(self.chroma_list(plane), self.chroma_qp(plane)));
            let mut counts = self.chroma_counts(plane);
            let blocks = &mut out.coeffs.as_chunks_mut::<4>().0[4 + plane];
            for (n, coeffs) in blocks.iter_mut().enumerate() {
                let (x, y) = (n % 2, n / 2);
                let context =
                    BlockContext { left: counts[y + 1][x], top: counts[y][x + 1], ..alone };
                let category = BlockCategory::ChromaAc;
                let request = Block { category, context, scan, dequant: &dequant };
                let count = self.entropy.block(request, coeffs);
                counts[y + 1][x + 1] = count;
                out.coded |= u32::from(count != 0) << (16 + 4 * plane + n);
            }
            let [_, [_, a, b], [_, c, d]] = counts;
            self.info_mut().counts.as_chunks_mut::<4>().0[4 + plane] = [a, b, c, d];
        }
    }

    fn chroma_list(&self, plane: usize) -> usize {
        1 + plane + if self.info().class.is_intra() { 0 } else { 3 }
    }

    fn chroma_qp(&self, plane: usize) -> u8 {
        chroma_qp(self.info().qp, self.cx.pps.chroma_qp_offsets[plane])
    }

    /// Returns whether the DC blocks of a plane left and above have coefficients.
    fn dc_flags_beside(&self, plane: usize) -> [u8; 2] {
        let flag = |info: Option<&MbInfo>| info.map_or(NO_BLOCK, |info| info.dc_flags >> plane & 1);
        let beside = self.beside();
        [flag(beside.left), flag(beside.top)]
    }

    /// Returns the numbers of coefficients of the luma blocks left and above, and 0 inside.
    fn luma_counts(&self) -> Counts<5> {
        let mut counts = [[0; 5]; 5];
        let top = self.near.top.map(|mb| self.stores.infos[mb].counts.as_chunks::<4>().0[3]);
        counts[0][1..].copy_from_slice(&top.unwrap_or([NO_BLOCK; 4]));
        let left = self.near.left.map(|left| {
            let halves = left.mbs.map(|mb| &self.stores.infos[mb].counts);
            [0, 1, 2, 3].map(|y| halves[y / 2][4 * left.row(y) + 3])
        });
        for (row, left) in counts[1..].iter_mut().zip(left.unwrap_or([NO_BLOCK; 4])) {
            row[0] = left;
        }
        counts
    }

    /// As [`Self::luma_counts`], of a chroma plane.
    fn chroma_counts(&self, plane: usize) -> Counts<3> {
        let first = 16 + 4 * plane;
        let mut counts = [[0; 3]; 3];
        for x in 0..2 {
            counts[0][x + 1] =
                self.near.top.map_or(NO_BLOCK, |mb| self.stores.infos[mb].counts[first + 2 + x]);
        }
        for y in 0..2 {
            counts[y + 1][0] = self.near.left.map_or(NO_BLOCK, |left| {
                let row = left.row(2 * y) / 2;
                self.stores.infos[left.mbs[y]].counts[first + 2 * row + 1]
            });
        }
        counts
    }
}
