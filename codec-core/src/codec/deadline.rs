//! Time limit per frame, measured by a clock that the caller supplies.

use std::fmt::Debug;
use std::sync::Arc;

/// A monotonic clock.
///
/// Encoders have no clock of their own: they read this one at the start and end of each frame. It
/// may measure wall time, thread time, or simulated time.
pub trait Clock: Send + Sync + Debug {
    /// Returns microseconds since an arbitrary fixed origin.
    fn now_us(&self) -> u64;
}

/// Time limit for a call of [`super::VideoEncoder::encode`].
///
/// The encoder lowers its effort, at most down to its fastest speed, to finish frames in time. This
/// is a best effort, not a guarantee.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Limit per frame in microseconds, at least 1.
    pub max_us: u64,
    /// Clock that measures the frames.
    pub clock: Arc<dyn Clock>,
}

/// Time that a frame took relative to its [`Deadline`].
///
/// [`super::PacketMeta::speed`] has the speed at which the frame was coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTime {
    /// Time taken, in microseconds.
    pub elapsed_us: u64,
    /// Time allowed, in microseconds.
    pub max_us: u64,
}

impl FrameTime {
    /// Returns whether the frame met its deadline.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.elapsed_us <= self.max_us
    }
}
