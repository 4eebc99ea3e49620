//! Hard cap on the number of bytes in any sliding time window.

use std::collections::VecDeque;

use crate::codec::WindowCap;
use crate::fixed::signed;

/// Maximum number of frames remembered; beyond that the two oldest are merged.
const MAX_ENTRIES: usize = 512;

/// Frames sent within the last time window.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    cap: WindowCap,
    /// Time in microseconds and size in bits, oldest first.
    sent: VecDeque<(i64, u64)>,
}

impl Window {
    pub(crate) fn new(cap: WindowCap) -> Self {
        Self { cap, sent: VecDeque::with_capacity(MAX_ENTRIES + 1) }
    }

    /// Returns the maximum size of a frame at `now_us`, in bits.
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
            // The merged entry expires later than its oldest frame, so the cap is never exceeded.
            *next = next.saturating_add(oldest);
        }
        self.sent.push_back((now_us, bits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_leave_the_window_free_their_bytes() {
        let mut window = Window::new(WindowCap { window_ms: 100, max_bytes: 1000 });
        assert_eq!(window.room_bits(0), 8000);
        window.sent(0, 6000);
        assert_eq!(window.room_bits(99_999), 2000);
        assert_eq!(window.room_bits(100_000), 8000);
    }

    #[test]
    fn all_frames_in_a_window_are_counted_beyond_the_entry_limit() {
        let mut window = Window::new(WindowCap { window_ms: 10_000, max_bytes: 1000 });
        for time in 0..1000 {
            window.sent(time, 4);
        }
        assert_eq!(window.room_bits(1000), 4000);
    }
}
