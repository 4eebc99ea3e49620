//! Boundary strengths. ITU-T H.264, clause 8.7.2.1.

use crate::macroblock::{Grain, MbInfo};
use crate::picture::{MbMotion, Mv, NO_REF};

/// Limits that depend on the kind of an edge.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Strength next to intra macroblocks.
    pub intra: u8,
    /// Vertical difference of vectors from which an edge is filtered, in quarter samples.
    pub vertical: u16,
}

/// The blocks on one side of an edge: the macroblock and the first of four 4x4 blocks.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub mb: usize,
    pub first: usize,
}

/// The strengths of the four parts of an edge, in bytes, the first part in the lowest; or a flag of
/// each part.
pub(super) type Parts = u32;

/// The flags of all parts.
pub(super) const ALL_PARTS: Parts = 0x0101_0101;

/// Data of the blocks of a picture.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub infos: &'a [MbInfo],
    pub motion: &'a [MbMotion],
}

impl Blocks<'_> {
    /// Returns whether a macroblock has one motion vector per list for all of it, and no coefficients.
    #[inline]
    pub(super) fn is_even(self, mb: usize) -> bool {
        let info = &self.infos[mb];
        info.coded == 0 && info.grain == Grain::Whole && !info.class.is_intra()
    }

    /// Returns whether the edge between two macroblocks is not filtered; the second one is even, see
    /// [`Self::is_even`]. Only for frame macroblocks.
    #[inline]
    pub(super) fn are_alike(self, p: usize, q: usize) -> bool {
        const LIMIT: u16 = 4;
        let (a, b) = (&self.motion[p], &self.motion[q]);
        let is_near = |list: usize| {
            a.ref_ids[list][0] == NO_REF || !are_far(a.mvs[list][0], b.mvs[list][0], LIMIT)
        };
        self.infos[p].slice == self.infos[q].slice
            && self.is_even(p)
            && a.ref_ids == b.ref_ids
            && is_near(0)
            && is_near(1)
    }

    /// Returns the strengths of the parts of an edge between two macroblocks.
    #[inline]
    pub(super) fn outer_edge(self, p: Side, q: Side, is_vertical: bool, limits: Limits) -> Parts {
        let (info_p, info_q) = (&self.infos[p.mb], &self.infos[q.mb]);
        if info_p.class.is_intra() || info_q.class.is_intra() {
            return u32::from(limits.intra) * ALL_PARTS;
        }
        let coded = parts_of(info_p.coded >> p.first | info_q.coded >> q.first, is_vertical);
        if coded == ALL_PARTS {
            return 2 * ALL_PARTS;
        }
        let grain = info_p.grain.max(info_q.grain);
        self.moved(p, q, is_vertical, grain, limits.vertical) & !coded | coded << 1
    }

    /// Sets the strengths of the edges inside a macroblock, which are initially 0: vertical edges from
    /// left to right, then horizontal ones from top to bottom. Returns 0 if all stay 0.
    #[inline]
    pub(super) fn inner_edges(
        self,
        mb: usize,
        vertical_limit: u16,
        strengths: &mut [[Parts; 4]; 2],
    ) -> Parts {
        let info = &self.infos[mb];
        let edges = if info.transform_8x8 { 2..3 } else { 1..4 };
        if info.class.is_intra() {
            strengths.iter_mut().for_each(|direction| direction[edges.clone()].fill(3 * ALL_PARTS));
            return ALL_PARTS;
        }
        if info.coded == 0 && info.grain == Grain::Whole {
            return 0;
        }
        let mut any = 0;
        let across = info.coded | info.coded >> 1;
        let down = info.coded | info.coded >> 4;
        for edge in edges {
            let (vertical, horizontal) = (
                parts_of(across >> (edge - 1), true) << 1,
                parts_of(down >> (4 * (edge - 1)), false) << 1,
            );
            (strengths[0][edge], strengths[1][edge]) = (vertical, horizontal);
            any |= vertical | horizontal;
        }
        if info.grain != Grain::Whole {
            any |= self.add_inner_motion(info, mb, vertical_limit, strengths);
        }
        any
    }

    /// Adds the strengths of edges between blocks that differ in motion, and returns 0 if there are
    /// none.
    fn add_inner_motion(
        self,
        info: &MbInfo,
        mb: usize,
        vertical_limit: u16,
        strengths: &mut [[Parts; 4]; 2],
    ) -> Parts {
        let mut any = 0;
        // Edges 1 and 3 are inside of 8x8 blocks.
        let edges = if info.grain == Grain::Quarters || info.transform_8x8 { 2..3 } else { 1..4 };
        for edge in edges {
            for (direction, strengths) in strengths.iter_mut().enumerate() {
                let strengths = &mut strengths[edge];
                if *strengths != 2 * ALL_PARTS {
                    let side = |edge: usize| Side {
                        mb,
                        first: if direction == 0 { edge } else { 4 * edge },
                    };
                    let (p, q) = (side(edge - 1), side(edge));
                    let moved = self.moved(p, q, direction == 0, info.grain, vertical_limit);
                    let added = moved & !(*strengths >> 1);
                    *strengths |= added;
                    any |= added;
                }
            }
        }
        any
    }

    /// Returns the parts of an edge whose sides differ in motion. Blocks of the size `grain` have
    /// the same motion.
    #[inline]
    fn moved(self, p: Side, q: Side, is_vertical: bool, grain: Grain, limit: u16) -> Parts {
        let step = if is_vertical { 4 } else { 1 };
        let (motion_p, motion_q) = (&self.motion[p.mb], &self.motion[q.mb]);
        if grain == Grain::Whole {
            let (p, q) = (BlockMotion::of(motion_p, p.first), BlockMotion::of(motion_q, q.first));
            return if differs(p, q, limit) { ALL_PARTS } else { 0 };
        }
        if motion_p.ref_ids[1] == [NO_REF; 4] && motion_q.ref_ids[1] == [NO_REF; 4] {
            let (ids_p, ids_q) = (&motion_p.ref_ids[0], &motion_q.ref_ids[0]);
            let (mvs_p, mvs_q) = (&motion_p.mvs[0], &motion_q.mvs[0]);
            return by_part(grain, |n| {
                let (p, q) = ((p.first + n * step) & 15, (q.first + n * step) & 15);
                let (id_p, id_q) = (ids_p[quarter(p)], ids_q[quarter(q)]);
                id_p != id_q || (id_p != NO_REF && are_far(mvs_p[p], mvs_q[q], limit))
            });
        }
        by_part(grain, |n| {
            let (p, q) = (p.first + n * step, q.first + n * step);
            differs(BlockMotion::of(motion_p, p), BlockMotion::of(motion_q, q), limit)
        })
    }

    /// As [`Self::outer_edge`], between a frame and a field macroblock.
    pub(super) fn mixed_edge(
        self,
        mb_p: usize,
        mb_q: usize,
        p: [usize; 4],
        q: [usize; 4],
        intra: u8,
    ) -> Parts {
        let (info_p, info_q) = (&self.infos[mb_p], &self.infos[mb_q]);
        if info_p.class.is_intra() || info_q.class.is_intra() {
            return u32::from(intra) * ALL_PARTS;
        }
        Parts::from_le_bytes(std::array::from_fn(|n| {
            1 + u8::from((info_p.coded >> p[n] | info_q.coded >> q[n]) & 1 == 1)
        }))
    }
}

