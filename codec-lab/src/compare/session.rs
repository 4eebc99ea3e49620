//! State of the machine recorded around each encoding.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::yardstick::Yardstick;

/// Yardstick slices before and after an encoding: about 1.3 ms each time.
const SLICES: u32 = 4;

/// One run of `compare`.
#[derive(Debug)]
pub(super) struct Session {
    /// Start time, in seconds since 1970.
    pub(super) begun_s: u64,
    /// `None` if encodings run in parallel.
    yardstick: Option<Mutex<Yardstick>>,
}

impl Session {
    pub(super) fn new(timing: bool) -> Self {
        let yardstick = timing.then(|| Mutex::new(Yardstick::new()));
        Self { begun_s: now_s(), yardstick }
    }

    /// CPU time of a yardstick slice, in nanoseconds.
    pub(super) fn slice_ns(&self) -> Option<f64> {
        let mut yardstick = self.yardstick.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        (0..SLICES).for_each(|_| yardstick.slice());
        Some(yardstick.take().1)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
