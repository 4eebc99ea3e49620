//! Playout delay for viewers, so that retransmissions arrive in time.
//!
//! The jitter buffer of browsers does not count the delay of retransmitted packets as jitter, and
//! skips late frames of upper layers. So under packet loss, the header extension `playout-delay`
//! requests a delay of about one round trip.

use std::time::Duration;

use codec_rtc::extension::PlayoutDelay;

/// Loss ratio from which viewers are asked to wait, and the ratio above which `HOLD_TIME` starts
/// again.
const LOSS_ON: f32 = 0.015;
const LOSS_OFF: f32 = 0.005;
/// How long viewers are asked to wait after the last loss.
const HOLD_TIME: Duration = Duration::from_secs(15);
/// Added to the round trip: the time until the next frame reveals a lost frame end, and decoding
/// time.
const MARGIN: Duration = Duration::from_millis(40);
/// The same with FEC, whose packets reveal a loss immediately.
const FEC_MARGIN: Duration = Duration::from_millis(5);
/// Upper limit of the delay.
const MAX_DELAY: Duration = Duration::from_millis(250);
/// The value that browsers interpret as no limit.
const NO_BOUND: Duration = Duration::from_secs(10);
/// The extension's unit, in milliseconds.
const UNIT_MS: u128 = 10;

/// Selects the delay from the state of the link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlayoutDelayController {
    wait: Option<Duration>,
    lossy_until: Duration,
    round_trip: Option<Duration>,
}

impl PlayoutDelayController {
    /// Updates the delay. Takes the recent loss ratio, 0 to 1, and the round trip time, if known;
    /// and whether frames are sent with FEC.
    pub(super) fn update(
        &mut self,
        now: Duration,
        loss: Option<f32>,
        round_trip: Option<Duration>,
        fec: bool,
    ) {
        // Single round trips may be longer because the other end was busy.
        self.round_trip = match (self.round_trip, round_trip) {
            (Some(before), Some(now)) => Some((before * 7 + now) / 8),
            (before, now) => before.or(now),
        };
        let loss = loss.unwrap_or_default();
        if loss >= LOSS_ON || (loss > LOSS_OFF && now < self.lossy_until) {
            self.lossy_until = now.saturating_add(HOLD_TIME);
        }
        let Some(round_trip) = self.round_trip else { return };
        if now < self.lossy_until {
            let margin = if fec { FEC_MARGIN } else { MARGIN };
            self.wait = Some((round_trip + margin).min(MAX_DELAY));
        } else if self.wait.is_some() {
            // A delay was set before: revoke it.
            self.wait = Some(Duration::ZERO);
        }
    }

    /// The delay for the next frame; `None` as long as no delay was ever set.
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
    fn viewers_wait_only_under_packet_loss() {
        let mut controller = PlayoutDelayController::default();
        let (trip, seconds) = (Some(Duration::from_millis(52)), Duration::from_secs);
        let mut at = |second, loss| {
            controller.update(seconds(second), loss, trip, false);
            controller.playout_delay().map(|delay| delay.min.as_millis())
        };
        assert_eq!(at(1, None), None);
        assert_eq!(at(2, Some(0.0)), None);
        assert_eq!(at(3, Some(0.01)), None, "occasional loss");
        assert_eq!(at(4, Some(0.05)), Some(100));
        assert_eq!(at(5, Some(0.0)), Some(100));
        assert_eq!(at(15, Some(0.01)), Some(100));
        assert_eq!(at(29, Some(0.0)), Some(100));
        assert_eq!(at(30, Some(0.0)), Some(0), "revoked");
        assert_eq!(at(31, Some(0.2)), Some(100));
        controller.update(seconds(32), Some(0.2), trip, true);
        assert_eq!(controller.playout_delay().map(|delay| delay.min.as_millis()), Some(60));
    }

    #[test]
    fn delays_are_limited_and_need_a_known_round_trip() {
        let mut controller = PlayoutDelayController::default();
        controller.update(Duration::ZERO, Some(0.5), None, false);
        assert_eq!(controller.playout_delay(), None);
        controller.update(Duration::ZERO, Some(0.5), Some(Duration::from_secs(9)), false);
        assert_eq!(controller.playout_delay().map(|delay| delay.min), Some(MAX_DELAY));
    }
}
