//! Detection of a queue at a link that has just become slower, before the queueing delay shows it.
//!
//! The packets that wait in that queue are missing from the next feedback message. Their bytes,
//! divided by the most recent receive rate, predict the queueing delay of a packet that is sent
//! now. The delay of the packets that did arrive shows a queue of half a second only half a second
//! later, and the trend of the delay needs about twenty groups of packets, which also take about
//! half a second on a slow link.

use std::time::Duration;

use super::history::Sent;
use super::units::{bits, seconds_between};

/// The link has become slower if packets arrive at less than this share of the smoothed throughput.
/// At a higher rate, overdue packets are a burst of the sender's own.
const SLOWER: f64 = 0.22;
/// Minimum number of bits for a rate: with fewer, jitter makes it too low.
const MIN_BITS: f64 = 8.0 * 2000.0;
/// Minimum number of overdue bytes: fewer are no long queue at video bitrates, and a sender that
/// was busy looks the same.
const MIN_OVERDUE_BYTES: u64 = 12_000;
/// A predicted queueing delay above this, in seconds, lowers the estimate immediately.
const LONG_S: f64 = 0.2;
/// Maximum prediction, in seconds.
const MAX_S: f64 = 60.0;

/// Predicts the queueing delay from overdue packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    newest_arrival: Option<Duration>,
    newest_sequence: Option<i64>,
    seconds: f64,
    /// The rate at which the packets of the last report arrived, in bits per second.
    rate_bps: f64,
}

impl Backlog {
    /// Processes a report. `arrived`: its packets, by arrival; `min_one_way_s`: the difference of
    /// the clocks and the delay of an empty link; `overdue_bytes`: packets that would have been
    /// reported if the queue were empty; `acked_bps`: the smoothed throughput.
    pub(super) fn on_report(
        &mut self,
        arrived: &[(Duration, Sent)],
        min_one_way_s: Option<f64>,
        overdue_bytes: u64,
        acked_bps: Option<f64>,
    ) {
        let (mut busy_s, mut sum) = (0.0, 0.0);
        for (arrival, sent) in arrived {
            let before = self.newest_arrival;
            self.newest_arrival = before.max(Some(*arrival));
            let (Some(before), Some(one_way_s)) = (before, min_one_way_s) else { continue };
            // The link was idle until the packet could reach it.
            let idle_until_s = seconds_between(*arrival, sent.at) + one_way_s;
            let begin_s = seconds_between(*arrival, before).max(idle_until_s);
            busy_s += (-begin_s).max(0.0);
            sum += bits(sent.bytes.into());
        }
        let Some(newest) = arrived.iter().map(|(_, sent)| sent.sequence).max() else { return };
        let before = self.newest_sequence.replace(newest);
        // Packets that were lost behind the link took their time on it, too.
        let offered = before.map_or(0, |before| newest.saturating_sub(before));
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let lost = (offered as f64 / arrived.len() as f64).max(1.0);
        sum *= lost;
        let Some(acked) = acked_bps else { return };
        let is_slower = sum >= MIN_BITS && sum < SLOWER * acked * busy_s;
        self.seconds = 0.0;
        if is_slower && overdue_bytes >= MIN_OVERDUE_BYTES {
            self.rate_bps = sum / busy_s;
            self.seconds = (bits(overdue_bytes) / self.rate_bps.max(1.0)).min(MAX_S);
        }
    }

    /// Returns the predicted queueing delay in seconds; 0 while the link is as fast as before.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Returns the rate of the link in bits per second, if it is so slow that the queue is long.
    pub(super) fn collapsed_bps(&self) -> Option<f64> {
        (self.seconds > LONG_S).then_some(self.rate_bps)
    }

    /// Resets the state, because earlier reports are no longer comparable.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::PacketKind;
    use super::super::history::History;
    use super::*;

    const ACKED: Option<f64> = Some(1_500_000.0);

    /// Packets of 1000 bytes by the times of sending and arrival, in milliseconds.
    fn packets(times: &[(u64, u64)]) -> Vec<(Duration, Sent)> {
        let mut history = History::default();
        for (number, &(sent, _)) in (0..).zip(times) {
            history.push(Duration::from_millis(sent), number, 1000, PacketKind::Media, None);
        }
        let reported = (0..).zip(times).filter_map(|(number, &(_, arrival))| {
            Some((Duration::from_millis(arrival), history.report(number, true)?))
        });
        reported.collect()
    }

    #[test]
    fn a_slower_link_shows_in_the_first_report_with_packets_that_passed_it() {
        let mut backlog = Backlog::default();
        // 4 ms for each packet at 2 Mbit/s, with 25 ms of delay.
        backlog.on_report(&packets(&[(0, 29), (0, 33), (0, 37)]), Some(0.025), 0, ACKED);
        assert!(backlog.seconds().abs() < 1e-9);
        // At 300 kbit/s 27 ms.
        backlog.on_report(&packets(&[(33, 85), (33, 112)]), Some(0.025), 16_000, ACKED);
        assert!((0.35..0.5).contains(&backlog.seconds()), "{}", backlog.seconds());
        backlog.on_report(&[], Some(0.025), 16_000, ACKED);
        assert!(backlog.seconds() > 0.3, "a report without packets changes nothing");
        backlog.on_report(&packets(&[(400, 427)]), Some(0.025), 0, ACKED);
        assert!(backlog.seconds().abs() < 1e-9, "nothing is overdue any more");
    }

    #[test]
    fn a_burst_on_a_link_that_is_as_fast_as_before_is_no_backlog() {
        let mut backlog = Backlog::default();
        backlog.on_report(&packets(&[(0, 29)]), Some(0.025), 0, ACKED);
        // A pause, then a key frame of 60 kB of which the first packets have arrived.
        let burst = packets(&[(500, 529), (500, 533), (500, 537), (500, 541)]);
        backlog.on_report(&burst, Some(0.025), 56_000, ACKED);
        assert!(backlog.seconds().abs() < 1e-9, "{}", backlog.seconds());
    }

    #[test]
    fn small_packets_that_jitter_delays_are_no_backlog() {
        let mut backlog = Backlog::default();
        let slow = Some(300_000.0);
        backlog.on_report(&packets(&[(0, 50)]), Some(0.025), 0, slow);
        backlog.on_report(&packets(&[(33, 158)]), Some(0.025), 3000, slow);
        assert!(backlog.seconds().abs() < 1e-9, "{}", backlog.seconds());
    }

    #[test]
    fn a_slow_link_that_has_been_slow_is_no_backlog() {
        let mut backlog = Backlog::default();
        let slow = Some(400_000.0);
        backlog.on_report(&packets(&[(0, 50)]), Some(0.025), 0, slow);
        backlog.on_report(&packets(&[(33, 85), (33, 112)]), Some(0.025), 16_000, slow);
        assert!(backlog.seconds().abs() < 1e-9, "{}", backlog.seconds());
    }
}
