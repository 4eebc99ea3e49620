//! Which macroblocks are refreshed at a finer quantiser. RFC 6386, section 9.3.
//!
//! Something that stands still is predicted from itself for a long time: bits spent on it once
//! are seen in all the frames that follow. So a few still macroblocks per frame, in turn, are put
//! into a segment of a finer quantiser, until they have had their share or move.

use super::spread::spread;
use crate::header::Segmentation;

/// The segment of macroblocks being refreshed; 0 is that of all others.
pub(super) const REFRESH: u8 = 1;
/// Frames that a macroblock must have stood still.
const STILL_FRAMES: u8 = 3;
/// A refresh must be this much finer than what a macroblock already has.
const WORTHWHILE: u8 = 8;

/// What is remembered of each macroblock from frame to frame.
#[derive(Clone, Copy, Debug)]
struct History {
    /// Frames that it has stood still, saturating.
    still: u8,
    /// Quantiser index that its pixels were last found to be as good as.
    quality: u8,
}

const UNKNOWN: History = History { still: 0, quality: 127 };

/// How a macroblock was coded, for its history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded {
    /// Predicted from the last frame without motion.
    pub(super) is_still: bool,
    /// Without coefficients.
    pub(super) is_skipped: bool,
    /// Taken over without a look at its pixels.
    pub(super) is_kept: bool,
    pub(super) qindex: u8,
}

/// Chooses the macroblocks to be refreshed.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    history: Vec<History>,
    /// Segment of each macroblock in the frame being coded; empty without segments.
    map: Vec<u8>,
    /// The map is of what macroblocks are worth, not of those to be refreshed.
    is_spread: bool,
    /// Where the next frame goes on looking.
    cursor: usize,
    next_cursor: usize,
}

impl Refresh {
    /// Forgets everything; `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        self.history.clear();
        self.history.resize(count, UNKNOWN);
        self.map.clear();
        self.map.reserve(count);
        (self.cursor, self.next_cursor) = (0, 0);
    }

    /// The finer index for a frame at `qindex`.
    pub(super) fn finer(qindex: u8) -> u8 {
        u8::try_from(u32::from(qindex) * 2 / 5).unwrap_or(qindex)
    }

    /// Chooses at most `share_pct` percent of the macroblocks for a frame at `qindex`, and says
    /// what its header is to say of segments. The map's probabilities are yet to come.
    pub(super) fn plan(&mut self, qindex: u8, share_pct: u8) -> Segmentation {
        let count = self.history.len();
        self.map.clear();
        self.is_spread = false;
        let finer = Self::finer(qindex);
        let mut left = count * usize::from(share_pct.min(100)) / 100;
        let limit = finer.saturating_add(WORTHWHILE);
        let is_due = |h: &History| h.still >= STILL_FRAMES && h.quality > limit;
        self.next_cursor = self.cursor;
        if left == 0 || qindex < 8 || !self.history.iter().any(is_due) {
            return Segmentation::default();
        }
        self.map.resize(count, 0);
        for n in 0..count {
            let at = (self.cursor + n) % count;
            if is_due(&self.history[at]) {
                self.map[at] = REFRESH;
                left -= 1;
                if left == 0 {
                    self.next_cursor = (at + 1) % count;
                    break;
                }
            }
        }
        // Indices are below 128. The filter's level stays the frame's.
        let [own, finer] = [qindex, finer].map(u8::cast_signed);
        Segmentation {
            enabled: true,
            update_map: true,
            update_data: true,
            absolute: false,
            quantiser: [0, finer - own, 0, 0],
            ..Segmentation::default()
        }
    }

    /// Instead: puts all macroblocks into segments by what they are worth; see [`spread()`].
    pub(super) fn spread(&mut self, qindex: u8, offsets_q4: &[i8]) -> Segmentation {
        self.next_cursor = self.cursor;
        self.is_spread = true;
        let known = if offsets_q4.len() == self.history.len() { offsets_q4 } else { &[] };
        spread(qindex, known, &mut self.map)
    }

    /// Whether macroblocks of `segment` are there to be refreshed.
    pub(super) fn is_refresh(&self, segment: u8) -> bool {
        segment == REFRESH && !self.is_spread
    }

    /// The segment asked for, by macroblock; empty without segments.
    pub(super) fn map(&self) -> &[u8] {
        &self.map
    }

    /// Quantiser index that macroblock `index` is as good as.
    pub(super) fn quality(&self, index: usize) -> u8 {
        self.history.get(index).map_or(UNKNOWN.quality, |h| h.quality)
    }

    /// Whether the pixels of macroblock `index` are known to be as good as `qindex` makes them.
    pub(super) fn is_as_good_as(&self, index: usize, qindex: u8) -> bool {
        self.history.get(index).is_some_and(|h| h.quality <= qindex)
    }

    /// Takes in how the macroblocks of a frame were coded, in raster order.
    pub(super) fn follow(&mut self, coded: impl Iterator<Item = Coded>) {
        self.cursor = self.next_cursor;
        for (h, mb) in self.history.iter_mut().zip(coded) {
            h.still = if mb.is_still { h.still.saturating_add(1) } else { 0 };
            if mb.is_kept {
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

    fn still(qindex: u8) -> Coded {
        Coded { is_still: true, is_skipped: true, is_kept: false, qindex }
    }

    #[test]
    fn still_macroblocks_are_refreshed_in_turn_and_once() {
        let mut refresh = Refresh::default();
        refresh.reset(100);
        for _ in 0..3 {
            assert!(!refresh.plan(60, 10).enabled);
            refresh.follow((0..100).map(|_| still(60)));
        }
        let mut seen = vec![0; 100];
        for _ in 0..10 {
            assert!(refresh.plan(60, 10).enabled);
            let map = refresh.map().to_vec();
            assert_eq!(map.iter().filter(|&&s| s == REFRESH).count(), 10);
            for (seen, &s) in seen.iter_mut().zip(&map) {
                *seen += u32::from(s == REFRESH);
            }
            refresh.follow(map.iter().map(|&s| still(if s == REFRESH { 24 } else { 60 })));
        }
        assert_eq!(seen, vec![1; 100]);
        assert!(!refresh.plan(60, 10).enabled);
    }

    #[test]
    fn a_refresh_leaves_the_loop_filter_alone() {
        let mut refresh = Refresh::default();
        refresh.reset(10);
        for _ in 0..4 {
            refresh.follow((0..10).map(|_| still(60)));
        }
        let plan = refresh.plan(60, 50);
        assert!(plan.enabled);
        assert_eq!([0, REFRESH].map(|segment| plan.level(20, segment)), [20, 20]);
        assert_eq!([0, REFRESH].map(|segment| plan.qindex(60, segment)), [60, Refresh::finer(60)]);
    }

    #[test]
    fn what_moves_is_not_refreshed() {
        let mut refresh = Refresh::default();
        refresh.reset(10);
        for _ in 0..8 {
            refresh.follow((0..10).map(|n| Coded { is_still: n != 4, ..still(80) }));
        }
        assert!(refresh.plan(80, 100).enabled);
        let map = refresh.map();
        assert!((0..10).all(|n| (map[n] == REFRESH) == (n != 4)));
    }
}
