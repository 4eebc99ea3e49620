//! Cyclic refresh: a few macroblocks of each frame are coded at a finer quantiser.
//!
//! A static area is predicted from itself for a long time, so bits spent on it once improve all
//! following frames. A few static macroblocks per frame are therefore coded with a finer quantiser, in
//! turn, until each has been refreshed or moves.

/// Number of frames for which a macroblock must have been static.
const STILL_FRAMES: u8 = 3;

/// History of a macroblock.
#[derive(Clone, Copy, Debug)]
struct History {
    /// Number of frames for which it has been static, saturating.
    still: u8,
    /// Quantiser index that corresponds to the quality of its pixels.
    quality: u8,
}

/// How a macroblock was coded, for its history.
#[derive(Clone, Copy, Debug)]
pub struct CodedMbHistory {
    /// Predicted from the last frame with zero motion.
    pub is_still: bool,
    /// Coded without coefficients.
    pub is_skipped: bool,
    /// Copied without being examined.
    pub is_copied: bool,
    /// Quantiser index of the macroblock.
    pub qindex: u8,
}

/// Selects the macroblocks to refresh, by the history of their quality.
#[derive(Debug, Default)]
pub struct CyclicRefresh {
    history: Vec<History>,
    /// Quality of macroblocks without history: the highest quantiser index.
    worst: u8,
    /// Position at which the next frame continues the scan.
    cursor: usize,
    next_cursor: usize,
}

impl CyclicRefresh {
    /// Resets the state for `count` macroblocks of a codec whose highest quantiser index is `worst`.
    pub fn reset(&mut self, count: usize, worst: u8) {
        self.history.clear();
        self.history.resize(count, History { still: 0, quality: worst });
        self.worst = worst;
        (self.cursor, self.next_cursor) = (0, 0);
    }

    /// Selects the macroblocks to refresh in the next frame, and passes their indices to `select`. Only macroblocks
    /// whose quality is worse than the quality of quantiser index `limit` are selected, at most `share_pct` percent of
    /// all macroblocks. Returns whether any is selected. Required for each frame before [`Self::update`], with a share
    /// of 0 if nothing is refreshed.
    pub fn plan(&mut self, limit: u8, share_pct: u8, mut select: impl FnMut(usize)) -> bool {
        let count = self.history.len();
        let mut left = count * usize::from(share_pct.min(100)) / 100;
        let is_due = |h: &History| h.still >= STILL_FRAMES && h.quality > limit;
        self.next_cursor = self.cursor;
        if left == 0 || !self.history.iter().any(is_due) {
            return false;
        }
        for n in 0..count {
            let at = (self.cursor + n) % count;
            if is_due(&self.history[at]) {
                select(at);
                left -= 1;
                if left == 0 {
                    self.next_cursor = (at + 1) % count;
                    break;
                }
            }
        }
        true
    }

    /// Returns the number of macroblocks.
    #[must_use]
    pub fn count(&self) -> usize {
        self.history.len()
    }

    /// Returns the quantiser index that corresponds to the quality of macroblock `index`.
    #[inline]
    #[must_use]
    pub fn quality(&self, index: usize) -> u8 {
        self.history.get(index).map_or(self.worst, |h| h.quality)
    }

    /// Returns whether macroblock `index` has at least the quality of `qindex`.
    #[inline]
    #[must_use]
    pub fn is_as_good_as(&self, index: usize, qindex: u8) -> bool {
        self.history.get(index).is_some_and(|h| h.quality <= qindex)
    }

    /// Updates the history with how the macroblocks of a frame were coded, in raster order. The frame
    /// has replaced the last frame.
    #[inline]
    pub fn update(&mut self, coded: impl Iterator<Item = CodedMbHistory>) {
        self.cursor = self.next_cursor;
        for (h, mb) in self.history.iter_mut().zip(coded) {
            h.still = if mb.is_still { h.still.saturating_add(1) } else { 0 };
            if mb.is_copied {
                continue;
            }
            h.quality = match (mb.is_still, mb.is_skipped) {
                (true, true) => h.quality.min(mb.qindex),
                _ => mb.qindex,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINER: u8 = 24;
    const LIMIT: u8 = 32;

    fn still(qindex: u8) -> CodedMbHistory {
        CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex }
    }

    fn plan(refresh: &mut CyclicRefresh, share_pct: u8) -> Vec<usize> {
        let mut selected = Vec::new();
        let any = refresh.plan(LIMIT, share_pct, |index| selected.push(index));
        assert_eq!(any, !selected.is_empty());
        selected
    }

    #[test]
    fn static_macroblocks_are_refreshed_once_in_turn() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(100, 127);
        for _ in 0..3 {
            assert!(plan(&mut refresh, 10).is_empty());
            refresh.update((0..100).map(|_| still(60)));
        }
        let mut seen = vec![0; 100];
        for _ in 0..10 {
            let selected = plan(&mut refresh, 10);
            assert_eq!(selected.len(), 10);
            selected.iter().for_each(|&index| seen[index] += 1);
            let qindex = |n| if selected.contains(&n) { FINER } else { 60 };
            refresh.update((0..100).map(|n| still(qindex(n))));
        }
        assert_eq!(seen, vec![1; 100]);
        assert!(plan(&mut refresh, 10).is_empty());
    }

    #[test]
    fn moving_macroblocks_are_not_refreshed() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(10, 127);
        for _ in 0..8 {
            refresh.update((0..10).map(|n| CodedMbHistory { is_still: n != 4, ..still(80) }));
        }
        assert_eq!(plan(&mut refresh, 100), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_macroblock_keeps_the_best_quality_while_nothing_is_coded() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(2, 51);
        assert_eq!((refresh.quality(0), refresh.quality(9)), (51, 51));
        refresh.update([still(30), CodedMbHistory { is_skipped: false, ..still(30) }].into_iter());
        refresh.update([still(40), CodedMbHistory { is_skipped: false, ..still(40) }].into_iter());
        assert_eq!([0, 1].map(|n| refresh.quality(n)), [30, 40]);
        assert!(refresh.is_as_good_as(0, 30) && !refresh.is_as_good_as(1, 39));
    }
}
