//! Range of allowed motion vectors.

use codec_simd::Layout;

use super::{FullPel, PixelPos};

/// A non-empty rectangle of vectors in full pixels, both ends inclusive.
///
/// For every vector in it, with any fraction added, the pixels that a six-tap filter reads lie
/// inside the reference and its border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchRange {
    min: FullPel,
    max: FullPel,
}

/// Pixels beyond the block, on each side, that sub-pel filters may read.
const MARGIN: isize = 3;

impl SearchRange {
    /// Creates the range of vectors of at most `reach` full pixels per component for the `block` x
    /// `block` pixels at `at`, clipped so that the displaced block plus three pixels on each side
    /// stays inside `refp`'s border.
    ///
    /// Returns `None` if even the zero vector is not allowed: the border is narrower than the
    /// margin, or `at` lies outside the plane.
    #[inline]
    #[must_use]
    pub fn new(refp: Layout, at: PixelPos, block: usize, reach: u16) -> Option<Self> {
        Self::within(refp, at, block, reach, isize::try_from(refp.pad).ok()? - MARGIN)
    }

    /// Creates a range like [`Self::new`] that keeps the displaced block inside the plane without
    /// its border and reserves no filter margin, for planes whose border is not filled.
    #[must_use]
    pub(crate) fn inside(refp: Layout, at: PixelPos, block: usize, reach: u16) -> Option<Self> {
        Self::within(refp, at, block, reach, 0)
    }

    /// Creates the range of vectors that keep the block inside the plane plus `beyond` pixels of
    /// border.
    fn within(refp: Layout, at: PixelPos, block: usize, reach: u16, beyond: isize) -> Option<Self> {
        let limits = |at: i32, size: usize| {
            let size = isize::try_from(size).ok()?;
            let block = isize::try_from(block).ok()?;
            let at = isize::try_from(at).ok()?;
            let reach = isize::from(i16::try_from(reach).unwrap_or(i16::MAX)).min(8191);
            let min = (-beyond - at).max(-reach);
            let max = (size + beyond - block - at).min(reach);
            let both = (i16::try_from(min).ok()?, i16::try_from(max).ok()?);
            (min <= 0 && max >= 0).then_some(both)
        };
        let (left, right) = limits(at.x, refp.width)?;
        let (up, down) = limits(at.y, refp.height)?;
        Some(Self { min: FullPel::new(left, up), max: FullPel::new(right, down) })
    }

    /// Returns the vectors of the range that point at most `down` full pixels down; `None` if not even
    /// the zero vector does.
    #[must_use]
    pub fn at_most_down(self, down: i32) -> Option<Self> {
        let down = i16::try_from(down).unwrap_or(i16::MAX);
        let max = FullPel { y: self.max.y.min(down), ..self.max };
        (down >= 0).then_some(Self { max, ..self })
    }

    /// Returns the top-left and bottom-right vectors.
    #[inline]
    #[must_use]
    pub fn corners(&self) -> (FullPel, FullPel) {
        (self.min, self.max)
    }

    /// Returns whether `vector` is in the range.
    #[inline]
    #[must_use]
    pub fn contains(&self, vector: FullPel) -> bool {
        (self.min.x..=self.max.x).contains(&vector.x)
            && (self.min.y..=self.max.y).contains(&vector.y)
    }

    /// Returns the vector in the range that is nearest to `vector`.
    #[inline]
    #[must_use]
    pub fn clamp(&self, vector: FullPel) -> FullPel {
        FullPel {
            x: vector.x.clamp(self.min.x, self.max.x),
            y: vector.y.clamp(self.min.y, self.max.y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_down_keeps_the_other_sides() {
        let range = SearchRange::new(LAYOUT, PixelPos::new(0, 0), 16, 255).unwrap();
        let (min, max) = range.corners();
        assert_eq!(range.at_most_down(2).unwrap().corners(), (min, FullPel { y: 2, ..max }));
        assert_eq!(range.at_most_down(40_000), Some(range));
        assert_eq!(range.at_most_down(-1), None);
    }

    const LAYOUT: Layout = Layout { stride: 128, width: 32, height: 16, pad: 32 };

    #[test]
    fn a_block_in_a_corner_may_move_out_by_the_border_less_the_margin() {
        let range = SearchRange::new(LAYOUT, PixelPos::new(16, 0), 16, 255).unwrap();
        assert_eq!(range.corners(), (FullPel::new(-45, -29), FullPel::new(29, 29)));
    }

    #[test]
    fn the_reach_limits_vectors_before_the_border_does() {
        let range = SearchRange::new(LAYOUT, PixelPos::new(16, 0), 16, 8).unwrap();
        assert_eq!(range.clamp(FullPel::new(-100, 100)), FullPel::new(-8, 8));
        assert!(range.contains(FullPel::new(8, -8)));
        assert!(!range.contains(FullPel::new(9, 0)));
    }

    #[test]
    fn a_plane_without_border_has_no_range() {
        let bare = Layout { pad: 0, ..LAYOUT };
        assert_eq!(SearchRange::new(bare, PixelPos::new(0, 0), 16, 8), None);
    }

    #[test]
    fn a_block_outside_the_plane_has_no_range() {
        assert_eq!(SearchRange::new(LAYOUT, PixelPos::new(320, 0), 16, 8), None);
    }
}
