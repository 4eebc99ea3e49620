//! Packet groups: packets sent in a burst form one delay sample, and the detector uses differences
//! between groups.

use std::time::Duration;

use super::units::seconds_between;

/// Packets sent within this time form a group, as do packets that arrive this close together after
/// the link stalled.
const BURST_S: f64 = 0.005;
/// Maximum duration of a group by arrival, in seconds.
const MAX_GROUP_S: f64 = 0.1;
/// A larger difference is treated as a clock jump, in seconds.
const MAX_JUMP_S: f64 = 3.0;

/// Difference between two consecutive groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delta {
    /// Send time difference, in seconds.
    pub(super) sent_s: f64,
    /// Arrival time difference, in seconds.
    pub(super) arrival_s: f64,
    /// Arrival of the group by the clock of the receiver.
    pub(super) arrival: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Duration,
    last_sent: Duration,
    first_arrival: Duration,
    last_arrival: Duration,
}

/// Collects packets into groups.
#[derive(Clone, Debug, Default)]
pub(super) struct InterArrival {
    before: Option<Group>,
    current: Option<Group>,
    backward: u32,
}

impl InterArrival {
    /// Adds a packet. Returns the difference between the last two groups when the packet starts a
    /// new one.
    pub(super) fn push(&mut self, sent: Duration, arrival: Duration) -> Option<Delta> {
        let Some(group) = &mut self.current else {
            self.current = Some(Group::new(sent, arrival));
            return None;
        };
        if sent < group.first_sent {
            return None;
        }
        if group.takes(sent, arrival) {
            group.last_sent = group.last_sent.max(sent);
            group.last_arrival = group.last_arrival.max(arrival);
            return None;
        }
        let complete = *group;
        let before = self.before.replace(complete);
        self.current = Some(Group::new(sent, arrival));
        let before = before?;
        let delta = Delta {
            sent_s: seconds_between(before.last_sent, complete.last_sent),
            arrival_s: seconds_between(before.last_arrival, complete.last_arrival),
            arrival: complete.last_arrival,
        };
        if delta.arrival_s < 0.0 {
            self.backward += 1;
            if self.backward >= 3 {
                *self = Self::default();
            }
            return None;
        }
        self.backward = 0;
        if delta.arrival_s - delta.sent_s > MAX_JUMP_S {
            *self = Self::default();
            return None;
        }
        Some(delta)
    }
}

impl Group {
    fn new(sent: Duration, arrival: Duration) -> Self {
        Self { first_sent: sent, last_sent: sent, first_arrival: arrival, last_arrival: arrival }
    }

    fn takes(&self, sent: Duration, arrival: Duration) -> bool {
        if seconds_between(self.first_sent, sent) <= BURST_S {
            return true;
        }
        // A burst held back by the network says nothing about the queue.
        let arrival_s = seconds_between(self.last_arrival, arrival);
        let sent_s = seconds_between(self.last_sent, sent);
        arrival_s < sent_s
            && arrival_s <= BURST_S
            && seconds_between(self.first_arrival, arrival) < MAX_GROUP_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn deltas(packets: &[(u64, u64)]) -> Vec<(f64, f64)> {
        let mut groups = InterArrival::default();
        let deltas = packets.iter().filter_map(|&(sent, at)| groups.push(ms(sent), ms(at)));
        deltas.map(|d| ((d.sent_s * 1e3).round(), (d.arrival_s * 1e3).round())).collect()
    }

    #[test]
    fn packets_sent_within_five_milliseconds_form_a_group() {
        let packets = [(0, 50), (5, 56), (20, 70), (24, 75), (40, 100), (60, 111)];
        assert_eq!(deltas(&packets), [(19.0, 19.0), (16.0, 25.0)]);
    }

    #[test]
    fn delayed_packets_that_arrive_in_a_burst_form_a_group() {
        let packets = [(0, 50), (20, 70), (40, 150), (60, 151), (80, 152), (100, 200), (120, 220)];
        assert_eq!(deltas(&packets), [(20.0, 20.0), (60.0, 82.0), (20.0, 48.0)]);
    }

    #[test]
    fn clock_jumps_reset_the_groups() {
        let packets = [(0, 50), (20, 70), (40, 9000), (60, 9020), (80, 9040)];
        assert_eq!(deltas(&packets), [(20.0, 20.0)]);
    }
}
