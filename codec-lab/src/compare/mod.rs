//! `codec compare`: rate-distortion curves, speed and rate control of several encoders in one
//! report.

mod against;
mod arm;
mod clips;
mod encode;
mod environment;
pub mod options;
mod peers;
mod point;
mod programs;
mod publish;
mod remaining;
pub mod remote;
mod schedule;
mod score;
mod session;
mod store;
mod stream;
mod study;
mod template;
mod ticker;
pub mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use codec_measure::metrics::MetricId;
use codec_measure::report;
use codec_measure::results::{self, Point, Results, SCHEMA, Target, VERSION};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::OutputRules;
use codec_media::stop::Stop;
use codec_rtc::link::RateTrace;
use rayon::prelude::*;

use self::against::{Baseline, Changes};
use self::arm::{Arm, Task, arms_of};
use self::clips::{Clip, clips_of};
use self::options::{CompareOptions, EncodeGrammar};
use self::remaining::Kind as WorkKind;
use self::remote::Remote;
use self::session::Session;
use self::store::{Identity, PointStore, Run, Store, digest_of, write_whole};
use self::study::{Study, label};
use self::ticker::Ticker;
use crate::measure;

/// Folder of the per-frame tables within the report.
const FRAMES: &str = "frames";

/// Runs a study and writes its report.
///
/// # Errors
/// If an arm, a clip or the report folder is rejected, or points have no results.
pub fn run(args: &CompareOptions, grammar: &dyn EncodeGrammar, env: &Env) -> Result<()> {
    compare(args, grammar, None, env)
}

/// Runs a study whose points other machines measure, and writes its report here.
///
/// # Errors
/// As from [`run`], and those of `remote`.
pub fn run_on(
    remote: &dyn Remote,
    args: &CompareOptions,
    grammar: &dyn EncodeGrammar,
    env: &Env,
) -> Result<()> {
    compare(args, grammar, Some(remote), env)
}

/// Describes this machine: processor, cores, instruction set and system. Times of machines with different
/// descriptions are not comparable.
#[must_use]
pub fn machine(env: &Env) -> String {
    environment::host(env)
}

fn compare(
    args: &CompareOptions,
    grammar: &dyn EncodeGrammar,
    remote: Option<&dyn Remote>,
    env: &Env,
) -> Result<()> {
    let baseline = Baseline::read(args)?;
    let study = Study::new(args)?;
    let arms = arms_of(&study, grammar)?;
    let anchor = anchor_of(&study, &arms)?;
    if let Some(path) = &args.save_study {
        let rules = OutputRules { overwrite: args.yes, ..OutputRules::default() };
        study.save(path, &rules)?;
    }
    let store = Store::open(&args.output, args.yes)?;
    env.stop.handle_requests();
    let clips = clips_of(&study, &store, env)?;
    if let Some(baseline) = &baseline {
        let names = arms.iter().map(|arm| arm.name.as_str());
        let digests = clips.iter().map(|clip| clip.digest.as_str());
        let metrics = study.metrics()?;
        let metrics = metrics.iter().map(|metric| metric.id());
        baseline.check(names, digests, metrics, (&anchor, study.timing()))?;
    }
    let (results, changes) =
        carry_out(&study, &arms, &clips, (anchor, args), (&store, remote), env, baseline.as_ref())
            .map_err(|failure| kept(&failure, remote.is_some()))?;
    report(&results, &args.output, env)?;
    for line in &changes.lines {
        env.events.text(&format!("{line}\n"))?;
    }
    baseline.map_or(Ok(()), |baseline| baseline.judge(&changes))
}

fn carry_out(
    study: &Study,
    arms: &[Arm],
    clips: &[Clip],
    (anchor, args): (String, &CompareOptions),
    (store, remote): (&Store, Option<&dyn Remote>),
    env: &Env,
    baseline: Option<&Baseline>,
) -> Result<(Results, Changes)> {
    let host = match remote {
        Some(remote) if study.timing() => remote.machine()?,
        _ => environment::host(env),
    };
    let mut plan = Plan::new(study, arms, clips, (anchor, &args.output), (store, &host), env)?;
    if let Some(remote) = remote {
        plan.fetch(remote, env)?;
    }
    let points = plan.measure(env)?;
    let mut results = plan.results(points, env)?;
    let changes = baseline.map(|baseline| baseline.changes(&results, study.interpolation()));
    let changes = changes.unwrap_or_default();
    let lines = changes.lines.iter().map(|line| format!("against the earlier results: {line}"));
    results.notes.extend(lines);
    publish::publish(&args.output, &results)?;
    let rules = OutputRules { overwrite: true, ..OutputRules::default() };
    study.save(&args.output.join("study.toml"), &rules)?;
    Ok((results, changes))
}

