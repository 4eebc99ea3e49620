//! Quality limitation reasons and their durations.

use std::time::Duration;

/// Cause that limits video quality (`qualityLimitationReason` of getStats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limitation {
    /// No limitation.
    #[default]
    None,
    /// CPU: encoding takes too long.
    Cpu,
    /// Bandwidth: the bitrate is below the highest useful one.
    Bandwidth,
}

impl Limitation {
    /// The value of `qualityLimitationReason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cpu => "cpu",
            Self::Bandwidth => "bandwidth",
        }
    }
}

/// Time spent in each limitation (`qualityLimitationDurations` of getStats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Limitation")]
pub struct LimitationDurations {
    pub none: Duration,
    pub cpu: Duration,
    pub bandwidth: Duration,
}

/// Accumulates the time spent in each limitation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Durations {
    sums: LimitationDurations,
    current: Option<(Duration, Limitation)>,
}

impl Durations {
    pub(super) fn update(&mut self, now: Duration, limitation: Limitation) {
        self.sums = self.until(now);
        self.current = Some((now, limitation));
    }

    pub(super) fn until(&self, now: Duration) -> LimitationDurations {
        let mut sums = self.sums;
        if let Some((since, limitation)) = self.current {
            let sum = match limitation {
                Limitation::None => &mut sums.none,
                Limitation::Cpu => &mut sums.cpu,
                Limitation::Bandwidth => &mut sums.bandwidth,
            };
            *sum = sum.saturating_add(now.saturating_sub(since));
        }
        sums
    }
}
