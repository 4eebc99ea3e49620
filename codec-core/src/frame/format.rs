//! Sample formats: bit depth and chroma sampling.

use super::Size;

/// Resolution of the chroma planes relative to luma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// No chroma planes.
    Yuv400,
    /// Half the width and half the height.
    #[default]
    Yuv420,
    /// Half the width.
    Yuv422,
    /// Half the height.
    Yuv440,
    /// Full resolution.
    Yuv444,
}

impl Sampling {
    /// Returns whether chroma has half the width of luma, and whether it has half the height.
    #[inline]
    #[must_use]
    pub fn halved(self) -> [bool; 2] {
        match self {
            Self::Yuv400 | Self::Yuv420 => [true, true],
            Self::Yuv422 => [true, false],
            Self::Yuv440 => [false, true],
            Self::Yuv444 => [false, false],
        }
    }

    /// Returns the size of plane 0 (Y), 1 (U) or 2 (V) of a frame; 0x0 for chroma planes of 4:0:0.
    ///
    /// ```
    /// use codec_core::frame::{Sampling, Size};
    ///
    /// let size = Size::new(351, 287);
    /// assert_eq!(Sampling::Yuv422.plane_size(size, 1), Size::new(176, 287));
    /// assert_eq!(Sampling::Yuv400.plane_size(size, 2), Size::new(0, 0));
    /// ```
    #[inline]
    #[must_use]
    pub fn plane_size(self, size: Size, plane: usize) -> Size {
        if plane == 0 {
            return size;
        }
        if self == Self::Yuv400 {
            return Size::default();
        }
        let [halved_x, halved_y] = self.halved();
        let length = |luma: u32, halved| if halved { luma.div_ceil(2) } else { luma };
        Size::new(length(size.width, halved_x), length(size.height, halved_y))
    }
}

/// Format of the samples of a frame.
///
/// The default is 8-bit 4:2:0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleFormat {
    /// Bits of a sample: 8, 10 or 12.
    pub depth: u8,
    /// Resolution of the chroma planes.
    pub sampling: Sampling,
}

impl SampleFormat {
    /// 8-bit 4:2:0.
    pub const YUV420: Self = Self { depth: 8, sampling: Sampling::Yuv420 };
}

impl Default for SampleFormat {
    fn default() -> Self {
        Self::YUV420
    }
}

/// The planes that work is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneSet {
    /// Plane 0.
    pub luma: bool,
    /// Planes 1 and 2.
    pub chroma: bool,
}

impl PlaneSet {
    /// All planes of a stream that has chroma or not.
    #[must_use]
    pub fn all(has_chroma: bool) -> Self {
        Self { luma: true, chroma: has_chroma }
    }
}
