//! Selects the number of temporal layers that a viewer's link can carry; 0 if it cannot carry the
//! base layer.

use std::time::Duration;

use super::congestion::LinkLoad;

/// The initial key frame fills every queue.
const SETTLING: Duration = Duration::from_secs(1);
/// How long a link must be congested before a layer is dropped.
const DOWN_AFTER: Duration = Duration::from_millis(500);
/// The same after a change, because queues need time to drain.
const NEXT_AFTER: Duration = Duration::from_secs(1);
/// How long the base layer must congest the link before it is dropped too: earlier losses are
/// retransmitted for three seconds, and key frames are large.
const PAUSE_AFTER: Duration = Duration::from_secs(6);
/// Minimum time without video: until the queue is empty.
const RESUME_AFTER: Duration = Duration::from_secs(6);
/// Initial time without congestion before a layer returns. Without video there is little evidence
/// of congestion, so only the time counts.
const UP_AFTER: Duration = Duration::from_secs(3);
/// The maximum of that time: each failed attempt doubles it.
const MAX_UP_AFTER: Duration = Duration::from_secs(48);
/// An attempt has failed if the link is congested within this time.
const PROVEN_AFTER: Duration = Duration::from_secs(10);

/// Selects the number of layers: drops one under congestion, and later tries to add it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerSelector {
    selected: u8,
    begun: Option<Duration>,
    /// Whether the link is congested, and since when.
    state: (bool, Duration),
    changed: Duration,
    raised: Option<Duration>,
    raise_after: Duration,
}

impl Default for LayerSelector {
    fn default() -> Self {
        Self {
            selected: u8::MAX,
            begun: None,
            state: (false, Duration::ZERO),
            changed: Duration::ZERO,
            raised: None,
            raise_after: UP_AFTER,
        }
    }
}

impl LayerSelector {
    /// Returns how many of `all` layers the viewer should receive; 0: no video.
    pub(super) fn select(&mut self, now: Duration, load: LinkLoad, all: u8) -> u8 {
        let congested = load != LinkLoad::Normal;
        let all = all.max(1);
        let selected = self.selected.min(all);
        let begun = *self.begun.get_or_insert(now);
        if now.saturating_sub(begun) < SETTLING {
            return selected;
        }
        if self.state.0 != congested {
            self.state = (congested, now);
        }
        let lasted = now.saturating_sub(self.state.1);
        let unchanged = now.saturating_sub(self.changed);
        let drops = congested
            && match selected {
                0 => false,
                1 => load == LinkLoad::Exceeded && lasted.min(unchanged) >= PAUSE_AFTER,
                _ => lasted >= DOWN_AFTER && unchanged >= NEXT_AFTER,
            };
        let rises = match selected {
            0 => unchanged >= self.raise_after.max(RESUME_AFTER),
            _ => !congested && selected < all && lasted.min(unchanged) >= self.raise_after,
        };
        if drops {
            let failed = self.raised.take().is_some_and(|at| now - at < PROVEN_AFTER);
            if failed {
                self.raise_after = (2 * self.raise_after).min(MAX_UP_AFTER);
            }
            (self.selected, self.changed) = (selected - 1, now);
        } else if rises {
            (self.selected, self.changed, self.raised) = (selected + 1, now, Some(now));
        } else if self.raised.is_some_and(|at| now.saturating_sub(at) >= PROVEN_AFTER) {
            (self.raised, self.raise_after) = (None, UP_AFTER);
        }
        self.selected.min(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(exceeded: bool) -> LinkLoad {
        if exceeded { LinkLoad::Exceeded } else { LinkLoad::Normal }
    }

    #[test]
    fn layers_are_dropped_soon_and_return_late() {
        let mut selector = LayerSelector::default();
        let mut run = |from: u64, to: u64, congested| {
            let mut layers = 0;
            for ms in (from..to).step_by(100) {
                layers = selector.select(Duration::from_millis(ms), load(congested), 3);
            }
            layers
        };
        assert_eq!(run(0, 1000, true), 3, "the start");
        assert_eq!(run(1000, 1500, true), 3);
        assert_eq!(run(1500, 2500, true), 2);
        assert_eq!(run(2500, 4000, true), 1);
        assert_eq!(run(4000, 7000, false), 1);
        assert_eq!(run(7000, 8000, false), 2);
        assert_eq!(run(8000, 9000, true), 1, "too much for the link");
        assert_eq!(run(9000, 14_900, false), 1, "longer wait");
        assert_eq!(run(14_900, 16_000, false), 2);
        assert_eq!(run(16_000, 22_000, false), 3);
        assert_eq!(run(22_000, 60_000, false), 3);
    }

    #[test]
    fn video_pauses_if_the_base_layer_is_too_much_and_is_retried() {
        let mut selector = LayerSelector::default();
        let mut changes: Vec<(u64, u8)> = Vec::new();
        let mut last = 1;
        for ms in (0..200_000).step_by(100) {
            // Without video there is no congestion; it returns half a second after the video.
            let since = changes.last().map_or(0, |(at, _)| *at);
            let congested = last > 0 && ms >= since + 500;
            let layers = selector.select(Duration::from_millis(ms), load(congested), 1);
            if layers != last {
                changes.push((ms, layers));
            }
            last = layers;
        }
        assert_eq!(changes[0], (7000, 0), "not immediately");
        let breaks = changes.windows(2).filter(|pair| pair[0].1 == 0);
        let breaks: Vec<u64> = breaks.map(|pair| pair[1].0 - pair[0].0).collect();
        assert_eq!(breaks, [6000, 6000, 12_000, 24_000, 48_000, 48_000], "{changes:?}");
        let shown = changes.windows(2).filter(|pair| pair[0].1 == 1);
        assert!(shown.into_iter().all(|pair| pair[1].0 - pair[0].0 < 7000), "{changes:?}");
    }

    #[test]
    fn congestion_without_fresh_evidence_does_not_block_video() {
        let mut selector = LayerSelector::default();
        let mut at = |from: u64, to: u64, congested| {
            let times = (from..to).map(Duration::from_secs);
            times.map(|now| selector.select(now, load(congested), 3)).last()
        };
        assert_eq!(at(0, 15, true), Some(0));
        assert_eq!(at(15, 18, true), Some(1), "statistics are outdated");
        assert_eq!(at(18, 22, false), Some(2));
        assert_eq!(at(22, 60, false), Some(3));
    }

    #[test]
    fn a_stream_without_layers_is_unchanged_on_a_sufficient_link() {
        let mut selector = LayerSelector::default();
        for second in 0..60 {
            // Occasional moments of congestion.
            let now = Duration::from_secs(second);
            assert_eq!(selector.select(now, load(second % 10 < 3), 1), 1);
        }
        for second in 60..120 {
            let now = Duration::from_secs(second);
            assert_eq!(
                selector.select(now, LinkLoad::CongestedByOthers, 1),
                1,
                "video is not the cause"
            );
        }
    }
}
