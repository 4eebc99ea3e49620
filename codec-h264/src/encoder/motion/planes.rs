//! Distortion of a macroblock or a part of it at the sub-sample positions around an integer vector.

use codec_core::motion::{FullPel, PixelPos, Quadrant, Target};
use codec_simd::{HalfPlanes8, HalfPlanes16, Window};

use super::{Measure, Part};

/// Half samples around an integer vector. The memory is reused by all searches of a thread.
#[derive(Clone, Debug, Default)]
pub struct SearchPlanes {
    whole: HalfPlanes16,
    quarters: [HalfPlanes8; 4],
}

#[inline]
#[expect(clippy::expect_used, reason = "the search range ends inside the border")]
fn window<'a, const N: usize>(
    target: &Target<'a>,
    at: PixelPos,
    vector: FullPel,
) -> Window<'a, N, N> {
    let at = at.moved(vector);
    target.refp.window(at.x as isize, at.y as isize).expect("block inside the border")
}

/// The samples of the reference from one column left of and one row above a part on.
#[derive(Clone, Copy)]
enum Around<'a> {
    Whole(Window<'a, 18, 18>),
    /// Windows of the two quarters of the part; a single quarter is stored twice.
    Quarters([(Quadrant, Window<'a, 10, 10>); 2]),
}

/// A part of a macroblock at an integer vector.
pub(super) struct Placed<'a> {
    target: &'a Target<'a>,
    part: Part,
    vector: FullPel,
    measure: Measure,
    around: Around<'a>,
}

impl<'a> Placed<'a> {
    /// Creates a part at `vector`, which must be in the search range.
    pub(super) fn new(
        target: &'a Target<'a>,
        part: Part,
        vector: FullPel,
        measure: Measure,
    ) -> Self {
        let corner = vector.offset(-1, -1);
        let quarter =
            |quadrant| (quadrant, window::<10>(target, target.quadrant_at(quadrant), corner));
        let around = match part {
            Part::Whole => Around::Whole(window::<18>(target, target.at, corner)),
            Part::Half(half) => Around::Quarters(half.quadrants().map(quarter)),
            Part::Quarter(quadrant) => Around::Quarters([quarter(quadrant); 2]),
        };
        Self { target, part, vector, measure, around }
    }

    /// Returns the distortion at the integer vector.
    #[inline]
    pub(super) fn distortion(&self) -> u32 {
        let Target { kernels, cur, at, .. } = *self.target;
        let of_quarter = |quadrant: Quadrant| {
            let (x, y) = quadrant.origin();
            let refp = window(self.target, self.target.quadrant_at(quadrant), self.vector);
            self.measure.of_8x8(kernels, cur.sub(x, y), refp)
        };
        match self.part {
            Part::Whole => {
                let refp = window(self.target, at, self.vector);
                match self.measure {
                    Measure::Sad => kernels.sad_16x16(cur, refp),
                    Measure::Satd => kernels.satd_16x16(cur, refp),
                }
            }
            Part::Half(half) => half.quadrants().map(of_quarter).iter().sum(),
            Part::Quarter(quadrant) => of_quarter(quadrant),
        }
    }

    /// Interpolates the half samples around the vector.
    pub(super) fn interpolate(&self, planes: &mut SearchPlanes) {
        let Target { kernels, at, .. } = *self.target;
        // The filter reads three samples on each side of the block.
        let corner = self.vector.offset(-3, -3);
        let mut of_quarter = |quadrant: Quadrant| {
            let refp = window(self.target, self.target.quadrant_at(quadrant), corner);
            kernels.h264_half_planes_8x8(refp, &mut planes.quarters[quadrant as usize]);
        };
        match self.part {
            Part::Whole => {
                let refp = window(self.target, at, corner);
                kernels.h264_half_planes_16x16(refp, &mut planes.whole);
            }
            Part::Half(half) => half.quadrants().into_iter().for_each(of_quarter),
            Part::Quarter(quadrant) => of_quarter(quadrant),
        }
    }

    /// Returns the distortion at (`dx`, `dy`) quarters from the vector, -3..=3 each, from the planes
    /// of [`Self::interpolate`].
    #[inline]
    pub(super) fn distortion_at(&self, planes: &SearchPlanes, dx: i8, dy: i8) -> u32 {
        let Target { kernels, cur, .. } = *self.target;
        let is_mean = (dx | dy) & 1 != 0;
        let quarters = match &self.around {
            Around::Whole(around) => {
                let refs = planes.whole.at(*around, dx, dy);
                return match (is_mean, self.measure) {
                    (false, Measure::Sad) => kernels.sad_16x16(cur, refs[0]),
                    (false, Measure::Satd) => kernels.satd_16x16(cur, refs[0]),
                    (true, Measure::Sad) => kernels.sad_mean_16x16(cur, refs),
                    (true, Measure::Satd) => kernels.satd_mean_16x16(cur, refs),
                };
            }
            Around::Quarters(quarters) => quarters,
        };
        let count = if matches!(self.part, Part::Half(_)) { 2 } else { 1 };
        let of_quarter = |&(quadrant, around): &(Quadrant, Window<'_, 10, 10>)| {
            let (x, y) = quadrant.origin();
            let cur = cur.sub(x, y);
            let refs = planes.quarters[quadrant as usize].at(around, dx, dy);
            match (is_mean, self.measure) {
                (false, measure) => measure.of_8x8(kernels, cur, refs[0]),
                (true, Measure::Sad) => kernels.sad_mean_8x8(cur, refs),
                (true, Measure::Satd) => kernels.satd_mean_8x8(cur, refs),
            }
        };
        quarters.iter().take(count).map(of_quarter).sum()
    }

    /// Returns the distortions at half a sample left, right, above and below.
    #[inline]
    pub(super) fn distortions_beside(&self, planes: &SearchPlanes) -> [u32; 4] {
        if let (Around::Whole(_), Measure::Sad) = (&self.around, self.measure) {
            let Target { kernels, cur, .. } = *self.target;
            let across = Window::packed(&planes.whole.across);
            let down = Window::packed(&planes.whole.down);
            let refs = [across.sub(0, 1), across.sub(1, 1), down.sub(1, 0), down.sub(1, 1)];
            return kernels.sad_16x16_x4(cur, refs);
        }
        [(-2, 0), (2, 0), (0, -2), (0, 2)].map(|(dx, dy)| self.distortion_at(planes, dx, dy))
    }

    /// Returns the windows whose mean is the prediction of the macroblock at (`dx`, `dy`) quarters from
    /// the vector.
    #[inline]
    pub(super) fn whole<'p>(
        &self,
        planes: &'p SearchPlanes,
        dx: i8,
        dy: i8,
    ) -> [Window<'p, 16, 16>; 2]
    where
        'a: 'p,
    {
        let full = window::<18>(self.target, self.target.at, self.vector.offset(-1, -1));
        planes.whole.at(full, dx, dy)
    }

    /// As [`Self::whole`], of a quarter.
    #[inline]
    pub(super) fn quarter<'p>(
        &self,
        planes: &'p SearchPlanes,
        quadrant: Quadrant,
        dx: i8,
        dy: i8,
    ) -> [Window<'p, 8, 8>; 2]
    where
        'a: 'p,
    {
        let at = self.target.quadrant_at(quadrant);
        let full = window::<10>(self.target, at, self.vector.offset(-1, -1));
        planes.quarters[quadrant as usize].at(full, dx, dy)
    }
}
