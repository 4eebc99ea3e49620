//! Decoding timestamps (DTS) of frames that are not coded in display order.

use std::collections::VecDeque;

/// When a frame is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecodeTime {
    /// Decoding timestamp: a timestamp in display order, delayed so that no frame is decoded after its
    /// presentation time.
    pub(super) dts: i64,
    /// The decoding time without the delay, for rate control.
    pub(super) now: i64,
}

/// Assigns the timestamps of frames in display order to frames in coding order.
#[derive(Clone, Debug)]
pub(super) struct DecodeTimes {
    /// Number of frames by which decoding is ahead of display.
    delay: usize,
    /// Timestamps that are not assigned to a coded frame yet: first `delay` timestamps
    /// of coded frames, then the times of the frames to come.
    pending: VecDeque<i64>,
    is_first: bool,
}

impl DecodeTimes {
    pub(super) fn new(delay: usize) -> Self {
        Self { delay, pending: VecDeque::new(), is_first: true }
    }

    /// Adds the next frame in display order; `interval` is the nominal duration of a frame in ticks.
    pub(super) fn shown(&mut self, pts: i64, interval: u64) {
        if self.is_first {
            let interval = i64::try_from(interval.max(1)).unwrap_or(1);
            for n in (1..=self.delay).rev() {
                let n = i64::try_from(n).unwrap_or(0);
                self.pending.push_back(pts.saturating_sub(interval.saturating_mul(n)));
            }
            self.is_first = false;
        }
        self.pending.push_back(pts);
    }

    /// Returns the time of the next frame in coding order.
    pub(super) fn next(&self) -> Option<DecodeTime> {
        let (&dts, &now) = (self.pending.front()?, self.pending.get(self.delay)?);
        Some(DecodeTime { dts, now })
    }

    /// Records that the next frame in coding order was coded.
    pub(super) fn coded(&mut self) {
        self.pending.pop_front();
    }

    /// Records that the frame shown at `pts` will not be coded.
    pub(super) fn dropped(&mut self, pts: i64) {
        if let Some(at) = self.pending.iter().rposition(|&pending| pending == pts) {
            self.pending.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_times_increase_and_are_not_after_display() {
        let mut times = DecodeTimes::new(2);
        (0..9).for_each(|n| times.shown(100 + 10 * n, 10));
        let mut last = i64::MIN;
        for pts in [100, 140, 120, 110, 130, 170, 150, 160, 180] {
            let time = times.next().unwrap();
            assert!(time.dts > last && time.dts <= pts, "{time:?} {pts}");
            assert_eq!(time.now, time.dts + 20);
            last = time.dts;
            times.coded();
        }
        assert_eq!(times.next(), None);
    }

    #[test]
    fn without_a_delay_frames_are_decoded_when_they_are_shown() {
        let mut times = DecodeTimes::new(0);
        [3, 4, 9].into_iter().for_each(|pts| times.shown(pts, 1));
        times.dropped(4);
        assert_eq!(times.next(), Some(DecodeTime { dts: 3, now: 3 }));
        times.coded();
        assert_eq!(times.next(), Some(DecodeTime { dts: 9, now: 9 }));
    }
}
