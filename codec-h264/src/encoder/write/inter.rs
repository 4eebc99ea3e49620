//! Writes types, reference indices and vectors of inter macroblocks. ITU-T H.264, clauses 7.3.5.1
//! and 7.3.5.2.

use super::near::{Grid, edges_of, flag, grid};
use super::{Current, EntropyWriter, SliceWriter};
use crate::decoder::entropy::{TypeNumber, clamped_mvd};
use crate::decoder::inter_types::{B_LISTS, B_SUB, Lists, P_SUB};
use crate::decoder::motion_cache::Mvd;
use crate::encoder::coded_mb::{CodedMb, Pending};
use crate::macroblock::{Shape, SubShape};
use crate::slice::SliceType;

/// Numbers of sub-macroblock types by shape and lists.
static B_SUB_NUMBERS: [[u8; 4]; 4] = {
    let mut numbers = [[0; 4]; 4];
    let mut number = 1;
    while number < 13_u8 {
        let (shape, lists) = B_SUB[number as usize];
        numbers[shape as usize][lists as usize] = number;
        number += 1;
    }
    numbers
};
static P_SUB_NUMBERS: [u8; 4] = {
    let mut numbers = [0; 4];
    let mut number = 0;
    while number < 4_u8 {
        numbers[P_SUB[number as usize] as usize] = number;
        number += 1;
    }
    numbers
};

/// Numbers of the types with two partitions of 16x8, which are among the types 4 to 21, by the lists of both
/// partitions.
static B_NUMBERS: [[u8; 4]; 4] = {
    let mut numbers = [[4; 4]; 4];
    let mut index = 0;
    while index < 9_u8 {
        let [first, second] = B_LISTS[index as usize];
        numbers[first as usize][second as usize] = 4 + 2 * index;
        index += 1;
    }
    numbers
};

/// Number of the type with four partitions.
const P_8X8: u8 = 3;
/// Number of the type with four partitions whose reference indices are all 0 and not coded.
const P_8X8_REF_0: u8 = 4;
const B_8X8: u8 = 22;

/// Returns `mb_type` of an inter macroblock whose first and last partitions use the lists `first`
/// and `last`.
pub(crate) fn inter_mb_type(shape: Shape, [first, last]: [Lists; 2], is_b: bool) -> TypeNumber {
    let halves = B_NUMBERS[usize::from(first & 3)][usize::from(last & 3)];
    match (shape, is_b) {
        (Shape::Whole, false) => 0,
        (Shape::Rows, false) => 1,
        (Shape::Columns, false) => 2,
        (Shape::Quarters(_), false) => P_8X8,
        (Shape::Whole, true) => first,
        (Shape::Rows, true) => halves,
        (Shape::Columns, true) => halves + 1,
        (Shape::Quarters(_), true) => B_8X8,
    }
}

/// Returns `sub_mb_type` of an 8x8 block; without lists it is direct.
pub(crate) fn sub_mb_type(shape: SubShape, lists: Lists, is_b: bool) -> TypeNumber {
    if is_b {
        B_SUB_NUMBERS[shape as usize][usize::from(lists & 3)]
    } else {
        P_SUB_NUMBERS[shape as usize]
    }
}

/// A partition with its own reference indices: first 4x4 block and size in 4x4 blocks.
#[derive(Clone, Copy)]
struct Part {
    at: (usize, usize),
    size: (usize, usize),
    shape: SubShape,
    is_direct: bool,
}

impl Part {
    /// Returns the lists that the partition uses.
    fn lists(self, mb: &CodedMb) -> Lists {
        if self.is_direct {
            return 0;
        }
        let quarter = self.quarter();
        u8::from(mb.refs[0][quarter] >= 0) | u8::from(mb.refs[1][quarter] >= 0) << 1
    }

    fn quarter(self) -> usize {
        self.at.1 / 2 * 2 + self.at.0 / 2
    }
}

const fn part(x: usize, y: usize, w: usize, h: usize) -> Part {
    Part { at: (x, y), size: (w, h), shape: SubShape::Whole, is_direct: false }
}

impl<E: EntropyWriter> SliceWriter<E> {
    /// Writes type and pattern of `B_Direct_16x16`.
    pub(super) fn direct(&mut self, mb: &CodedMb, current: &mut Current) {
        self.entropy.mb_type(0, SliceType::B, current.near.count(flag::NOT_DIRECT));
        self.inter_pattern(mb, self.params.direct_8x8_inference, current);
    }

