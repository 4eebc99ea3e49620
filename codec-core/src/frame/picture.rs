//! Borrowed frames, the input of encoders.

use codec_simd::{Layout, PlaneRef};

use std::fmt;

use super::digest::Digest;
use super::{PictureInfo, SampleFormat, Sampling, Size};
use crate::error::ConfigError;

/// Memory layout of the samples of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// 8-bit 4:2:0 in three planes: Y, U, V.
    I420,
    /// 8-bit 4:2:0 in two planes: Y, and U and V interleaved.
    Nv12,
    /// Another depth or sampling in three planes, or one if there is no chroma.
    Planar(SampleFormat),
    /// 10-bit 4:2:0 in two planes as [`Self::Nv12`]: 16-bit words, the lower byte first, with the
    /// value in the upper bits. A layout of raw files; a [`Picture`] has such frames in three planes.
    P010,
}

impl PixelFormat {
    /// Returns the layout of frames of `format` in three planes.
    #[must_use]
    pub fn planar(format: SampleFormat) -> Self {
        if format == SampleFormat::YUV420 { Self::I420 } else { Self::Planar(format) }
    }

    /// Returns depth and sampling.
    #[must_use]
    pub fn samples(self) -> SampleFormat {
        match self {
            Self::I420 | Self::Nv12 => SampleFormat::YUV420,
            Self::Planar(format) => format,
            Self::P010 => SampleFormat::new(10, Sampling::Yuv420),
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I420 => f.write_str("i420"),
            Self::Nv12 => f.write_str("nv12"),
            Self::Planar(format) => format.fmt(f),
            Self::P010 => f.write_str("p010"),
        }
    }
}

/// The chroma samples of a [`Picture`].
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Chroma<'a> {
    Planar {
        u: PlaneRef<'a>,
        v: PlaneRef<'a>,
    },
    /// Interleaved U and V samples; the plane is twice as wide as a chroma plane.
    Interleaved(PlaneRef<'a>),
}

/// The planes of a [`Picture`], by the type of their samples.
#[derive(Clone, Copy, Debug)]
pub enum Planes<'a> {
    /// 8-bit 4:2:0.
    #[expect(missing_docs, reason = "names are self-explanatory")]
    Yuv420 { luma: PlaneRef<'a>, chroma: Chroma<'a> },
    /// 8 bits in another sampling: Y, U, V. Without chroma, U and V are empty.
    Bits8([PlaneRef<'a>; 3]),
    /// 10 or 12 bits: Y, U, V. Without chroma, U and V are empty.
    High([PlaneRef<'a, u16>; 3]),
}

/// A borrowed frame of any size and strides: 8-bit 4:2:0, or another depth and sampling.
///
/// ```
/// use codec_core::frame::{Picture, Size};
///
/// // Planes of a capture device, with rows of 64 and 32 bytes.
/// let (y, u, v) = (vec![16; 64 * 36], vec![128; 32 * 18], vec![128; 32 * 18]);
/// let picture = Picture::i420(Size::new(60, 36), (&y, 64), (&u, 32), (&v, 32))?;
/// assert_eq!(picture.to_i420().len(), 60 * 36 * 3 / 2);
/// assert!(Picture::i420(Size::new(80, 36), (&y, 64), (&u, 32), (&v, 32)).is_err());
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    size: Size,
    samples: SampleFormat,
    planes: Planes<'a>,
    /// Colour description, pixel aspect ratio and rotation.
    pub info: PictureInfo,
}

fn plane<'a, S: Copy>(
    name: &'static str,
    (data, stride): (&'a [S], usize),
    width: u32,
    height: u32,
) -> Result<PlaneRef<'a, S>, ConfigError> {
    let layout = Layout { stride, width: width as usize, height: height as usize, pad: 0 };
    if width == 0 || height == 0 {
        return Err(ConfigError::new("size", format!("{width}x{height}"), "at least 1x1"));
    }
    PlaneRef::new(data, layout).ok_or_else(|| {
        let given = format!("{} samples with stride {stride}", data.len());
        ConfigError::new(name, given, format!("at least {width}x{height} samples"))
    })
}

/// Returns the views of Y, U and V; the views of U and V are empty in 4:0:0.
fn planes<S: Copy>(
    size: Size,
    sampling: Sampling,
    data: [(&[S], usize); 3],
) -> Result<[PlaneRef<'_, S>; 3], ConfigError> {
    let [y, u, v] = data;
    let luma = plane("plane y", y, size.width, size.height)?;
    let half = sampling.plane_size(size, 1);
    let chroma = |name, data| {
        if sampling == Sampling::Yuv400 {
            return plane_without_samples(name);
        }
        plane(name, data, half.width, half.height)
    };
    Ok([luma, chroma("plane u", u)?, chroma("plane v", v)?])
}

fn plane_without_samples<'a, S: Copy>(name: &'static str) -> Result<PlaneRef<'a, S>, ConfigError> {
    PlaneRef::new(&[], Layout::default())
        .ok_or_else(|| ConfigError::new(name, "no samples", "none"))
}

