//! Copies of frames of any format.

use codec_core::frame::{
    ColorRange, FrameBuf, Picture, PictureInfo, Planes as AnyPlanes, SampleFormat, Size,
};
use codec_core::simd::PlaneRef;

use super::planes::Planes;
use crate::failure::Result;

/// Planes are a multiple of this size in luma samples.
const BLOCK: usize = 16;

/// A copy of a frame of any format, in reusable memory for 8-bit 4:2:0.
#[derive(Debug)]
pub struct FrameCopy {
    samples: Samples,
    info: PictureInfo,
}

#[derive(Debug)]
enum Samples {
    Yuv420(Planes),
    Bits8(FrameBuf),
    High(FrameBuf<u16>),
}

impl Default for FrameCopy {
    fn default() -> Self {
        Self { samples: Samples::Yuv420(Planes::default()), info: PictureInfo::default() }
    }
}

impl FrameCopy {
    /// Copies `picture`.
    pub fn copy_from(&mut self, picture: &Picture<'_>) {
        self.info = picture.info;
        match picture.planes() {
            AnyPlanes::Yuv420 { .. } => match &mut self.samples {
                Samples::Yuv420(planes) => planes.copy_from(picture),
                Samples::Bits8(_) | Samples::High(_) => {
                    let mut planes = Planes::default();
                    planes.copy_from(picture);
                    self.samples = Samples::Yuv420(planes);
                }
            },
            AnyPlanes::Bits8(planes) => {
                self.samples = Samples::Bits8(copied(planes, picture.size(), picture.samples()));
            }
            AnyPlanes::High(planes) => {
                self.samples = Samples::High(copied(planes, picture.size(), picture.samples()));
            }
        }
    }

    /// Returns a view of the frame.
    ///
    /// # Errors
    /// If size and samples do not match.
    pub fn picture(&self) -> Result<Picture<'_>> {
        Ok(match &self.samples {
            Samples::Yuv420(planes) => planes.picture()?,
            Samples::Bits8(buf) => buf.picture(self.info),
            Samples::High(buf) => buf.picture(self.info),
        })
    }

    /// Whether all samples are equal.
    pub fn equals(&self, other: &Self) -> bool {
        match (&self.samples, &other.samples) {
            (Samples::Yuv420(a), Samples::Yuv420(b)) => a.bytes == b.bytes,
            (Samples::Bits8(a), Samples::Bits8(b)) => {
                (0..3).all(|plane| a.visible_rows(plane).eq(b.visible_rows(plane)))
            }
            (Samples::High(a), Samples::High(b)) => {
                (0..3).all(|plane| a.visible_rows(plane).eq(b.visible_rows(plane)))
            }
            _ => false,
        }
    }

    /// Returns a black frame of the same size and format.
    #[must_use]
    pub fn black(&self) -> Self {
        let is_full = self.info.color.range == ColorRange::Full;
        let levels = |depth: u8| {
            let dark = if is_full { 0 } else { 16_u16 << (depth - 8) };
            [dark, 128 << (depth - 8), 128 << (depth - 8)]
        };
        let samples = match &self.samples {
            Samples::Yuv420(like) => {
                let mut planes = Planes::default();
                planes.reset(like.size);
                planes.info = like.info;
                let [y, u, v] = planes.split_mut();
                y.fill(if is_full { 0 } else { 16 });
                u.fill(128);
                v.fill(128);
                Samples::Yuv420(planes)
            }
            Samples::Bits8(like) => {
                let mut buf = FrameBuf::with_format(like.size(), like.format(), BLOCK);
                let dark = if is_full { 0 } else { 16 };
                for (plane, level) in buf.planes_mut().into_iter().zip([dark, 128, 128]) {
                    plane.into_data().fill(level);
                }
                Samples::Bits8(buf)
            }
            Samples::High(like) => {
                let mut buf = FrameBuf::with_format(like.size(), like.format(), BLOCK);
                for (plane, level) in buf.planes_mut().into_iter().zip(levels(like.format().depth))
                {
                    plane.into_data().fill(level);
                }
                Samples::High(buf)
            }
        };
        Self { samples, info: self.info }
    }
}

fn copied<S: Copy + Default>(
    planes: [PlaneRef<'_, S>; 3],
    size: Size,
    format: SampleFormat,
) -> FrameBuf<S> {
    let mut buf = FrameBuf::with_format(size, format, BLOCK);
    for (from, mut to) in planes.into_iter().zip(buf.planes_mut()) {
        for y in 0..from.layout().height {
            let row = from.row(y);
            to.row_mut(y)[..row.len()].copy_from_slice(row);
        }
    }
    buf
}
