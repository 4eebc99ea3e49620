//! A borrowed picture: what encoders take.

use codec_simd::{Layout, PlaneRef};

use super::{PictureInfo, Size};
use crate::error::ConfigError;

/// How samples lie in memory; 8 bits, 4:2:0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Three planes: Y, U, V.
    I420,
    /// Two planes: Y, and U and V interleaved.
    Nv12,
}

/// The chroma samples of a [`Picture`].
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Chroma<'a> {
    Planar {
        u: PlaneRef<'a>,
        v: PlaneRef<'a>,
    },
    /// U and V in turn; the plane is twice as wide as one chroma plane.
    Interleaved(PlaneRef<'a>),
}

/// A borrowed 8-bit 4:2:0 picture of any even or odd size, with any strides.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    size: Size,
    luma: PlaneRef<'a>,
    chroma: Chroma<'a>,
    /// Colours, aspect, rotation.
    pub info: PictureInfo,
}

fn plane<'a>(
    name: &'static str,
    (data, stride): (&'a [u8], usize),
    width: u32,
    height: u32,
) -> Result<PlaneRef<'a>, ConfigError> {
    let layout = Layout { stride, width: width as usize, height: height as usize, pad: 0 };
    if width == 0 || height == 0 {
        return Err(ConfigError::new("size", format!("{width}x{height}"), "at least 1x1"));
    }
    PlaneRef::new(data, layout).ok_or_else(|| {
        let given = format!("{} bytes with stride {stride}", data.len());
        ConfigError::new(name, given, format!("enough for {width}x{height} samples"))
    })
}

impl<'a> Picture<'a> {
    /// A picture of three planes, each a slice and its stride in bytes.
    ///
    /// # Errors
    /// If a plane is too short for `size` or a dimension is 0.
    pub fn i420(
        size: Size,
        y: (&'a [u8], usize),
        u: (&'a [u8], usize),
        v: (&'a [u8], usize),
    ) -> Result<Self, ConfigError> {
        let half = size.chroma();
        Ok(Self {
            size,
            luma: plane("plane y", y, size.width, size.height)?,
            chroma: Chroma::Planar {
                u: plane("plane u", u, half.width, half.height)?,
                v: plane("plane v", v, half.width, half.height)?,
            },
            info: PictureInfo::default(),
        })
    }

    /// A picture of a luma plane and a plane of interleaved chroma, each a slice and its stride in
    /// bytes.
    ///
    /// # Errors
    /// As [`Self::i420`].
    pub fn nv12(
        size: Size,
        y: (&'a [u8], usize),
        uv: (&'a [u8], usize),
    ) -> Result<Self, ConfigError> {
        let half = size.chroma();
        Ok(Self {
            size,
            luma: plane("plane y", y, size.width, size.height)?,
            chroma: Chroma::Interleaved(plane("plane uv", uv, 2 * half.width, half.height)?),
            info: PictureInfo::default(),
        })
    }

    /// A picture in one slice without padding: Y, then U, then V.
    ///
    /// # Errors
    /// As [`Self::i420`].
    pub fn i420_packed(size: Size, data: &'a [u8]) -> Result<Self, ConfigError> {
        let too_short =
            || ConfigError::new("picture", format!("{} bytes", data.len()), size.i420_bytes());
        let half = size.chroma();
        let luma_len = usize::try_from(size.pixels()).map_err(|_| too_short())?;
        let chroma_len = usize::try_from(half.pixels()).map_err(|_| too_short())?;
        let (y, rest) = data.split_at_checked(luma_len).ok_or_else(too_short)?;
        let (u, v) = rest.split_at_checked(chroma_len).ok_or_else(too_short)?;
        let chroma_stride = half.width as usize;
        Self::i420(size, (y, size.width as usize), (u, chroma_stride), (v, chroma_stride))
    }

    /// Itself, with `info`.
    #[must_use]
    pub fn with_info(self, info: PictureInfo) -> Self {
        Self { info, ..self }
    }

    /// Size in luma pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// How the samples lie in memory.
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        match self.chroma {
            Chroma::Planar { .. } => PixelFormat::I420,
            Chroma::Interleaved(_) => PixelFormat::Nv12,
        }
    }

    /// The luma plane.
    #[must_use]
    pub fn luma(&self) -> PlaneRef<'a> {
        self.luma
    }

    /// The chroma planes.
    #[must_use]
    pub fn chroma(&self) -> Chroma<'a> {
        self.chroma
    }
}
