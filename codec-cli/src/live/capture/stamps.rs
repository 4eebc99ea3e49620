//! Times of a driver on the clock of a stream.

use std::time::Duration;

/// A stamp in the future by more is none: the clocks are one, but read one after the other.
const AHEAD: Duration = Duration::from_millis(5);
/// What is older than this was not taken by the clock that we read.
const OLDEST: Duration = Duration::from_secs(2);

/// Puts stamps of the system's monotonic clock on a clock that begins at `zero`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    zero: Duration,
}

impl Stamps {
    pub(super) fn new(zero: Duration) -> Self {
        Self { zero }
    }

    /// When something happened that arrives `now`. Stamps that cannot be right are as good as none:
    /// then it happened now.
    pub(super) fn place(&self, stamp: Option<Duration>, now: Duration) -> Duration {
        let usable =
            stamp.filter(|stamp| *stamp <= now + AHEAD && now.saturating_sub(*stamp) <= OLDEST);
        self.since(usable.unwrap_or(now).min(now))
    }

    /// A time of the monotonic clock, since the beginning.
    pub(super) fn since(&self, time: Duration) -> Duration {
        time.saturating_sub(self.zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_other_clocks_are_not_believed() {
        let ms = Duration::from_millis;
        let stamps = Stamps::new(ms(10_000));
        assert_eq!(stamps.place(Some(ms(10_970)), ms(11_000)), ms(970));
        assert_eq!(stamps.place(Some(ms(11_003)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(None, ms(11_000)), ms(1000));
        // Zero, the wall clock, and before the beginning.
        assert_eq!(stamps.place(Some(ms(0)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(Some(Duration::from_secs(1_800_000_000)), ms(11_000)), ms(1000));
        assert_eq!(stamps.place(Some(ms(9_990)), ms(10_010)), ms(0));
    }
}
