//! Decoded frames of any bit depth.

use std::sync::Arc;

use super::{FrameBuf, Picture, PictureInfo, SampleFormat, Size};

/// The samples of a decoded frame, by their type.
#[derive(Clone, Debug)]
pub enum AnyFrameBuf {
    /// 8 bits.
    Bits8(Arc<FrameBuf<u8>>),
    /// 10 or 12 bits.
    High(Arc<FrameBuf<u16>>),
}

impl AnyFrameBuf {
    /// Returns a view of the visible area.
    #[inline]
    #[must_use]
    pub fn picture(&self, info: PictureInfo) -> Picture<'_> {
        match self {
            Self::Bits8(planes) => planes.picture(info),
            Self::High(planes) => planes.picture(info),
        }
    }

    /// Returns the visible size in pixels.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        match self {
            Self::Bits8(planes) => planes.size(),
            Self::High(planes) => planes.size(),
        }
    }

    /// Returns depth and sampling.
    #[inline]
    #[must_use]
    pub fn format(&self) -> SampleFormat {
        match self {
            Self::Bits8(planes) => planes.format(),
            Self::High(planes) => planes.format(),
        }
    }
}

impl From<Arc<FrameBuf>> for AnyFrameBuf {
    fn from(planes: Arc<FrameBuf>) -> Self {
        Self::Bits8(planes)
    }
}

impl From<Arc<FrameBuf<u16>>> for AnyFrameBuf {
    fn from(planes: Arc<FrameBuf<u16>>) -> Self {
        Self::High(planes)
    }
}

/// A decoded frame: cheap to clone and `Send`; its memory returns to the decoder's pool when the
/// last clone is dropped.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Samples of the frame.
    pub buf: AnyFrameBuf,
    /// Colour description, pixel aspect ratio, rotation and field order.
    pub info: PictureInfo,
    /// Presentation timestamp in the time base of its stream.
    pub pts: i64,
    /// Duration in the time base of its stream, if known.
    pub duration: Option<u64>,
}

impl Frame {
    /// Returns a view of the visible area.
    #[inline]
    #[must_use]
    pub fn picture(&self) -> Picture<'_> {
        self.buf.picture(self.info)
    }

    /// Returns the visible size in pixels.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        self.buf.size()
    }

    /// Returns a digest of the visible samples; equal frames have equal digests on every machine.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.picture().digest()
    }

    /// Returns depth and sampling.
    #[inline]
    #[must_use]
    pub fn format(&self) -> SampleFormat {
        self.buf.format()
    }
}
