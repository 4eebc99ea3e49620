//! Parses inter macroblocks. ITU-T H.264, clauses 7.3.5.1, 7.3.5.2 and 8.4.1.

use codec_core::error::Corrupt;

use super::MbParser;
use crate::decoder::entropy::{Entropy, clamped_mvd};
use crate::decoder::inter_types::{B_LISTS, B_SUB, Lists, P_SUB};
use crate::decoder::motion_cache::{ListCache, UNUSED, at, skip_mv};
use crate::macroblock::{Arrangement, Mb, MbClass, Prediction, Shape, SubShape};
use crate::picture::Mv;
use crate::slice::SliceType;

/// A partition with its own reference indices: first 4x4 block, size in 4x4 blocks, lists.
#[derive(Clone, Copy, Default)]
struct Part {
    at: (usize, usize),
    size: (usize, usize),
    lists: Lists,
}

impl<E: Entropy> MbParser<'_, E> {
    pub(super) fn infer_p_skip(&mut self, out: &mut Mb) {
        if self.cx.arrangement != Arrangement::Mbaff {
            let mv = skip_mv(self.beside_whole(0));
            return self.store_inferred(out, [0, UNUSED], [mv, Mv::ZERO], [0; 2]);
        }
        self.load_motion();
        let cache = &mut self.caches[0];
        let mv = cache.predict_skip();
        cache.fill_refs((0, 0), (4, 4), 0);
        cache.fill_mvs((0, 0), (4, 4), mv);
        out.prediction = Prediction::Inter(Shape::Whole);
        self.store_motion(out, false);
    }

    /// Motion of `B_Skip` and `B_Direct_16x16`.
    pub(super) fn infer_direct(&mut self, out: &mut Mb) {
        self.info_mut().direct = 15;
        if let Some((refs, mvs, zero)) = self.whole_spatial_direct() {
            return self.store_inferred(out, refs, mvs, zero);
        }
        self.load_motion();
        out.prediction = Prediction::Inter(self.direct_motion(15));
        self.store_motion(out, false);
    }

    pub(super) fn direct_16x16(&mut self, out: &mut Mb) -> Result<(), Corrupt> {
        self.info_mut().class = MbClass::Direct;
        self.infer_direct(out);
        let may_be_8x8 = self.cx.sps.direct_8x8_inference;
        self.inter_residual(out, may_be_8x8)
    }

    /// Parses a P or B macroblock of the type `number`, except direct ones.
    pub(super) fn inter(&mut self, number: u8, out: &mut Mb) -> Result<(), Corrupt> {
        self.load_motion();
        let is_b = self.cx.is_b();
        let quarters = if is_b { number == 22 } else { number >= 3 };
        if quarters {
            return self.quarters(!is_b && number == 4, out);
        }
        let number = if is_b { number } else { number + 1 };
        let (shape, parts) = match (is_b, number) {
            (false, 1) => (Shape::Whole, parts_of(&[(0, 0)], (4, 4), &[1])),
            (true, 1..=3) => (Shape::Whole, parts_of(&[(0, 0)], (4, 4), &[number])),
            _ => {
                let index = if is_b { number - 4 } else { number - 2 };
                let lists = if is_b { B_LISTS[usize::from(index / 2) % 9] } else { [1, 1] };
                if index % 2 == 0 {
                    (Shape::Rows, parts_of(&[(0, 0), (0, 2)], (4, 2), &lists))
                } else {
                    (Shape::Columns, parts_of(&[(0, 0), (2, 0)], (2, 4), &lists))
                }
            }
        };
        let parts = &parts[..if shape == Shape::Whole { 1 } else { 2 }];
        for list in 0..1 + usize::from(is_b) {
            for part in parts {
                self.parse_ref(list, part, false)?;
            }
        }
        for list in 0..1 + usize::from(is_b) {
            for part in parts {
                self.parse_part_mv(list, part, shape);
            }
        }
        out.prediction = Prediction::Inter(shape);
        let result = self.inter_residual(out, true);
        // Stored only after all vectors are parsed, because vectors are read in other sizes than
        // they were written.
        self.store_motion(out, true);
        result
    }

    /// Parses the reference index of a partition and stores it in the cache.
    fn parse_ref(&mut self, list: usize, part: &Part, is_zero: bool) -> Result<(), Corrupt> {
        if part.lists >> list & 1 == 0 {
            self.caches[list].fill_refs(part.at, part.size, UNUSED);
            return Ok(());
        }
        let count = self.cx.ref_count(list, self.is_field);
        let index = if is_zero || count <= 1 {
            0
        } else {
            let increment = if E::CABAC { self.ref_increment(list, part.at) } else { 0 };
            self.entropy.ref_index(count, increment)
        };
        match i8::try_from(index) {
            Ok(index) if index < i8::try_from(count).unwrap_or(0) => {
                self.caches[list].fill_refs(part.at, part.size, index);
                Ok(())
            }
            _ => Err(self.corrupt("a valid ref_idx")),
        }
    }

    /// The context increment of `ref_idx`: neighbours that are predicted directly count as 0.
    fn ref_increment(&self, list: usize, (x, y): (usize, usize)) -> usize {
        let cache = &self.caches[list];
        let here = at(x, y);
        let is_direct = |direct: u8, x: usize, y: usize| direct >> (y / 2 * 2 + x / 2) & 1 == 1;
        let left_direct = if x > 0 {
            is_direct(self.info().direct, x - 1, y)
        } else {
            self.near.left.is_some_and(|left| {
                is_direct(self.stores.infos[left.mbs[y / 2]].direct, 3, left.row(y))
            })
        };
        let top_direct = if y > 0 {
            is_direct(self.info().direct, x, y - 1)
        } else {
            self.near.top.is_some_and(|mb| is_direct(self.stores.infos[mb].direct, x, 3))
        };
        usize::from(cache.refs[here - 1] > 0 && !left_direct)
            + 2 * usize::from(cache.refs[here - 8] > 0 && !top_direct)
    }

    /// Parses the vector of a 16x16, 16x8 or 8x16 partition.
    fn parse_part_mv(&mut self, list: usize, part: &Part, shape: Shape) {
        let cache = &mut self.caches[list];
        if part.lists >> list & 1 == 0 {
            cache.fill_mvs(part.at, part.size, Mv::ZERO);
            cache.fill_mvds(part.at, part.size, [0; 2]);
            return;
        }
        let reference = cache.refs[at(part.at.0, part.at.1)];
        let predicted = cache.predict_part(shape, part.at, part.size.0, reference);
        self.parse_mv(list, part.at, part.size, predicted);
    }

    /// Parses `mvd` and stores the vector.
    #[inline]
    fn parse_mv(&mut self, list: usize, at_: (usize, usize), size: (usize, usize), predicted: Mv) {
        let cache = &mut self.caches[list];
        let sums = if E::CABAC { mvd_sums(cache, at_) } else { [0; 2] };
        let mvd = self.entropy.mvd(sums);
        // Vectors of valid streams do not wrap.
        let [x, y] = mvd.map(wrapped);
        let mv = Mv { x: predicted.x.wrapping_add(x), y: predicted.y.wrapping_add(y) };
        cache.fill_mvs(at_, size, mv);
        if E::CABAC {
            cache.fill_mvds(at_, size, clamped_mvd(mvd));
        }
    }

    /// Parses four 8x8 blocks; their reference indices are 0 if `are_refs_zero`.
    fn quarters(&mut self, are_refs_zero: bool, out: &mut Mb) -> Result<(), Corrupt> {
        let slice_type = self.cx.header.slice_type;
        let lists = 1 + usize::from(slice_type == SliceType::B);
        let mut shapes = [SubShape::Whole; 4];
        let mut parts = [Part::default(); 4];
        for (n, (shape, part)) in shapes.iter_mut().zip(&mut parts).enumerate() {
            let number = usize::from(self.entropy.sub_mb_type(slice_type));
            let lists;
            (*shape, lists) = if slice_type == SliceType::B {
                B_SUB[number % 13]
            } else {
                (P_SUB[number % 4], 1)
            };
            if lists == 0 {
                self.info_mut().direct |= 1 << n;
            }
            *part = Part { at: (n % 2 * 2, n / 2 * 2), size: (2, 2), lists };
        }
        if self.info().direct != 0 {
            let direct_shape =
                if self.cx.sps.direct_8x8_inference { SubShape::Whole } else { SubShape::Quarters };
            self.direct_motion(self.info().direct);
            for (n, shape) in shapes.iter_mut().enumerate() {
                if self.info().direct >> n & 1 == 1 {
                    *shape = direct_shape;
                }
            }
        }
        for list in 0..lists {
            for part in parts {
                if part.lists != 0 {
                    self.parse_ref(list, &part, are_refs_zero)?;
                }
            }
        }
        for list in 0..lists {
            for (part, shape) in parts.iter().zip(shapes) {
                self.parse_sub_mvs(list, part, shape);
            }
        }
        out.prediction = Prediction::Inter(Shape::Quarters(shapes));
        let may_be_8x8 = shapes.iter().all(|shape| *shape == SubShape::Whole);
        let result = self.inter_residual(out, may_be_8x8);
        self.store_motion(out, true);
        result
    }

    /// Parses the vectors of an 8x8 block.
    fn parse_sub_mvs(&mut self, list: usize, part: &Part, shape: SubShape) {
        let cache = &mut self.caches[list];
        if part.lists >> list & 1 == 0 {
            cache.fill_mvds(part.at, part.size, [0; 2]);
            if part.lists != 0 {
                cache.fill_mvs(part.at, part.size, Mv::ZERO);
            }
            return;
        }
        let reference = cache.refs[at(part.at.0, part.at.1)];
        let (size, firsts) = shape.parts();
        for (x, y) in firsts {
            let block = (part.at.0 + x, part.at.1 + y);
            let predicted = self.caches[list].predict(block, size.0, reference);
            self.parse_mv(list, block, size, predicted);
        }
    }

    /// Parses the rest of an inter macroblock. `may_be_8x8`: no partition is smaller than 8x8.
    fn inter_residual(&mut self, out: &mut Mb, may_be_8x8: bool) -> Result<(), Corrupt> {
        let value = self.parse_cbp(false);
        self.info_mut().cbp = value;
        if self.info().cbp & 15 != 0 && self.cx.pps.transform_8x8 && may_be_8x8 {
            let value = self.parse_transform_8x8();
            self.info_mut().transform_8x8 = value;
        }
        out.transform_8x8 = self.info().transform_8x8;
        if self.info().cbp == 0 {
            self.follows_delta = false;
            return Ok(());
        }
        self.parse_qp_delta()?;
        self.residual(out);
        Ok(())
    }
}

/// Returns up to two partitions.
fn parts_of(firsts: &[(usize, usize)], size: (usize, usize), lists: &[Lists]) -> [Part; 2] {
    let mut parts = [Part::default(); 2];
    for (part, (&at, &lists)) in parts.iter_mut().zip(firsts.iter().zip(lists)) {
        *part = Part { at, size, lists };
    }
    parts
}

/// Sums of the absolute differences left and above.
#[inline]
fn mvd_sums(cache: &ListCache, (x, y): (usize, usize)) -> [u32; 2] {
    let here = at(x, y);
    let (left, top) = (cache.mvds[here - 1], cache.mvds[here - 8]);
    [0, 1].map(|component| u32::from(left[component]) + u32::from(top[component]))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "wraps in damaged streams")]
fn wrapped(value: i32) -> i16 {
    value as i16
}
