//! Direct prediction. ITU-T H.264, clauses 8.4.1.2.1 to 8.4.1.2.3.

use super::entropy::Entropy;
use super::motion_cache::{ListCache, UNUSED, median_of};
use super::parse::MbParser;
use super::slice_context::SliceContext;
use super::weights::dist_scale_factor;
use crate::macroblock::Arrangement;
use crate::macroblock::{Shape, SubShape};
use crate::picture::{Coding, Mv, RefKey, RefPicture};
use crate::slice::PictureStructure;

/// `vertMvScale`: whether the colocated block is in the same kind of macroblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VerticalScale {
    Same,
    FrameToField,
    FieldToFrame,
}

/// The colocated block.
#[derive(Clone, Copy)]
struct Colocated {
    /// Reference index, negative if it is intra.
    reference: i8,
    key: Option<RefKey>,
    mv: Mv,
    scale: VerticalScale,
}

impl<'a> SliceContext<'a> {
    /// Returns the macroblock of the colocated picture, the 4x4 row in it, and the scale, for the
    /// 4x4 block row `y` of the macroblock at column `x` of `row`.
    fn colocated_row(
        &self,
        col: &RefPicture,
        x: usize,
        row: usize,
        is_field: bool,
        y: usize,
    ) -> (usize, usize, VerticalScale) {
        use VerticalScale::{FieldToFrame, FrameToField, Same};
        let (pair, parity) = (row & !1, row & 1);
        let coding = col.motion.coding;
        // With interlace, direct_8x8_inference gives the corner blocks.
        let half = y / 2;
        let of_pair = |field: bool| match coding {
            Coding::Frame => false,
            Coding::Fields => true,
            Coding::Mbaff => {
                let mb = pair * self.cols + x;
                col.motion.mbs.get(mb).map_or(field, |mb| mb.is_field)
            }
        };
        match (self.arrangement, is_field) {
            (Arrangement::Frame, _) if coding == Coding::Frame => (row, y, Same),
            (Arrangement::Frame, _) | (Arrangement::Mbaff, false) => {
                if of_pair(false) {
                    (pair + self.nearer_field(col), 2 * parity + half, FieldToFrame)
                } else {
                    (row, y, Same)
                }
            }
            (Arrangement::Field, _) if coding == Coding::Fields => {
                (pair + usize::from(col.structure == PictureStructure::BottomField), y, Same)
            }
            (Arrangement::Field, _) | (Arrangement::Mbaff, true) => {
                if of_pair(true) {
                    (row, y, Same)
                } else {
                    (pair + half, if y == 0 { 0 } else { 3 }, FrameToField)
                }
            }
        }
    }

    /// Returns the field of the colocated frame that is nearer to the current picture.
    fn nearer_field(&self, col: &RefPicture) -> usize {
        let current = self.current_poc(None);
        let [top, bottom] = col.poc.map(|poc| poc.abs_diff(current));
        usize::from(top >= bottom)
    }

    fn colocated(
        &self,
        (x, row): (usize, usize),
        is_field: bool,
        block: (usize, usize),
    ) -> Option<Colocated> {
        let col = self.lists[1].first()?;
        let (col_row, y, scale) = self.colocated_row(col, x, row, is_field, block.1);
        let mb = col_row * self.cols + x;
        let found = col.motion.mbs.get(mb)?;
        let quarter = y / 2 * 2 + block.0 / 2;
        let intra = Colocated { reference: -1, key: None, mv: Mv::ZERO, scale };
        for list in 0..2 {
            let reference = found.refs[list][quarter];
            if reference >= 0 {
                let key = col.motion.keys.get(usize::from(found.ref_ids[list][quarter])).copied();
                return Some(Colocated {
                    reference,
                    key,
                    mv: found.mvs[list][4 * y + block.0],
                    scale,
                });
            }
        }
        Some(intra)
    }

    /// Returns the index in list 0 that refers to the picture that the colocated block referred to.
    fn map_to_list_0(&self, col: &Colocated, field_row: Option<usize>) -> usize {
        let Some(key) = col.key else { return 0 };
        let list = self.lists[0];
        let position = |wanted: RefKey| list.iter().position(|entry| entry.key() == wanted);
        let frame = RefKey { id: key.id, structure: PictureStructure::Frame };
        let found = match (self.arrangement, field_row) {
            (Arrangement::Field, _) => position(match col.scale {
                VerticalScale::Same => key,
                _ => RefKey { id: key.id, structure: self.header.structure },
            }),
            (_, None) => position(frame),
            (_, Some(row)) => position(frame).map(|index| {
                let is_other =
                    col.scale == VerticalScale::Same && key.structure != Self::field_of(0, row);
                2 * index + usize::from(is_other)
            }),
        };
        found.unwrap_or(0)
    }
}

