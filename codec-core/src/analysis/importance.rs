//! MB-tree: importance of macroblocks by how much of the following frames is predicted from them.
//!
//! Content that stays visible for long is worth a finer quantiser.
//!
//! Each macroblock propagates to its references the share of its own cost, and of the cost
//! propagated to it, that its prediction retains. Costs are in the units of the analysis.

use super::{FrameAnalysis, MbAnalysis};
use crate::motion::FullPel;
use crate::rate::fixed::log2_q16;

/// Added to intra costs, so that blocks of almost no cost do not get infinite importance.
const LITTLE_COST: u32 = 24;
/// The whole cost of a macroblock, as a share.
const WHOLE_Q8: u32 = 256;
/// Octaves of the quantiser step per octave of importance: two fifths.
const STEP_PER_WORTH: (i32, i32) = (2, 5);

/// Computes the importance of macroblocks; reuses its memory.
#[derive(Clone, Debug, Default)]
pub struct Importance {
    /// By macroblock: cost propagated from the following frames.
    given: Vec<u32>,
    /// Propagated cost of the previous frame, while it is accumulated.
    before: Vec<u32>,
    finer_q16: Vec<i32>,
}

/// Frames in display order, by index; `None` beyond the last.
pub trait Frames<'a>: Fn(usize) -> Option<&'a FrameAnalysis> {}
impl<'a, F: Fn(usize) -> Option<&'a FrameAnalysis>> Frames<'a> for F {}

impl Importance {
    /// Propagates the costs of `count` frames, starting with frame `first`, back to the first of
    /// them. Each frame is predicted from the previous one. Costs up to `noise` count as not coded.
    pub fn look_ahead<'a>(
        &mut self,
        first: usize,
        count: usize,
        noise: u32,
        frames: impl Frames<'a>,
    ) {
        let size = frames(first).map_or(0, |frame| frame.macroblocks.len());
        self.given.clear();
        self.given.resize(size, 0);
        for n in (first + 1..first + count).rev() {
            let Some(frame) = frames(n).filter(|frame| frame.macroblocks.len() == size) else {
                continue;
            };
            self.before.clear();
            self.before.resize(size, 0);
            for (n, (mb, &given)) in frame.macroblocks.iter().zip(&self.given).enumerate() {
                hand_on(frame.mb_cols, n, mb, noise, given, &mut self.before);
            }
            std::mem::swap(&mut self.given, &mut self.before);
        }
    }

    /// Adds the cost that the intermediate frames take from the last one, if it is coded before
    /// them as an altref frame.
    pub fn add(&mut self, traced: &Traced) {
        for (given, worth) in self.given.iter_mut().zip(&traced.worth) {
            *given = given.saturating_add(*worth);
        }
    }

    /// Computes quality boosts from importance. Returns the mean boost of the frame over frames
    /// that are not referenced, in octaves of the quantiser step (16 fractional bits). Writes to
    /// `offsets_q4` how much coarser than that each macroblock should be, in sixteenths of octaves.
    pub fn weigh(&mut self, frame: &FrameAnalysis, offsets_q4: &mut Vec<i8>) -> i32 {
        self.finer_q16.clear();
        self.finer_q16.extend(frame.macroblocks.iter().zip(&self.given).map(|(mb, &given)| {
            let own = own_worth(mb);
            let octaves = log2_q16(u64::from(own) + u64::from(given)) - log2_q16(own.into());
            octaves * STEP_PER_WORTH.0 / STEP_PER_WORTH.1
        }));
        let sum: i64 = self.finer_q16.iter().map(|&finer| i64::from(finer)).sum();
        let count = i64::try_from(self.finer_q16.len()).unwrap_or(i64::MAX).max(1);
        let mean = i32::try_from(sum / count).unwrap_or(0);
        offsets_q4.clear();
        offsets_q4.extend(self.finer_q16.iter().map(|&finer| {
            let coarser_q4 = (mean - finer + (1 << 11)) >> 12;
            i8::try_from(coarser_q4.clamp(-127, 127)).unwrap_or(0)
        }));
        mean
    }
}

/// Origins of the macroblocks of a frame in earlier frames.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// By macroblock: its cost that is visible in the intermediate frames.
    worth: Vec<u32>,
    /// By frame and macroblock: its position in the traced frame, if known.
    pub seeds: Vec<Vec<Option<FullPel>>>,
}

impl Traced {
    /// Traces the macroblocks of frame `last` back to frame 0 along their motion vectors. Costs up
    /// to `noise` count as not coded.
    pub fn follow<'a>(&mut self, last: usize, noise: u32, frames: impl Frames<'a>) {
        self.worth.clear();
        self.seeds.resize_with(last.max(self.seeds.len()), Vec::new);
        let Some(traced) = frames(last) else { return };
        let grid = Grid { cols: traced.mb_cols, rows: traced.mb_rows() };
        for seeds in &mut self.seeds {
            seeds.clear();
            seeds.resize(grid.cols * grid.rows, None);
        }
        for n in 0..traced.macroblocks.len() {
            let start = grid.centre(n);
            let mut place = start;
            let mut share_q16 = WHOLE_Q8 << 8;
            let mut worth = 0_u32;
            for n in (1..=last).rev() {
                let (Some(frame), Some(before)) = (frames(n), frames(n - 1)) else { break };
                let Some(mb) = frame.macroblocks.get(grid.index(place)) else { break };
                share_q16 = (share_q16 * shared_q8(mb, noise)) >> 8;
                place = grid.moved(place, mb.seed);
                let index = grid.index(place);
                let Some(mb) = before.macroblocks.get(index) else { break };
                worth = worth.saturating_add((own_worth(mb) * (share_q16 >> 8)) >> 8);
                self.seeds[n - 1][index] = Some(between(place, start));
            }
            self.worth.push(worth);
        }
    }

    /// Sum of the worth of what is seen on the way.
    #[must_use]
    /// Returns the sum of the costs visible in the intermediate frames.
    pub fn worth(&self) -> u64 {
        self.worth.iter().map(|&worth| u64::from(worth)).sum()
    }
}