/// Calls `test` once for each part of the size `grain`, and returns the flags of all four parts.
#[inline(always)]
fn by_part(grain: Grain, test: impl Fn(usize) -> bool) -> Parts {
    let flag = |n: usize| Parts::from(test(n));
    match grain {
        Grain::Whole => flag(0) * ALL_PARTS,
        Grain::Quarters => (flag(0) * 0x0101) | (flag(2) * 0x0101_0000),
        Grain::Fine => flag(0) | flag(1) << 8 | flag(2) << 16 | flag(3) << 24,
    }
}

/// Returns the 8x8 block that contains a 4x4 block.
#[inline]
fn quarter(block: usize) -> usize {
    block / 8 * 2 + block % 4 / 2
}

/// Pictures and vectors of a 4x4 block, by list.
#[derive(Clone, Copy, PartialEq)]
struct BlockMotion {
    ids: [u8; 2],
    mvs: [Mv; 2],
}

impl BlockMotion {
    #[inline]
    fn of(motion: &MbMotion, block: usize) -> Self {
        let block = block & 15;
        Self {
            ids: motion.ref_ids.map(|ids| ids[quarter(block)]),
            mvs: [motion.mvs[0][block], motion.mvs[1][block]],
        }
    }
}

/// Returns whether two blocks use different pictures, or vectors that differ.
#[inline]
fn differs(p: BlockMotion, q: BlockMotion, limit: u16) -> bool {
    let ([p0, p1], [q0, q1]) = (p.ids, q.ids);
    if p == q {
        return false;
    }
    let is_far = |list_p: usize, list_q: usize| {
        p.ids[list_p] != NO_REF && are_far(p.mvs[list_p], q.mvs[list_q], limit)
    };
    let straight = || is_far(0, 0) || is_far(1, 1);
    let crossed = || is_far(0, 1) || is_far(1, 0);
    match ((p0, p1) == (q0, q1), (p0, p1) == (q1, q0)) {
        (true, true) => straight() && crossed(),
        (true, false) => straight(),
        (false, true) => crossed(),
        (false, false) => true,
    }
}

