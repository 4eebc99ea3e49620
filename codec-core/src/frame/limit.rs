//! Limits on the size of frames.

use super::{SampleFormat, Size};
use crate::error::LimitError;

/// A limit on the frame size that untrusted input may request, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelLimit(pub u64);

impl PixelLimit {
    /// Checks that `size` does not exceed the limit.
    ///
    /// # Errors
    /// [`LimitError`] if it does.
    pub fn check(self, size: Size) -> Result<(), LimitError> {
        self.check_pixels(size.pixels())
    }

    /// Checks that a frame of `size` does not exceed the limit, and does not need more memory than an
    /// 8-bit 4:2:0 frame at the limit: a pixel of 4:4:4 at 10 or 12 bits counts as four.
    ///
    /// ```
    /// use codec_core::frame::{PixelLimit, SampleFormat, Sampling, Size};
    ///
    /// let (limit, size) = (PixelLimit(640 * 360), Size::new(640, 360));
    /// assert!(limit.check_format(size, SampleFormat::YUV420).is_ok());
    /// assert!(limit.check_format(size, SampleFormat::new(12, Sampling::Yuv444)).is_err());
    /// ```
    ///
    /// # Errors
    /// [`LimitError`] if it does.
    pub fn check_format(self, size: Size, format: SampleFormat) -> Result<(), LimitError> {
        if format == SampleFormat::YUV420 {
            return self.check(size);
        }
        self.check_pixels(weighted_pixels(size, format))
    }

    fn check_pixels(self, requested: u64) -> Result<(), LimitError> {
        if requested > self.0 {
            return Err(LimitError { what: "pixels", requested, limit: self.0 });
        }
        Ok(())
    }
}

/// Returns the number of pixels of 8-bit 4:2:0 that need the memory of a frame of `format`, at least
/// the pixels of `size`.
fn weighted_pixels(size: Size, format: SampleFormat) -> u64 {
    let thirds = format.frame_bytes(size).saturating_mul(2);
    size.pixels().max(thirds / 3)
}
