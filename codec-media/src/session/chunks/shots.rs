//! Chooses the quality setting of each shot: trial encodes at several settings, and the cheapest combination of them
//! that reaches the target.
//!
//! The target is a mean over all frames, so bits are best spent where they increase the sum of the metric most. For
//! each shot, only trials on the convex hull of size and quality matter; steps along the hulls of all shots are taken
//! in the order of their gain for each byte, until the mean is reached.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::key::FrameId;
use super::plan::ChunkPlan;
use super::run::{Board, file_of, run_all};
use super::target;
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Result};
use crate::session::goal::BEST_Q8;
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;

/// Distances of the first trials from the quality of all shots together, in 256ths.
const FIRST: [i64; 5] = [0, -(8 << 8), 8 << 8, -(16 << 8), 16 << 8];
/// Distances of further trials from the best trial of a shot, one round after another.
const FURTHER: [i64; 3] = [4 << 8, 2 << 8, 1 << 8];

/// A trial encode of a shot.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trial {
    quality_q8: u32,
    bytes: u64,
    /// The mean of the metric.
    value: f64,
}

/// A shot with its trials.
#[derive(Clone, Debug, Default)]
struct Shot {
    frames: u64,
    trials: Vec<Trial>,
}

impl Shot {
    /// The trials on the upper convex hull, with growing size, quality and bytes for each further step of quality.
    fn hull(&self) -> Vec<Trial> {
        let mut trials = self.trials.clone();
        trials.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(b.value.total_cmp(&a.value)));
        let mut hull: Vec<Trial> = Vec::new();
        for trial in trials {
            if hull.last().is_some_and(|last| trial.value <= last.value) {
                continue;
            }
            while let [.., before, last] = hull[..]
                && gain(before, last) < gain(last, trial)
            {
                hull.pop();
            }
            hull.push(trial);
        }
        hull
    }
}

/// The gain of quality for each byte from one trial to another.
#[expect(clippy::cast_precision_loss, reason = "sizes of chunks")]
fn gain(from: Trial, to: Trial) -> f64 {
    (to.value - from.value) / (to.bytes.saturating_sub(from.bytes)).max(1) as f64
}

/// The trial of each shot such that the mean over all frames is at least `wanted`, with few bytes in all. If that cannot be
/// reached, the best trial of each.
#[expect(clippy::cast_precision_loss, reason = "numbers of frames")]
fn choose(shots: &[Shot], wanted: f64) -> Vec<Trial> {
    let hulls: Vec<Vec<Trial>> = shots.iter().map(Shot::hull).collect();
    let mut steps: Vec<(f64, usize)> = Vec::new();
    for (index, (hull, shot)) in hulls.iter().zip(shots).enumerate() {
        let gains = hull.windows(2).map(|pair| gain(pair[0], pair[1]) * shot.frames as f64);
        steps.extend(gains.map(|gain| (gain, index)));
    }
    // Steps of a shot stay in their order, because its gains fall.
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut at = vec![0_usize; shots.len()];
    let chosen = |at: &[usize]| -> Vec<Trial> {
        hulls.iter().zip(at).filter_map(|(hull, &step)| hull.get(step).copied()).collect()
    };
    for (_, index) in steps {
        if mean(shots, &chosen(&at)) >= wanted {
            break;
        }
        if let Some(step) = at.get_mut(index) {
            *step += 1;
        }
    }
    let mut chosen = chosen(&at);
    while let Some((index, trial)) = cheaper(shots, &chosen, wanted) {
        let Some(before) = chosen.get_mut(index) else { break };
        *before = trial;
    }
    chosen
}

