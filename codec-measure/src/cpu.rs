//! Ratio of the CPU time of an arm (an encoder with its settings) to the CPU time of the anchor
//! (the arm that the others are compared with). Repeated runs of both arms are interleaved, and one
//! ratio is computed per pair of runs, because a temporary slowdown of the machine affects both
//! runs of a pair.

use crate::results::{Point, Results, Sample};
use crate::stats::mean;
use crate::stats::student::{MeanTest, quantile};
use crate::summary::{CONFIDENCE, Untested};

/// The ratio over all clips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuRatio {
    pub(crate) ratio: Untested,
    /// See [`crate::results::FrontierPoint::cpu_noise_percent`].
    pub(crate) noise_percent: Option<f64>,
}

/// One clip.
struct ClipRatio {
    /// Mean logarithm.
    log: f64,
    /// For each repeat, the mean over targets.
    repeats: Vec<f64>,
    /// Whether one run of `compare` measured both times of each pair.
    in_turn: bool,
}

/// Returns, for each repeat, the mean of its values over the targets. Repeats without a value for
/// any target are skipped. `targets` holds the logarithms of ratios by repeat, for each target.
#[must_use]
pub fn by_repeat(targets: &[Vec<Option<f64>>]) -> Vec<f64> {
    let repeats = targets.iter().map(Vec::len).max().unwrap_or(0);
    let one = |repeat: usize| {
        let known = targets.iter().filter_map(|target| target.get(repeat).copied().flatten());
        mean(&known.collect::<Vec<_>>())
    };
    (0..repeats).filter_map(one).collect()
}

/// Returns half the width of the 95 % interval of a ratio on one clip, as a share of the ratio;
/// `None` with fewer than two repeats. `repeats` are logarithms from [`by_repeat`].
#[must_use]
pub fn half_width(repeats: &[f64]) -> Option<f64> {
    MeanTest::new(repeats).map(|test| test.half_width(CONFIDENCE).exp_m1())
}

/// The logarithm of a ratio of two times; `None` if it is undefined.
#[must_use]
pub fn log_ratio(time: f64, anchor: f64) -> Option<f64> {
    let ratio = time / anchor;
    (ratio.is_finite() && ratio > 0.0).then(|| ratio.ln())
}

impl Results {
    /// Returns the ratio for an arm; `None` if it has no points with times in common with the
    /// anchor.
    pub(crate) fn cpu_ratio(&self, arm: &str) -> Option<CpuRatio> {
        let clips: Vec<ClipRatio> =
            self.clips.iter().filter_map(|clip| self.cpu_ratio_on(arm, &clip.name)).collect();
        let mut ratio = match &clips[..] {
            // With a single clip, the interval is about this clip only.
            [only] if only.repeats.len() > 1 => Untested::new(&only.repeats, Sample::Repeats),
            _ => {
                let logs: Vec<f64> = clips.iter().map(|clip| clip.log).collect();
                Untested::new(&logs, Sample::Clips)
            }
        }?;
        if clips.iter().any(|clip| !clip.in_turn) {
            ratio.probability = None;
        }
        let noise_percent = noise(&clips).map(|half| 100.0 * half.exp_m1());
        Some(CpuRatio { ratio: ratio.map(f64::exp), noise_percent })
    }

    fn cpu_ratio_on(&self, arm: &str, clip: &str) -> Option<ClipRatio> {
        let pairs: Vec<(&Point, &Point)> = self
            .points_of(arm, clip)
            .filter_map(|point| {
                let is_twin = |a: &&Point| a.target == point.target && a.size == point.size;
                let twin = self.points_of(&self.anchor, clip).find(is_twin)?;
                Some((point, twin))
            })
            .collect();
        let repeats = by_repeat(&pairs.iter().map(|(a, b)| in_turn(a, b)).collect::<Vec<_>>());
        if let Some(log) = mean(&repeats) {
            return Some(ClipRatio { log, repeats, in_turn: true });
        }
        let of_medians = pairs.iter().filter_map(|(point, anchor)| {
            log_ratio(point.speed.cpu_ms_per_frame, anchor.speed.cpu_ms_per_frame)
        });
        let log = mean(&of_medians.collect::<Vec<_>>())?;
        let is_known = pairs.iter().any(|(a, b)| has_sessions(a) && has_sessions(b));
        Some(ClipRatio { log, repeats, in_turn: !is_known })
    }
}

fn has_sessions(point: &Point) -> bool {
    !point.speed.sessions.is_empty()
}

/// Returns the logarithms of ratios by repeat; `None` for a repeat whose two times were measured in
/// different runs of `compare`.
fn in_turn(point: &Point, anchor: &Point) -> Vec<Option<f64>> {
    let (a, b) = (&point.speed, &anchor.speed);
    let times = a.cpu_s.iter().zip(&b.cpu_s).enumerate();
    times
        .map(|(repeat, (&time, &anchor))| {
            let same = a.sessions.get(repeat) == b.sessions.get(repeat);
            log_ratio(time, anchor).filter(|_| same)
        })
        .collect()
}

/// Half the width of the interval from the repeats for the mean over clips, as a logarithm.
#[expect(clippy::cast_precision_loss, reason = "counts of clips")]
fn noise(clips: &[ClipRatio]) -> Option<f64> {
    let tests: Vec<MeanTest> = clips.iter().filter_map(|one| MeanTest::new(&one.repeats)).collect();
    let freedom: u32 = tests.iter().map(|test| test.freedom).sum();
    let squares: f64 = tests.iter().map(|test| test.error.powi(2)).sum();
    let error = squares.sqrt() / tests.len() as f64;
    (freedom > 0).then(|| quantile(CONFIDENCE, freedom) * error)
}
