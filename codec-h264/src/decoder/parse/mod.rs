//! Parsing of macroblocks: syntax elements, motion and scaled coefficients. ITU-T H.264, clause
//! 7.3.5.

mod inter;
mod intra;
mod intra_modes;
mod residual;

use codec_core::error::Corrupt;

use super::entropy::{Beside, Entropy, first_intra};
use super::motion_cache::{ListCache, Mvd, Stored, UNAVAILABLE, UNUSED};
use super::neighbours::{Finder, Neighbours};
use super::slice_context::SliceContext;
use crate::macroblock::Arrangement;
use crate::macroblock::{Grain, Mb, MbClass, MbInfo, Prediction, Shape, SubShape};
use crate::nal::NAL_HEADER_BYTES;
use crate::picture::{Motion, Mv, NO_REF};
use crate::slice::SliceType;
use crate::tables::quant::chroma_qp;

/// Number of coefficients of a neighbouring block that is not available.
pub(crate) const NO_BLOCK: u8 = 64;

/// Stored data of a picture that parsing reads and writes.
pub(crate) struct Stores<'a> {
    pub infos: &'a mut [MbInfo],
    pub mvds: &'a mut [Vec<[Mvd; 16]>; 2],
    pub motion: &'a mut Motion,
}

/// Returns the quantisers of Cb and Cr that belong to `qp`.
fn chroma_qps(cx: &SliceContext<'_>, qp: u8) -> [u8; 2] {
    cx.pps.chroma_qp_offsets.map(|offset| chroma_qp(qp, offset))
}

/// Parses the macroblocks of a slice.
pub(crate) struct MbParser<'a, E> {
    pub entropy: E,
    pub cx: &'a SliceContext<'a>,
    stores: Stores<'a>,
    caches: [ListCache; 2],
    near: Neighbours,
    /// The first macroblock of the slice.
    first: usize,
    /// `QPY` of the macroblock before.
    qp: u8,
    /// A quantiser of luma, and the quantisers of Cb and Cr that belong to it.
    chroma_qps: (u8, [u8; 2]),
    /// Whether `mb_qp_delta` of the macroblock before was not 0.
    follows_delta: bool,
    /// The current macroblock.
    x: usize,
    row: usize,
    is_field: bool,
    /// Index of the current macroblock.
    at: usize,
}

impl<'a, E: Entropy> MbParser<'a, E> {
    pub(crate) fn new(entropy: E, cx: &'a SliceContext<'a>, stores: Stores<'a>) -> Self {
        let (first_x, first_row) = cx.first_position();
        Self {
            entropy,
            cx,
            stores,
            caches: [ListCache::EMPTY; 2],
            near: Neighbours::default(),
            first: first_row.saturating_mul(cx.cols).saturating_add(first_x),
            qp: cx.header.qp,
            chroma_qps: (cx.header.qp, chroma_qps(cx, cx.header.qp)),
            follows_delta: false,
            x: 0,
            row: 0,
            is_field: false,
            at: 0,
        }
    }

