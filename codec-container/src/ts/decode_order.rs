//! Decoding times of video, computed while a transport stream is written.
//!
//! A transport stream stores the decoding time of each frame with the frame, and no frame may be
//! shown before it is decoded. Therefore the writer delays a frame until all frames that may be
//! shown before it have arrived. It holds at most 16 frames, the maximum reordering depth of H.264.
//! If packets have no decoding time, the presentation times in ascending order become their decoding
//! times. All decoding times are then reduced by the smallest delay with which none of the first
//! frames is decoded after it is shown.
//!
//! [`crate::mp4`] does not need this: its writer has all frames of a fragment or file before it
//! assigns decoding times, and MP4 allows a frame to be shown before its decoding time.

use std::collections::{BTreeMap, VecDeque};

/// Maximum number of frames that precede a frame in decoding order and follow it in output order (ITU-T
/// H.264, annex A).
pub(super) const MAX_REORDER: usize = 16;

/// A frame and when it is shown, and decoded, in ticks.
#[derive(Debug)]
struct Waiting<T> {
    frame: T,
    shown: i64,
    decoded: Option<i64>,
}

/// A frame with the time at which it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ordered<T> {
    pub(super) frame: T,
    pub(super) shown: i64,
    pub(super) decoded: i64,
}

/// Frames that wait for their decoding times.
#[derive(Debug)]
pub(super) struct DecodeOrder<T> {
    depth: usize,
    queue: VecDeque<Waiting<T>>,
    /// The presentation times that have not become decoding times, with their numbers.
    times: BTreeMap<i64, usize>,
    /// By how much decoding times are reduced: known with the first frames.
    delay: Option<i64>,
    last: Option<i64>,
}

impl<T> DecodeOrder<T> {
    /// Creates an empty queue for video in which at most `depth` frames precede a frame in decoding
    /// order and follow it in output order.
    pub(super) fn new(depth: usize) -> Self {
        Self { depth, queue: VecDeque::new(), times: BTreeMap::new(), delay: None, last: None }
    }

    /// Changes the number of frames that wait.
    pub(super) fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    pub(super) fn push(&mut self, frame: T, shown: i64, decoded: Option<i64>) {
        *self.times.entry(shown).or_default() += 1;
        self.queue.push_back(Waiting { frame, shown, decoded });
    }

    /// Returns the next frame; with `all`, even if further frames may be shown before it.
    ///
    /// # Errors
    /// If the frame is shown before the last one was decoded: the earliest valid time, and its time.
    pub(super) fn pop(&mut self, all: bool) -> Option<Result<Ordered<T>, [i64; 2]>> {
        if self.queue.len() <= self.depth && !all {
            return None;
        }
        let delay = self.delay.unwrap_or_else(|| self.first_delay());
        let earliest = self.queue.iter().map(|waiting| waiting.shown).min()?;
        let Waiting { frame, shown, decoded } = self.queue.pop_front()?;
        self.delay = Some(delay);
        let time = decoded.or(self.first_time()).unwrap_or(shown);
        self.remove_first_time();
        let decoded = time.saturating_sub(delay).min(earliest);
        match self.last {
            Some(last) if last > shown => return Some(Err([last, shown])),
            last => self.last = Some(decoded.max(last.unwrap_or(decoded))),
        }
        let decoded = self.last.unwrap_or(decoded);
        Some(Ok(Ordered { frame, shown, decoded }))
    }

    /// Returns the delay with which no waiting frame is decoded after it is shown.
    fn first_delay(&self) -> i64 {
        let mut sorted: Vec<_> = self.queue.iter().map(|waiting| waiting.shown).collect();
        sorted.sort_unstable();
        let late =
            self.queue.iter().zip(sorted).map(|(waiting, time)| {
                waiting.decoded.unwrap_or(time).saturating_sub(waiting.shown)
            });
        late.max().unwrap_or(0).max(0)
    }

    fn first_time(&self) -> Option<i64> {
        self.times.first_key_value().map(|(&time, _)| time)
    }

    fn remove_first_time(&mut self) {
        if let Some(mut first) = self.times.first_entry() {
            *first.get_mut() -= 1;
            if *first.get() == 0 {
                first.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the decoding times of frames with these presentation and decoding times.
    fn decoded(depth: usize, frames: &[(i64, Option<i64>)]) -> Vec<i64> {
        let mut order = DecodeOrder::new(depth);
        let mut found = Vec::new();
        for &(shown, decoded) in frames {
            order.push((), shown, decoded);
            found.extend(order.pop(false));
        }
        found.extend(std::iter::from_fn(|| order.pop(true)));
        found.into_iter().map(|ordered| ordered.unwrap().decoded).collect()
    }

    fn unstated(shown: &[i64]) -> Vec<(i64, Option<i64>)> {
        shown.iter().map(|&shown| (shown, None)).collect()
    }

    #[test]
    fn stated_times_are_kept_and_reduced_if_they_are_late() {
        let stated = [(0, Some(-20)), (30, Some(-10)), (10, Some(3)), (20, Some(14))];
        for depth in [0, 2, MAX_REORDER] {
            assert_eq!(decoded(depth, &stated), [-20, -10, 3, 14]);
        }
        // Decoded at 0, 10, 20 as with the negative offsets of MP4.
        let late = [(0, Some(0)), (20, Some(10)), (10, Some(20))];
        assert_eq!(decoded(MAX_REORDER, &late), [-10, 0, 10]);
    }

    #[test]
    fn unstated_times_are_the_presentation_times_in_order() {
        let frames = unstated(&[0, 40, 20, 10, 30, 80, 60, 50, 70]);
        assert_eq!(decoded(MAX_REORDER, &frames), [-20, -10, 0, 10, 20, 30, 40, 50, 60]);
        assert_eq!(decoded(0, &unstated(&[3, 9, 9, 12])), [3, 9, 9, 12]);
    }

    #[test]
    fn frames_are_never_decoded_after_they_are_shown() {
        // Reordering begins after the first frames have determined the delay.
        let mut shown: Vec<i64> = (0..20).collect();
        shown.extend([23, 21, 20, 22, 26, 25, 24]);
        let times = decoded(MAX_REORDER, &unstated(&shown));
        assert!(times.is_sorted(), "{times:?}");
        assert!(times.iter().zip(&shown).all(|(decoded, shown)| decoded <= shown), "{times:?}");
        let mut order = DecodeOrder::new(0);
        order.push((), 10, None);
        assert!(order.pop(false).unwrap().is_ok());
        order.push((), 9, None);
        assert_eq!(order.pop(false), Some(Err([10, 9])));
    }
}
