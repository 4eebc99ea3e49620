//! Schedules the video and audio of a file, to send them in real time.

use std::time::Duration;

/// Lateness above which the rest is postponed: a file is then sent more slowly, without dropping
/// anything.
const SLIP: Duration = Duration::from_millis(100);

/// Maps media time in seconds to a clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// A clock time and the media time, in seconds, that is due then.
    anchor: Option<(Duration, f64)>,
    /// The total postponement so far.
    slipped: Duration,
    /// Whether the media are live: nothing can be postponed.
    is_live: bool,
}

impl Pace {
    /// The pace of a live source; `media_s` is its current media time.
    pub(crate) fn live(now: Duration, media_s: f64) -> Self {
        Self { anchor: Some((now, media_s)), slipped: Duration::ZERO, is_live: true }
    }

    /// When a media time is due. The first requested time is due immediately; earlier times were
    /// due before.
    pub(crate) fn due(&mut self, now: Duration, media_s: f64) -> Duration {
        let (at, from) = *self.anchor.get_or_insert((now, media_s));
        let passed = Duration::try_from_secs_f64((media_s - from).abs()).unwrap_or(Duration::MAX);
        if media_s < from { at.saturating_sub(passed) } else { at.saturating_add(passed) }
    }

    /// Whether the pace has started.
    pub(crate) fn has_begun(&self) -> bool {
        self.anchor.is_some()
    }

    /// Records that work due at `due` was done only `now`.
    pub(crate) fn done(&mut self, due: Duration, now: Duration) {
        let late = now.saturating_sub(due);
        if late > SLIP
            && !self.is_live
            && let Some((at, _)) = &mut self.anchor
        {
            *at += late;
            self.slipped += late;
        }
    }

    /// The media time that is due now, in seconds.
    pub(crate) fn media_s(&self, now: Duration) -> f64 {
        self.anchor.map_or(0.0, |(at, from)| from + now.as_secs_f64() - at.as_secs_f64())
    }

    /// The total postponement so far.
    pub(crate) fn slipped(&self) -> Duration {
        self.slipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn live_media_are_not_postponed() {
        let mut pace = Pace::live(ms(500), 0.3);
        let due = pace.due(ms(700), 0.4);
        assert_eq!(due, ms(600));
        pace.done(due, ms(1900));
        assert_eq!((pace.due(ms(1900), 1.3), pace.slipped()), (ms(1500), ms(0)));
        // Captured before the start.
        assert_eq!(pace.due(ms(1900), 0.1), ms(300));
    }

    #[test]
    fn intervals_are_kept() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(ms(500), 10.0), ms(500));
        assert_eq!(pace.due(ms(501), 10.04), ms(540));
        assert_eq!(pace.due(ms(501), 9.96), ms(460));
        assert!((pace.media_s(ms(540)) - 10.04).abs() < 1e-9);
        // A little lateness postpones nothing.
        pace.done(ms(540), ms(600));
        assert_eq!(pace.due(ms(600), 10.08), ms(580));
        // Larger lateness postpones the rest.
        pace.done(ms(580), ms(780));
        assert_eq!(pace.due(ms(780), 10.12), ms(820));
        assert_eq!(pace.slipped(), ms(200));
    }
}
