//! How many temporal layers a viewer's link carries.

use std::time::Duration;

/// An estimate must be so much below what is needed, in percent, before layers are left out.
const DOWN_PCT: u64 = 85;
/// And so much above what more layers need before they come back.
const UP_PCT: u64 = 125;
/// For how long it must be so.
const DOWN_AFTER: Duration = Duration::from_millis(500);
const UP_AFTER: Duration = Duration::from_secs(3);
/// Estimates from the beginning of a call are guesses.
const SETTLING: Duration = Duration::from_secs(3);

/// Chooses, with hysteresis.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerChoice {
    wanted: u8,
    begun: Option<Duration>,
    /// Since when another number would be right, and which way.
    leaning: Option<(bool, Duration)>,
}

impl Default for LayerChoice {
    fn default() -> Self {
        Self { wanted: u8::MAX, begun: None, leaning: None }
    }
}

/// The share of the bits that so many of all layers take, in percent: the usual one of encoders.
fn share_pct(layers: u8, all: u8) -> u64 {
    match (all, layers) {
        (2, 1) => 60,
        (3, 1) => 40,
        (3, 2) => 60,
        _ => 100,
    }
}

impl LayerChoice {
    /// How many of `all` layers the viewer is to get, with a link of `estimate` for a stream of
    /// `bitrate` bits per second in all.
    pub(super) fn choose(&mut self, now: Duration, estimate: u64, bitrate: u64, all: u8) -> u8 {
        let all = all.max(1);
        let begun = *self.begun.get_or_insert(now);
        let wanted = self.wanted.clamp(1, all);
        let needs = |layers: u8| bitrate.saturating_mul(share_pct(layers, all)) / 100;
        let too_much = wanted > 1 && estimate < needs(wanted).saturating_mul(DOWN_PCT) / 100;
        let room = wanted < all && estimate > needs(wanted + 1).saturating_mul(UP_PCT) / 100;
        if now.saturating_sub(begun) < SETTLING || !(too_much || room) {
            self.leaning = None;
            return wanted;
        }
        let since = match self.leaning {
            Some((down, since)) if down == too_much => since,
            _ => {
                self.leaning = Some((too_much, now));
                now
            }
        };
        let patience = if too_much { DOWN_AFTER } else { UP_AFTER };
        if now.saturating_sub(since) >= patience {
            self.leaning = None;
            self.wanted = if too_much { wanted - 1 } else { wanted + 1 };
        }
        self.wanted.clamp(1, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_go_soon_and_come_back_late() {
        let mut choice = LayerChoice::default();
        let mut run = |from: u64, to: u64, estimate| {
            let mut layers = 0;
            for ms in (from..to).step_by(100) {
                layers = choice.choose(Duration::from_millis(ms), estimate, 1_000_000, 3);
            }
            layers
        };
        assert_eq!(run(0, 3000, 100_000), 3, "the first estimates are guesses");
        assert_eq!(run(3000, 4000, 700_000), 2);
        assert_eq!(run(4000, 6000, 700_000), 2);
        assert_eq!(run(6000, 7000, 300_000), 1);
        assert_eq!(run(7000, 9000, 2_000_000), 1);
        assert_eq!(run(9000, 11_000, 2_000_000), 2);
        assert_eq!(run(11_000, 16_000, 2_000_000), 3);
        assert_eq!(run(16_000, 20_000, 990_000), 3);
    }

    #[test]
    fn a_stream_without_layers_stays_as_it_is() {
        let mut choice = LayerChoice::default();
        for second in 0..10 {
            assert_eq!(choice.choose(Duration::from_secs(second), 1, 1_000_000, 1), 1);
        }
    }
}