/// The trial that saves most bytes in one shot while the mean stays at least `wanted`: the last step along a hull may be a long
/// one, and trials below the hull are good enough for its rest.
fn cheaper(shots: &[Shot], chosen: &[Trial], wanted: f64) -> Option<(usize, Trial)> {
    let mut best: Option<(u64, usize, Trial)> = None;
    for (index, (shot, now)) in shots.iter().zip(chosen).enumerate() {
        for trial in shot.trials.iter().filter(|trial| trial.bytes < now.bytes) {
            let saved = now.bytes - trial.bytes;
            let mut changed = chosen.to_vec();
            changed.splice(index..=index, [*trial]);
            if best.is_none_or(|(most, ..)| saved > most) && mean(shots, &changed) >= wanted {
                best = Some((saved, index, *trial));
            }
        }
    }
    best.map(|(_, index, trial)| (index, trial))
}

/// The mean over all frames.
#[expect(clippy::cast_precision_loss, reason = "numbers of frames")]
fn mean(shots: &[Shot], chosen: &[Trial]) -> f64 {
    let frames: u64 = shots.iter().map(|shot| shot.frames).sum();
    let values = shots.iter().zip(chosen).map(|(shot, trial)| trial.value * shot.frames as f64);
    values.sum::<f64>() / frames.max(1) as f64
}

/// Searches for the quality of each shot. `plan` has one chunk for each shot, with these frames; `quality_q8` is the quality
/// at which all shots together reach the target. Trial encodes stay in `folder`, so the chosen ones are complete.
pub(super) fn search(
    settings: &Encoding,
    (plan, frames): (&ChunkPlan, &[FrameId]),
    (target, quality_q8): (TargetQuality, u32),
    folder: &Path,
    env: &Env,
) -> Result<ChunkPlan> {
    let count = plan.chunks().len();
    let mut shots: Vec<Shot> = plan
        .chunks()
        .iter()
        .map(|chunk| Shot { frames: chunk.frames, ..Shot::default() })
        .collect();
    let at = |quality_q8: u32, distance: i64| {
        let quality = i64::from(quality_q8) + distance;
        u32::try_from(quality.max(0)).unwrap_or(0).min(BEST_Q8)
    };
    for distance in FIRST {
        let qualities = vec![at(quality_q8, distance); count];
        try_all(settings, (plan, frames), &qualities, target, folder, &mut shots, env)?;
    }
    for distance in FURTHER {
        let best = choose(&shots, target.value);
        for distance in [-distance, distance] {
            let qualities: Vec<u32> =
                best.iter().map(|best| at(best.quality_q8, distance)).collect();
            try_all(settings, (plan, frames), &qualities, target, folder, &mut shots, env)?;
        }
    }
    let chosen = choose(&shots, target.value);
    let qualities: Vec<u32> = chosen.iter().map(|trial| trial.quality_q8).collect();
    let range = |pick: fn(u32, u32) -> u32| {
        let found = qualities.iter().copied().reduce(pick).unwrap_or(0);
        format!("{:.0}", f64::from(found) / 256.0)
    };
    let trials: usize = shots.iter().map(|shot| shot.trials.len()).sum();
    env.events.note(format!(
        "{}: qualities {} to {}, found by {}",
        counted(count as u64, "shot"),
        range(u32::min),
        range(u32::max),
        counted(trials as u64, "trial encode")
    ));
    plan.at_qualities(&qualities, frames)
}

