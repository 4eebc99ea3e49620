//! Packets that were sent, for those who ask again.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Keeps packets for a time.
#[derive(Clone, Debug)]
pub struct History {
    keep: Duration,
    max_packets: usize,
    order: VecDeque<(Duration, u16)>,
    packets: BTreeMap<u16, Vec<u8>>,
}

impl History {
    /// Keeps each packet for `keep`, and at most `max_packets`, of which 32768 are the most.
    #[must_use]
    pub fn new(keep: Duration, max_packets: usize) -> Self {
        let max_packets = max_packets.clamp(1, 1 << 15);
        Self { keep, max_packets, order: VecDeque::new(), packets: BTreeMap::new() }
    }

    /// Remembers a packet that leaves at `now`.
    pub fn push(&mut self, now: Duration, sequence: u16, packet: &[u8]) {
        while self.order.front().is_some_and(|&(sent, _)| {
            self.order.len() >= self.max_packets || now.saturating_sub(sent) > self.keep
        }) {
            if let Some((_, old)) = self.order.pop_front() {
                self.packets.remove(&old);
            }
        }
        if self.packets.insert(sequence, packet.to_vec()).is_none() {
            self.order.push_back((now, sequence));
        }
    }

    /// The packet with that number, if it is kept.
    #[must_use]
    pub fn get(&self, sequence: u16) -> Option<&[u8]> {
        self.packets.get(&sequence).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_kept_for_a_time_and_up_to_a_number() {
        let second = Duration::from_secs(1);
        let mut history = History::new(second, 3);
        for sequence in 0..4 {
            history.push(Duration::ZERO, sequence, &sequence.to_be_bytes());
        }
        assert_eq!(history.get(0), None);
        assert_eq!(history.get(3), Some(&[0, 3][..]));
        history.push(3 * second, 4, &[0, 4]);
        assert_eq!(history.get(3), None);
        assert_eq!(history.get(4), Some(&[0, 4][..]));
    }
}
