//! Selection of a speed at which a frame is expected to meet its deadline.

use crate::codec::Deadline;

/// Safety margin for variation between frames: one ninth.
const MARGIN: (u64, u64) = (9, 8);

/// Time estimates, learned from previous frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpeedSelector {
    /// See [`super::CodecDescription::speed_costs`].
    costs: &'static [u64; 11],
    /// Expected microseconds at the fastest speed, times 64: for key frames and for inter frames.
    expected: [Option<u64>; 2],
}

/// Effort that a frame may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpeedChoice {
    pub(super) level: u8,
    /// Whether there is time to recode the frame.
    pub(super) may_recode: bool,
}

impl SpeedChoice {
    /// Returns the allowance of a frame without a deadline.
    pub(super) fn without_deadline(level: u8) -> Self {
        Self { level, may_recode: true }
    }
}

impl SpeedSelector {
    /// Creates a selector for an encoder with these costs of its speeds.
    pub(super) fn new(costs: &'static [u64; 11]) -> Self {
        Self { costs, expected: [None; 2] }
    }

    fn cost(&self, speed: u8) -> u64 {
        self.costs[usize::from(speed).min(self.costs.len() - 1)].max(1)
    }

    /// Returns the slowest speed, from `best` on, at which the frame should meet the deadline.
    pub(super) fn select(&self, is_key: bool, best: u8, deadline: &Deadline) -> SpeedChoice {
        let [key, inter] = self.expected;
        // Before the first inter frame, only the key frame's time is known, and key frames take
        // longer.
        let expected = if is_key { key } else { inter.or(key.map(|key| key / 2)) };
        let Some(expected) = expected else {
            return SpeedChoice::without_deadline(best);
        };
        let takes =
            |speed| expected.saturating_mul(self.cost(speed)) / (64 * 64) * MARGIN.0 / MARGIN.1;
        let fastest = u8::try_from(self.costs.len() - 1).unwrap_or(10);
        let speed = (best..fastest).find(|&speed| takes(speed) <= deadline.max_us);
        let speed = speed.unwrap_or(fastest).max(best);
        SpeedChoice { level: speed, may_recode: takes(speed).saturating_mul(2) <= deadline.max_us }
    }

    /// Updates the estimate with a frame at `speed`. Longer times take effect immediately, shorter
    /// ones gradually: a late frame is worse than one at too fast a speed.
    pub(super) fn update(&mut self, is_key: bool, speed: u8, elapsed_us: u64) {
        let now = elapsed_us.saturating_mul(64 * 64) / self.cost(speed);
        let expected = &mut self.expected[usize::from(!is_key)];
        *expected = Some(match *expected {
            Some(before) if now < before => before - (before - now) / 16,
            _ => now,
        });
    }

    /// Discards the estimates after a change of the frame size.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.costs);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::codec::Clock;

    static COSTS: [u64; 11] = [560, 340, 245, 192, 141, 103, 89, 78, 73, 69, 64];

    #[derive(Debug)]
    struct Stopped;

    impl Clock for Stopped {
        fn now_us(&self) -> u64 {
            0
        }
    }

    fn deadline(max_us: u64) -> Deadline {
        Deadline { max_us, clock: Arc::new(Stopped) }
    }

    #[test]
    fn late_frames_count_immediately_and_fast_ones_gradually() {
        let mut speed_selector = SpeedSelector::new(&COSTS);
        speed_selector.update(false, 5, 8000);
        assert_eq!(
            speed_selector.select(false, 5, &deadline(10_000)),
            SpeedChoice::without_deadline(5).once()
        );
        speed_selector.update(false, 5, 30_000);
        assert_eq!(speed_selector.select(false, 5, &deadline(10_000)).level, 10);
        let mut frames = 0;
        while speed_selector.select(false, 5, &deadline(10_000)).level > 5 {
            speed_selector.update(
                false,
                speed_selector.select(false, 5, &deadline(10_000)).level,
                5000,
            );
            frames += 1;
        }
        assert!((10..40).contains(&frames), "{frames}");
    }

    #[test]
    fn key_frames_are_estimated_separately() {
        let mut speed_selector = SpeedSelector::new(&COSTS);
        speed_selector.update(true, 3, 90_000);
        assert_eq!(speed_selector.select(false, 3, &deadline(60_000)).level, 3);
        speed_selector.update(false, 3, 20_000);
        assert_eq!(speed_selector.select(true, 3, &deadline(60_000)).level, 5);
        assert_eq!(
            speed_selector.select(false, 3, &deadline(60_000)),
            SpeedChoice::without_deadline(3)
        );
    }

    impl SpeedChoice {
        fn once(self) -> Self {
            Self { may_recode: false, ..self }
        }
    }
}