/// Adds to a failure's message that the results measured before the failure are kept.
fn kept(failure: &Failure, is_remote: bool) -> Failure {
    let message = match failure.kind {
        // The work of other machines goes on.
        Kind::Interrupted if is_remote => failure.message.clone(),
        Kind::Interrupted => {
            "interrupted: results are kept\nhelp: run the same command again to continue".to_owned()
        }
        _ => format!("{} (results so far are kept)", failure.message),
    };
    Failure::new(failure.kind, message)
}

/// Prints the table; fails if points have no results.
fn report(results: &Results, folder: &Path, env: &Env) -> Result<()> {
    use std::io::IsTerminal;
    let terminal = std::io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let width = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    env.events.text(&report::table(results, width, colour))?;
    env.events.note(format!("report: {}", folder.join("index.html").display()));
    let failures: Vec<&Point> =
        results.points.iter().filter(|point| point.failure.is_some()).collect();
    let Some(first) = failures.first() else { return Ok(()) };
    let why = first.failure.as_deref().unwrap_or_default();
    Err(Failure::new(
        Kind::Check,
        format!(
            "{} of {} points failed; the first: {} on {} at {}: {why}",
            failures.len(),
            results.points.len(),
            first.arm,
            first.clip,
            label(first.target)
        ),
    ))
}

/// Name of the anchor: the first arm, unless another is named.
fn anchor_of(study: &Study, arms: &[Arm]) -> Result<String> {
    let names = || arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match &study.anchor {
        None => arms.first(),
        Some(name) => arms.iter().find(|arm| arm.name == *name),
    };
    found.map(|arm| arm.name.clone()).ok_or_else(|| {
        let name = study.anchor.as_deref().unwrap_or_default();
        Failure::usage(format!("unknown --anchor {name}: expected one of {}", names()))
    })
}

/// One point of the matrix, and where its results are stored.
struct Job<'a> {
    arm: &'a Arm,
    clip: &'a Clip,
    target: Target,
    store: PointStore,
    argv: Vec<String>,
    /// The command line with plain file names, for the report.
    shown: Vec<String>,
    /// Kind of work for the time estimate, which is the index of the arm.
    kind: usize,
}

impl Job<'_> {
    /// Whether all encodings of the job were already measured.
    fn is_known(&self, repeats: u32) -> bool {
        (0..repeats).all(|number| encode::is_known(self.arm, &self.store, number))
    }
}

/// Everything to do.
struct Plan<'a> {
    study: &'a Study,
    arms: &'a [Arm],
    clips: &'a [Clip],
    metrics: Vec<MetricId>,
    trace: Option<RateTrace>,
    /// Name of the anchor arm.
    anchor: String,
    session: Session,
    stop: Stop,
    /// The folder of the report.
    folder: PathBuf,
    jobs: Vec<Job<'a>>,
    /// Whether other machines encode.
    is_remote: bool,
    /// Why points failed on other machines, by their keys.
    failed: BTreeMap<String, String>,
}

