//! Brightness and contrast of half-size luma. In a fade, the analysis adapts the brightness of the
//! previous frame to the current one before it compares them.

use codec_simd::{Kernels, PlaneRef};

use super::half_plane::HalfPlane;
use crate::motion::PixelPos;

/// Deviation below which a plane has no contrast to compare: a quarter of a level.
const FLAT_Q8: u64 = 64;
/// Differences of contrasts and means up to which frames are equally bright: 1/128 and a quarter of a
/// level.
const SAME_CONTRAST_Q16: u64 = 512;
const SAME_MEAN_Q8: u64 = 64;
/// The differences without motion have to fall by one part in this number.
const MIN_GAIN_PARTS: u64 = 16;
/// The part of the contrast that they have to stay below: between scenes, they are as large as it.
const MIN_CONTRAST_PARTS: u64 = 3;

/// Mean and standard deviation of a plane, with eight fractional bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Brightness {
    mean_q8: u64,
    deviation_q8: u64,
}

impl Brightness {
    fn of(plane: PlaneRef<'_>) -> Self {
        let height = plane.layout().height;
        let (mut samples, mut squares, mut count) = (0_u64, 0_u64, 0_u64);
        for row in (0..height).map(|y| plane.row(y)) {
            let sum: u32 = row.iter().map(|&sample| u32::from(sample)).sum();
            samples += u64::from(sum);
            // A row of squares fits: frames are at most 16,383 pixels wide.
            let sum: u32 = row.iter().map(|&sample| u32::from(sample) * u32::from(sample)).sum();
            squares += u64::from(sum);
            count += row.len() as u64;
        }
        let count = count.max(1);
        let mean_q8 = 256 * samples / count;
        let variance_q16 = (squares * 65_536 / count).saturating_sub(mean_q8 * mean_q8);
        Self { mean_q8, deviation_q8: variance_q16.isqrt() }
    }

    /// Returns how many times the contrast of `reference` this plane has, with 16 fractional bits.
    fn contrast_to(self, reference: Self) -> u64 {
        let (own, other) = (self.deviation_q8, reference.deviation_q8);
        if own < FLAT_Q8 || other < FLAT_Q8 { 1 << 16 } else { (own << 16) / other }
    }
}

/// The previous half-size plane at the brightness of the current one.
#[derive(Debug, Default)]
pub(super) struct MatchedPlane {
    plane: HalfPlane,
    /// Brightness of the latest plane.
    latest: Brightness,
}

impl MatchedPlane {
    /// Returns `previous` with the mean and the contrast of `current` if it then predicts better;
    /// `None` if both are equally bright. Every plane has to be passed once as `current`.
    pub(super) fn find(
        &mut self,
        kernels: &Kernels,
        current: PlaneRef<'_>,
        previous: Option<&HalfPlane>,
    ) -> Option<PlaneRef<'_>> {
        let own = Brightness::of(current);
        let reference = std::mem::replace(&mut self.latest, own);
        let previous = previous?;
        let contrast_q16 = own.contrast_to(reference);
        let is_same = contrast_q16.abs_diff(1 << 16) <= SAME_CONTRAST_Q16
            && own.mean_q8.abs_diff(reference.mean_q8) <= SAME_MEAN_Q8;
        if is_same {
            return None;
        }
        let matched = |sample: usize| {
            let above = (sample as u64 * 256).cast_signed() - reference.mean_q8.cast_signed();
            let scaled = (above * contrast_q16.cast_signed()) >> 16;
            (own.mean_q8.cast_signed() + scaled + 128) >> 8
        };
        let table =
            std::array::from_fn(|n| u8::try_from(matched(n).clamp(0, 255)).unwrap_or(u8::MAX));
        self.plane.map_from(previous, &table);
        let matched = self.plane.plane();
        let [plain, weighted] = differences(kernels, current, [previous.plane(), matched]);
        let layout = current.layout();
        let contrast = (own.deviation_q8 * (layout.width * layout.height) as u64) >> 8;
        let is_gain = weighted * MIN_GAIN_PARTS < plain * (MIN_GAIN_PARTS - 1);
        (is_gain && weighted * MIN_CONTRAST_PARTS < contrast).then_some(matched)
    }
}

/// Returns the sums of the absolute differences of `current` to two planes.
fn differences(kernels: &Kernels, current: PlaneRef<'_>, to: [PlaneRef<'_>; 2]) -> [u64; 2] {
    let layout = current.layout();
    let at = |pixel: usize| i32::try_from(pixel).unwrap_or(i32::MAX);
    let mut sums = [0; 2];
    for y in (0..layout.height).step_by(8) {
        for x in (0..layout.width).step_by(8) {
            let at = PixelPos::new(at(x), at(y));
            let block = HalfPlane::window(current, at);
            for (sum, &plane) in sums.iter_mut().zip(&to) {
                *sum += u64::from(kernels.sad_8x8(block, HalfPlane::window(plane, at)));
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    fn half(scale: usize, offset: usize) -> HalfPlane {
        let mut plane = HalfPlane::new(Size::new(64, 32));
        for (top, mut rows) in plane.mb_rows().enumerate() {
            for y in 0..8 {
                let texture = |x: usize| ((x / 2) * 37 + (8 * top + y) * 59) % 200;
                let row: [u8; 64] = std::array::from_fn(|x| {
                    u8::try_from(texture(x) * scale / 8 + offset).unwrap_or(u8::MAX)
                });
                rows.put_row(Kernels::best(), y, &row, &row);
            }
        }
        plane.finish(16);
        plane
    }

    #[test]
    fn a_darker_frame_is_matched() {
        let (bright, dark) = (half(8, 20), half(6, 16));
        let kernels = Kernels::best();
        let mut matched = MatchedPlane::default();
        assert!(matched.find(kernels, bright.plane(), None).is_none());
        let plane = matched.find(kernels, dark.plane(), Some(&bright)).unwrap();
        for y in 0..16 {
            let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
            assert!(plane.row(y).iter().zip(dark.plane().row(y)).all(near));
        }
        assert!(matched.find(kernels, dark.plane(), Some(&dark)).is_none());
    }
}