/// Dimensions of a frame in macroblocks.
#[derive(Clone, Copy)]
struct Grid {
    cols: usize,
    rows: usize,
}

impl Grid {
    fn centre(self, n: usize) -> (i32, i32) {
        (pixels(n % self.cols.max(1)) + 8, pixels(n / self.cols.max(1)) + 8)
    }

    /// Moves `place` by `by`, clamped to the frame.
    fn moved(self, (x, y): (i32, i32), by: FullPel) -> (i32, i32) {
        let limit = |n: usize| (pixels(n) - 1).max(0);
        let (x, y) = (x + i32::from(by.x), y + i32::from(by.y));
        (x.clamp(0, limit(self.cols)), y.clamp(0, limit(self.rows)))
    }

    /// Returns the index of the macroblock at a position inside the frame.
    fn index(self, (x, y): (i32, i32)) -> usize {
        let of = |at: i32| usize::try_from(at >> 4).unwrap_or(0);
        of(y) * self.cols + of(x)
    }
}

fn pixels(macroblocks: usize) -> i32 {
    i32::try_from(16 * macroblocks).unwrap_or(i32::MAX)
}

fn between((x, y): (i32, i32), to: (i32, i32)) -> FullPel {
    let of = |d: i32| i16::try_from(d).unwrap_or(0);
    FullPel::new(of(to.0 - x), of(to.1 - y))
}

/// Returns the cost of a macroblock by itself.
fn own_worth(mb: &MbAnalysis) -> u32 {
    u32::from(mb.intra_cost) + LITTLE_COST
}

/// Returns the share of a macroblock that its prediction retains, in 1/256.
fn shared_q8(mb: &MbAnalysis, noise: u32) -> u32 {
    let own = own_worth(mb);
    let left = u32::from(mb.cost()).saturating_sub(noise);
    own.saturating_sub(left) * WHOLE_Q8 / own
}

/// Propagates the cost of macroblock `n` to the blocks of `before` that it is predicted from.
fn hand_on(cols: usize, n: usize, mb: &MbAnalysis, noise: u32, given: u32, before: &mut [u32]) {
    let cols = cols.max(1);
    let worth = u64::from(own_worth(mb)) + u64::from(given);
    let amount = (worth * u64::from(shared_q8(mb, noise))) >> 8;
    let (x, y) = (pixels(n % cols) + i32::from(mb.seed.x), pixels(n / cols) + i32::from(mb.seed.y));
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

    /// Frames of 4 x 3 macroblocks of equal detail; the given column differs from frame to frame.
    fn frames(count: usize, seed: FullPel, changing_col: usize) -> Vec<FrameAnalysis> {
        let mb = |n: usize| MbAnalysis {
            intra_cost: 1000,
            inter_cost: if n % 4 == changing_col { 1000 } else { 0 },
            seed,
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
        let mut importance = Importance::default();
        let mut offsets = Vec::new();
        importance.look_ahead(0, 16, 0, |n| frames.get(n));
        let finer = importance.weigh(&frames[0], &mut offsets);
        // Fifteen more frames: four octaves of importance in three of four columns, times two
        // fifths.
        let octaves = f64::from(finer) / 65536.0;
        assert!((octaves - 4.0 * 0.4 * 0.75).abs() < 0.05, "{octaves}");
        assert!(offsets[2] > 0 && offsets[1] < 0 && offsets[1] == offsets[3]);
    }

    #[test]
    fn frames_without_successors_get_no_boost() {
        let frames = frames(1, FullPel::ZERO, 2);
        let mut importance = Importance::default();
        let mut offsets = Vec::new();
        importance.look_ahead(0, 16, 0, |n| frames.get(n));
        assert_eq!(importance.weigh(&frames[0], &mut offsets), 0);
        assert_eq!(offsets, [0; 12]);
    }

    #[test]
    fn macroblocks_are_traced_along_their_motion_vectors() {
        let frames = frames(3, FullPel::new(16, 0), 9);
        let mut traced = Traced::default();
        traced.follow(2, 0, |n| frames.get(n));
        assert_eq!(traced.seeds[1][1], Some(FullPel::new(-16, 0)));
        assert_eq!(traced.seeds[0][2], Some(FullPel::new(-32, 0)));
        assert_eq!(traced.seeds[0][0], None);
        assert!(traced.worth() > 12 * 2000);
    }

    #[test]
    fn vectors_outside_the_frame_are_clamped() {
        let frames = frames(8, FullPel::new(-3000, 3000), 1);
        let mut importance = Importance::default();
        importance.look_ahead(0, 8, 0, |n| frames.get(n));
        let mut traced = Traced::default();
        traced.follow(7, 0, |n| frames.get(n));
        importance.add(&traced);
        assert!(importance.weigh(&frames[0], &mut Vec::new()) >= 0);
    }
}
