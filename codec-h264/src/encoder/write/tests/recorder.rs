//! Records the syntax elements that the decoder reads.

use crate::cabac::BlockCategory;
use crate::decoder::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber, forward_to_inner};
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

impl<E: Entropy> Entropy for Recorder<E> {
    forward_to_inner!();

    fn intra_mode(&mut self) -> Option<u8> {
        let mode = self.inner.intra_mode();
        self.log.push(Element::Mode(mode));
        mode
    }

    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2] {
        let mvd = self.inner.mvd(sums);
        self.log.push(Element::Mvd(mvd));
        mvd
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
}
