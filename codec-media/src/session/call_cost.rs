//! The time and the memory allocations of an encoder call.

use std::time::Instant;

/// Time and allocations of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallCost {
    pub(super) encode_us: u64,
    /// Allocations of the calling thread; `None` if not requested or not counted in this build.
    pub(super) allocations: Option<u64>,
}

impl CallCost {
    /// Calls `work`. Allocations are counted only if `counted`.
    pub(super) fn of<T>(counted: bool, work: impl FnOnce() -> T) -> (T, Self) {
        let before = Instant::now();
        let (given, allocations) = if counted { count(work) } else { (work(), None) };
        let encode_us = u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX);
        (given, Self { encode_us, allocations })
    }
}

#[cfg(feature = "allocations")]
fn count<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let mut given = None;
    let info = allocation_counter::measure(|| given = Some(work()));
    #[expect(clippy::expect_used, reason = "the closure is always called")]
    (given.expect("called"), Some(info.count_total))
}

#[cfg(not(feature = "allocations"))]
fn count<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    (work(), None)
}
