//! A limit on frequent resolution changes in a stream, because a decoder has to allocate memory for
//! each of them.

use super::Limits;
use crate::error::LimitError;
use crate::frame::Size;

/// Number of frames over which the cost is summed: about a second of video. Decoders have no clock.
const WINDOW: usize = 30;

/// Limits the sum of the frame sizes that recent frames of a stream changed to, in pixels.
///
/// The sum measures the memory that a decoder has to allocate and clear. Adaptive calls change their
/// resolution often and stay below the limit; a stream of small packets that repeatedly request large
/// frames, which is an attack, exceeds it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResizeLimit {
    /// Pixels of each frame that changed the size, 0 for others, as a ring buffer.
    window: [u64; WINDOW],
    /// Index of the oldest frame, which the next one replaces.
    oldest: usize,
    sum: u64,
}

impl ResizeLimit {
    /// Checks that the next frame may change the size to `new`. The first size is always allowed.
    ///
    /// # Errors
    /// [`LimitError`] if the sizes of the last frames exceed [`Limits::max_resized_pixels`].
    pub fn check(&self, limits: &Limits, new: Size) -> Result<(), LimitError> {
        // The oldest frame leaves the window when the next one is counted.
        let before = self.sum - self.window[self.oldest];
        let (requested, limit) = (before.saturating_add(new.pixels()), limits.max_resized_pixels);
        if before > 0 && requested > limit {
            return Err(LimitError { what: "resized pixels within 30 frames", requested, limit });
        }
        Ok(())
    }

    /// Counts a frame; `new` is the size that it changed to.
    pub fn count_frame(&mut self, new: Option<Size>) {
        let pixels = new.map_or(0, Size::pixels);
        let leaving = std::mem::replace(&mut self.window[self.oldest], pixels);
        self.sum = self.sum - leaving + pixels;
        self.oldest = (self.oldest + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_counts_pixels_and_not_resizes() {
        let limits = Limits::default();
        let mut small = ResizeLimit::default();
        for n in 0..1000 {
            let size = if n % 2 == 0 { Size::new(640, 360) } else { Size::new(320, 180) };
            small.check(&limits, size).unwrap();
            small.count_frame(Some(size));
        }
        let mut large = ResizeLimit::default();
        for n in 0..8 {
            let size = Size::new(4096 - n % 2, 4096);
            large.check(&limits, size).unwrap();
            large.count_frame(Some(size));
        }
        let size = Size::new(4096, 4096);
        assert!(large.check(&limits, size).is_err());
        // The window moves past the resizes.
        for _ in 0..22 {
            large.count_frame(None);
        }
        large.check(&limits, size).unwrap();
    }
}
