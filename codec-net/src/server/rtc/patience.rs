//! How long a viewer waits with frames: what is sent again has to be there in time.
//!
//! Browsers do not count what comes late by retransmission as jitter, and pass over frames of upper
//! layers that are not there in their time. So where packets are lost they are told to wait for a
//! round trip (the extension `playout-delay`).

use std::time::Duration;

use codec_rtc::extension::PlayoutDelay;

/// Share of packets from which viewers are to wait, and below which no longer.
const LOSSY: f32 = 0.015;
const CLEAN: f32 = 0.005;
/// How long it stays so after the last loss.
const REMEMBERED: Duration = Duration::from_secs(15);
/// Beyond the round trip: until the next frame shows that the end of one is missing, and the
/// decoder's own time.
const MARGIN: Duration = Duration::from_millis(40);
/// With correction, whose packets show it at once.
const CORRECTED_MARGIN: Duration = Duration::from_millis(5);
/// Longer than that nobody is to wait.
const MOST: Duration = Duration::from_millis(250);
/// What browsers take for no bound.
const NO_BOUND: Duration = Duration::from_secs(10);
/// The extension's unit, in milliseconds.
const UNIT_MS: u128 = 10;

/// Chooses, from what the link is like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    wait: Option<Duration>,
    lossy_until: Duration,
    round_trip: Option<Duration>,
}

impl Patience {
    /// The share that was lost lately, 0 to 1, and the round trip, where they are known; and whether
    /// frames go out with correction.
    pub(super) fn update(
        &mut self,
        now: Duration,
        loss: Option<f32>,
        round_trip: Option<Duration>,
        corrected: bool,
    ) {
        // Single round trips are longer by what the other end was busy with.
        self.round_trip = match (self.round_trip, round_trip) {
            (Some(before), Some(now)) => Some((before * 7 + now) / 8),
            (before, now) => before.or(now),
        };
        let loss = loss.unwrap_or_default();
        if loss >= LOSSY || (loss > CLEAN && now < self.lossy_until) {
            self.lossy_until = now.saturating_add(REMEMBERED);
        }
        let Some(round_trip) = self.round_trip else { return };
        if now < self.lossy_until {
            let margin = if corrected { CORRECTED_MARGIN } else { MARGIN };
            self.wait = Some((round_trip + margin).min(MOST));
        } else if self.wait.is_some() {
            // It was told to wait: that is taken back.
            self.wait = Some(Duration::ZERO);
        }
    }

    /// What the next frame says; nothing as long as nobody had to wait.
    pub(super) fn playout_delay(&self) -> Option<PlayoutDelay> {
        let millis = self.wait?.as_millis().next_multiple_of(UNIT_MS);
        let min = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        Some(PlayoutDelay { min, max: NO_BOUND })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_wait_where_packets_are_lost_and_no_longer() {
        let mut patience = Patience::default();
        let (trip, seconds) = (Some(Duration::from_millis(52)), Duration::from_secs);
        let mut at = |second, loss| {
            patience.update(seconds(second), loss, trip, false);
            patience.playout_delay().map(|delay| delay.min.as_millis())
        };
        assert_eq!(at(1, None), None);
        assert_eq!(at(2, Some(0.0)), None);
        assert_eq!(at(3, Some(0.01)), None, "a packet now and then");
        assert_eq!(at(4, Some(0.05)), Some(100));
        assert_eq!(at(5, Some(0.0)), Some(100));
        assert_eq!(at(15, Some(0.01)), Some(100));
        assert_eq!(at(29, Some(0.0)), Some(100));
        assert_eq!(at(30, Some(0.0)), Some(0), "taken back");
        assert_eq!(at(31, Some(0.2)), Some(100));
        patience.update(seconds(32), Some(0.2), trip, true);
        assert_eq!(patience.playout_delay().map(|delay| delay.min.as_millis()), Some(60));
    }

    #[test]
    fn nobody_waits_for_long_or_for_an_unknown_time() {
        let mut patience = Patience::default();
        patience.update(Duration::ZERO, Some(0.5), None, false);
        assert_eq!(patience.playout_delay(), None);
        patience.update(Duration::ZERO, Some(0.5), Some(Duration::from_secs(9)), false);
        assert_eq!(patience.playout_delay().map(|delay| delay.min), Some(MOST));
    }
}
