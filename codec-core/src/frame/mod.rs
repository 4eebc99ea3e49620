//! Video frames: borrowed input frames ([`Picture`]), pooled decoded frames ([`Frame`]), and their
//! colour and geometry.

mod any_buffer;
mod borders;
mod buffer;
mod color;
mod digest;
mod downscale;
mod format;
mod hdr;
mod limit;
mod picture;
mod source_mb;
mod squared_error;

pub use any_buffer::{AnyFrameBuf, Frame};
pub use borders::{extend_ends, extend_sides};
pub use buffer::{FrameBuf, FramePool, Window};
pub use color::{
    Color, ColorPrimaries, ColorRange, FieldOrder, MatrixCoefficients, PictureInfo, Rotation,
    TransferCharacteristics,
};
pub(crate) use downscale::Downscaler;
pub use format::{PlaneSet, SampleFormat, Sampling};
pub use hdr::{Chromaticity, ContentLight, HdrMetadata, MasteringDisplay};
pub use limit::PixelLimit;
pub use picture::{Chroma, Picture, PixelFormat, Planes};
pub use source_mb::SourceMb;
pub use squared_error::{luma_sse, picture_sse};

use std::fmt;

/// A size in pixels.
///
/// ```
/// use codec_core::frame::Size;
///
/// let size = Size::new(639, 360);
/// assert_eq!(size.chroma(), Size::new(320, 180));
/// assert_eq!(size.macroblocks(), (40, 23));
/// assert_eq!(size.to_string(), "639x360");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// Creates a size from width and height in pixels.
    #[inline]
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Returns the number of pixels.
    #[inline]
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns the size of the 4:2:0 chroma planes: half of each dimension, rounded up.
    #[inline]
    #[must_use]
    pub fn chroma(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2) }
    }

    /// Returns the size of an I420 frame without padding in bytes; saturates.
    #[must_use]
    pub fn i420_bytes(self) -> u64 {
        self.pixels().saturating_add(2 * self.chroma().pixels())
    }

    /// Returns the number of columns and rows of 16x16 macroblocks that cover the frame.
    #[inline]
    #[must_use]
    pub fn macroblocks(self) -> (usize, usize) {
        (self.width.div_ceil(16) as usize, self.height.div_ceil(16) as usize)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A rational number: frame rates (30000/1001), time bases (1/90000), pixel aspect ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: u32,
    /// Denominator.
    pub den: u32,
}

impl Rational {
    /// Creates the ratio `num / den`.
    #[inline]
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// Returns the reciprocal.
    #[inline]
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }

    /// Converts to a floating-point number, for reports.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}
