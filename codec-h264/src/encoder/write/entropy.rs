//! The trait that writes the syntax elements of macroblocks; CAVLC and CABAC implement it. It is
//! the counterpart of the decoder's trait. ITU-T H.264, clause 7.3.5.

use crate::cabac::BlockCategory;
use crate::decoder::entropy::{CbpContext, TypeNumber};
use crate::params::{Pps, Sps};
use crate::picture::Mv;
use crate::slice::{SliceHeader, SliceType};

/// A writer of syntax elements. `increment` is `ctxIdxInc` (clause 9.3.3.1), which CAVLC ignores.
pub(crate) trait EntropyWriter: Default {
    /// Whether this is CABAC.
    const CABAC: bool;

    /// A position to which the writer can return.
    type Mark: Clone + std::fmt::Debug + Default;

    /// Starts a slice with its header.
    fn begin(&mut self, header: &SliceHeader, sps: &Sps, pps: &Pps);
    /// Writes that the slice does not end before the next macroblock.
    fn proceed(&mut self);
    /// `mb_skip_flag`, or the count of it in `mb_skip_run`.
    fn skip_flag(&mut self, is_skipped: bool, slice_type: SliceType, increment: usize);
    fn mb_type(&mut self, number: TypeNumber, slice_type: SliceType, increment: usize);
    fn sub_mb_type(&mut self, number: TypeNumber, slice_type: SliceType);
    fn transform_8x8(&mut self, value: bool, increment: usize);
    /// The remaining mode, or `None` for the predicted one.
    fn intra_mode(&mut self, rest: Option<u8>);
    fn chroma_mode(&mut self, mode: u8, increment: usize);
    /// `ref_idx` below `count`, which is above 1.
    fn ref_index(&mut self, index: u8, count: u8, increment: usize);
    /// `mvd`; `sums` are the sums of the neighbours' absolute differences.
    fn mvd(&mut self, mvd: Mv, sums: [u32; 2]);
    fn coded_block_pattern(&mut self, cbp: u8, is_intra: bool, near: CbpContext);
    /// `mb_qp_delta`; `follows_delta` states that the previous macroblock's was not 0.
    fn qp_delta(&mut self, delta: i32, follows_delta: bool);
    /// A block, or `None` for one without levels; returns the number of levels that are not 0.
    /// `beside` has that number for the blocks to the left and above; in CABAC 0 or 1.
    fn block(&mut self, category: BlockCategory, beside: [u8; 2], levels: Option<&[i16]>) -> u8;
    /// The samples of an `I_PCM` macroblock.
    fn pcm(&mut self, samples: &[i16]);
    /// Ends the slice and returns its payload.
    fn finish(&mut self) -> &[u8];
    /// Returns the bytes of the payload that do not change any more.
    fn stored(&self) -> &[u8];
    /// Returns how many bytes the payload has at most if the slice ends.
    fn max_bytes(&self) -> usize;
    /// Saves the current position.
    fn save(&self, mark: &mut Self::Mark);
    /// Removes everything after `mark`, which may not precede an `I_PCM` macroblock.
    fn rewind(&mut self, mark: &Self::Mark);
}

/// Number of coefficients of a neighbouring block that is not available, in CAVLC.
pub(crate) const NO_BLOCK: u8 = 64;
