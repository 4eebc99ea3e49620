//! Extends the edge samples of reference frames into their borders.

use codec_core::frame::{FrameBuf, Sampling};
use codec_simd::Layout;

/// Repeats the last visible samples of a frame up to the ends of its planes, and in their borders: as
/// predictions read them.
pub(super) fn extend_borders(frame: &mut FrameBuf) {
    let size = frame.size();
    for (index, plane) in frame.planes_mut().into_iter().enumerate() {
        let visible = Sampling::Yuv420.plane_size(size, index);
        let (visible_width, visible_height) = (visible.width as usize, visible.height as usize);
        let Layout { stride, width, height, pad } = plane.layout();
        let samples = &mut plane.into_data()[pad * stride..];
        for row in samples.chunks_mut(stride).take(visible_height) {
            let last = row[pad + visible_width - 1];
            row[pad + visible_width..pad + width].fill(last);
        }
        let (inside, below) = samples.split_at_mut(visible_height * stride);
        let last = &inside[(visible_height - 1) * stride..];
        for row in below.chunks_mut(stride).take(height - visible_height) {
            row[pad..pad + width].copy_from_slice(&last[pad..pad + width]);
        }
    }
    frame.extend_borders();
}
