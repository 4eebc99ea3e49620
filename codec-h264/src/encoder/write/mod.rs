//! Writes slices from the results of mode decision. ITU-T H.264, clauses 7.3.4 and 7.3.5.
//!
//! [`SliceWriter`] writes 4:2:0 frame macroblocks; it does not support field macroblocks. CAVLC
//! and CABAC contexts depend on the macroblocks above and to the left. An [`Edge`] stores the state of
//! such a neighbour; there is one for each column of macroblocks, and one for the macroblock on the
//! left.

mod cabac;
mod cavlc;
mod entropy;
mod inter;
mod near;
mod residual;
#[cfg(test)]
mod tests;

pub(crate) use cabac::CabacWriter;
pub(crate) use cavlc::{CBP_CODES, CavlcWriter};
pub(crate) use entropy::EntropyWriter;
pub(crate) use inter::{inter_mb_type, sub_mb_type};

use self::near::{Edge, Near, flag};
use crate::decoder::entropy::first_intra;
use crate::encoder::coded_mb::{CodedKind, CodedMb, Pending};
use crate::params::{Pps, Sps};
use crate::slice::{SliceHeader, SliceType};

/// Parameters of a slice that its macroblocks depend on.
#[derive(Clone, Copy, Debug, Default)]
struct Params {
    slice_type: SliceType,
    ref_counts: [u8; 2],
    transform_8x8: bool,
    direct_8x8_inference: bool,
    /// Width of the frame in macroblocks.
    cols: usize,
    /// Address of the first macroblock.
    first: usize,
}

/// Writes the macroblocks of a slice in raster order. Reusable: see [`Self::begin`].
#[derive(Clone, Debug, Default)]
pub(crate) struct SliceWriter<E> {
    entropy: E,
    params: Params,
    /// Address of the next macroblock, and its column.
    address: usize,
    x: usize,
    /// `QPY` of the macroblock before.
    qp: u8,
    /// Whether `mb_qp_delta` of the macroblock before was not 0.
    follows_delta: bool,
    left: Edge,
    /// Lower edges of the last macroblock of each column.
    top: Vec<Edge>,
}

/// A position between two macroblocks of a slice.
#[derive(Clone, Debug, Default)]
pub(crate) struct SliceMark<E: EntropyWriter> {
    entropy: E::Mark,
    address: usize,
    x: usize,
    qp: u8,
    follows_delta: bool,
    left: Edge,
    /// Lower edge of the last macroblock of the column.
    top: Edge,
}

/// A macroblock while it is written.
struct Current {
    near: Near,
    right: Edge,
    bottom: Edge,
}

impl Current {
    /// Sets a flag for the neighbours.
    fn set(&mut self, flag: u8, value: bool) {
        let flag = if value { flag } else { 0 };
        self.right.flags |= flag;
        self.bottom.flags |= flag;
    }
}

impl<E: EntropyWriter> SliceWriter<E> {
    /// Returns the writer of the syntax elements.
    pub(crate) fn entropy(&self) -> &E {
        &self.entropy
    }

    /// Begins a slice: writes its header, which must agree with the parameter sets.
    pub(crate) fn begin(&mut self, header: &SliceHeader, sps: &Sps, pps: &Pps) {
        let cols = usize::from(sps.width_mbs);
        let first = usize::try_from(header.first_mb).unwrap_or(0);
        self.entropy.begin(header, sps, pps);
        self.params = Params {
            slice_type: header.slice_type,
            ref_counts: header.ref_counts,
            transform_8x8: pps.transform_8x8,
            direct_8x8_inference: sps.direct_8x8_inference,
            cols,
            first,
        };
        (self.address, self.x) = (first, first % cols.max(1));
        (self.qp, self.follows_delta) = (header.qp, false);
        self.top.resize(cols, Edge::default());
    }

    /// Saves the position before the next macroblock.
    pub(crate) fn save(&self, mark: &mut SliceMark<E>) {
        self.entropy.save(&mut mark.entropy);
        (mark.address, mark.x) = (self.address, self.x);
        (mark.qp, mark.follows_delta) = (self.qp, self.follows_delta);
        mark.left = self.left;
        mark.top = self.top.get(self.x).copied().unwrap_or_default();
    }

    /// Removes the macroblock that was written after `mark`.
    pub(crate) fn rewind(&mut self, mark: &SliceMark<E>) {
        self.entropy.rewind(&mark.entropy);
        (self.address, self.x) = (mark.address, mark.x);
        (self.qp, self.follows_delta) = (mark.qp, mark.follows_delta);
        self.left = mark.left;
        if let Some(top) = self.top.get_mut(self.x) {
            *top = mark.top;
        }
    }

    /// Returns whether the slice has no macroblocks.
    pub(crate) fn is_empty(&self) -> bool {
        self.address == self.params.first
    }

