//! Sample formats: bit depth and chroma sampling.

use std::fmt;

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

    /// Names of all formats, as in FFmpeg. Samples of more than 8 bits have two bytes, the lower one
    /// first.
    pub const ALL: [(&'static str, Self); 15] = {
        use Sampling::{Yuv400, Yuv420, Yuv422, Yuv440, Yuv444};
        [
            ("yuv420p", Self::new(8, Yuv420)),
            ("yuv422p", Self::new(8, Yuv422)),
            ("yuv440p", Self::new(8, Yuv440)),
            ("yuv444p", Self::new(8, Yuv444)),
            ("gray", Self::new(8, Yuv400)),
            ("yuv420p10", Self::new(10, Yuv420)),
            ("yuv422p10", Self::new(10, Yuv422)),
            ("yuv440p10", Self::new(10, Yuv440)),
            ("yuv444p10", Self::new(10, Yuv444)),
            ("gray10", Self::new(10, Yuv400)),
            ("yuv420p12", Self::new(12, Yuv420)),
            ("yuv422p12", Self::new(12, Yuv422)),
            ("yuv440p12", Self::new(12, Yuv440)),
            ("yuv444p12", Self::new(12, Yuv444)),
            ("gray12", Self::new(12, Yuv400)),
        ]
    };

    /// Creates a format of `depth` bits.
    #[must_use]
    pub const fn new(depth: u8, sampling: Sampling) -> Self {
        Self { depth, sampling }
    }

    /// Returns the name in [`Self::ALL`].
    ///
    /// ```
    /// use codec_core::frame::{SampleFormat, Sampling};
    ///
    /// let format = SampleFormat::new(10, Sampling::Yuv422);
    /// assert_eq!(format.name(), "yuv422p10");
    /// assert_eq!(SampleFormat::from_name("gray12"), Some(SampleFormat::new(12, Sampling::Yuv400)));
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, format)| *format == self);
        found.map_or("an unknown sample format", |(name, _)| name)
    }

    /// Returns the format called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Returns the bytes of a sample: 1 for 8 bits, otherwise 2.
    #[inline]
    #[must_use]
    pub fn sample_bytes(self) -> u64 {
        if self.depth == 8 { 1 } else { 2 }
    }

    /// Returns the largest value of a sample.
    #[inline]
    #[must_use]
    pub fn max_value(self) -> u16 {
        u16::try_from((1_u32 << self.depth.min(16)) - 1).unwrap_or(u16::MAX)
    }

    /// Returns the number of samples in a frame of `size`; saturates.
    #[must_use]
    pub fn samples(self, size: Size) -> u64 {
        let chroma = self.sampling.plane_size(size, 1).pixels();
        size.pixels().saturating_add(chroma.saturating_mul(2))
    }

    /// Returns the size of a frame without padding in bytes; saturates.
    #[must_use]
    pub fn frame_bytes(self, size: Size) -> u64 {
        self.samples(size).saturating_mul(self.sample_bytes())
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Default for SampleFormat {
    fn default() -> Self {
        Self::YUV420
    }
}

/// The planes that a decoding job processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneSet {
    /// Plane 0.
    pub luma: bool,
    /// Planes 1 and 2.
    pub chroma: bool,
}

impl PlaneSet {
    /// Returns the set of all planes: luma, and chroma if `has_chroma` is set.
    #[must_use]
    pub fn all(has_chroma: bool) -> Self {
        Self { luma: true, chroma: has_chroma }
    }
}
