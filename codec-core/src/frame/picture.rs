//! Borrowed frames, the input of encoders.

use codec_simd::{Layout, PlaneRef};

use super::{PictureInfo, Size};
use crate::error::ConfigError;

/// Memory layout of 8-bit 4:2:0 samples.
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
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Chroma<'a> {
    Planar {
        u: PlaneRef<'a>,
        v: PlaneRef<'a>,
    },
    /// Interleaved U and V samples; the plane is twice as wide as a chroma plane.
    Interleaved(PlaneRef<'a>),
}

/// A borrowed 8-bit 4:2:0 frame of any size and strides.
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
    luma: PlaneRef<'a>,
    chroma: Chroma<'a>,
    /// Colour description, pixel aspect ratio and rotation.
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
        ConfigError::new(name, given, format!("{width}x{height} samples"))
    })
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
        Ok(Self {
            size,
            luma: plane("plane y", y, size.width, size.height)?,
            chroma: Chroma::Interleaved(plane("plane uv", uv, 2 * half.width, half.height)?),
            info: PictureInfo::default(),
        })
    }

    /// Creates a frame from packed samples without padding: Y, then U, then V.
    ///
    /// # Errors
    /// The same errors as [`Self::i420`].
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
        match self.chroma {
            Chroma::Planar { .. } => PixelFormat::I420,
            Chroma::Interleaved(_) => PixelFormat::Nv12,
        }
    }

    /// Returns the luma plane.
    #[inline]
    #[must_use]
    pub fn luma(&self) -> PlaneRef<'a> {
        self.luma
    }

    /// Returns the chroma planes.
    #[inline]
    #[must_use]
    pub fn chroma(&self) -> Chroma<'a> {
        self.chroma
    }

    /// Copies the samples without padding: Y, then U, then V.
    #[must_use]
    pub fn to_i420(&self) -> Vec<u8> {
        let mut samples = Vec::new();
        let mut copy = |plane: PlaneRef<'_>, first: usize, step: usize| {
            for y in 0..plane.layout().height {
                samples.extend(plane.row(y)[first..].iter().step_by(step));
            }
        };
        copy(self.luma, 0, 1);
        match self.chroma {
            Chroma::Planar { u, v } => [u, v].map(|plane| copy(plane, 0, 1)),
            Chroma::Interleaved(uv) => [0, 1].map(|first| copy(uv, first, 2)),
        };
        samples
    }

    /// Returns a digest of the samples (FNV-1a over 64-bit words of each row of Y, U and V). Equal
    /// frames have equal digests on every machine, independent of format and strides.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = Digest::default();
        hash.plane(self.luma, 0, 1);
        match self.chroma {
            Chroma::Planar { u, v } => {
                hash.plane(u, 0, 1);
                hash.plane(v, 0, 1);
            }
            Chroma::Interleaved(uv) => {
                hash.plane(uv, 0, 2);
                hash.plane(uv, 1, 2);
            }
        }
        hash.0
    }
}

/// FNV-1a over 64-bit words, with a shift that propagates high bits to low ones.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn word(&mut self, word: u64) {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        self.0 = (self.0 ^ word).wrapping_mul(PRIME);
        self.0 ^= self.0 >> 29;
    }

    /// Adds every `step`th sample of each row, starting at `first`.
    fn plane(&mut self, plane: PlaneRef<'_>, first: usize, step: usize) {
        for y in 0..plane.layout().height {
            for group in plane.row(y)[first..].chunks(8 * step) {
                let mut bytes = [0; 8];
                if let (1, Ok(whole)) = (step, <&[u8; 8]>::try_from(group)) {
                    bytes = *whole;
                } else {
                    for (byte, sample) in bytes.iter_mut().zip(group.iter().step_by(step)) {
                        *byte = *sample;
                    }
                }
                self.word(u64::from_le_bytes(bytes));
            }
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
    fn plane_too_short_for_its_size_is_rejected() {
        let bytes = [0; 100];
        assert!(Picture::i420_packed(Size::new(8, 8), &bytes[..96]).is_ok());
        assert!(Picture::i420_packed(Size::new(8, 8), &bytes[..95]).is_err());
        assert!(Picture::i420_packed(Size::new(0, 8), &bytes).is_err());
        assert!(Picture::i420_packed(Size::new(u32::MAX, u32::MAX), &bytes).is_err());
    }
}
