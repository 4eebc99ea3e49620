//! Predictions at vectors that a search has found.

use codec_core::motion::Target;
use codec_simd::{Block16, Window, WindowMut};

use super::planes::Placed;
use super::{Measure, Part, Refined, SearchPlanes};

/// The mean of two samples, rounded up.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn mean(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

/// Writes the mean of two windows, rounded up; of equal ones a copy.
#[inline]
fn write_mean<const N: usize>(
    refs: [Window<'_, N, N>; 2],
    is_mean: bool,
    mut dst: WindowMut<'_, N, N>,
) {
    let [a, b] = refs;
    if !is_mean {
        dst.copy_from(a);
        return;
    }
    for y in 0..N {
        let (a, b) = (a.row(y), b.row(y));
        *dst.row_mut(y) = std::array::from_fn(|x| mean(a[x], b[x]));
    }
}

/// Writes the prediction of `part` at the vector of `found` to its place in `dst`. `planes` are those
/// of the search that returned `found`.
pub fn compensate(
    target: &Target<'_>,
    part: Part,
    found: &Refined,
    planes: &SearchPlanes,
    dst: &mut Block16,
) {
    let placed = Placed::new(target, part, found.start, Measure::Sad);
    let origin = found.start.to_quarter();
    let offset = |to: i16, from: i16| i8::try_from(to - from).unwrap_or(0);
    let (dx, dy) = (offset(found.vector.x, origin.x), offset(found.vector.y, origin.y));
    let is_mean = (dx | dy) & 1 != 0;
    match part {
        Part::Whole => write_mean(placed.whole(planes, dx, dy), is_mean, dst.window_mut()),
        Part::Half(half) => {
            for quadrant in half.quadrants() {
                let (x, y) = quadrant.origin();
                let to = dst.window_mut().into_sub::<8, 8>(x, y);
                write_mean(placed.quarter(planes, quadrant, dx, dy), is_mean, to);
            }
        }
        Part::Quarter(quadrant) => {
            let (x, y) = quadrant.origin();
            let to = dst.window_mut().into_sub::<8, 8>(x, y);
            write_mean(placed.quarter(planes, quadrant, dx, dy), is_mean, to);
        }
    }
}
