//! Conversion of frames to and from the frame structures of C libraries.

use codec_ffi::I420View;

#[cfg(any(feature = "libvpx", feature = "openh264"))]
use codec_core::error::ConfigError;
#[cfg(any(feature = "libvpx", feature = "openh264"))]
use codec_core::frame::{Chroma, Picture};
use codec_core::frame::{Frame, FramePool, PictureInfo, Size};

/// Number of frames that the pool keeps for reuse.
const POOLED_FRAMES: usize = 8;

/// Copies a library's frames into pooled frames.
#[derive(Debug, Default)]
pub(super) struct FrameCopier {
    pool: FramePool,
}

impl FrameCopier {
    /// Copies `picture` into a pooled frame.
    pub(super) fn copy(
        &mut self,
        picture: &I420View<'_>,
        pts: i64,
        duration: Option<u64>,
    ) -> Frame {
        let (width, height) = picture.size();
        let size = Size::new(width, height);
        if self.pool.size() != size {
            self.pool = FramePool::new(size, 0, POOLED_FRAMES);
        }
        let mut buf = self.pool.take();
        if let Some(free) = std::sync::Arc::get_mut(&mut buf) {
            for (index, mut plane) in free.planes_mut().into_iter().enumerate() {
                for y in 0..picture.plane_size(index).1 {
                    let row = picture.row(index, y);
                    plane.row_mut(y)[..row.len()].copy_from_slice(row);
                }
            }
        }
        self.pool.recycle(buf.clone());
        Frame { buf: buf.into(), info: PictureInfo::default(), pts, duration }
    }
}

/// A library's view of input frames; interleaved chroma is split into separate planes.
#[cfg(any(feature = "libvpx", feature = "openh264"))]
#[derive(Debug, Default)]
pub(super) struct PlanarInput {
    planes: [Vec<u8>; 2],
}

#[cfg(any(feature = "libvpx", feature = "openh264"))]
impl PlanarInput {
    /// Returns `picture` in the library's layout.
    pub(super) fn view<'a>(
        &'a mut self,
        picture: &Picture<'a>,
    ) -> Result<I420View<'a>, ConfigError> {
        let size = picture.size();
        let chroma = match picture.chroma() {
            Chroma::Planar { u, v } => [u.pixels(), v.pixels()],
            Chroma::Interleaved(uv) => {
                let half = size.chroma();
                for (index, plane) in self.planes.iter_mut().enumerate() {
                    plane.clear();
                    for y in 0..half.height as usize {
                        plane.extend(uv.row(y).iter().skip(index).step_by(2));
                    }
                }
                let [u, v] = &self.planes;
                [(u.as_slice(), half.width as usize), (v.as_slice(), half.width as usize)]
            }
        };
        let planes = [picture.luma().pixels(), chroma[0], chroma[1]];
        I420View::new(size.width, size.height, planes)
            .ok_or_else(|| ConfigError::new("size", size, "1x1 to 65535x65535"))
    }
}

/// Computes the digest of the samples as [`Picture::digest`] does.
#[cfg(feature = "libvpx")]
pub(super) fn digest(picture: &I420View<'_>) -> Option<u64> {
    let (width, height) = picture.size();
    let [y, u, v] = std::array::from_fn(|index| picture.plane(index));
    Some(Picture::i420(Size::new(width, height), y, u, v).ok()?.digest())
}
