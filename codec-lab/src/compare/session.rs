//! A run of `codec compare`: its start time, and the speed of the machine, measured before and
//! after each encoding unless encodings run in parallel.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::calibration::Calibration;

/// Slices of the calibration workload before and after an encoding: about 1.3 ms each time.
const SLICES: u32 = 4;

/// One run of `compare`.
#[derive(Debug)]
pub(super) struct Session {
    /// Start time, in seconds since 1970.
    pub(super) begun_s: u64,
    /// `None` if encodings run in parallel.
    calibration: Option<Mutex<Calibration>>,
}

impl Session {
    pub(super) fn new(timing: bool) -> Self {
        let calibration = timing.then(|| Mutex::new(Calibration::new()));
        Self { begun_s: now_s(), calibration }
    }

    /// CPU time of a slice of the calibration workload, in nanoseconds.
    pub(super) fn slice_ns(&self) -> Option<f64> {
        let mut calibration =
            self.calibration.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        (0..SLICES).for_each(|_| calibration.slice());
        Some(calibration.take().1)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