impl<'a> Plan<'a> {
    fn new(
        study: &'a Study,
        arms: &'a [Arm],
        clips: &'a [Clip],
        (anchor, folder): (String, &Path),
        (store, host): (&Store, &str),
        env: &Env,
    ) -> Result<Self> {
        let frames = folder.join(FRAMES);
        std::fs::create_dir_all(&frames)
            .map_err(|error| Failure::output(&frames.display().to_string(), error))?;
        let trace = study.trace()?;
        let trace_digest = match &study.rate_trace {
            Some(path) => digest_of(path)?,
            None => String::new(),
        };
        let metrics = study.metrics()?;
        measure::check(&metrics, clips.iter().map(|clip| (clip.name.as_str(), clip.size)))?;
        let mut jobs = Vec::new();
        for clip in clips {
            for target in study.targets()? {
                let mut asked: Vec<Vec<String>> = Vec::new();
                for (kind, arm) in arms.iter().enumerate() {
                    let task =
                        |input: &Path, output: &Path, report: &Path, trace: Option<&Path>| {
                            arm.argv(&Task {
                                input,
                                output,
                                report,
                                size: clip.size,
                                frame_rate: clip.frame_rate,
                                frames: clip.frames,
                                target,
                                rate_trace: trace,
                            })
                        };
                    // The command line identifies the results, independent of the location of
                    // files.
                    let [input, output, report] = ["in", "out", "report"].map(Path::new);
                    let stand_in = study.rate_trace.as_ref().map(|_| Path::new("trace"));
                    let argv = task(input, output, report, stand_in)?;
                    let twins = asked.iter().filter(|other| **other == argv && study.timing());
                    let twins = twins.count();
                    asked.push(argv.clone());
                    let place = store.point(&Identity {
                        clip: &clip.digest,
                        frames: clip.frames,
                        argv: argv.get(usize::from(arm.reports())..).unwrap_or_default(),
                        version: &arm.version,
                        trace: &trace_digest,
                        host: if study.timing() { host } else { "" },
                        twins,
                    })?;
                    let output = place.temporary(arm.extension());
                    let report = place.temporary("csv");
                    let argv = task(&clip.path, &output, &report, study.rate_trace.as_deref())?;
                    let input = PathBuf::from(format!("{}.y4m", clip.name));
                    let output = PathBuf::from(format!("out.{}", arm.extension()));
                    let trace = study.rate_trace.as_deref();
                    let mut shown = task(&input, &output, Path::new("frames.csv"), trace)?;
                    if arm.reports()
                        && let Some(program) = shown.first_mut()
                    {
                        "codec".clone_into(program);
                    }
                    jobs.push(Job { arm, clip, target, store: place, argv, shown, kind });
                }
            }
        }
        let (folder, session) = (folder.to_owned(), Session::new(study.timing()));
        let stop = env.stop.clone();
        Ok(Self {
            study,
            arms,
            clips,
            metrics,
            trace,
            anchor,
            session,
            stop,
            folder,
            jobs,
            is_remote: false,
            failed: BTreeMap::new(),
        })
    }

