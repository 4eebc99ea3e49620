//! Selects the most suitable mode of a camera.

use super::device::{Mode, Pixels};
use super::spec::RequestedMode;

/// A frame rate that reaches this share of the requested one counts as equal.
const NEARLY: f64 = 0.95;

/// Distance of a mode from the requested one: lower is better, and earlier values take precedence.
/// The size comes before the rate, and the rate before the pixel format; formats are ordered by
/// cost.
fn distance(mode: &Mode, wanted: &RequestedMode) -> (u64, u64, usize) {
    let size = u64::from(mode.size.width.abs_diff(wanted.size.width))
        + u64::from(mode.size.height.abs_diff(wanted.size.height));
    let (has, wants) = (mode.rate.as_f64(), wanted.rate.as_f64());
    let is_enough = has >= wants * NEARLY;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let rate = if is_enough { 0 } else { ((wants - has) * 1000.0) as u64 };
    let cost = Pixels::ALL.iter().position(|pixels| *pixels == mode.pixels);
    (size, rate, cost.unwrap_or(usize::MAX))
}

/// Index of the most suitable mode.
pub(super) fn best<'a>(
    modes: impl IntoIterator<Item = &'a Mode>,
    wanted: &RequestedMode,
) -> Option<usize> {
    let modes = modes.into_iter().enumerate();
    modes.min_by_key(|(_, mode)| distance(mode, wanted)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use codec_core::frame::{Color, Rational, Size};

    use super::*;

    fn mode(pixels: Pixels, (width, height): (u32, u32), fps: u32) -> Mode {
        let rate = Rational::new(fps, 1);
        let size = Size::new(width, height);
        Mode { pixels, size, stride: 0, rate, color: Color::default() }
    }

    #[test]
    fn size_comes_before_rate_and_rate_before_cost() {
        let hd = (1280, 720);
        let wanted =
            RequestedMode { size: Size::new(1280, 720), rate: Rational::new(30, 1), pixels: None };
        // A typical USB camera: raw formats are slow.
        let offers = [
            mode(Pixels::Yuyv, hd, 10),
            mode(Pixels::Mjpeg, hd, 30),
            mode(Pixels::Nv12, (640, 480), 30),
        ];
        assert_eq!(best(&offers, &wanted), Some(1));
        // If both are fast enough, the raw format is selected.
        let offers = [mode(Pixels::Mjpeg, hd, 60), mode(Pixels::Yuyv, hd, 30)];
        assert_eq!(best(&offers, &wanted), Some(1));
        assert_eq!(best(&[], &wanted), None);
    }
}
