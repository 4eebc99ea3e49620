//! Renumbers the packets of a source that arrive with long pauses, so that their RTP sequence numbers
//! continue after a pause. The sequence numbers of the source itself may wrap during a pause, which
//! its receiver could not detect.

use std::time::Duration;

use codec_rtc::sequence::distance_16;

/// After this time without packets, numbers continue after the last one, independently of the numbers of the source.
const PAUSE: Duration = Duration::from_secs(1);
/// Distance of the first number after a pause from the last one before: late packets fit in between.
const GAP: u16 = 256;

/// Renumbers a source. While a node does not request the source, its numbers continue, and could
/// wrap unnoticed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renumbering {
    offset: u16,
    /// The newest number, and when the last packet came.
    newest: Option<(u16, Duration)>,
}

impl Renumbering {
    /// Returns the number of a packet that has the number `sequence` at its source.
    pub(super) fn number(&mut self, now: Duration, sequence: u16) -> u16 {
        if let Some((newest, at)) = self.newest
            && now.saturating_sub(at) >= PAUSE
        {
            let next = newest.wrapping_add(GAP);
            self.offset = next.wrapping_sub(sequence);
            self.newest = Some((next, now));
            return next;
        }
        let number = sequence.wrapping_add(self.offset);
        let is_newer = |(newest, _): (u16, Duration)| distance_16(newest, number) > 0;
        let newest = match self.newest {
            Some(newest) if !is_newer(newest) => newest.0,
            _ => number,
        };
        self.newest = Some((newest, now));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_continue_after_a_pause_and_keep_their_order_before() {
        let at = Duration::from_millis;
        let mut numbers = Renumbering::default();
        assert_eq!(numbers.number(at(0), 65_535), 65_535);
        assert_eq!(numbers.number(at(10), 1), 1);
        assert_eq!(numbers.number(at(20), 0), 0);
        assert_eq!(numbers.number(at(900), 20_000), 20_000, "a loss");
        assert_eq!(numbers.number(at(5000), 100), 20_256);
        assert_eq!(numbers.number(at(5010), 102), 20_258);
        assert_eq!(numbers.number(at(5010), 101), 20_257);
    }
}
