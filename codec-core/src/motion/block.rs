//! Block sizes for motion search, behind one trait.

use codec_simd::{Block16, Kernels, PlaneRef, Window};

use super::{FullPel, PixelPos, QuarterPel};

/// An 8x8 quadrant of a macroblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Quadrant {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

impl Quadrant {
    /// All four quadrants, in raster order.
    pub const ALL: [Self; 4] = [Self::TopLeft, Self::TopRight, Self::BottomLeft, Self::BottomRight];

    /// Returns its top-left pixel inside the macroblock.
    #[inline]
    #[must_use]
    pub const fn origin(self) -> (usize, usize) {
        match self {
            Self::TopLeft => (0, 0),
            Self::TopRight => (8, 0),
            Self::BottomLeft => (0, 8),
            Self::BottomRight => (8, 8),
        }
    }
}

/// A half of a macroblock: two of its quadrants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Half {
    Top,
    Bottom,
    Left,
    Right,
}

impl Half {
    /// Returns its quadrants, in raster order.
    #[inline]
    #[must_use]
    pub const fn quadrants(self) -> [Quadrant; 2] {
        match self {
            Self::Top => [Quadrant::TopLeft, Quadrant::TopRight],
            Self::Bottom => [Quadrant::BottomLeft, Quadrant::BottomRight],
            Self::Left => [Quadrant::TopLeft, Quadrant::BottomLeft],
            Self::Right => [Quadrant::TopRight, Quadrant::BottomRight],
        }
    }
}

/// The source pixels of a [`Half`], at their positions in the macroblock.
pub(super) struct HalfBlock<'a> {
    cur: &'a Block16,
    half: Half,
}

impl<'a> HalfBlock<'a> {
    pub(super) fn new(cur: &'a Block16, half: Half) -> Self {
        Self { cur, half }
    }

    /// The source pixels of its quadrants, and their place in the macroblock.
    #[inline]
    fn parts(&self) -> [(Window<'a, 8, 8>, FullPel); 2] {
        self.half.quadrants().map(|quadrant| {
            let (x, y) = quadrant.origin();
            let place = FullPel::new(if x == 0 { 0 } else { 8 }, if y == 0 { 0 } else { 8 });
            (self.cur.sub(x, y), place)
        })
    }
}

impl Block for HalfBlock<'_> {
    #[inline]
    fn sad_x4(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: [PixelPos; 4]) -> [u32; 4] {
        let [first, second] = self.parts().map(|(cur, place)| {
            kernels.sad_8x8_x4(cur, windows(&refp, at.map(|at| at.moved(place))))
        });
        std::array::from_fn(|n| first[n] + second[n])
    }

    #[inline]
    fn sse(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: PixelPos, vector: QuarterPel) -> u32 {
        let parts = self.parts();
        parts.iter().map(|(cur, place)| cur.sse(kernels, refp, at.moved(*place), vector)).sum()
    }
}

/// A block of source pixels that can be compared with a reference.
///
/// All positions must keep the block, plus one pixel on each side for fractional vectors, inside
/// the reference's border; [`super::SearchRange`] ensures this. Otherwise the methods panic.
pub trait Block {
    /// Returns the sums of absolute differences at four positions.
    fn sad_x4(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: [PixelPos; 4]) -> [u32; 4];

    /// Returns the sum of squared differences at `vector` from `at`, with bilinear interpolation.
    fn sse(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: PixelPos, vector: QuarterPel) -> u32;

    /// Computes [`Self::sse`] at the eight half-pixel neighbours of `vector`, in the order of
    /// [`Kernels::sse_half_ring_16x16`].
    fn sse_half_ring(
        &self,
        kernels: &Kernels,
        refp: PlaneRef<'_>,
        at: PixelPos,
        vector: FullPel,
    ) -> [u32; 8] {
        let centre = vector.to_quarter();
        HALF_RING.map(|(dx, dy)| self.sse(kernels, refp, at, centre.offset(2 * dx, 2 * dy)))
    }
}

/// The eight neighbours of a position, in the order of `Kernels::sse_half_ring_16x16`.
pub(super) const HALF_RING: [(i16, i16); 8] =
    [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

#[inline]
#[expect(clippy::expect_used, reason = "the search range ends inside the border")]
fn window<'a, const W: usize, const H: usize>(
    refp: &PlaneRef<'a>,
    at: PixelPos,
) -> Window<'a, W, H> {
    refp.window(at.x as isize, at.y as isize).expect("block inside the border")
}

#[inline]
#[expect(clippy::expect_used, reason = "the search range ends inside the border")]
fn windows<'a, const W: usize, const H: usize>(
    refp: &PlaneRef<'a>,
    at: [PixelPos; 4],
) -> [Window<'a, W, H>; 4] {
    refp.windows(at.map(|at| (at.x as isize, at.y as isize))).expect("blocks inside the border")
}

impl Block for Block16 {
    #[inline]
    fn sad_x4(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: [PixelPos; 4]) -> [u32; 4] {
        kernels.sad_16x16_x4(self, windows(&refp, at))
    }

    #[inline]
    fn sse(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: PixelPos, vector: QuarterPel) -> u32 {
        let at = at.moved(vector.floor());
        match vector.eighths() {
            (0, 0) => kernels.sse_16x16(self, window(&refp, at)),
            (fx, fy) => kernels.sse_bilinear_16x16(self, window(&refp, at), fx, fy),
        }
    }

    #[inline]
    fn sse_half_ring(
        &self,
        kernels: &Kernels,
        refp: PlaneRef<'_>,
        at: PixelPos,
        vector: FullPel,
    ) -> [u32; 8] {
        let corner = at.moved(vector.offset(-1, -1));
        kernels.sse_half_ring_16x16(self, window(&refp, corner))
    }
}

impl Block for Window<'_, 8, 8> {
    #[inline]
    fn sad_x4(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: [PixelPos; 4]) -> [u32; 4] {
        kernels.sad_8x8_x4(*self, windows(&refp, at))
    }

    #[inline]
    fn sse(&self, kernels: &Kernels, refp: PlaneRef<'_>, at: PixelPos, vector: QuarterPel) -> u32 {
        let at = at.moved(vector.floor());
        match vector.eighths() {
            (0, 0) => kernels.sse_8x8(*self, window(&refp, at)),
            (fx, fy) => kernels.sse_bilinear_8x8(*self, window(&refp, at), fx, fy),
        }
    }
}