/// Returns the flags of a column of blocks from the bits 0, 4, 8 and 12, or of a row from the bits 0
/// to 3.
#[inline]
fn parts_of(bits: u16, is_column: bool) -> Parts {
    let bits = Parts::from(bits);
    if is_column {
        let bits = bits & 0x1111;
        let bits = (bits | bits << 8) & 0x0011_0011;
        (bits | bits << 4) & ALL_PARTS
    } else {
        // Copies of the bits, seven apart, put each of them into its byte.
        ((bits & 15) * 0x0020_4081) & ALL_PARTS
    }
}

#[inline]
fn are_far(a: Mv, b: Mv, limit: u16) -> bool {
    a.x.abs_diff(b.x) >= 4 || a.y.abs_diff(b.y) >= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macroblock::MbClass;

    #[test]
    fn edges_between_alike_macroblocks_have_no_strength() {
        let mut state = 1_u32;
        let mut random = |end: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % end
        };
        let limits = Limits { intra: 4, vertical: 4 };
        let mut motion = [MbMotion::NONE; 2];
        let mut alike = 0;
        for _ in 0..20_000 {
            let infos: [MbInfo; 2] = std::array::from_fn(|mb| {
                let class = [MbClass::Skip, MbClass::Inter, MbClass::Inter, MbClass::IntraNxN];
                let class = class[random(4) as usize];
                let is_split = class == MbClass::Inter && random(4) == 0;
                let small = |value: u32| i16::try_from(value).unwrap();
                let mv = Mv { x: small(random(6)), y: small(random(6)) };
                let [id, other] = [(); 2].map(|()| [0, 1, NO_REF][random(3) as usize]);
                let second = Mv { x: small(random(6)), y: small(random(6)) };
                motion[mb] = MbMotion {
                    mvs: [[mv; 16], [second; 16]],
                    ref_ids: [[id; 4], [other; 4]],
                    ..MbMotion::NONE
                };
                MbInfo {
                    slice: 0,
                    class,
                    grain: if is_split { Grain::Quarters } else { Grain::Whole },
                    coded: if random(3) == 0 { 1 << random(16) } else { 0 },
                    ..MbInfo::NOT_DECODED
                }
            });
            let blocks = Blocks { infos: &infos, motion: &motion };
            if blocks.is_even(1) && blocks.are_alike(0, 1) {
                alike += 1;
                let mut inner = [[0; 4]; 2];
                blocks.inner_edges(1, limits.vertical, &mut inner);
                assert_eq!(inner, [[0; 4]; 2]);
                for (is_vertical, first) in [(true, 3), (false, 12)] {
                    let (p, q) = (Side { mb: 0, first }, Side { mb: 1, first: 0 });
                    assert_eq!(blocks.outer_edge(p, q, is_vertical, limits), 0);
                }
            }
        }
        assert!(alike > 100, "{alike}");
    }
}
