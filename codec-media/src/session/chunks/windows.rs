//! Chooses the chunk boundaries of an input whose frames can be read in any order. It compares only a small part of
//! the frames.
//!
//! Only frames at which a chunk may end are compared, first at intervals of a fifth of a second. In the intervals whose
//! ends differ most, each frame is then compared with the one before, which finds a scene cut exactly.

use std::ops::Range;

use codec_core::analysis::SceneChange;

use super::split::{LEAST_NS, LONGEST_NS, PREFERRED_NS, SHORTEST_NS};
use crate::failure::Result;

/// Distance of the frames that are compared first.
const STEP_NS: i64 = 200_000_000;
/// Maximum number of gaps between these frames that are searched.
const GAPS: usize = 4;
/// The gap with the highest inter cost is always searched, and others if their cost is at least this, in percent.
const LIKELY_PCT: u8 = 65;
/// A rest that is this much longer than a chunk is a part of the last chunk.
const REST_NS: i64 = 1_000_000_000;
/// Frames whose inter cost is less than this below the highest one are as good a start, in percent.
const EQUAL_PCT: u8 = 10;

/// Compares frames of an input.
pub(super) trait Scenes {
    /// Compares each of these frames except the first one with the one before.
    fn compare(&mut self, frames: &mut dyn Iterator<Item = usize>) -> Result<Vec<SceneChange>>;
}

/// The times of an input with a constant frame rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// Number of frames.
    pub(super) count: usize,
    /// Duration of a frame in nanoseconds.
    pub(super) frame_ns: f64,
    /// The longest distance between key frames, in frames.
    pub(super) key_interval: Option<usize>,
}

impl Timing {
    /// The time of a frame in nanoseconds.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "saturates")]
    fn ns(self, frame: usize) -> i64 {
        (frame as f64 * self.frame_ns).round() as i64
    }

    /// The number of frames within a duration, rounded up.
    #[expect(clippy::cast_precision_loss, reason = "a duration of seconds")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    fn frames(self, ns: i64) -> usize {
        (ns as f64 / self.frame_ns.max(1.0) - 1e-6).ceil().max(0.0) as usize
    }

    /// The frames with which the chunk after the one of `start` may begin; empty if that is the last one.
    fn ends(self, start: usize) -> Range<usize> {
        if self.ns(self.count) - self.ns(start) <= LONGEST_NS + REST_NS {
            return 0..0;
        }
        let rest = self.count.saturating_sub(self.frames(LEAST_NS));
        let first = start + self.frames(SHORTEST_NS).max(1);
        let last = (start + self.frames(LONGEST_NS)).max(first);
        first..(last + 1).min(rest + 1)
    }
}

/// The first frames of all chunks.
pub(super) fn divide(timing: Timing, scenes: &mut dyn Scenes) -> Result<Vec<usize>> {
    let mut starts = vec![0];
    let mut start = 0;
    loop {
        let ends = timing.ends(start);
        if ends.is_empty() {
            return Ok(starts);
        }
        start = best_end(timing, start, ends, scenes)?;
        starts.push(start);
    }
}

/// The best one of the frames `ends` for the end of the chunk that begins with `start`.
fn best_end(
    timing: Timing,
    start: usize,
    ends: Range<usize>,
    scenes: &mut dyn Scenes,
) -> Result<usize> {
    let step = timing.frames(STEP_NS).max(1);
    let mut coarse: Vec<usize> = (ends.start - 1..ends.end - 1).step_by(step).collect();
    coarse.push(ends.end - 1);
    let changes = scenes.compare(&mut coarse.iter().copied())?;
    let all: Vec<u32> = changes.iter().map(|change| change.inter_pct.into()).collect();
    let mut gaps: Vec<usize> = (0..changes.len()).collect();
    gaps.sort_by_key(|&gap| std::cmp::Reverse(changes[gap].inter_pct));
    let likely = gaps.iter().take_while(|&&gap| changes[gap].inter_pct >= LIKELY_PCT).count();
    // Without a cut, the encoder would place a key frame where one is due anyway.
    let is_due = |frame: &usize| {
        timing.key_interval.is_some_and(|interval| (frame - start).is_multiple_of(interval))
    };
    let due = ends.clone().rfind(is_due);
    if let Some(due) = due.filter(|_| likely == 0) {
        return Ok(due);
    }
    let (mut cuts, mut others) = (Vec::new(), Vec::new());
    for &gap in gaps.iter().take(likely.clamp(1, GAPS)) {
        let (from, to) = (coarse[gap], coarse[gap + 1]);
        let fine = match to - from {
            1 => vec![changes[gap]],
            _ => scenes.compare(&mut (from..=to))?,
        };
        let costs: Vec<u32> = fine.iter().map(|change| change.inter_pct.into()).collect();
        for (at, change) in fine.iter().enumerate() {
            let usual = if fine.len() > 1 { usual(&costs, at) } else { usual(&all, gap) };
            let list = if change.begins_scene(usual) { &mut cuts } else { &mut others };
            list.push((from + 1 + at, change.inter_pct));
        }
    }
    let distance = |frame: usize| (timing.ns(frame) - timing.ns(start) - PREFERRED_NS).abs();
    let cut = cuts.iter().map(|&(frame, _)| frame).min_by_key(|&frame| distance(frame));
    if let Some(found) = cut.or(due) {
        return Ok(found);
    }
    // A frame that is predicted badly.
    let worst = others.iter().map(|&(_, inter_pct)| inter_pct).max().unwrap_or(0);
    let near = others.iter().filter(|(_, inter_pct)| inter_pct + EQUAL_PCT > worst);
    let near = near.map(|&(frame, _)| frame).min_by_key(|&frame| distance(frame));
    Ok(near.unwrap_or(ends.start))
}

