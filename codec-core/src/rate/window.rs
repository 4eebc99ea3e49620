//! A hard cap on the bytes of every window of time.

use std::collections::VecDeque;

use super::fixed::signed;
use crate::codec::WindowCap;

/// Frames remembered; beyond that, the two oldest are taken for one.
const MAX_ENTRIES: usize = 512;

/// What was sent in the last window of time.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    cap: WindowCap,
    /// Time in microseconds and bits, oldest first.
    sent: VecDeque<(i64, u64)>,
}

impl Window {
    pub(crate) fn new(cap: WindowCap) -> Self {
        Self { cap, sent: VecDeque::with_capacity(MAX_ENTRIES + 1) }
    }

    /// Bits that a frame at `now_us` may have at most.
    pub(crate) fn room_bits(&mut self, now_us: i64) -> u64 {
        let begin = now_us.saturating_sub(signed(u64::from(self.cap.window_ms) * 1000));
        while self.sent.front().is_some_and(|&(time, _)| time <= begin) {
            self.sent.pop_front();
        }
        let sent = self.sent.iter().fold(0, |sum: u64, &(_, bits)| sum.saturating_add(bits));
        (u64::from(self.cap.max_bytes) * 8).saturating_sub(sent)
    }

    pub(crate) fn sent(&mut self, now_us: i64, bits: u64) {
        if self.sent.len() >= MAX_ENTRIES
            && let Some((_, oldest)) = self.sent.pop_front()
            && let Some((_, next)) = self.sent.front_mut()
        {
            // Counted as sent later than it was: the cap errs on the safe side.
            *next = next.saturating_add(oldest);
        }
        self.sent.push_back((now_us, bits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_the_window_makes_room_again() {
        let mut window = Window::new(WindowCap { window_ms: 100, max_bytes: 1000 });
        assert_eq!(window.room_bits(0), 8000);
        window.sent(0, 6000);
        assert_eq!(window.room_bits(99_999), 2000);
        assert_eq!(window.room_bits(100_000), 8000);
    }

    #[test]
    fn many_frames_in_a_window_are_still_all_counted() {
        let mut window = Window::new(WindowCap { window_ms: 10_000, max_bytes: 1000 });
        for time in 0..1000 {
            window.sent(time, 4);
        }
        assert_eq!(window.room_bits(1000), 4000);
    }
}