/// Encodes each shot at a quality, and adds its size and quality to its trials.
fn try_all(
    settings: &Encoding,
    (plan, frames): (&ChunkPlan, &[FrameId]),
    qualities: &[u32],
    target: TargetQuality,
    folder: &Path,
    shots: &mut [Shot],
    env: &Env,
) -> Result<()> {
    let plan = plan.at_qualities(qualities, frames)?;
    let board = Arc::new(Board::new(&plan, env));
    run_all(settings, &plan, folder, &board, env)?;
    for ((chunk, &quality_q8), shot) in plan.chunks().iter().zip(qualities).zip(shots) {
        if shot.trials.iter().any(|trial| trial.quality_q8 == quality_q8) {
            continue;
        }
        let path = file_of(folder, &chunk.key);
        let found = fs::metadata(&path);
        let bytes =
            found.map_err(|error| Failure::output(&path.display().to_string(), error))?.len();
        let value = target::stored(folder, &chunk.key, target.metric)
            .ok_or_else(|| Failure::internal("a trial encode was not measured"))?;
        shot.trials.push(Trial { quality_q8, bytes, value });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(frames: u64, trials: &[(u64, f64)]) -> Shot {
        let trial = |(number, &(bytes, value)): (usize, &(u64, f64))| Trial {
            quality_q8: u32::try_from(number).unwrap(),
            bytes,
            value,
        };
        Shot { frames, trials: trials.iter().enumerate().map(trial).collect() }
    }

    fn bytes(trials: &[Trial]) -> Vec<u64> {
        trials.iter().map(|trial| trial.bytes).collect()
    }

    #[test]
    fn only_trials_on_the_convex_hull_are_used() {
        // The second is dominated, the fourth is below the line between its neighbours.
        let shot = shot(1, &[(100, 50.0), (150, 45.0), (200, 80.0), (300, 81.0), (400, 95.0)]);
        assert_eq!(bytes(&shot.hull()), [100, 200, 400]);
        assert_eq!(bytes(&Shot { frames: 1, trials: shot.trials[..1].to_vec() }.hull()), [100]);
    }

    #[test]
    fn bits_go_where_they_raise_the_mean_most() {
        // The first shot gains five points for 100 bytes, the second one for as many.
        let easy = shot(100, &[(100, 80.0), (200, 85.0), (300, 90.0), (400, 95.0)]);
        let hard = shot(100, &[(1000, 80.0), (1100, 81.0), (1200, 82.0), (1300, 83.0)]);
        let shots = [easy, hard];
        let chosen = choose(&shots, 85.0);
        assert_eq!(bytes(&chosen), [300, 1000]);
        assert!(mean(&shots, &chosen) >= 85.0);
        // A longer shot counts more.
        let long = Shot { frames: 1000, ..shots[1].clone() };
        assert_eq!(bytes(&choose(&[shots[0].clone(), long], 80.5)), [100, 1100]);
        // A target above all trials, and one below the smallest ones.
        assert_eq!(bytes(&choose(&shots, 99.0)), [400, 1300]);
        assert_eq!(bytes(&choose(&shots, 10.0)), [100, 1000]);
        assert!(choose(&[], 90.0).is_empty());
        // The rest after a long step of the hull is reached by a trial below it.
        let uneven = shot(1, &[(100, 50.0), (200, 60.0), (400, 95.0)]);
        assert_eq!(bytes(&uneven.hull()), [100, 400]);
        assert_eq!(bytes(&choose(&[uneven], 58.0)), [200]);
    }

    /// No combination of trials on the hulls is smaller and as good, except for the last step.
    #[test]
    fn a_choice_is_the_smallest_up_to_one_step() {
        let shots = [
            shot(30, &[(10, 60.0), (20, 75.0), (40, 84.0), (80, 90.0)]),
            shot(50, &[(50, 70.0), (70, 78.0), (110, 86.0), (190, 91.0)]),
            shot(20, &[(5, 85.0), (8, 91.0), (15, 95.0), (30, 97.0)]),
        ];
        for wanted in [72.0, 80.0, 85.5, 90.0] {
            let chosen = choose(&shots, wanted);
            let size: u64 = bytes(&chosen).iter().sum();
            let mut best = u64::MAX;
            for a in &shots[0].trials {
                for b in &shots[1].trials {
                    for c in &shots[2].trials {
                        let all = [*a, *b, *c];
                        if mean(&shots, &all) >= wanted {
                            best = best.min(bytes(&all).iter().sum());
                        }
                    }
                }
            }
            assert!(mean(&shots, &chosen) >= wanted);
            assert!(size <= best + 80, "{wanted}: {size}, {best}");
        }
    }
}
