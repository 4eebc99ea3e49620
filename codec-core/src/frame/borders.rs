//! Extension of the edges of reconstructed frames into their borders.

use codec_simd::Layout;

use super::FrameBuf;

/// Extends the left and right borders of rows whose pixels are final. `bytes` are whole rows of
/// `layout.stride` bytes.
pub fn extend_sides(bytes: &mut [u8], layout: Layout) {
    let Layout { stride, width, pad, .. } = layout;
    for row in bytes.chunks_exact_mut(stride) {
        let (first, last) = (row[pad], row[pad + width - 1]);
        row[..pad].fill(first);
        // Up to the stride, because kernels read whole registers.
        row[pad + width..].fill(last);
    }
}

/// Extends the top and bottom borders of a plane whose sides are already extended. `bytes` is the
/// whole plane.
pub fn extend_ends(bytes: &mut [u8], layout: Layout) {
    let Layout { stride, height, pad, .. } = layout;
    let (above, rest) = bytes.split_at_mut(pad * stride);
    for row in above.chunks_exact_mut(stride) {
        row.copy_from_slice(&rest[..stride]);
    }
    let (inside, below) = rest.split_at_mut(height * stride);
    let last = &inside[(height - 1) * stride..];
    for row in below.chunks_mut(stride).take(pad) {
        let len = row.len();
        row.copy_from_slice(&last[..len]);
    }
}

impl FrameBuf {
    /// Extends the edge samples into the borders of all planes.
    pub fn extend_borders(&mut self) {
        for plane in self.planes_mut() {
            let layout = plane.layout();
            let bytes = plane.into_data();
            let visible = layout.pad * layout.stride..(layout.pad + layout.height) * layout.stride;
            if layout.pad > 0 {
                extend_sides(&mut bytes[visible], layout);
                extend_ends(bytes, layout);
            }
        }
    }
}
