//! Delays the switch to a higher layer after a switch to a lower one, so that layers do not flap.

use std::time::Duration;

/// Hold of the first downward switch, which may be due to a short fall of the estimate.
const FIRST_HOLD: Duration = Duration::from_millis(300);
/// Shortest hold after an upward switch that failed. A switch that lasts this long has not failed.
const MIN_HOLD: Duration = Duration::from_secs(10);
/// Longest hold after an upward switch that failed.
const MAX_HOLD: Duration = Duration::from_secs(120);

/// A source without any layer comes back after this share of the hold: no video is worse than a failed attempt.
const RETURN_SHARE: u32 = 5;

/// Layers go down at once, and up again after a moment. If that upward switch does not last, the next one is held for 10 s,
/// which doubles, up to 120 s, each time that an upward switch does not last longer than its hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UpHold {
    hold: Duration,
    until: Option<Duration>,
    last_up: Option<Duration>,
    last_down: Option<Duration>,
}

impl UpHold {
    /// Records a downward switch for lack of bandwidth.
    pub(super) fn down(&mut self, now: Duration) {
        let lasting = self.hold.max(MIN_HOLD);
        let has_failed = self.last_up.is_some_and(|at| now.saturating_sub(at) < lasting);
        let is_held = self.until.is_some_and(|until| now < until);
        let is_same_fall = is_held && self.last_up <= self.last_down;
        self.hold = match (has_failed, is_same_fall) {
            // Several steps down at once are one failure.
            (_, true) => self.hold,
            (true, false) => (self.hold * 2).clamp(MIN_HOLD, MAX_HOLD),
            (false, false) => FIRST_HOLD,
        };
        self.until = Some(now.saturating_add(self.hold));
        self.last_down = Some(now);
    }

    /// Records an upward switch.
    pub(super) fn up(&mut self, now: Duration) {
        // Only a switch after a downward one can fail.
        if self.until.is_some() {
            self.last_up = Some(now);
        }
    }

    /// Whether the lowest layer of a paused source is allowed.
    pub(super) fn allows_return(&self, now: Duration) -> bool {
        let until = self.last_down.map(|at| at.saturating_add(self.hold / RETURN_SHARE));
        until.is_none_or(|until| now >= until)
    }

    /// Whether an upward switch is allowed.
    pub(super) fn allows_up(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hold_is_short_at_first_and_doubles_at_each_failure_up_to_two_minutes() {
        let mut hold = UpHold::default();
        let mut now = Duration::from_secs(1);
        assert!(hold.allows_up(now));
        let mut holds = Vec::new();
        for _ in 0..6 {
            hold.down(now);
            let start = now;
            while !hold.allows_up(now) {
                now += Duration::from_millis(100);
            }
            holds.push((now - start).as_millis());
            hold.up(now);
            now += Duration::from_secs(2);
        }
        assert_eq!(holds, [300, 10_000, 20_000, 40_000, 80_000, 120_000]);
        // A source that is paused again and again returns less and less often.
        let mut returns = Vec::new();
        let mut paused = UpHold::default();
        for _ in 0..6 {
            paused.down(now);
            let start = now;
            while !paused.allows_return(now) {
                now += Duration::from_millis(100);
            }
            assert!(!paused.allows_up(now));
            returns.push((now - start).as_millis());
            paused.up(now);
            now += Duration::from_secs(1);
        }
        assert_eq!(returns, [100, 2000, 4000, 8000, 16_000, 24_000]);
        // A switch that lasts resets the hold.
        now += Duration::from_secs(200);
        hold.down(now);
        assert!(hold.allows_up(now + FIRST_HOLD));
    }
}
