//! MB-tree, as in x264: the more of the following frames is predicted from a macroblock, the finer
//! is its quantiser. Content that stays visible for a long time gets a higher quality.
//!
//! Costs propagate from later frames to earlier ones. The cost of a macroblock is its intra cost
//! plus the costs that were propagated to it. This sum, multiplied by the fraction of the intra
//! cost that inter prediction saves, is propagated to the macroblocks of the previous frame that
//! the macroblock is predicted from. Costs are in the units of the analysis (SATD at half size).

use super::{FrameAnalysis, MbAnalysis};
use crate::fixed::log2_q16;
use crate::motion::{FullPel, QuarterPel};

/// Added to intra costs, so that blocks of almost no cost do not get infinite importance.
const MIN_COST: u32 = 24;
/// The whole cost of a macroblock, as a share.
const WHOLE_Q8: u32 = 256;

/// Computes the importance of macroblocks; reuses its memory.
#[derive(Clone, Debug, Default)]
pub struct MbTree {
    /// By macroblock: cost propagated from the following frames.
    propagated: Vec<u32>,
    /// Propagated cost of the previous frame, while it is accumulated.
    before: Vec<u32>,
    boost_q16: Vec<i32>,
}

/// Frames in display order, by index; `None` beyond the last.
pub trait Frames<'a>: Fn(usize) -> Option<&'a FrameAnalysis> {}
impl<'a, F: Fn(usize) -> Option<&'a FrameAnalysis>> Frames<'a> for F {}

impl MbTree {
    /// Propagates the costs of `count` frames, starting with frame `first`, back to the first of
    /// them. Each frame is predicted from the previous one. Inter costs up to `noise` (in SATD of the
    /// half-size macroblock) count as zero: such a residual would not be coded.
    pub fn propagate<'a>(
        &mut self,
        first: usize,
        count: usize,
        noise: u32,
        frames: impl Frames<'a>,
    ) {
        let size = frames(first).map_or(0, |frame| frame.macroblocks.len());
        self.propagated.clear();
        self.propagated.resize(size, 0);
        for n in (first + 1..first + count).rev() {
            let Some(frame) = frames(n).filter(|frame| frame.macroblocks.len() == size) else {
                continue;
            };
            self.before.clear();
            self.before.resize(size, 0);
            for (n, (mb, &propagated)) in frame.macroblocks.iter().zip(&self.propagated).enumerate()
            {
                propagate_mb(frame.mb_cols, n, mb, noise, propagated, &mut self.before);
            }
            std::mem::swap(&mut self.propagated, &mut self.before);
        }
    }

    /// Adds the cost that the intermediate frames take from the last one, if it is coded before
    /// them as an altref frame.
    pub fn add_altref(&mut self, altref_trace: &AltrefTrace) {
        for (propagated, cost) in self.propagated.iter_mut().zip(&altref_trace.cost) {
            *propagated = propagated.saturating_add(*cost);
        }
    }

    /// Computes quality boosts from importance: `strength_q16` octaves of the quantiser step per octave
    /// of importance. Returns the mean boost of the macroblocks compared with a frame that is not
    /// referenced, in octaves of the quantiser step (16 fractional bits). Writes the offset of each
    /// macroblock from this mean to `offsets_q4`, in sixteenths of octaves; positive offsets are coarser.
    pub fn qindex_offsets(
        &mut self,
        frame: &FrameAnalysis,
        strength_q16: i32,
        offsets_q4: &mut Vec<i8>,
    ) -> i32 {
        self.boost_q16.clear();
        self.boost_q16.extend(frame.macroblocks.iter().zip(&self.propagated).map(
            |(mb, &propagated)| {
                let own = own_cost(mb);
                let octaves =
                    log2_q16(u64::from(own) + u64::from(propagated)) - log2_q16(own.into());
                scaled(octaves, strength_q16)
            },
        ));
        let sum: i64 = self.boost_q16.iter().map(|&finer| i64::from(finer)).sum();
        let count = i64::try_from(self.boost_q16.len()).unwrap_or(i64::MAX).max(1);
        let mean = i32::try_from(sum / count).unwrap_or(0);
        offsets_q4.clear();
        offsets_q4.extend(self.boost_q16.iter().map(|&finer| {
            let coarser_q4 = (mean - finer + (1 << 11)) >> 12;
            i8::try_from(coarser_q4.clamp(-127, 127)).unwrap_or(0)
        }));
        mean
    }
}

/// Origins of the macroblocks of a frame in earlier frames.
#[derive(Clone, Debug, Default)]
pub struct AltrefTrace {
    /// By macroblock: its cost that is visible in the intermediate frames.
    cost: Vec<u32>,
    /// By frame and macroblock: its position in the traced frame, if known.
    pub seeds: Vec<Vec<Option<FullPel>>>,
    /// By macroblock: its vector into the frame before frame 0.
    pub origins: Vec<QuarterPel>,
}

