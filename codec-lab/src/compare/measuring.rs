//! Measures the points (encoder configuration, clip and target) of a study.

use std::time::Instant;

use codec_measure::results::{Partial, Point};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use rayon::prelude::*;

use super::clips::Clip;
use super::plan::{self, FRAMES, Job, Plan, Runs};
use super::remaining::Kind as WorkKind;
use super::score::{Score, Scoring};
use super::store::{Run, write_whole};
use super::ticker::Ticker;
use super::{encode, point, publish, score};

/// The points of a study.
pub(super) struct Measured {
    pub(super) points: Vec<Point>,
    /// The missing points, if the user has interrupted the study.
    pub(super) partial: Option<Partial>,
}

/// A score, or the reason why there is none.
type Scored = std::result::Result<Score, String>;

impl Plan<'_> {
    /// Measures every point, clip by clip. After an interrupt, returns the points that are known.
    pub(super) fn measure(&self, env: &Env) -> Result<Measured> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(if self.study.timing() { 0 } else { self.study.jobs() })
            .build()
            .map_err(Failure::internal)?;
        let ticker = self.ticker(pool.current_num_threads(), env);
        let mut points = Vec::new();
        for (index, clip) in self.clips.iter().enumerate() {
            match self.measure_clip(clip, index, &pool, &ticker, env) {
                Ok(found) => points.extend(found),
                Err(failure) => return self.known_after(failure),
            }
        }
        Ok(Measured { points, partial: None })
    }

    /// The points that are known after an interrupt.
    ///
    /// # Errors
    /// The failure, if it is no interrupt, or nothing is known.
    pub(super) fn known_after(&self, failure: Failure) -> Result<Measured> {
        match failure.kind {
            Kind::Interrupted => self.known_points()?.ok_or(failure),
            _ => Err(failure),
        }
    }

    /// Measures the points of a clip: with times, all interleaved encodings one at a time, and otherwise several points
    /// in parallel. A point is scored after its first encoding, so that an interrupted study has results.
    fn measure_clip(
        &self,
        clip: &Clip,
        index: usize,
        pool: &rayon::ThreadPool,
        ticker: &Ticker,
        env: &Env,
    ) -> Result<Vec<Point>> {
        let jobs: Vec<&Job<'_>> =
            self.jobs.iter().filter(|job| job.clip.name == clip.name).collect();
        if !self.study.timing() {
            let measured = |job: &&Job<'_>| {
                let runs = self.encode(job, 0, ticker)?;
                self.point(job, runs, ticker, env)
            };
            return pool.install(|| jobs.par_iter().map(measured).collect());
        }
        let threads = pool.current_num_threads();
        let score = |job: &Job<'_>| self.scored(job, threads, ticker, env).map(drop);
        let runs = self.encode_in_turn(&jobs, index, ticker, &score)?;
        let pairs = jobs.into_iter().zip(runs);
        pairs.map(|(job, runs)| self.point(job, runs, ticker, env)).collect()
    }

    /// Creates the progress estimate from the remaining work and from earlier runs: one kind of
    /// work for each arm, and one for scoring.
    fn ticker(&self, threads: usize, env: &Env) -> Ticker {
        let encoders = if self.study.timing() { 1 } else { threads };
        let mut kinds = vec![WorkKind::new(0.0, encoders); self.arms.len()];
        let mut scoring = WorkKind::new(0.0, threads);
        let mut done = 0.0;
        for job in &self.jobs {
            let (kind, weight) = (&mut kinds[job.kind], job.weight());
            for number in 0..job.rounds {
                match job
                    .store
                    .run(number)
                    .filter(|_| encode::is_known(job.arm, &job.store, number))
                {
                    Some(run) => {
                        kind.learn(weight, run.usage.wall_s);
                        done += weight;
                    }
                    None => kind.rest += weight,
                }
            }
            let weight = plan::weight(job.clip);
            if score::is_known(&job.store, &self.metrics) {
                done += weight;
            } else {
                scoring.rest += weight;
            }
        }
        kinds.push(scoring);
        Ticker::new(env.events.clone(), kinds, done)
    }

    fn point(&self, job: &Job<'_>, runs: Runs, ticker: &Ticker, env: &Env) -> Result<Point> {
        let failed = |why| Ok(failed(job, why));
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => {
                if !score::is_known(&job.store, &self.metrics) {
                    ticker.drop(self.arms.len(), plan::weight(job.clip));
                }
                return failed(why);
            }
        };
        match self.scored(job, 1, ticker, env)? {
            Ok(score) => self.assembled(job, &runs, &score),
            Err(why) => failed(why),
        }
    }

    /// Scores a point, unless its score is stored.
    fn scored(&self, job: &Job<'_>, threads: usize, ticker: &Ticker, env: &Env) -> Result<Scored> {
        let Job { arm, clip, store, flaw, .. } = job;
        if let Some(why) = flaw.get() {
            return Ok(Err(why.clone()));
        }
        let (begun, is_known) = (Instant::now(), score::is_known(store, &self.metrics));
        ticker.begin(&format!("{}  {}  {}  quality", clip.name, arm.name, job.label()));
        let limit = self.study.time_limit();
        let scales = job.rendition.is_some();
        let how = Scoring { metrics: &self.metrics, limit, threads, scales };
        let scored = score::score(arm, clip, store, &how, env)?;
        if !is_known {
            ticker.did(self.arms.len(), plan::weight(clip), begun);
        }
        if let Err(why) = &scored {
            // Only the first reason counts.
            let _ = flaw.set(why.clone());
        }
        Ok(scored)
    }

    /// The point of these encodings and this score, with its table of frames.
    fn assembled(&self, job: &Job<'_>, runs: &[Run], score: &Score) -> Result<Point> {
        let Job { arm, clip, target, store, .. } = job;
        let place = (arm.name.as_str(), *clip, *target);
        let trace = self.trace.as_ref().filter(|_| arm.follows_trace);
        let timing = self.study.timing();
        let mut point = point::measured(place, runs, score, &self.metrics, trace, timing);
        point.size = job.size();
        point.missed_target = runs.iter().any(|run| run.missed_target);
        point.streams_differ = runs.iter().any(|run| run.digest != runs[0].digest);
        let name = format!("{} {} {}", clip.name, arm.name, job.label());
        let key = store.key.get(..6).unwrap_or_default();
        let name = format!("{FRAMES}/{}-{key}.csv", publish::file_name(&name));
        let table = publish::frames_csv(score, &self.metrics);
        write_whole(&self.folder.join(&name), table.as_bytes())?;
        point.frames_csv = Some(name);
        Ok(point)
    }

    /// The points that can be reported without further work: points with a score, and points that have failed. `None`
    /// if there are none.
    fn known_points(&self) -> Result<Option<Measured>> {
        let (mut points, mut unrepeated) = (Vec::new(), 0);
        for job in &self.jobs {
            if let Some(why) = job.flaw.get() {
                points.push(failed(job, why.clone()));
                continue;
            }
            let Some(score) = score::known(&job.store, &self.metrics) else { continue };
            let runs = self.known_runs(job);
            if runs.is_empty() {
                continue;
            }
            unrepeated += u64::from(runs.len() < job.rounds as usize);
            points.push(self.assembled(job, &runs, &score)?);
        }
        if points.is_empty() {
            return Ok(None);
        }
        let (known, planned) = (points.len() as u64, self.jobs.len() as u64);
        let partial = Some(Partial { points: known, planned, unrepeated });
        Ok(Some(Measured { points, partial }))
    }

    /// The stored encodings of a job, up to the first that is missing.
    fn known_runs(&self, job: &Job<'_>) -> Vec<Run> {
        let most = if job.searches() { job.rounds } else { self.most_rounds() };
        let numbers = (0..most).take_while(|&number| encode::is_known(job.arm, &job.store, number));
        numbers.filter_map(|number| job.store.run(number)).collect()
    }
}

/// The point of a job that has no results.
fn failed(job: &Job<'_>, why: String) -> Point {
    let point = point::failed(&job.arm.name, &job.clip.name, job.target, why);
    Point { size: job.size(), ..point }
}
