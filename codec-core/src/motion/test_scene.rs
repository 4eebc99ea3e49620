//! Test scene for the searches: luma that rises smoothly to one peak (a hill), and a block cut from
//! it.

use codec_simd::{Block16, Kernels, Level};

use super::{FullPel, Lambda, MvCost, PixelPos, QuarterPel, SearchRange, Target, VectorPrice};
use crate::frame::{FrameBuf, Size};

const AT: PixelPos = PixelPos::new(32, 32);

#[derive(Debug)]
pub(super) struct Scene {
    refp: FrameBuf,
    cur: Block16,
}

/// A cost of zero for all vectors.
pub(super) fn free(table: &MvCost) -> VectorPrice<'_> {
    VectorPrice { table, predicted: QuarterPel::ZERO, lambda_sad: Lambda(0), lambda_sse: Lambda(0) }
}

impl Scene {
    /// A hill without local minima, so that each descent reaches its top, and the block of it that
    /// `vector` points to.
    pub(super) fn shifted(vector: QuarterPel) -> Self {
        Self::of(vector, |x, y| {
            let (dx, dy) = (x - 40, y - 40);
            255 - ((dx * dx + dy * dy) / 4).min(255)
        })
    }

    /// A uniform grey scene.
    pub(super) fn flat() -> Self {
        Self::of(QuarterPel::ZERO, |_, _| 90)
    }

    fn of(vector: QuarterPel, pixel: impl Fn(i32, i32) -> i32) -> Self {
        let mut refp = FrameBuf::new(Size::new(80, 80), 32);
        let [luma, ..] = refp.planes_mut();
        let layout = luma.layout();
        for (row, y) in luma.into_data().chunks_mut(layout.stride).zip(-32..) {
            for (out, x) in row.iter_mut().zip(-32..) {
                *out = u8::try_from(pixel(x, y)).unwrap();
            }
        }
        let mut cur = Block16::default();
        let (fx, fy) = vector.eighths();
        let at = AT.moved(vector.floor());
        let window = refp.plane(0).window(at.x as isize, at.y as isize).unwrap();
        kernels().bilinear_16x16(window, fx, fy, cur.window_mut());
        Self { refp, cur }
    }

    pub(super) fn target<'a>(&'a self, price: VectorPrice<'a>) -> Target<'a> {
        let refp = self.refp.plane(0);
        let range = SearchRange::new(refp.layout(), AT, 16, 64).unwrap();
        debug_assert!(range.contains(FullPel::ZERO));
        Target { kernels: kernels(), cur: &self.cur, refp, at: AT, range, price }
    }
}

fn kernels() -> &'static Kernels {
    Kernels::for_level(Level::Scalar).unwrap()
}