    /// Measures every point: clip by clip, first all interleaved encodings, then their quality.
    fn measure(&self, env: &Env) -> Result<Vec<Point>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(if self.study.timing() { 0 } else { self.study.jobs() })
            .build()
            .map_err(Failure::internal)?;
        let ticker = self.ticker(pool.current_num_threads(), env);
        let mut points = Vec::new();
        for (index, clip) in self.clips.iter().enumerate() {
            let jobs: Vec<&Job<'_>> =
                self.jobs.iter().filter(|job| job.clip.name == clip.name).collect();
            let runs = if self.study.timing() {
                self.encode_in_turn(&jobs, index, &ticker)?
            } else {
                pool.install(|| {
                    jobs.par_iter().map(|job| self.encode(job, 0, &ticker)).collect::<Result<_>>()
                })?
            };
            let scored: Result<Vec<Point>> = pool.install(|| {
                let pairs = jobs.par_iter().zip(runs);
                pairs.map(|(job, runs)| self.point(job, runs, &ticker, env)).collect()
            });
            points.extend(scored?);
        }
        Ok(points)
    }

    /// Creates the progress estimate from the remaining work and from earlier runs: one kind of
    /// work for each arm, and one for scoring.
    fn ticker(&self, threads: usize, env: &Env) -> Ticker {
        let encoders = if self.study.timing() { 1 } else { threads };
        let mut kinds = vec![WorkKind::new(0.0, encoders); self.arms.len()];
        let mut scoring = WorkKind::new(0.0, threads);
        let mut done = 0.0;
        for job in &self.jobs {
            let (kind, weight) = (&mut kinds[job.kind], weight(job.clip));
            for number in 0..self.study.repeat() {
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
        let Job { arm, clip, target, store, .. } = job;
        let failed = |why| Ok(point::failed(&arm.name, &clip.name, *target, why));
        let scoring = self.arms.len();
        let is_known = score::is_known(store, &self.metrics);
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => {
                if !is_known {
                    ticker.drop(scoring, weight(clip));
                }
                return failed(why);
            }
        };
        let begun = Instant::now();
        ticker.begin(&format!("{}  {}  {}  quality", clip.name, arm.name, label(*target)));
        let limit = self.study.time_limit();
        let scored = score::score(arm, clip, store, &self.metrics, limit, env)?;
        if !is_known {
            ticker.did(scoring, weight(clip), begun);
        }
        let score = match scored {
            Ok(score) => score,
            Err(why) => return failed(why),
        };
        let place = (arm.name.as_str(), *clip, *target);
        let timing = self.study.timing();
        let mut point =
            point::measured(place, &runs, &score, &self.metrics, self.trace.as_ref(), timing);
        point.streams_differ = runs.iter().any(|run| run.digest != runs[0].digest);
        let name = format!("{} {} {}", clip.name, arm.name, label(*target));
        let key = store.key.get(..6).unwrap_or_default();
        let name = format!("{FRAMES}/{}-{key}.csv", publish::file_name(&name));
        let table = publish::frames_csv(&score, &self.metrics);
        write_whole(&self.folder.join(&name), table.as_bytes())?;
        point.frames_csv = Some(name);
        Ok(point)
    }

    /// Collects the contents of the report.
    fn results(&self, points: Vec<Point>, env: &Env) -> Result<Results> {
        let mut notes: Vec<String> =
            self.clips.iter().filter_map(|clip| clip.note.clone()).collect();
        let points = self.without_missed(points, &self.anchor, &mut notes);
        for point in points.iter().filter(|point| point.streams_differ) {
            notes.push(format!(
                "{} on {} at {}: the encoder wrote different streams for the same input; the first \
                one is scored",
                point.arm,
                point.clip,
                label(point.target)
            ));
        }
        if !self.study.timing() {
            notes.push("no times: encodings ran in parallel".to_owned());
        }
        notes.extend(remote::note(&self.machines(env)));
        let metric = |metric: &MetricId| metric.describe();
        let mut results = Results {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            title: self.study.title.clone().unwrap_or_else(|| "Comparison of encoders".to_owned()),
            environment: environment::environment(
                self.study.timing(),
                self.begun_s(),
                &self.machines(env),
            ),
            command: repeat_command(&self.folder),
            anchor: self.anchor.clone(),
            arms: self.arms.iter().map(|arm| self.arm_facts(arm)).collect(),
            clips: self.clips.iter().map(Clip::stream_info).collect(),
            metrics: self.metrics.iter().map(metric).collect(),
            points,
            notes,
            ..Results::default()
        };
        results.mark_busy();
        results.compare(self.study.interpolation());
        let cautions = results.cautions();
        results.notes.extend(cautions);
        Ok(results)
    }

    /// Start of the first encoding, in this run or an earlier one.
    fn begun_s(&self) -> u64 {
        let runs = self.jobs.iter().filter_map(|job| job.store.run(0));
        let known = runs.map(|run| run.begun_s).filter(|&begun_s| begun_s > 0);
        known.chain([self.session.begun_s]).min().unwrap_or(self.session.begun_s)
    }

    /// Drops the targets of a clip that the anchor misses by more than the limit.
    fn without_missed(
        &self,
        points: Vec<Point>,
        anchor: &str,
        notes: &mut Vec<String>,
    ) -> Vec<Point> {
        let Some(most) = self.study.max_rate_error else { return points };
        let missed: Vec<(String, Target)> = points
            .iter()
            .filter(|point| point.arm == anchor)
            .filter_map(|point| {
                let error = point.rate.error_percent.filter(|error| error.abs() > most)?;
                notes.push(format!(
                    "{} at {} is excluded: {anchor} misses the bitrate by {error:+.1} %",
                    point.clip,
                    label(point.target)
                ));
                Some((point.clip.clone(), point.target))
            })
            .collect();
        let is_missed =
            |point: &Point| missed.iter().any(|m| m.0 == point.clip && m.1 == point.target);
        points.into_iter().filter(|point| !is_missed(point)).collect()
    }

    fn arm_facts(&self, arm: &Arm) -> results::Arm {
        let job = self.jobs.iter().find(|job| job.arm.name == arm.name);
        let words = job.map_or(&[][..], |job| &job.shown);
        let command = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
        results::Arm {
            name: arm.name.clone(),
            given: arm.given.clone(),
            command,
            version: arm.version.clone(),
            threads: arm.stated_threads(),
        }
    }
}

/// The amount of work of a clip, in pixels.
#[expect(clippy::cast_precision_loss, reason = "for progress")]
fn weight(clip: &Clip) -> f64 {
    clip.frames as f64 * clip.size.pixels() as f64
}

/// Returns the command that repeats the study, whose file is in the report's folder.
fn repeat_command(folder: &Path) -> String {
    let folder = folder.display().to_string();
    let study = format!("{folder}/study.toml");
    let words = ["codec", "compare", "--study", &study, "-o", &folder];
    shlex::try_join(words).unwrap_or_else(|_| words.join(" "))
}

/// The encodings of a point, or the reason why it failed.
type Runs = std::result::Result<Vec<Run>, String>;