impl SliceContext<'_> {
    /// Returns a bit for each 8x8 block of a macroblock whose colocated corner block does not move:
    /// `colZeroFlag`. `None` unless both pictures are frames without MBAFF.
    fn static_corners(&self, x: usize, row: usize) -> Option<u8> {
        let col = self.lists[1].first()?;
        if self.arrangement != Arrangement::Frame || col.motion.coding != Coding::Frame {
            return None;
        }
        let mb = col.motion.mbs.get(row * self.cols + x)?;
        let is_static = |n: usize| {
            let list = usize::from(mb.refs[0][n] < 0);
            mb.refs[list][n] == 0 && is_small(mb.mvs[list][n / 2 * 12 + n % 2 * 3])
        };
        Some((0..4).fold(0, |bits, n| bits | u8::from(is_static(n)) << n))
    }
}

/// Returns whether both components of a colocated vector are at most 1.
fn is_small(mv: Mv) -> bool {
    mv.x.unsigned_abs() <= 1 && mv.y.unsigned_abs() <= 1
}

impl<E: Entropy> MbParser<'_, E> {
    /// Returns reference indices and vectors of a macroblock in spatial direct mode, and the 8x8 blocks
    /// whose vector is 0 in each list; `None` if the mode is another one, if 4x4 blocks may differ, or
    /// with interlace.
    pub(super) fn whole_spatial_direct(&self) -> Option<([i8; 2], [Mv; 2], [u8; 2])> {
        let cx = self.cx;
        let has_corners = cx.header.direct_spatial
            && cx.sps.direct_8x8_inference
            && cx.arrangement == Arrangement::Frame;
        if !has_corners {
            return None;
        }
        let beside = [self.beside_whole(0), self.beside_whole(1)];
        let found = beside.map(|blocks| blocks.map(|block| block.0));
        let (refs, mvs) = spatial(found, |list, reference| median_of(beside[list], reference));
        if !self.has_static_test(refs, mvs) {
            return Some((refs, mvs, [0; 2]));
        }
        let (x, row) = self.position();
        let corners = cx.static_corners(x, row)?;
        Some((refs, mvs, refs.map(|reference| if reference == 0 { corners } else { 0 })))
    }

    /// Returns whether blocks in spatial direct mode do not move if the colocated ones do not.
    fn has_static_test(&self, refs: [i8; 2], mvs: [Mv; 2]) -> bool {
        refs.iter().zip(mvs).any(|(reference, mv)| *reference == 0 && mv != Mv::ZERO)
            && self.cx.lists[1].first().is_some_and(|col| !col.is_long_term)
    }

    /// Derives the motion of the 8x8 blocks in `quarters` and stores it in the cache. Returns the
    /// shape of a macroblock that consists of them.
    pub(super) fn direct_motion(&mut self, quarters: u8) -> Shape {
        if self.cx.header.direct_spatial {
            self.spatial_direct(quarters)
        } else {
            self.temporal_direct(quarters);
            self.direct_shape()
        }
    }

    fn direct_shape(&self) -> Shape {
        let is_8x8 = self.cx.sps.direct_8x8_inference;
        if is_8x8 && self.caches().iter().all(ListCache::is_uniform) {
            return Shape::Whole;
        }
        Shape::Quarters([if is_8x8 { SubShape::Whole } else { SubShape::Quarters }; 4])
    }

    /// Calls `apply` for each part of the direct 8x8 blocks with the first 4x4 block, the size, and
    /// the position of the colocated 4x4 block.
    fn direct_parts(
        &mut self,
        quarters: u8,
        mut apply: impl FnMut(&mut Self, (usize, usize), (usize, usize), (usize, usize)),
    ) {
        for n in (0..4).filter(|n| quarters >> n & 1 == 1) {
            let (x, y) = (n % 2 * 2, n / 2 * 2);
            if self.cx.sps.direct_8x8_inference {
                apply(self, (x, y), (2, 2), (n % 2 * 3, n / 2 * 3));
            } else {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    apply(self, (x + dx, y + dy), (1, 1), (x + dx, y + dy));
                }
            }
        }
    }

    fn spatial_direct(&mut self, quarters: u8) -> Shape {
        let beside = self.caches().each_ref().map(ListCache::neighbour_refs);
        let (refs, mvs) =
            spatial(beside, |list, reference| self.caches()[list].predict((0, 0), 4, reference));
        if !self.has_static_test(refs, mvs) {
            for list in 0..2 {
                for n in (0..4).filter(|n| quarters >> n & 1 == 1) {
                    let block = (n % 2 * 2, n / 2 * 2);
                    self.caches_mut()[list].fill_refs(block, (2, 2), refs[list]);
                    self.caches_mut()[list].fill_mvs(block, (2, 2), mvs[list]);
                }
            }
            return Shape::Whole;
        }
        let position = self.position();
        let is_field = self.is_field_mb();
        self.direct_parts(quarters, |parser, block, size, corner| {
            let is_static = parser
                .cx
                .colocated(position, is_field, corner)
                .is_some_and(|col| col.reference == 0 && is_small(col.mv));
            for list in 0..2 {
                let mv = if is_static && refs[list] == 0 { Mv::ZERO } else { mvs[list] };
                parser.caches_mut()[list].fill_refs(block, size, refs[list]);
                parser.caches_mut()[list].fill_mvs(block, size, mv);
            }
        });
        self.direct_shape()
    }

    fn temporal_direct(&mut self, quarters: u8) {
        let position = self.position();
        let is_field = self.is_field_mb();
        let field_row = is_field.then_some(position.1);
        self.direct_parts(quarters, |parser, block, size, corner| {
            let col = parser.cx.colocated(position, is_field, corner);
            let (reference, mvs) = match col {
                Some(col) if col.reference >= 0 => {
                    let index = parser.cx.map_to_list_0(&col, field_row);
                    (index, parser.cx.temporal_mvs(&col, index, field_row))
                }
                _ => (0, [Mv::ZERO; 2]),
            };
            let refs = [i8::try_from(reference).unwrap_or(0), 0];
            for list in 0..2 {
                parser.caches_mut()[list].fill_refs(block, size, refs[list]);
                parser.caches_mut()[list].fill_mvs(block, size, mvs[list]);
            }
        });
    }
}

