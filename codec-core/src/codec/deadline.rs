//! Time that a frame may take, by a clock of the caller's.

use std::fmt::Debug;
use std::sync::Arc;

/// A clock that never goes back. Encoders have none of their own: this one is read at the beginning
/// and at the end of each frame, and may count wall time, the time of the thread, or nothing real.
pub trait Clock: Send + Sync + Debug {
    /// Microseconds since any fixed moment.
    fn now_us(&self) -> u64;
}

/// The most time that a call of [`super::VideoEncoder::encode`] should take. The encoder lowers its
/// effort, never below that of its fastest speed, so that frames end in time; it cannot promise it.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Microseconds for each frame, at least 1.
    pub max_us: u64,
    /// What they are counted by.
    pub clock: Arc<dyn Clock>,
}

/// How a frame kept its [`Deadline`]. The speed that it was coded at is in
/// [`super::PacketMeta::speed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTime {
    /// Microseconds that the frame took.
    pub elapsed_us: u64,
    /// Microseconds that it was allowed.
    pub max_us: u64,
}

impl FrameTime {
    /// Whether the frame ended in time.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.elapsed_us <= self.max_us
    }
}