impl AltrefTrace {
    /// Traces the macroblocks of frame `last` back to frame 0 along their motion vectors. Inter
    /// costs up to `noise` count as zero.
    pub fn follow<'a>(&mut self, last: usize, noise: u32, frames: impl Frames<'a>) {
        self.cost.clear();
        self.origins.clear();
        self.seeds.resize_with(last.max(self.seeds.len()), Vec::new);
        let Some(altref_trace) = frames(last) else { return };
        let grid = Grid { cols: altref_trace.mb_cols, rows: altref_trace.mb_rows() };
        for seeds in &mut self.seeds {
            seeds.clear();
            seeds.resize(grid.cols * grid.rows, None);
        }
        for n in 0..altref_trace.macroblocks.len() {
            let start = grid.centre(n);
            let mut place = start;
            let mut share_q16 = WHOLE_Q8 << 8;
            let mut cost = 0_u32;
            for n in (1..=last).rev() {
                let (Some(frame), Some(before)) = (frames(n), frames(n - 1)) else { break };
                let Some(mb) = frame.macroblocks.get(grid.index(place)) else { break };
                share_q16 = (share_q16 * shared_q8(mb, noise)) >> 8;
                place = grid.moved(place, mb.motion);
                let index = grid.index(place);
                let Some(mb) = before.macroblocks.get(index) else { break };
                cost = cost.saturating_add((own_cost(mb) * (share_q16 >> 8)) >> 8);
                self.seeds[n - 1][index] = Some(between(place, start));
            }
            self.cost.push(cost);
            let first = frames(0).and_then(|frame| frame.macroblocks.get(grid.index(place)));
            let motion = first.map_or(QuarterPel::ZERO, |mb| mb.motion);
            let (x, y) = (place.0 - start.0, place.1 - start.1);
            let add = |by: i16, way: i32| i16::try_from(way + i32::from(by)).unwrap_or(0);
            self.origins.push(QuarterPel::new(add(motion.x, x), add(motion.y, y)));
        }
    }

    /// Returns the sum of the costs visible in the intermediate frames.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost.iter().map(|&cost| u64::from(cost)).sum()
    }
}

/// Dimensions of a frame in macroblocks.
#[derive(Clone, Copy)]
struct Grid {
    cols: usize,
    rows: usize,
}

impl Grid {
    /// Returns the centre of a macroblock, in quarter pixels.
    fn centre(self, n: usize) -> (i32, i32) {
        let of = |n: usize| 4 * (pixels(n) + 8);
        (of(n % self.cols.max(1)), of(n / self.cols.max(1)))
    }

    /// Moves `place`, in quarter pixels, by `by`, clamped to the frame.
    fn moved(self, (x, y): (i32, i32), by: QuarterPel) -> (i32, i32) {
        let limit = |n: usize| (4 * pixels(n) - 1).max(0);
        let (x, y) = (x + i32::from(by.x), y + i32::from(by.y));
        (x.clamp(0, limit(self.cols)), y.clamp(0, limit(self.rows)))
    }

    /// Returns the index of the macroblock at a position inside the frame, in quarter pixels.
    fn index(self, (x, y): (i32, i32)) -> usize {
        let of = |at: i32| usize::try_from(at >> 6).unwrap_or(0);
        of(y) * self.cols + of(x)
    }
}

fn pixels(macroblocks: usize) -> i32 {
    i32::try_from(16 * macroblocks).unwrap_or(i32::MAX / 4)
}

/// Returns the vector between two positions in quarter pixels.
fn between((x, y): (i32, i32), to: (i32, i32)) -> FullPel {
    let of = |d: i32| i16::try_from((d + 2) >> 2).unwrap_or(0);
    FullPel::new(of(to.0 - x), of(to.1 - y))
}

/// Returns the product of two numbers with 16 fractional bits.
fn scaled(value: i32, by_q16: i32) -> i32 {
    i32::try_from((i64::from(value) * i64::from(by_q16)) >> 16).unwrap_or(i32::MAX)
}

/// Returns the cost of a macroblock by itself.
fn own_cost(mb: &MbAnalysis) -> u32 {
    u32::from(mb.intra_cost) + MIN_COST
}

/// Returns the share of a macroblock that its prediction retains, in 1/256.
fn shared_q8(mb: &MbAnalysis, noise: u32) -> u32 {
    let own = own_cost(mb);
    let left = u32::from(mb.cost()).saturating_sub(noise);
    own.saturating_sub(left) * WHOLE_Q8 / own
}

