//! Freeze and pause detection as defined by getStats.

use std::collections::VecDeque;
use std::time::Duration;

/// Number of frame intervals in the average.
const MAX_INTERVALS: usize = 30;
/// Minimum number of frame intervals before a freeze is detected.
const MIN_INTERVALS: usize = 4;
/// Minimum excess of a freeze over the average interval.
const MIN_EXCESS: Duration = Duration::from_millis(150);
/// A longer freeze is also a pause.
const MIN_PAUSE: Duration = Duration::from_secs(5);

/// A freeze of the rendered video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// When the frozen frame was rendered.
    pub from: Duration,
    /// Time until the next frame was rendered.
    pub length: Duration,
}

impl Freeze {
    /// Whether it is longer than 5 s.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        self.length > MIN_PAUSE
    }
}

/// Detects freezes: a frame interval at least three times the average of the last 30, and at least
/// 150 ms longer; from the fifth frame on.
#[derive(Clone, Debug, Default)]
pub struct FreezeDetector {
    last: Option<Duration>,
    gaps: VecDeque<Duration>,
}

impl FreezeDetector {
    /// Records a frame rendered at `now`, not before the previous one. Returns the freeze that it
    /// ended, if any.
    pub fn rendered(&mut self, now: Duration) -> Option<Freeze> {
        let from = self.last.replace(now)?;
        let length = now.saturating_sub(from);
        let is_freeze = self.gaps.len() >= MIN_INTERVALS && {
            let count = u32::try_from(self.gaps.len()).unwrap_or(u32::MAX);
            let mean = self.gaps.iter().sum::<Duration>() / count;
            length >= (3 * mean).max(mean.saturating_add(MIN_EXCESS))
        };
        self.gaps.push_back(length);
        if self.gaps.len() > MAX_INTERVALS {
            self.gaps.pop_front();
        }
        is_freeze.then_some(Freeze { from, length })
    }
}

/// Returns the freezes of frames rendered at the given times. `end`: when the last frame is
/// removed.
#[must_use]
pub fn freezes(shown_at: &[Duration], end: Duration) -> Vec<Freeze> {
    let mut detector = FreezeDetector::default();
    let ends = shown_at.iter().copied().chain([end]);
    ends.filter_map(|at| detector.rendered(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freezes_follow_the_definition_of_get_stats() {
        let ms = Duration::from_millis;
        // Every 33 ms; then gaps of 183 ms (just long enough), 182, 400.
        let mut at = 0;
        let mut shown = Vec::new();
        let mut add = |gaps: &[u64]| {
            for gap in gaps {
                at += gap;
                shown.push(ms(at));
            }
            at
        };
        add(&[33; 31]);
        add(&[183]);
        add(&[33; 40]);
        add(&[182]);
        add(&[33; 40]);
        let end = add(&[400]);
        let found = freezes(&shown, ms(end + 33));
        let expected = [
            Freeze { from: ms(31 * 33), length: ms(183) },
            Freeze { from: ms(end - 400), length: ms(400) },
        ];
        assert_eq!(found, expected);
        assert_eq!(freezes(&shown[..3], ms(5000)), []);
        assert!(!found[1].is_pause());
    }
}