impl<'a> Picture<'a> {
    /// Creates a frame from three planes, each a slice and its stride in bytes.
    ///
    /// # Errors
    /// If a plane is too short for `size`, or a dimension is 0.
    pub fn i420(
        size: Size,
        y: (&'a [u8], usize),
        u: (&'a [u8], usize),
        v: (&'a [u8], usize),
    ) -> Result<Self, ConfigError> {
        let half = size.chroma();
        let luma = plane("plane y", y, size.width, size.height)?;
        let u = plane("plane u", u, half.width, half.height)?;
        let v = plane("plane v", v, half.width, half.height)?;
        Ok(Self::yuv420(size, luma, Chroma::Planar { u, v }))
    }

    fn yuv420(size: Size, luma: PlaneRef<'a>, chroma: Chroma<'a>) -> Self {
        let planes = Planes::Yuv420 { luma, chroma };
        Self { size, samples: SampleFormat::YUV420, planes, info: PictureInfo::default() }
    }

    /// Creates an 8-bit frame of any sampling from three planes, each a slice and its stride in
    /// samples. The chroma planes of 4:0:0 are ignored.
    ///
    /// # Errors
    /// The same errors as [`Self::i420`].
    pub fn planar8(
        size: Size,
        sampling: Sampling,
        data: [(&'a [u8], usize); 3],
    ) -> Result<Self, ConfigError> {
        let [y, u, v] = data;
        if sampling == Sampling::Yuv420 {
            return Self::i420(size, y, u, v);
        }
        let planes = Planes::Bits8(planes(size, sampling, data)?);
        let samples = SampleFormat::new(8, sampling);
        Ok(Self { size, samples, planes, info: PictureInfo::default() })
    }

    /// Creates a frame of 10 or 12 bits from three planes, each a slice and its stride in samples.
    /// The chroma planes of 4:0:0 are ignored. Samples must not exceed [`SampleFormat::max_value`].
    ///
    /// ```
    /// use codec_core::frame::{Picture, SampleFormat, Sampling, Size};
    ///
    /// let format = SampleFormat::new(10, Sampling::Yuv422);
    /// let (y, u, v) = ([64_u16; 24], [512_u16; 12], [512_u16; 12]);
    /// let picture = Picture::planar16(Size::new(6, 4), format, [(&y, 6), (&u, 3), (&v, 3)])?;
    /// assert_eq!(picture.format().to_string(), "yuv422p10");
    /// assert_eq!(picture.to_bytes().len(), 96);
    /// # Ok::<(), codec_core::error::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The same errors as [`Self::i420`], and for another depth.
    pub fn planar16(
        size: Size,
        samples: SampleFormat,
        data: [(&'a [u16], usize); 3],
    ) -> Result<Self, ConfigError> {
        if !matches!(samples.depth, 10 | 12) {
            return Err(ConfigError::new("depth", samples.depth, "10 or 12"));
        }
        let planes = Planes::High(planes(size, samples.sampling, data)?);
        Ok(Self { size, samples, planes, info: PictureInfo::default() })
    }

    /// Creates a frame from a luma plane and a plane of interleaved chroma, each a slice and its
    /// stride in bytes.
    ///
    /// # Errors
    /// The same errors as [`Self::i420`].
    pub fn nv12(
        size: Size,
        y: (&'a [u8], usize),
        uv: (&'a [u8], usize),
    ) -> Result<Self, ConfigError> {
        let half = size.chroma();
        let luma = plane("plane y", y, size.width, size.height)?;
        let chroma = Chroma::Interleaved(plane("plane uv", uv, 2 * half.width, half.height)?);
        Ok(Self::yuv420(size, luma, chroma))
    }

    /// Creates a frame from packed samples without padding: Y, then U, then V.
    ///
    /// # Errors
    /// The same errors as [`Self::i420`].
    pub fn i420_packed(size: Size, data: &'a [u8]) -> Result<Self, ConfigError> {
        let too_short = || {
            let (given, needed) = (format!("{} bytes", data.len()), size.i420_bytes());
            ConfigError::new("picture", given, format!("at least {needed} bytes"))
        };
        let half = size.chroma();
        let luma_len = usize::try_from(size.pixels()).map_err(|_| too_short())?;
        let chroma_len = usize::try_from(half.pixels()).map_err(|_| too_short())?;
        let (y, rest) = data.split_at_checked(luma_len).ok_or_else(too_short)?;
        let (u, v) = rest.split_at_checked(chroma_len).ok_or_else(too_short)?;
        let chroma_stride = half.width as usize;
        Self::i420(size, (y, size.width as usize), (u, chroma_stride), (v, chroma_stride))
    }

    /// Returns the same frame with `info`.
    #[must_use]
    pub fn with_info(self, info: PictureInfo) -> Self {
        Self { info, ..self }
    }

    /// Returns the size in luma pixels.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the memory layout of the samples.
    #[inline]
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        match self.planes {
            Planes::Yuv420 { chroma: Chroma::Planar { .. }, .. } => PixelFormat::I420,
            Planes::Yuv420 { chroma: Chroma::Interleaved(_), .. } => PixelFormat::Nv12,
            Planes::Bits8(_) | Planes::High(_) => PixelFormat::Planar(self.samples),
        }
    }

    /// Returns depth and sampling.
    #[inline]
    #[must_use]
    pub fn samples(&self) -> SampleFormat {
        self.samples
    }

    /// Returns the planes of any format.
    #[inline]
    #[must_use]
    pub fn planes(&self) -> Planes<'a> {
        self.planes
    }

    /// Returns whether the frame is 8-bit 4:2:0.
    #[inline]
    #[must_use]
    pub fn is_yuv420(&self) -> bool {
        matches!(self.planes, Planes::Yuv420 { .. })
    }

    /// Returns the luma plane of an 8-bit 4:2:0 frame.
    ///
    /// # Panics
    /// For other formats. An encoder rejects these with [`check_picture`] first, and decoders return
    /// them only on request ([`DecoderConfig::formats`]).
    ///
    /// [`check_picture`]: crate::codec::Capabilities::check_picture
    /// [`DecoderConfig::formats`]: crate::codec::DecoderConfig::formats
    #[inline]
    #[must_use]
    pub fn luma(&self) -> PlaneRef<'a> {
        self.expect_yuv420().0
    }

    /// Returns the chroma planes of an 8-bit 4:2:0 frame.
    ///
    /// # Panics
    /// Panics like [`Self::luma`].
    #[inline]
    #[must_use]
    pub fn chroma(&self) -> Chroma<'a> {
        self.expect_yuv420().1
    }

    #[inline]
    fn expect_yuv420(&self) -> (PlaneRef<'a>, Chroma<'a>) {
        #[expect(clippy::panic, reason = "callers have checked the format")]
        match self.planes {
            Planes::Yuv420 { luma, chroma } => (luma, chroma),
            Planes::Bits8(_) | Planes::High(_) => panic!("{} is not 8-bit 4:2:0", self.samples),
        }
    }

    /// Copies the samples without padding: Y, then U, then V.
    ///
    /// # Panics
    /// If the frame is not 8-bit 4:2:0.
    #[must_use]
    pub fn to_i420(&self) -> Vec<u8> {
        assert!(self.is_yuv420(), "{} is not 8-bit 4:2:0", self.samples);
        self.to_bytes()
    }

    /// Copies the samples without padding: Y, then U, then V. Samples of more than 8 bits have two
    /// bytes, the lower one first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut samples = Vec::new();
        self.append_bytes(&mut samples);
        samples
    }

    /// Appends the samples to `out` as [`Self::to_bytes`] returns them.
    pub fn append_bytes(&self, out: &mut Vec<u8>) {
        match self.planes {
            Planes::Yuv420 { luma, chroma } => {
                append(luma, 0, 1, out);
                match chroma {
                    Chroma::Planar { u, v } => [u, v].map(|plane| append(plane, 0, 1, out)),
                    Chroma::Interleaved(uv) => [0, 1].map(|first| append(uv, first, 2, out)),
                };
            }
            Planes::Bits8(planes) => planes.iter().for_each(|plane| append(*plane, 0, 1, out)),
            Planes::High(planes) => {
                for plane in planes {
                    for y in 0..plane.layout().height {
                        out.extend(plane.row(y).iter().flat_map(|sample| sample.to_le_bytes()));
                    }
                }
            }
        }
    }

    /// Appends the samples of a 10-bit 4:2:0 frame to `out` in the layout [`PixelFormat::P010`].
    ///
    /// # Errors
    /// For other formats.
    pub fn append_p010(&self, out: &mut Vec<u8>) -> Result<(), ConfigError> {
        let (expected, found) = (PixelFormat::P010.samples(), self.samples);
        let Planes::High([luma, u, v]) = self.planes else {
            return Err(ConfigError::new("format", found, expected));
        };
        ConfigError::ensure(found == expected, "format", found, expected)?;
        let shifted = |sample: &u16| (sample << 6).to_le_bytes();
        for y in 0..luma.layout().height {
            out.extend(luma.row(y).iter().flat_map(shifted));
        }
        for y in 0..u.layout().height {
            let samples = u.row(y).iter().zip(v.row(y)).flat_map(|(u, v)| [u, v]);
            out.extend(samples.flat_map(shifted));
        }
        Ok(())
    }

    /// Returns a digest of the samples (FNV-1a over 64-bit words of each row of Y, U and V, in four chains). Equal
    /// frames have equal digests on every machine, independent of format and strides.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = Digest::default();
        match self.planes {
            Planes::Yuv420 { luma, chroma } => {
                hash.plane(luma, 0, 1);
                match chroma {
                    Chroma::Planar { u, v } => [u, v].map(|plane| hash.plane(plane, 0, 1)),
                    Chroma::Interleaved(uv) => [0, 1].map(|first| hash.plane(uv, first, 2)),
                };
            }
            Planes::Bits8(planes) => planes.iter().for_each(|plane| hash.plane(*plane, 0, 1)),
            Planes::High(planes) => planes.iter().for_each(|plane| hash.plane16(*plane)),
        }
        hash.value()
    }
}

/// Appends every `step`th sample of each row, starting at `first`.
fn append(plane: PlaneRef<'_>, first: usize, step: usize, out: &mut Vec<u8>) {
    for y in 0..plane.layout().height {
        let row = &plane.row(y)[first..];
        if step == 1 {
            out.extend_from_slice(row);
        } else {
            out.extend(row.iter().step_by(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_samples_and_not_on_layout() {
        let size = Size::new(13, 5);
        let bytes: Vec<u8> = (0..=255).collect();
        let (y, u, v) = (&bytes[..65], &bytes[65..86], &bytes[100..121]);
        let planar = Picture::i420(size, (y, 13), (u, 7), (v, 7)).unwrap();
        let uv: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
        let interleaved = Picture::nv12(size, (y, 13), (&uv, 14)).unwrap();
        assert_eq!(planar.digest(), interleaved.digest());

        let mut padded = vec![9; 20 * 5];
        for row in 0..5 {
            padded[row * 20..][..13].copy_from_slice(&y[row * 13..][..13]);
        }
        let strided = Picture::i420(size, (&padded, 20), (u, 7), (v, 7)).unwrap();
        assert_eq!(planar.digest(), strided.digest());

        padded[4 * 20 + 12] ^= 1;
        let other = Picture::i420(size, (&padded, 20), (u, 7), (v, 7)).unwrap();
        assert_ne!(planar.digest(), other.digest());
    }

    #[test]
    fn frames_of_all_formats_have_their_samples_in_order() {
        let size = Size::new(5, 3);
        for (name, format) in SampleFormat::ALL {
            let count = usize::try_from(format.samples(size)).unwrap();
            let [luma, chroma] =
                [0, 1].map(|plane| format.sampling.plane_size(size, plane).pixels());
            let [luma, chroma] = [luma, chroma].map(|len| usize::try_from(len).unwrap());
            let stride = format.sampling.plane_size(size, 1).width as usize;
            let cut = |at: usize| (5 * usize::from(at == 0) + stride * usize::from(at > 0), at);
            let parts = [0..luma, luma..luma + chroma, luma + chroma..count];
            if format.depth == 8 {
                let samples: Vec<u8> = (0..u8::try_from(count).unwrap()).collect();
                let data = [0, 1, 2].map(|at| (&samples[parts[at].clone()], cut(at).0));
                let picture = Picture::planar8(size, format.sampling, data).unwrap();
                assert_eq!((picture.samples(), picture.to_bytes()), (format, samples), "{name}");
            } else {
                let samples: Vec<u16> = (700..).take(count).collect();
                let data = [0, 1, 2].map(|at| (&samples[parts[at].clone()], cut(at).0));
                let picture = Picture::planar16(size, format, data).unwrap();
                let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
                assert_eq!((picture.samples(), picture.to_bytes()), (format, bytes), "{name}");
                let mut other = samples.clone();
                other[count - 1] ^= 256;
                let data = [0, 1, 2].map(|at| (&other[parts[at].clone()], cut(at).0));
                let changed = Picture::planar16(size, format, data).unwrap();
                assert_ne!(picture.digest(), changed.digest(), "{name}");
            }
        }
    }

    #[test]
    fn plane_too_short_for_its_size_is_rejected() {
        let bytes = [0; 100];
        assert!(Picture::i420_packed(Size::new(8, 8), &bytes[..96]).is_ok());
        assert!(Picture::i420_packed(Size::new(8, 8), &bytes[..95]).is_err());
        assert!(Picture::i420_packed(Size::new(0, 8), &bytes).is_err());
        assert!(Picture::i420_packed(Size::new(u32::MAX, u32::MAX), &bytes).is_err());
    }
}