    pub(crate) fn finder(&self) -> Finder<'_> {
        Finder { infos: self.stores.infos, cols: self.cx.cols, first: self.first }
    }

    /// Returns whether the macroblock is already decoded.
    pub(crate) fn is_decoded(&self, x: usize, row: usize) -> bool {
        self.stores.infos[row * self.cx.cols + x].slice != crate::macroblock::NO_SLICE
    }

    /// Returns the data of the macroblocks decoded so far.
    pub(crate) fn stored(&self) -> (&[MbInfo], &Motion) {
        (self.stores.infos, self.stores.motion)
    }

    /// Index of the current macroblock.
    #[inline]
    fn mb(&self) -> usize {
        self.at
    }

    /// The data of the current macroblock. It is written in place: a copy would wait for all stores
    /// before it.
    #[inline]
    fn info(&self) -> &MbInfo {
        &self.stores.infos[self.mb()]
    }

    #[inline]
    fn info_mut(&mut self) -> &mut MbInfo {
        let mb = self.mb();
        &mut self.stores.infos[mb]
    }

    /// The row of a field macroblock in an MBAFF frame.
    #[inline]
    fn field_row(&self) -> Option<usize> {
        self.is_field.then_some(self.row)
    }

    #[inline]
    fn beside(&self) -> Beside<'_> {
        let info = |mb: usize| &self.stores.infos[mb];
        Beside { left: self.near.left.map(|left| info(left.mbs[0])), top: self.near.top.map(info) }
    }

    pub(crate) fn position(&self) -> (usize, usize) {
        (self.x, self.row)
    }

    pub(crate) fn is_field_mb(&self) -> bool {
        self.is_field
    }

    pub(crate) fn caches(&self) -> &[ListCache; 2] {
        &self.caches
    }

    pub(crate) fn caches_mut(&mut self) -> &mut [ListCache; 2] {
        &mut self.caches
    }

    /// Moves to a macroblock.
    pub(crate) fn set_position(&mut self, x: usize, row: usize, is_field: bool) {
        (self.x, self.row, self.is_field) = (x, row, is_field);
        self.at = row * self.cx.cols + x;
        // Assigned in each case: a value of several cases would be copied through memory.
        match self.cx.arrangement {
            Arrangement::Frame => self.near = self.finder().plain(x, row, 1),
            Arrangement::Field => self.near = self.finder().plain(x, row, 2),
            Arrangement::Mbaff => self.near = self.finder().in_pairs(x, row, is_field),
        }
        *self.info_mut() = MbInfo { is_field, qp: self.qp, ..MbInfo::NOT_DECODED };
    }

    /// Reads `mb_skip_flag` of the current macroblock, or counts it in `mb_skip_run`.
    pub(crate) fn skip_flag(&mut self) -> bool {
        let infos = &*self.stores.infos;
        let beside = Beside {
            left: self.near.left.map(|left| &infos[left.mbs[0]]),
            top: self.near.top.map(|mb| &infos[mb]),
        };
        self.entropy.skip_flag(beside, self.cx.header.slice_type)
    }

    /// Marks the current macroblock as skipped, as the contexts of the lower macroblock of a pair
    /// need it.
    pub(crate) fn mark_skipped(&mut self) {
        self.info_mut().class = MbClass::Skip;
    }

    /// Removes the mark of [`Self::mark_skipped`].
    pub(crate) fn unmark(&mut self) {
        *self.info_mut() = MbInfo::NOT_DECODED;
    }

    /// Infers a skipped macroblock.
    pub(crate) fn skipped(&mut self, out: &mut Mb) {
        self.begin(out);
        self.info_mut().class = MbClass::Skip;
        if self.cx.is_b() {
            self.infer_direct(out);
        } else {
            self.infer_p_skip(out);
        }
        self.follows_delta = false;
        self.finish();
    }

    fn begin(&self, out: &mut Mb) {
        (out.x, out.row, out.is_field) = (self.x, self.row, self.is_field);
        out.clear_coeffs();
        out.transform_8x8 = false;
        out.refs = [[-1; 4]; 2];
    }

    /// Parses `macroblock_layer`.
    ///
    /// # Errors
    /// [`Corrupt`] for an invalid syntax element.
    pub(crate) fn macroblock(&mut self, out: &mut Mb) -> Result<(), Corrupt> {
        self.begin(out);
        let slice_type = self.cx.header.slice_type;
        let infos = &*self.stores.infos;
        let beside = Beside {
            left: self.near.left.map(|left| &infos[left.mbs[0]]),
            top: self.near.top.map(|mb| &infos[mb]),
        };
        let number = self.entropy.mb_type(beside, slice_type);
        match (number.checked_sub(first_intra(slice_type)), slice_type) {
            (Some(number), _) => self.intra(number, out)?,
            (None, SliceType::B) if number == 0 => self.direct_16x16(out)?,
            (None, _) => self.inter(number, out)?,
        }
        if self.entropy.is_damaged() {
            return Err(self.corrupt("a valid macroblock"));
        }
        self.finish();
        Ok(())
    }

    pub(crate) fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt::Other { what, offset_bytes: NAL_HEADER_BYTES + self.entropy.position_bytes() }
    }

    /// Completes the data of the macroblock, which belongs to the slice from then on.
    fn finish(&mut self) {
        let mb = self.mb();
        let info = &mut self.stores.infos[mb];
        if self.chroma_qps.0 != info.qp {
            self.chroma_qps = (info.qp, chroma_qps(self.cx, info.qp));
        }
        info.chroma_qp = self.chroma_qps.1;
        info.slice = self.cx.slice;
        self.stores.motion.mbs[mb].is_field = self.is_field;
    }

    /// Marks the macroblock as one without motion.
    fn clear_motion(&mut self) {
        let mb = self.mb();
        self.stores.motion.mbs[mb].clear();
        if E::CABAC && self.cx.header.slice_type != SliceType::I {
            self.stores.mvds.iter_mut().for_each(|mvds| mvds[mb] = [[0; 2]; 16]);
        }
    }

    /// Loads the motion around the macroblock.
    fn load_motion(&mut self) {
        let stored = Stored {
            motion: &self.stores.motion.mbs,
            infos: self.stores.infos,
            mvds: self.stores.mvds,
            is_mbaff: self.cx.arrangement == Arrangement::Mbaff,
            is_cabac: E::CABAC,
            left_above: if self.near.is_left_mixed {
                Some(self.finder().left_above(self.x, self.row, self.is_field))
            } else {
                None
            },
        };
        for list in 0..1 + usize::from(self.cx.is_b()) {
            self.caches[list].load(list, &stored, &self.near, self.is_field);
        }
    }

    /// Returns the neighbours' motion for vectors of whole macroblocks, unless the frame is an MBAFF
    /// frame: left, above, above right or else above left.
    #[inline]
    pub(in crate::decoder) fn beside_whole(&self, list: usize) -> [(i8, Mv); 3] {
        let mbs = &self.stores.motion.mbs;
        let block = |mb: usize, at: usize| match mbs[mb].refs[list][at / 8 * 2 + at % 4 / 2] {
            reference if reference < 0 => (UNUSED, Mv::ZERO),
            reference => (reference, mbs[mb].mvs[list][at]),
        };
        let unavailable = (UNAVAILABLE, Mv::ZERO);
        let diagonal = match (self.near.top_right, self.near.top_left) {
            (Some(mb), _) => block(mb, 12),
            (None, Some((mb, _))) => block(mb, 15),
            (None, None) => unavailable,
        };
        [
            self.near.left.map_or(unavailable, |left| block(left.mbs[0], 3)),
            self.near.top.map_or(unavailable, |mb| block(mb, 12)),
            diagonal,
        ]
    }

    /// Stores motion without differences of vectors: `refs` and `mvs`, with the vector 0 in the 8x8
    /// blocks `zero[list]`.
    fn store_inferred(&mut self, out: &mut Mb, refs: [i8; 2], mvs: [Mv; 2], zero: [u8; 2]) {
        let mb = self.mb();
        let is_whole = |list: usize| matches!(zero[list], 0 | 15) || mvs[list] == Mv::ZERO;
        let shape = if is_whole(0) && is_whole(1) {
            Shape::Whole
        } else {
            Shape::Quarters([SubShape::Whole; 4])
        };
        out.prediction = Prediction::Inter(shape);
        self.info_mut().grain = Grain::of(shape);
        let motion = &mut self.stores.motion.mbs[mb];
        for list in 0..2 {
            let (reference, mv) = (refs[list], mvs[list]);
            out.refs[list] = [reference; 4];
            motion.refs[list] = [reference; 4];
            motion.ref_ids[list] = [self.cx.ref_id(list, reference, None); 4];
            if reference < 0 {
                continue;
            }
            let blocks = if zero[list] == 0 {
                [mv; 16]
            } else {
                let of = |n: usize| if zero[list] >> n & 1 == 1 { Mv::ZERO } else { mv };
                let [a, b, c, d] = [of(0), of(1), of(2), of(3)];
                [a, a, b, b, a, a, b, b, c, c, d, d, c, c, d, d]
            };
            out.mvs[list] = blocks;
            motion.mvs[list] = blocks;
        }
        if E::CABAC {
            let lists = 1 + usize::from(self.cx.is_b());
            self.stores.mvds[..lists].iter_mut().for_each(|mvds| mvds[mb] = [[0; 2]; 16]);
        }
    }

    /// Stores the motion of the macroblock, with the differences of vectors if `has_mvds`.
    fn store_motion(&mut self, out: &mut Mb, has_mvds: bool) {
        let mb = self.mb();
        let field_row = self.field_row();
        if let Prediction::Inter(shape) = out.prediction {
            self.info_mut().grain = Grain::of(shape);
        }
        let motion = &mut self.stores.motion.mbs[mb];
        for list in 0..2 {
            if list == 1 && !self.cx.is_b() {
                motion.refs[1] = [-1; 4];
                motion.ref_ids[1] = [NO_REF; 4];
                continue;
            }
            let cache = &self.caches[list];
            out.refs[list] = cache.mb_refs();
            out.mvs[list] = cache.mb_mvs();
            motion.refs[list] = out.refs[list];
            motion.mvs[list] = out.mvs[list];
            let refs = out.refs[list];
            let id = |reference: i8| self.cx.ref_id(list, reference, field_row);
            motion.ref_ids[list] =
                if refs == [refs[0]; 4] { [id(refs[0]); 4] } else { refs.map(id) };
            if E::CABAC {
                self.stores.mvds[list][mb] = if has_mvds { cache.mb_mvds() } else { [[0; 2]; 16] };
            }
        }
    }
}
