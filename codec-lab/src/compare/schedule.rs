//! Interleaves the encodings of a clip: every job (encoder configuration and target) once, then
//! every job again, so that other load affects all jobs alike.

use std::time::Instant;

use codec_measure::cpu::{by_repeat, half_width, log_ratio};
use codec_media::failure::{Failure, Kind, Result};

use super::encode;
use super::plan::{Job, Plan, Runs};
use super::store::Run;
use super::ticker::Ticker;

/// Maximum number of rounds for `--until`, as a multiple of `--repeat`.
const UNTIL_TIMES: u32 = 10;
/// Rounds before `--until` may stop: with fewer, intervals are too often narrow by chance.
const MIN_UNTIL: u32 = 5;

impl Plan<'_> {
    /// Runs all encodings of the jobs of the clip with number `index`, and calls `score` after the first of each job.
    pub(super) fn encode_in_turn(
        &self,
        jobs: &[&Job<'_>],
        index: usize,
        ticker: &Ticker,
        score: &dyn Fn(&Job<'_>) -> Result<()>,
    ) -> Result<Vec<Runs>> {
        self.warm_up(jobs, ticker)?;
        let mut runs: Vec<Runs> = jobs.iter().map(|_| Ok(Vec::new())).collect();
        let planned = self.study.repeat();
        let until = self.study.until();
        for number in 0..self.most_rounds() {
            let is_enough = match until {
                Some(share) => number >= MIN_UNTIL && self.is_narrow(jobs, &runs, share),
                None => false,
            };
            // Other machines have decided how often they repeat.
            let is_measured = |job: &&Job<'_>| encode::is_known(job.arm, &job.store, number);
            let has_ended = self.is_remote && !jobs.iter().any(is_measured);
            if number >= planned && (is_enough || has_ended) {
                break;
            }
            let mut order: Vec<usize> = (0..jobs.len()).collect();
            // Alternate the direction, so that no arm always follows the same other arm.
            if (index + number as usize) % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let (job, runs) = (jobs[at], &mut runs[at]);
                if job.searches() && number >= job.rounds {
                    continue;
                }
                let Ok(so_far) = runs else {
                    if number < planned {
                        ticker.drop(job.kind, job.weight());
                    }
                    continue;
                };
                if number >= planned && job.store.run(number).is_none() {
                    ticker.add(job.kind, job.weight());
                }
                match self.encode(job, number, ticker)? {
                    Ok(found) => so_far.extend(found),
                    Err(why) => *runs = Err(why),
                }
                if number == 0 && runs.is_ok() {
                    score(job)?;
                }
            }
        }
        Ok(runs)
    }

    /// Limit of the number of encodings of a point.
    pub(super) fn most_rounds(&self) -> u32 {
        let planned = self.study.repeat();
        match self.study.until() {
            Some(_) => planned.saturating_mul(UNTIL_TIMES),
            None => planned,
        }
    }

    /// Runs the first job of each arm, which loads programs and clip into memory.
    fn warm_up(&self, jobs: &[&Job<'_>], ticker: &Ticker) -> Result<()> {
        for arm in self.arms {
            let first = jobs
                .iter()
                .filter(|job| !self.is_remote && !job.searches() && !job.is_known())
                .find(|job| job.arm.name == arm.name);
            for _ in 0..self.study.warm_up() {
                let Some(job) = first else { break };
                ticker.begin(&format!("{}  {}  warm-up", job.clip.name, job.arm.name));
                let (output, report) =
                    (job.store.temporary(job.arm.extension()), job.store.temporary("csv"));
                let limit = self.study.time_limit();
                let outcome = encode::encode(
                    (job.arm, job.target),
                    &job.argv,
                    (&output, &report),
                    limit,
                    &self.stop,
                )?;
                let _ = std::fs::remove_file(&output);
                if outcome.is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether the repeats determine the CPU time ratio of each arm to the anchor within `share`.
    fn is_narrow(&self, jobs: &[&Job<'_>], runs: &[Runs], share: f64) -> bool {
        let of = |name: &str| {
            let pairs = jobs.iter().zip(runs).filter(|(job, _)| job.arm.name == *name);
            pairs
                .filter_map(|(job, runs)| Some(((job.target, job.size()), runs.as_ref().ok()?)))
                .collect::<Vec<_>>()
        };
        let anchor = of(&self.anchor);
        let others = self.arms.iter().filter(|arm| arm.name != self.anchor);
        others.map(|arm| of(&arm.name)).all(|arm| {
            let pairs = arm.iter().filter_map(|(target, runs)| {
                let (_, twin) = anchor.iter().find(|(other, _)| other == target)?;
                Some(ratios(runs, twin))
            });
            // Without a ratio, more repeats do not help.
            half_width(&by_repeat(&pairs.collect::<Vec<_>>())).is_none_or(|half| half <= share)
        })
    }

    /// Runs one encoding, or returns its stored result.
    pub(super) fn encode(&self, job: &Job<'_>, number: u32, ticker: &Ticker) -> Result<Runs> {
        let Job { arm, clip, target, store, argv, .. } = job;
        if let Some(why) = self.failed.get(&store.key) {
            return Ok(Err(why.clone()));
        }
        let is_known = encode::is_known(arm, store, number);
        if self.is_remote && !is_known {
            let is_extra = number >= self.study.repeat();
            let missing = || Err("no worker has measured this point".to_owned());
            return Ok(if is_extra { Ok(Vec::new()) } else { missing() });
        }
        let rounds = job.rounds.max(number + 1);
        let (clip_name, name) = (&clip.name, job.label());
        ticker.begin(&format!("{clip_name}  {}  {name}  {}/{rounds}", arm.name, number + 1));
        if self.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        let begun = Instant::now();
        let limit = self.study.time_limit();
        let session = (&self.session, &self.stop);
        let found = encode::measure((arm, *target), argv, store, number, limit, session)?;
        if !is_known {
            ticker.did(job.kind, job.weight(), begun);
        }
        if let Err(why) = &found {
            // Only the first reason counts.
            let _ = job.flaw.set(why.clone());
        }
        Ok(found.map(|run| vec![run]))
    }
}

/// Returns the logarithms of CPU time relative to the anchor's; `None` for a repeat that was
/// measured in different runs of `compare`.
fn ratios(runs: &[Run], anchor: &[Run]) -> Vec<Option<f64>> {
    let pairs = runs.iter().zip(anchor);
    pairs
        .map(|(run, anchor)| {
            log_ratio(run.usage.cpu_s, anchor.usage.cpu_s).filter(|_| run.session == anchor.session)
        })
        .collect()
}
