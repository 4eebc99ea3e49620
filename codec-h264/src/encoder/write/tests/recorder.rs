//! Records the syntax elements that the decoder reads.

use crate::cabac::BlockCategory;
use crate::decoder::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber};
use crate::decoder::parse::MbParser;
use crate::decoder::slice_data::PairAhead;
use crate::slice::SliceType;
use crate::transform::Dequant;

/// A syntax element of a macroblock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Mode(Option<u8>),
    Mvd([i32; 2]),
    /// Levels in scan order.
    Block(BlockCategory, Vec<i16>),
    Pcm(Vec<u8>),
}

/// Reads as `E` and records.
pub(super) struct Recorder<E> {
    pub inner: E,
    pub log: Vec<Element>,
}

impl<E: Entropy> PairAhead for Recorder<E> {
    fn look_ahead(_: &mut MbParser<'_, Self>, _: usize, _: usize) -> (bool, Option<bool>) {
        (false, None)
    }
}

impl<E: Entropy> Entropy for Recorder<E> {
    const CABAC: bool = E::CABAC;

    fn skip_flag(&mut self, beside: Beside<'_>, slice_type: SliceType) -> bool {
        self.inner.skip_flag(beside, slice_type)
    }

    fn field_flag(&mut self, field_pairs: usize) -> bool {
        self.inner.field_flag(field_pairs)
    }

    fn mb_type(&mut self, beside: Beside<'_>, slice_type: SliceType) -> TypeNumber {
        self.inner.mb_type(beside, slice_type)
    }

    fn sub_mb_type(&mut self, slice_type: SliceType) -> TypeNumber {
        self.inner.sub_mb_type(slice_type)
    }

    fn transform_8x8(&mut self, beside: Beside<'_>) -> bool {
        self.inner.transform_8x8(beside)
    }

    fn intra_mode(&mut self) -> Option<u8> {
        let mode = self.inner.intra_mode();
        self.log.push(Element::Mode(mode));
        mode
    }

    fn chroma_mode(&mut self, beside: Beside<'_>) -> u8 {
        self.inner.chroma_mode(beside)
    }

    fn ref_index(&mut self, count: u8, increment: usize) -> u32 {
        self.inner.ref_index(count, increment)
    }

    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2] {
        let mvd = self.inner.mvd(sums);
        self.log.push(Element::Mvd(mvd));
        mvd
    }

    fn coded_block_pattern(&mut self, is_intra: bool, has_chroma: bool, near: CbpContext) -> u8 {
        self.inner.coded_block_pattern(is_intra, has_chroma, near)
    }

    fn qp_delta(&mut self, follows_delta: bool) -> i32 {
        self.inner.qp_delta(follows_delta)
    }

    fn block(&mut self, block: Block<'_>, _: &mut [i16]) -> u8 {
        let in_scan_order: Vec<u8> = (0..64).collect();
        let mut levels = vec![0; block.scan.len()];
        let scan = &in_scan_order[..block.scan.len()];
        let unscaled = Block { scan, dequant: &Dequant::NONE, ..block };
        let count = self.inner.block(unscaled, &mut levels);
        self.log.push(Element::Block(block.category, levels));
        count
    }

    fn pcm(&mut self, count: usize) -> Option<&[u8]> {
        let samples = self.inner.pcm(count)?;
        self.log.push(Element::Pcm(samples.to_vec()));
        Some(samples)
    }

    fn is_end(&mut self) -> bool {
        self.inner.is_end()
    }

    fn is_damaged(&self) -> bool {
        self.inner.is_damaged()
    }

    fn position_bytes(&self) -> usize {
        self.inner.position_bytes()
    }

    fn position_q8(&self) -> u64 {
        self.inner.position_q8()
    }
}