    /// Writes everything before the residual of an inter macroblock with partitions.
    pub(super) fn inter(
        &mut self,
        mb: &CodedMb,
        shape: Shape,
        pending: &mut Pending<'_>,
        current: &mut Current,
    ) {
        let mut parts = [part(0, 0, 4, 4), part(2, 0, 2, 2), part(0, 2, 2, 2), part(2, 2, 2, 2)];
        let parts = match shape {
            Shape::Whole => &mut parts[..1],
            Shape::Rows => {
                parts[..2].copy_from_slice(&[part(0, 0, 4, 2), part(0, 2, 4, 2)]);
                &mut parts[..2]
            }
            Shape::Columns => {
                parts[..2].copy_from_slice(&[part(0, 0, 2, 4), part(2, 0, 2, 4)]);
                &mut parts[..2]
            }
            Shape::Quarters(shapes) => {
                parts[0].size = (2, 2);
                for (n, (part, shape)) in parts.iter_mut().zip(shapes).enumerate() {
                    part.shape = shape;
                    part.is_direct = self.is_b() && mb.direct >> n & 1 == 1;
                }
                &mut parts[..]
            }
        };
        let has_refs = self.inter_type(mb, shape, parts, current);
        let lists = 1 + usize::from(self.is_b());
        if has_refs {
            (0..lists).for_each(|list| self.refs(mb, list, parts, current));
        }
        (0..lists).for_each(|list| self.mvds(mb, (list, parts), pending, current));
        let direct_8x8_inference = self.params.direct_8x8_inference;
        let is_8x8 = |part: &Part| match part.is_direct {
            true => direct_8x8_inference,
            false => part.shape == SubShape::Whole,
        };
        let may_be_8x8 = parts.iter().all(is_8x8);
        self.inter_pattern(mb, may_be_8x8, current);
    }

    fn is_b(&self) -> bool {
        self.params.slice_type == SliceType::B
    }

    /// Writes the types; returns whether reference indices follow.
    fn inter_type(
        &mut self,
        mb: &CodedMb,
        shape: Shape,
        parts: &[Part],
        current: &Current,
    ) -> bool {
        let (slice_type, is_b) = (self.params.slice_type, self.is_b());
        let last = parts[parts.len() - 1].lists(mb);
        let mut number = inter_mb_type(shape, [parts[0].lists(mb), last], is_b);
        if !E::CABAC && number == P_8X8 && !is_b && mb.refs[0] == [0; 4] {
            number = P_8X8_REF_0;
        }
        self.entropy.mb_type(number, slice_type, current.near.count(flag::NOT_DIRECT));
        if !matches!(shape, Shape::Quarters(_)) {
            return true;
        }
        for part in parts {
            let number = sub_mb_type(part.shape, part.lists(mb), is_b);
            self.entropy.sub_mb_type(number, slice_type);
        }
        number != P_8X8_REF_0 || is_b
    }

    fn refs(&mut self, mb: &CodedMb, list: usize, parts: &[Part], current: &mut Current) {
        let count = self.params.ref_counts[list];
        if count <= 1 {
            return;
        }
        let bits = |refs: u8| [refs >> (2 * list) & 1, refs >> (2 * list + 1) & 1];
        let (left, top) = (bits(current.near.left.refs), bits(current.near.top.refs));
        let mut above_0: Grid<u8, 3> = grid(&left, &top);
        for part in parts {
            if part.lists(mb) >> list & 1 == 0 {
                continue;
            }
            let index = u8::try_from(mb.refs[list][part.quarter()]).unwrap_or(0);
            let (x, y) = (part.at.0 / 2, part.at.1 / 2);
            let increment = usize::from(above_0[y + 1][x]) + 2 * usize::from(above_0[y][x + 1]);
            self.entropy.ref_index(index, count, increment);
            for row in &mut above_0[y + 1..=y + part.size.1 / 2] {
                row[x + 1..=x + part.size.0 / 2].fill(u8::from(index > 0));
            }
        }
        let (mut right, mut bottom) = ([0; 2], [0; 2]);
        edges_of(&above_0, &mut right, &mut bottom);
        current.right.refs |= (right[0] | right[1] << 1) << (2 * list);
        current.bottom.refs |= (bottom[0] | bottom[1] << 1) << (2 * list);
    }

    fn mvds(
        &mut self,
        mb: &CodedMb,
        (list, parts): (usize, &[Part]),
        pending: &mut Pending<'_>,
        current: &mut Current,
    ) {
        let mut near: Grid<Mvd, 5> = if E::CABAC {
            grid(&current.near.left.mvds[list], &current.near.top.mvds[list])
        } else {
            [[[0; 2]; 5]; 5]
        };
        for part in parts {
            if part.lists(mb) >> list & 1 == 0 {
                continue;
            }
            let (size, firsts) = match part.size {
                (2, 2) => part.shape.parts(),
                size => (size, &[(0, 0)][..]),
            };
            for first in firsts {
                let (x, y) = (part.at.0 + first.0, part.at.1 + first.1);
                let mvd = pending.take_mvd();
                if !E::CABAC {
                    self.entropy.mvd(mvd, [0; 2]);
                    continue;
                }
                let (left, above) = (near[y + 1][x], near[y][x + 1]);
                let sums = [0, 1].map(|n| u32::from(left[n]) + u32::from(above[n]));
                self.entropy.mvd(mvd, sums);
                let clamped = clamped_mvd([mvd.x.into(), mvd.y.into()]);
                for row in &mut near[y + 1..=y + size.1] {
                    row[x + 1..=x + size.0].fill(clamped);
                }
            }
        }
        edges_of(&near, &mut current.right.mvds[list], &mut current.bottom.mvds[list]);
    }

    /// Writes pattern and transform size. `may_be_8x8`: no partition is smaller than 8x8.
    fn inter_pattern(&mut self, mb: &CodedMb, may_be_8x8: bool, current: &mut Current) {
        self.pattern(mb, false, current);
        let has_luma = super::residual::pattern(mb) & 15 != 0;
        if has_luma && self.params.transform_8x8 && may_be_8x8 {
            self.transform_8x8(mb.transform_8x8, current);
        }
    }
}
