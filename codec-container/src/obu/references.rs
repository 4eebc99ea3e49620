//! The reference slots of AV1: the properties of earlier frames that frame headers refer to. AV1 specification,
//! sections 7.8 and 7.20.

use codec_core::frame::Size;

use super::frame_kind::Av1FrameKind;

/// An earlier frame in a reference slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) kind: Av1FrameKind,
    pub(super) size: Size,
    pub(super) order_hint: u32,
}

/// The eight slots; `None`: not known.
pub(super) type Slots = [Option<Slot>; 8];

/// Indices of references in a frame header: LAST, GOLDEN, BWDREF, ALTREF2 and ALTREF.
const LAST: usize = 0;
const GOLDEN: usize = 3;
const BACKWARD: usize = 4;
const ALTREF2: usize = 5;
const ALTREF: usize = 6;

/// The slots of the seven references of a frame that names only two of them. Section 7.8.
pub(super) fn references(slots: &Slots, (last, golden): (u8, u8), hint: u32, bits: u32) -> [u8; 7] {
    let distances: Vec<(u8, i64)> = (0..8_u8)
        .zip(slots)
        .map(|(index, slot)| (index, distance(slot.map_or(0, |slot| slot.order_hint), hint, bits)))
        .collect();
    let mut chosen: [Option<u8>; 7] = [None; 7];
    (chosen[LAST], chosen[GOLDEN]) = (Some(last), Some(golden));
    let free = |chosen: &[Option<u8>; 7], is_later: bool| {
        let unused = distances.iter().copied().filter(|(index, _)| !chosen.contains(&Some(*index)));
        unused.filter(|(_, distance)| (*distance >= 0) == is_later).collect::<Vec<_>>()
    };
    // Of equal ones, the latest is the last, and the earliest is the first.
    let latest = |from: Vec<(u8, i64)>| from.into_iter().max_by_key(|one| one.1).map(|one| one.0);
    let earliest = |from: Vec<(u8, i64)>| from.into_iter().min_by_key(|one| one.1).map(|one| one.0);
    chosen[ALTREF] = latest(free(&chosen, true));
    chosen[BACKWARD] = earliest(free(&chosen, true));
    chosen[ALTREF2] = earliest(free(&chosen, true));
    for reference in [1, 2, BACKWARD, ALTREF2, ALTREF] {
        if chosen[reference].is_none() {
            chosen[reference] = latest(free(&chosen, false));
        }
    }
    let rest = earliest(distances.clone()).unwrap_or(0);
    chosen.map(|slot| slot.unwrap_or(rest))
}

/// The signed distance of two order hints. Section 7.8, `get_relative_dist`.
fn distance(a: u32, b: u32, bits: u32) -> i64 {
    if bits == 0 {
        return 0;
    }
    let sign = 1_i64 << (bits - 1);
    let difference = i64::from(a) - i64::from(b);
    (difference & (sign - 1)) - (difference & sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_wrap() {
        assert_eq!(distance(1, 127, 7), 2);
        assert_eq!(distance(127, 1, 7), -2);
        assert_eq!(distance(5, 9, 0), 0);
    }

    #[test]
    fn the_other_references_follow_from_their_order() {
        let slot = |order_hint| {
            Some(Slot { kind: Av1FrameKind::Inter, size: Size::new(8, 8), order_hint })
        };
        // Frame 10: four earlier frames and four later ones.
        let slots = [4, 6, 8, 9, 12, 14, 16, 18].map(slot);
        assert_eq!(references(&slots, (3, 0), 10, 7), [3, 2, 1, 0, 4, 5, 7]);
        // Only earlier frames: the missing ones are the oldest.
        let slots = [4, 6, 8, 9, 9, 9, 9, 9].map(slot);
        assert_eq!(references(&slots, (3, 0), 10, 7), [3, 7, 6, 0, 5, 4, 2]);
    }
}
