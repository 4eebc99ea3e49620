//! Motion search on half-size frames.

use codec_simd::{Kernels, PlaneRef, Window, WindowMut};

use super::half_plane::HalfPlane;
use crate::motion::{
    Block, FullPel, IntegerSettings, Pattern, PixelPos, QuarterPel, SearchRange, Walk,
};

/// Largest vector component, in half-size pixels.
const REACH: u16 = 20;
/// Mean absolute difference, in 1/64 of a level, up to which a block counts as static.
const STILL_SAD: u32 = 96;
/// SAD above which the search uses larger steps.
const FAR_SAD: u32 = 320;

/// Result of the motion search for a block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Motion {
    /// In quarters of half-size pixels.
    pub(super) vector: QuarterPel,
    pub(super) satd: u32,
}

/// Searches `block`, which is at `at` of its frame, in `previous`. `same` is the block of `previous` at the same
/// position, and `zero_sad` the SAD of both. `starts` returns vectors in half-size pixels, the most reliable first;
/// vectors near it are preferred.
pub(super) fn search(
    kernels: &Kernels,
    block: Window<'_, 8, 8>,
    (previous, same): (PlaneRef<'_>, Window<'_, 8, 8>),
    at: PixelPos,
    zero_sad: u32,
    starts: impl FnOnce() -> [FullPel; 8],
) -> Motion {
    let still = Motion { vector: QuarterPel::ZERO, satd: 0 };
    if zero_sad == 0 {
        return still;
    }
    let is_searched = zero_sad > STILL_SAD;
    let range = is_searched.then(|| SearchRange::new(previous.layout(), at, 8, REACH)).flatten();
    let Some(range) = range else {
        return Motion { satd: kernels.satd_8x8(block, same), ..still };
    };

    let starts = starts();
    let predicted = starts[0];
    let price = |v: FullPel| {
        let away = v.x.abs_diff(predicted.x) + v.y.abs_diff(predicted.y);
        u32::from(away.min(12)) * 3
    };
    let pattern = if zero_sad > FAR_SAD { Pattern::Hexagon } else { Pattern::Diamond };
    let settings = IntegerSettings { pattern, max_steps: 8, stop_below: STILL_SAD / 2 };
    let walk = Walk::new(kernels, &block, previous, at, range, price);
    let found = walk.search(&starts, settings);
    // A small improvement is noise, and the zero vector is the better starting point.
    let vector = if found.sad + STILL_SAD / 2 < zero_sad { found.vector } else { FullPel::ZERO };
    let satd = kernels.satd_8x8(block, HalfPlane::window(previous, at.moved(vector)));
    Motion { vector: vector.to_quarter(), satd }
}

/// Refines `motion`, which [`search`] found, to quarters of half-size pixels.
///
/// At full precision, the detail of a moving block does not match itself in the previous frame, so
/// that the cost does not tell how well the encoder will predict it.
pub(super) fn refine(
    kernels: &Kernels,
    (cur, previous): (PlaneRef<'_>, PlaneRef<'_>),
    at: PixelPos,
    motion: Motion,
) -> Motion {
    let block = HalfPlane::window(cur, at);
    let sse = |vector| block.sse(kernels, previous, at, vector);
    let mut best = (motion.vector, sse(motion.vector));
    for step in [2, 1] {
        let centre = best.0;
        for (dx, dy) in NEIGHBOURS {
            let vector = centre.offset(step * dx, step * dy);
            let sse = sse(vector);
            if sse < best.1 {
                best = (vector, sse);
            }
        }
    }
    let vector = best.0;
    let (from, (fx, fy)) = (at.moved(vector.floor()), vector.eighths());
    let satd = previous.window(from.x as isize, from.y as isize).map(|from| {
        let mut prediction = [[0; 8]; 8];
        kernels.bilinear_8x8(from, fx, fy, WindowMut::packed(&mut prediction));
        kernels.satd_8x8(block, Window::packed(&prediction))
    });
    match satd {
        Some(satd) if satd < motion.satd => Motion { vector, satd },
        _ => motion,
    }
}

const NEIGHBOURS: [(i16, i16); 8] =
    [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];