/// The mean of all costs except one; 100 if there is no other one.
fn usual(costs: &[u32], at: usize) -> u8 {
    let others = u32::try_from(costs.len().saturating_sub(1)).unwrap_or(0);
    let sum: u32 = costs.iter().sum::<u32>() - costs[at];
    sum.checked_div(others).and_then(|mean| u8::try_from(mean).ok()).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that differ by their scene, and a little by their distance.
    struct Frames {
        cuts: Vec<usize>,
        read: usize,
    }

    impl Scenes for Frames {
        fn compare(&mut self, frames: &mut dyn Iterator<Item = usize>) -> Result<Vec<SceneChange>> {
            let frames: Vec<usize> = frames.collect();
            self.read += frames.len();
            let change = |pair: &[usize]| {
                let has_cut = self.cuts.iter().any(|cut| (pair[0] + 1..=pair[1]).contains(cut));
                let moved = u8::try_from(20 + 5 * (pair[1] - pair[0])).unwrap();
                let inter_pct = if has_cut { 96 } else { moved };
                SceneChange { inter_pct, intra_mbs_pct: inter_pct, ..SceneChange::default() }
            };
            Ok(frames.windows(2).map(change).collect())
        }
    }

    fn starts(seconds: usize, interval: Option<usize>, cuts: &[usize]) -> (Vec<usize>, usize) {
        let timing = Timing { count: 25 * seconds, frame_ns: 4e7, key_interval: interval };
        let mut frames = Frames { cuts: cuts.to_vec(), read: 0 };
        (divide(timing, &mut frames).unwrap(), frames.read)
    }

    #[test]
    fn chunks_begin_at_the_scene_cut_nearest_to_ten_seconds() {
        let (found, read) = starts(30, None, &[100, 215, 260, 290, 480]);
        assert_eq!(found, [0, 260, 480]);
        assert!(read < 120, "{read}");
    }

    #[test]
    fn chunks_without_scene_cuts_last_ten_seconds_or_end_where_a_key_frame_is_due() {
        let (found, _) = starts(41, None, &[]);
        assert!(
            found.windows(2).all(|pair| (200..=300).contains(&(pair[1] - pair[0]))),
            "{found:?}"
        );
        assert_eq!(starts(41, Some(250), &[]).0, [0, 250, 500, 750]);
        assert_eq!(starts(41, Some(100), &[]).0, [0, 300, 600, 900]);
        assert_eq!(starts(30, Some(250), &[210]).0, [0, 210, 460]);
    }

    #[test]
    fn a_short_rest_belongs_to_the_last_chunk() {
        assert_eq!(starts(0, None, &[]).0, [0]);
        assert_eq!(starts(13, None, &[250]).0, [0]);
        assert_eq!(starts(14, None, &[225]).0, [0, 225]);
        // A rest of four seconds at least is left.
        assert_eq!(starts(14, None, &[225, 252]).0, [0, 225]);
    }

    #[test]
    fn frames_of_a_low_rate_are_all_compared() {
        let timing = Timing { count: 40, frame_ns: 1e9, key_interval: None };
        let mut frames = Frames { cuts: vec![9, 18, 30], read: 0 };
        assert_eq!(divide(timing, &mut frames).unwrap(), [0, 9, 18, 30]);
    }
}
