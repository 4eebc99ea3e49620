//! Limits on the pixels of a frame, and on changes of the frame size in a stream. They are checked
//! before a packet is passed to a library.

use codec_core::codec::{Limits, ResizeLimit};
use codec_core::error::Error;
use codec_core::frame::{PixelLimit, Size};

/// History of the frame sizes in a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct SizeLimiter {
    size: Option<Size>,
    resize_limit: ResizeLimit,
}

impl SizeLimiter {
    /// Checks that the next frame may have `size`.
    pub(super) fn check(&self, limits: &Limits, size: Size) -> Result<(), Error> {
        PixelLimit(limits.max_pixels).check(size)?;
        if self.changes_to(size) {
            self.resize_limit.check(limits, size)?;
        }
        Ok(())
    }

    /// Records that the next frame has `size`.
    pub(super) fn count(&mut self, size: Size) {
        let changed = self.changes_to(size);
        self.resize_limit.count_frame(changed.then_some(size));
        self.size = Some(size);
    }

    /// Returns the size of the last frame.
    #[cfg(feature = "libvpx")]
    pub(super) fn current(&self) -> Option<Size> {
        self.size
    }

    fn changes_to(&self, size: Size) -> bool {
        self.size != Some(size)
    }
}
