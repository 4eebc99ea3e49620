//! Converts driver timestamps to the clock of a stream.

use std::time::Duration;

/// Tolerance for timestamps in the future, because the clocks are read one after the other.
const AHEAD: Duration = Duration::from_millis(5);
/// Older timestamps come from another clock.
const OLDEST: Duration = Duration::from_secs(2);

/// Converts timestamps of the system's monotonic clock to a clock that starts at `zero`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    zero: Duration,
}

impl Stamps {
    pub(super) fn new(zero: Duration) -> Self {
        Self { zero }
    }

    /// Returns the time of something that arrives `now`. An implausible timestamp is replaced by
    /// `now`.
    pub(super) fn place(&self, stamp: Option<Duration>, now: Duration) -> Duration {
        let usable =
            stamp.filter(|stamp| *stamp <= now + AHEAD && now.saturating_sub(*stamp) <= OLDEST);
        self.since(usable.unwrap_or(now).min(now))
    }

    /// Converts a time of the monotonic clock to the time since the start.
    pub(super) fn since(&self, time: Duration) -> Duration {
        time.saturating_sub(self.zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_of_other_clocks_are_ignored() {
        let ms = Duration::from_millis;
        let stamps = Stamps::new(ms(10_000));
        assert_eq!(stamps.place(Some(ms(10_970)), ms(11_000)), ms(970));
        assert_eq!(stamps.place(Some(ms(11_003)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(None, ms(11_000)), ms(1000));
        // Zero, the wall clock, and before the start.
        assert_eq!(stamps.place(Some(ms(0)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(Some(Duration::from_secs(1_800_000_000)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(Some(ms(9_990)), ms(10_010)), ms(0));
    }
}