    /// Ends the slice and returns its payload, with trailing bits.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.entropy.finish()
    }

    /// Writes the next macroblock and takes from `pending` what belongs to it. Samples of `I_PCM`
    /// are levels: luma, Cb, Cr.
    pub(crate) fn macroblock(&mut self, mb: &CodedMb, pending: &mut Pending<'_>) {
        if self.address > self.params.first {
            self.entropy.proceed();
        }
        let (right, bottom) = if matches!(mb.kind, CodedKind::Skip) {
            let flags = if E::CABAC { self.near(false).count(flag::CODED) } else { 0 };
            self.entropy.skip_flag(true, self.params.slice_type, flags);
            self.follows_delta = false;
            (Edge::SKIPPED, Edge::SKIPPED)
        } else {
            self.coded(mb, pending)
        };
        self.left = right;
        if let Some(top) = self.top.get_mut(self.x) {
            *top = bottom;
        }
        self.address += 1;
        self.x = if self.x + 1 >= self.params.cols { 0 } else { self.x + 1 };
    }

    /// Returns the edges around the next macroblock.
    #[inline]
    fn near(&self, is_intra: bool) -> Near {
        let Params { cols, first, .. } = self.params;
        let missing = Edge::missing(E::CABAC, is_intra);
        let left = if self.x > 0 && self.address > first { self.left } else { missing };
        let has_top = self.address >= first + cols;
        let top = self.top.get(self.x).filter(|_| has_top).copied().unwrap_or(missing);
        Near { left, top }
    }

    /// Writes a macroblock that is not skipped. Returns its right and lower edges.
    fn coded(&mut self, mb: &CodedMb, pending: &mut Pending<'_>) -> (Edge, Edge) {
        let slice_type = self.params.slice_type;
        let is_intra = !matches!(mb.kind, CodedKind::Direct | CodedKind::Inter(_));
        let near = self.near(is_intra);
        if slice_type != SliceType::I {
            self.entropy.skip_flag(false, slice_type, near.count(flag::CODED));
        }
        let edge = Edge { flags: flag::CODED, ..Edge::default() };
        let mut current = Current { near, right: edge, bottom: edge };
        let is_nxn = matches!(mb.kind, CodedKind::Intra4x4(_) | CodedKind::Intra8x8(_));
        current.set(flag::NOT_NXN, !is_nxn);
        current.set(flag::NOT_DIRECT, !matches!(mb.kind, CodedKind::Direct));
        match mb.kind {
            CodedKind::Skip | CodedKind::Direct => self.direct(mb, &mut current),
            CodedKind::Inter(shape) => self.inter(mb, shape, pending, &mut current),
            CodedKind::Pcm => self.pcm(pending, &mut current),
            _ => self.intra(mb, &mut current),
        }
        if mb.kind != CodedKind::Pcm {
            self.quantiser_and_residual(mb, pending, &mut current);
        }
        (current.right, current.bottom)
    }

    /// The type number of an intra macroblock, counted from `I_NxN`.
    fn intra_mb_type(&mut self, number: u8, current: &Current) {
        let slice_type = self.params.slice_type;
        let flag = if slice_type == SliceType::B { flag::NOT_DIRECT } else { flag::NOT_NXN };
        let increment = current.near.count(flag);
        self.entropy.mb_type(first_intra(slice_type) + number, slice_type, increment);
    }

    /// Writes type, modes and pattern of an intra macroblock.
    fn intra(&mut self, mb: &CodedMb, current: &mut Current) {
        if let CodedKind::Intra16x16(mode) = mb.kind {
            let luma = if mb.cbp & 15 != 0 { 12 } else { 0 };
            let number = 1 + (mode & 3) + 4 * (mb.cbp >> 4).min(2) + luma;
            self.intra_mb_type(number, current);
        } else {
            self.intra_mb_type(0, current);
            if self.params.transform_8x8 {
                self.transform_8x8(matches!(mb.kind, CodedKind::Intra8x8(_)), current);
            }
        }
        match &mb.kind {
            CodedKind::Intra4x4(modes) => {
                modes.iter().for_each(|rest| self.entropy.intra_mode(*rest));
            }
            CodedKind::Intra8x8(modes) => {
                modes.iter().for_each(|rest| self.entropy.intra_mode(*rest));
            }
            _ => {}
        }
        let increment = current.near.count(flag::CHROMA_MODE);
        self.entropy.chroma_mode(mb.chroma_mode, increment);
        current.set(flag::CHROMA_MODE, mb.chroma_mode != 0);
        if !matches!(mb.kind, CodedKind::Intra16x16(_)) {
            self.pattern(mb, true, current);
        }
    }

    /// Writes `I_PCM`.
    fn pcm(&mut self, pending: &mut Pending<'_>, current: &mut Current) {
        const NUMBER: u8 = 25;
        self.intra_mb_type(NUMBER, current);
        self.entropy.pcm(pending.take_levels(384));
        for edge in [&mut current.right, &mut current.bottom] {
            (edge.cbp, edge.dc_flags, edge.counts) = (0x2f, 7, [16; 8]);
        }
        self.follows_delta = false;
    }

    fn transform_8x8(&mut self, value: bool, current: &mut Current) {
        self.entropy.transform_8x8(value, current.near.count(flag::TRANSFORM_8X8));
        current.set(flag::TRANSFORM_8X8, value);
    }

    fn pattern(&mut self, mb: &CodedMb, is_intra: bool, current: &Current) {
        let cbp = residual::pattern(mb);
        self.entropy.coded_block_pattern(cbp, is_intra, current.near.cbp_context());
    }

    /// Writes `mb_qp_delta` and the residual, if the macroblock has one.
    fn quantiser_and_residual(
        &mut self,
        mb: &CodedMb,
        pending: &mut Pending<'_>,
        current: &mut Current,
    ) {
        let cbp = residual::pattern(mb);
        current.right.cbp = cbp;
        current.bottom.cbp = cbp;
        if cbp == 0 && !matches!(mb.kind, CodedKind::Intra16x16(_)) {
            self.follows_delta = false;
            return;
        }
        let delta = i32::from(mb.qp) - i32::from(self.qp);
        let delta = (delta + 26).rem_euclid(52) - 26;
        self.entropy.qp_delta(delta, self.follows_delta);
        self.follows_delta = delta != 0;
        self.qp = mb.qp;
        self.residual(mb, cbp, pending, current);
    }
}
