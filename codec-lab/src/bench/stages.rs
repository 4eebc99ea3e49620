//! Timing of encoder stages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use codec_core::codec::{Stage, StageClock};

/// A clock lent to encoders, and the sums of their stage times.
#[derive(Debug)]
pub(super) struct StageTimes {
    start: Instant,
    ns: [AtomicU64; Stage::ALL.len()],
}

impl StageTimes {
    pub(super) fn shared() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), ns: Default::default() })
    }

    /// Returns the nanoseconds of each stage, in the order of [`Stage::ALL`]; `None` if the encoder
    /// reported no stages.
    #[expect(clippy::cast_precision_loss, reason = "sums of a short time")]
    pub(super) fn ns(&self) -> Option<[f64; Stage::ALL.len()]> {
        let ns = self.ns.each_ref().map(|ns| ns.load(Ordering::Relaxed) as f64);
        (ns.iter().sum::<f64>() > 0.0).then_some(ns)
    }
}

impl StageClock for StageTimes {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn spent(&self, stage: Stage, ns: u64) {
        self.ns[stage as usize].fetch_add(ns, Ordering::Relaxed);
    }
}
