//! Limits on what a stream may ask a library for, checked before the library sees the packet.

use crate::codec::Limits;
use crate::error::{Error, LimitError};
use crate::frame::{PixelLimit, Size};

/// Frames among which changes of size are counted.
const WINDOW: u32 = 30;

/// The sizes that a stream has had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamSizes {
    size: Option<Size>,
    /// Changes among the last frames, newest in the lowest bit.
    changes: u32,
}

impl StreamSizes {
    /// Nothing, if a packet of `bytes` may be decoded.
    pub(super) fn check_bytes(limits: &Limits, bytes: usize) -> Result<(), Error> {
        let (asked, limit) = (bytes as u64, limits.max_frame_bytes);
        if asked > limit {
            return Err(LimitError { what: "frame bytes", asked, limit }.into());
        }
        Ok(())
    }

    /// Nothing, if the next frame may be of `size`.
    pub(super) fn check(&self, limits: &Limits, size: Size) -> Result<(), Error> {
        PixelLimit(limits.max_pixels).check(size)?;
        let changes = self.after(size).count_ones();
        if changes > limits.max_size_changes {
            return Err(LimitError {
                what: "changes of size in 30 frames",
                asked: changes.into(),
                limit: limits.max_size_changes.into(),
            }
            .into());
        }
        Ok(())
    }

    /// The next frame was of `size`.
    pub(super) fn count(&mut self, size: Size) {
        self.changes = self.after(size);
        self.size = Some(size);
    }

    /// The size of the last frame.
    #[cfg(feature = "libvpx")]
    pub(super) fn current(&self) -> Option<Size> {
        self.size
    }

    fn after(&self, size: Size) -> u32 {
        let changed = self.size.is_some_and(|before| before != size);
        (self.changes << 1 | u32::from(changed)) & ((1 << WINDOW) - 1)
    }
}
