//! When pictures and sound of a file are due.

use std::time::Duration;

/// Lateness from which on what follows is put off: a file is sent slower then, and nothing of it is
/// left out.
const SLIP: Duration = Duration::from_millis(100);

/// Ties seconds of media to a clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// When a moment of the media is due, and that moment, in seconds.
    anchor: Option<(Duration, f64)>,
    /// How much was put off so far.
    slipped: Duration,
    /// The media happen now: nothing can be put off.
    is_live: bool,
}

impl Pace {
    /// The pace of what happens now; `media_s` is what its clock says.
    pub(crate) fn live(now: Duration, media_s: f64) -> Self {
        Self { anchor: Some((now, media_s)), slipped: Duration::ZERO, is_live: true }
    }

    /// When a moment is due; the first that is asked for is due at once, and what lies before it was
    /// due before.
    pub(crate) fn due(&mut self, now: Duration, media_s: f64) -> Duration {
        let (at, from) = *self.anchor.get_or_insert((now, media_s));
        let passed = Duration::try_from_secs_f64((media_s - from).abs()).unwrap_or(Duration::MAX);
        if media_s < from { at.saturating_sub(passed) } else { at.saturating_add(passed) }
    }

    /// Whether a moment has been tied to the clock.
    pub(crate) fn has_begun(&self) -> bool {
        self.anchor.is_some()
    }

    /// Notes that what was due at `due` was only done `now`.
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

    /// The moment that is due now, in seconds of the media.
    pub(crate) fn media_s(&self, now: Duration) -> f64 {
        self.anchor.map_or(0.0, |(at, from)| from + now.as_secs_f64() - at.as_secs_f64())
    }

    /// How much was put off so far.
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
    fn what_happens_now_is_not_put_off() {
        let mut pace = Pace::live(ms(500), 0.3);
        let due = pace.due(ms(700), 0.4);
        assert_eq!(due, ms(600));
        pace.done(due, ms(1900));
        assert_eq!((pace.due(ms(1900), 1.3), pace.slipped()), (ms(1500), ms(0)));
        // What was captured before the beginning.
        assert_eq!(pace.due(ms(1900), 0.1), ms(300));
    }

    #[test]
    fn moments_are_due_as_far_apart_as_they_lie() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(ms(500), 10.0), ms(500));
        assert_eq!(pace.due(ms(501), 10.04), ms(540));
        assert_eq!(pace.due(ms(501), 9.96), ms(460));
        assert!((pace.media_s(ms(540)) - 10.04).abs() < 1e-9);
        // A little late is late.
        pace.done(ms(540), ms(600));
        assert_eq!(pace.due(ms(600), 10.08), ms(580));
        // Much later puts off the rest.
        pace.done(ms(580), ms(780));
        assert_eq!(pace.due(ms(780), 10.12), ms(820));
        assert_eq!(pace.slipped(), ms(200));
    }
}
