//! How many temporal layers a viewer's link carries.

use std::time::Duration;

/// Packets that wait on the way for so long are too many for the link.
const QUEUED: Duration = Duration::from_millis(150);
/// So many are lost where the link has little room for them to wait; chance alone takes fewer.
const LOST: f32 = 0.25;
/// Shares of a new value in those that change soon, and in the round trip without queues, which
/// rises only where the way itself has become longer.
const SOON: u32 = 4;
const LATE: u32 = 512;

/// Whether a link takes more than it carries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strain {
    /// Round trip lately, and without queues.
    round_trips: Option<(Duration, Duration)>,
    loss: f32,
}

impl Strain {
    /// The share that was lost in the last second, 0 to 1, and the round trip, where they are known.
    pub(super) fn update(&mut self, loss: Option<f32>, round_trip: Option<Duration>) {
        self.loss += (loss.unwrap_or_default() - self.loss) / 4.0;
        let Some(new) = round_trip else { return };
        let (mut lately, mut least) = self.round_trips.unwrap_or((new, new));
        lately = (lately * (SOON - 1) + new) / SOON;
        least = if new < least { new } else { (least * (LATE - 1) + new) / LATE };
        self.round_trips = Some((lately, least));
    }

    /// It does.
    pub(super) fn is_strained(&self) -> bool {
        let waits = |(lately, least): (Duration, Duration)| lately.saturating_sub(least) > QUEUED;
        self.loss > LOST || self.round_trips.is_some_and(waits)
    }
}

/// The key frame at the beginning fills every queue.
const SETTLING: Duration = Duration::from_secs(1);
/// For how long a link must be strained before a layer is left out.
const DOWN_AFTER: Duration = Duration::from_millis(500);
/// And again after a change: queues need time to empty.
const NEXT_AFTER: Duration = Duration::from_secs(1);
/// For how long it must not be strained before a layer comes back, at first.
const UP_AFTER: Duration = Duration::from_secs(3);
/// And at most, after attempts that failed: each doubles it.
const MAX_UP_AFTER: Duration = Duration::from_secs(48);
/// An attempt has failed if the link is strained within this time.
const PROVEN_AFTER: Duration = Duration::from_secs(10);

/// Chooses, by trying.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerChoice {
    wanted: u8,
    begun: Option<Duration>,
    /// Whether it is strained, since when.
    state: (bool, Duration),
    changed: Duration,
    raised: Option<Duration>,
    patience: Duration,
}

impl Default for LayerChoice {
    fn default() -> Self {
        Self {
            wanted: u8::MAX,
            begun: None,
            state: (false, Duration::ZERO),
            changed: Duration::ZERO,
            raised: None,
            patience: UP_AFTER,
        }
    }
}

impl LayerChoice {
    /// How many of `all` layers the viewer is to get.
    pub(super) fn choose(&mut self, now: Duration, strained: bool, all: u8) -> u8 {
        let all = all.max(1);
        let wanted = self.wanted.clamp(1, all);
        let begun = *self.begun.get_or_insert(now);
        if now.saturating_sub(begun) < SETTLING {
            return wanted;
        }
        if self.state.0 != strained {
            self.state = (strained, now);
        }
        let lasted = now.saturating_sub(self.state.1);
        let unchanged = now.saturating_sub(self.changed);
        if strained && wanted > 1 && lasted >= DOWN_AFTER && unchanged >= NEXT_AFTER {
            let failed = self.raised.take().is_some_and(|at| now - at < PROVEN_AFTER);
            if failed {
                self.patience = (2 * self.patience).min(MAX_UP_AFTER);
            }
            (self.wanted, self.changed) = (wanted - 1, now);
        } else if !strained && wanted < all && lasted.min(unchanged) >= self.patience {
            (self.wanted, self.changed, self.raised) = (wanted + 1, now, Some(now));
        } else if self.raised.is_some_and(|at| now.saturating_sub(at) >= PROVEN_AFTER) {
            (self.raised, self.patience) = (None, UP_AFTER);
        }
        self.wanted.clamp(1, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_and_much_loss_are_strain_and_chance_is_not() {
        let strained = |loss: f32, trips: &[u64]| {
            let mut strain = Strain::default();
            for &millis in trips {
                strain.update(Some(loss), Some(Duration::from_millis(millis)));
            }
            strain.is_strained()
        };
        assert!(!strained(0.1, &[50, 60, 90, 55, 130, 60]));
        assert!(!strained(0.0, &[50, 50, 300, 50, 50]), "a single one");
        assert!(strained(0.0, &[50, 100, 200, 300, 340, 340, 340, 340]));
        assert!(strained(0.4, &[50; 8]));
        assert!(!Strain::default().is_strained());
    }

    #[test]
    fn layers_go_soon_and_come_back_late() {
        let mut choice = LayerChoice::default();
        let mut run = |from: u64, to: u64, strained| {
            let mut layers = 0;
            for ms in (from..to).step_by(100) {
                layers = choice.choose(Duration::from_millis(ms), strained, 3);
            }
            layers
        };
        assert_eq!(run(0, 1000, true), 3, "the beginning");
        assert_eq!(run(1000, 1500, true), 3);
        assert_eq!(run(1500, 2500, true), 2);
        assert_eq!(run(2500, 4000, true), 1);
        assert_eq!(run(4000, 7000, false), 1);
        assert_eq!(run(7000, 8000, false), 2);
        assert_eq!(run(8000, 9000, true), 1, "too much for it");
        assert_eq!(run(9000, 14_900, false), 1, "more patient");
        assert_eq!(run(14_900, 16_000, false), 2);
        assert_eq!(run(16_000, 22_000, false), 3);
        assert_eq!(run(22_000, 60_000, false), 3);
    }

    #[test]
    fn a_stream_without_layers_stays_as_it_is() {
        let mut choice = LayerChoice::default();
        for second in 0..10 {
            assert_eq!(choice.choose(Duration::from_secs(second), true, 1), 1);
        }
    }
}
