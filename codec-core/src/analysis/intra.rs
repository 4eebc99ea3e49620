//! Intra prediction costs on half-size frames.

use codec_simd::{Edges, IntraMode, Kernels, PlaneRef, Window, WindowMut};

use super::half_plane::HalfPlane;
use crate::motion::PixelPos;

/// Returns the SATD of the block at `at` against the best (by SAD) of four intra predictions from
/// source pixels.
pub(super) fn cost(kernels: &Kernels, plane: PlaneRef<'_>, at: PixelPos) -> u32 {
    let cur = HalfPlane::window(plane, at);
    let edges = edges(plane, at);

    let mut horizontal = [[0; 8]; 8];
    kernels.intra_8x8(IntraMode::Horizontal, &edges, WindowMut::packed(&mut horizontal));
    let mut true_motion = [[0; 8]; 8];
    kernels.intra_8x8(IntraMode::TrueMotion, &edges, WindowMut::packed(&mut true_motion));
    let vertical = [edges.above; 8];
    let sum: u16 = edges.above.iter().chain(&edges.left).map(|&p| u16::from(p)).sum();
    let dc = [[u8::try_from((sum + 8) >> 4).unwrap_or(u8::MAX); 8]; 8];

    let predictions = [&vertical, &horizontal, &true_motion, &dc].map(Window::packed);
    let sads = kernels.sad_8x8_x4(cur, predictions);
    let (best, _) =
        predictions.into_iter().zip(sads).fold((predictions[0], u32::MAX), |best, next| {
            if next.1 < best.1 { next } else { best }
        });
    kernels.satd_8x8(cur, best)
}

/// Returns [`cost`], or `None` for a block that is not inside the plane with the pixels around it.
pub(super) fn cost_inside(kernels: &Kernels, plane: PlaneRef<'_>, at: PixelPos) -> Option<u32> {
    plane.window::<9, 9>(at.x as isize - 1, at.y as isize - 1)?;
    Some(cost(kernels, plane, at))
}

/// Returns the sum of absolute differences of horizontally and vertically adjacent pixels.
pub(super) fn activity(kernels: &Kernels, plane: PlaneRef<'_>, at: PixelPos) -> u32 {
    let block = HalfPlane::window(plane, at);
    let left = HalfPlane::window(plane, PixelPos::new(at.x - 1, at.y));
    let above = HalfPlane::window(plane, PixelPos::new(at.x, at.y - 1));
    kernels.sad_8x8(block, left) + kernels.sad_8x8(block, above)
}

fn edges(plane: PlaneRef<'_>, at: PixelPos) -> Edges<8> {
    let corner = PixelPos::new(at.x - 1, at.y - 1);
    #[expect(clippy::expect_used, reason = "the border is wider than a pixel")]
    let around = plane.window::<9, 9>(corner.x as isize, corner.y as isize).expect("border");
    let [top_left, above @ ..] = *around.row(0);
    let left = std::array::from_fn(|y| around.row(y + 1)[0]);
    Edges { above, left, top_left, has_above: true, has_left: true }
}