/// Propagates the cost of macroblock `n` to the blocks of `before` that it is predicted from.
fn propagate_mb(
    cols: usize,
    n: usize,
    mb: &MbAnalysis,
    noise: u32,
    propagated: u32,
    before: &mut [u32],
) {
    let cols = cols.max(1);
    let cost = u64::from(own_cost(mb)) + u64::from(propagated);
    let amount = (cost * u64::from(shared_q8(mb, noise))) >> 8;
    let motion = mb.motion.to_full();
    let (x, y) = (pixels(n % cols) + i32::from(motion.x), pixels(n / cols) + i32::from(motion.y));
    let (right, below) = (x.rem_euclid(16).unsigned_abs(), y.rem_euclid(16).unsigned_abs());
    for (dx, dy, part) in [
        (0, 0, (16 - right) * (16 - below)),
        (1, 0, right * (16 - below)),
        (0, 1, (16 - right) * below),
        (1, 1, right * below),
    ] {
        let (Ok(col), Ok(row)) = (usize::try_from((x >> 4) + dx), usize::try_from((y >> 4) + dy))
        else {
            continue;
        };
        if part == 0 || col >= cols {
            continue;
        }
        if let Some(to) = before.get_mut(row * cols + col) {
            let amount = u32::try_from((amount * u64::from(part)) >> 8).unwrap_or(u32::MAX);
            *to = to.saturating_add(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    /// Two fifths.
    const STRENGTH: i32 = (2 << 16) / 5;

    /// Frames of 4 x 3 macroblocks of equal detail; the given column differs from frame to frame.
    fn frames(count: usize, motion: FullPel, changing_col: usize) -> Vec<FrameAnalysis> {
        let mb = |n: usize| MbAnalysis {
            intra_cost: 1000,
            inter_cost: if n % 4 == changing_col { 1000 } else { 0 },
            motion: motion.to_quarter(),
            ..MbAnalysis::default()
        };
        let frame = FrameAnalysis {
            size: Size::new(64, 48),
            mb_cols: 4,
            macroblocks: (0..12).map(mb).collect(),
            ..FrameAnalysis::default()
        };
        vec![frame; count]
    }

    #[test]
    fn static_macroblocks_are_more_important_than_changing_ones() {
        let frames = frames(16, FullPel::ZERO, 2);
        let mut mb_tree = MbTree::default();
        let mut offsets = Vec::new();
        mb_tree.propagate(0, 16, 0, |n| frames.get(n));
        let finer = mb_tree.qindex_offsets(&frames[0], STRENGTH, &mut offsets);
        // Fifteen more frames: four octaves of importance in three of four columns, times two
        // fifths.
        let octaves = f64::from(finer) / 65536.0;
        assert!((octaves - 4.0 * 0.4 * 0.75).abs() < 0.05, "{octaves}");
        assert!(offsets[2] > 0 && offsets[1] < 0 && offsets[1] == offsets[3]);
    }

    #[test]
    fn frames_without_successors_get_no_boost() {
        let frames = frames(1, FullPel::ZERO, 2);
        let mut mb_tree = MbTree::default();
        let mut offsets = Vec::new();
        mb_tree.propagate(0, 16, 0, |n| frames.get(n));
        assert_eq!(mb_tree.qindex_offsets(&frames[0], STRENGTH, &mut offsets), 0);
        assert_eq!(offsets, [0; 12]);
    }

    #[test]
    fn macroblocks_are_traced_along_their_motion_vectors() {
        let frames = frames(3, FullPel::new(16, 0), 9);
        let mut altref_trace = AltrefTrace::default();
        altref_trace.follow(2, 0, |n| frames.get(n));
        assert_eq!(altref_trace.seeds[1][1], Some(FullPel::new(-16, 0)));
        assert_eq!(altref_trace.seeds[0][2], Some(FullPel::new(-32, 0)));
        assert_eq!(altref_trace.seeds[0][0], None);
        assert!(altref_trace.cost() > 12 * 2000);
    }

    #[test]
    fn traces_add_up_fractions_of_pixels() {
        let mut frames = frames(9, FullPel::ZERO, 9);
        for frame in &mut frames {
            frame.macroblocks.iter_mut().for_each(|mb| mb.motion = QuarterPel::new(2, 0));
        }
        let mut altref_trace = AltrefTrace::default();
        altref_trace.follow(8, 0, |n| frames.get(n));
        assert_eq!(altref_trace.seeds[0][0], Some(FullPel::new(-4, 0)));
    }

    #[test]
    fn vectors_outside_the_frame_are_clamped() {
        let frames = frames(8, FullPel::new(-3000, 3000), 1);
        let mut mb_tree = MbTree::default();
        mb_tree.propagate(0, 8, 0, |n| frames.get(n));
        let mut altref_trace = AltrefTrace::default();
        altref_trace.follow(7, 0, |n| frames.get(n));
        mb_tree.add_altref(&altref_trace);
        assert!(mb_tree.qindex_offsets(&frames[0], STRENGTH, &mut Vec::new()) >= 0);
    }
}
