//! One encoding task: input and output file, clip and target.

use std::path::Path;

use codec_core::frame::Size;
use codec_measure::results::Target;

use super::shape::Shape;

/// One encoding task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) input: &'a Path,
    pub(super) output: &'a Path,
    /// File to which our own encoder writes a row per frame.
    pub(super) report: &'a Path,
    pub(super) shape: Shape,
    pub(super) target: Target,
    pub(super) rate_trace: Option<&'a Path>,
}

/// The target in kilobits per second, rounded if it comes from bits per pixel.
pub(super) fn kbps_of(task: &Task<'_>) -> f64 {
    match task.target {
        Target::Kbps(kbps) => kbps,
        Target::Bpp(bits) => bpp_to_kbps(bits, task.shape),
        _ => 0.0,
    }
}

/// Whole kilobits per second of video, at least one.
#[expect(clippy::cast_precision_loss, reason = "sizes of frames")]
pub(super) fn bpp_to_kbps(bits: f64, shape: Shape) -> f64 {
    let pixels = shape.size().map_or(0, Size::pixels);
    (bits * pixels as f64 * shape.frame_rate().as_f64() / 1000.0).round().max(1.0)
}