impl SliceContext<'_> {
    /// Scales the vector of the colocated block for both lists; `index` is the index in list 0.
    fn temporal_mvs(&self, col: &Colocated, index: usize, field_row: Option<usize>) -> [Mv; 2] {
        let y = match col.scale {
            VerticalScale::Same => col.mv.y,
            VerticalScale::FrameToField => col.mv.y / 2,
            VerticalScale::FieldToFrame => col.mv.y.wrapping_mul(2),
        };
        let mv = Mv { x: col.mv.x, y };
        let poc = |list: usize, index: usize| {
            let index = i8::try_from(index).unwrap_or(0);
            self.reference(list, index, field_row).map(|(entry, structure)| {
                (crate::picture::poc_of(structure, entry.poc), entry.is_long_term)
            })
        };
        let (Some((poc_0, is_long)), Some((poc_1, _))) = (poc(0, index), poc(1, 0)) else {
            return [mv, Mv::ZERO];
        };
        let factor = dist_scale_factor(self.current_poc(field_row), poc_0, poc_1);
        match factor {
            Some(factor) if !is_long => {
                let scaled = Mv { x: scaled(mv.x, factor), y: scaled(mv.y, factor) };
                let back = Mv { x: scaled.x.wrapping_sub(mv.x), y: scaled.y.wrapping_sub(mv.y) };
                [scaled, back]
            }
            _ => [mv, Mv::ZERO],
        }
    }
}

/// Returns the reference indices and vectors of spatial direct mode, from the indices of the
/// neighbours A, B and C in each list and the prediction of vectors.
fn spatial(beside: [[i8; 3]; 2], predict: impl Fn(usize, i8) -> Mv) -> ([i8; 2], [Mv; 2]) {
    let found = beside
        .map(|refs| refs.into_iter().filter(|reference| *reference >= 0).min().unwrap_or(UNUSED));
    if found == [UNUSED; 2] {
        return ([0; 2], [Mv::ZERO; 2]);
    }
    let mv = |list: usize| if found[list] < 0 { Mv::ZERO } else { predict(list, found[list]) };
    (found, [mv(0), mv(1)])
}

#[expect(clippy::cast_possible_truncation, reason = "wraps in damaged streams")]
fn scaled(component: i16, factor: i32) -> i16 {
    ((factor * i32::from(component) + 128) >> 8) as i16
}
