//! Measures points (encoder configuration, clip and target) of studies that other machines have
//! submitted.

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};

use super::arm::arms_of;
use super::clips::{Clip, clip_of};
use super::environment::{self, Host};
use super::media::media_of;
use super::options::EncodeGrammar;
use super::plan::{Job, Plan};
use super::remaining::Kind as WorkKind;
use super::remote::{FAILURE, HOST, MAX_POINTS, Unit};
use super::score::Scoring;
use super::shape::Media;
use super::store::{Store, write_whole};
use super::study::Study;
use super::ticker::Ticker;
use super::{anchor_of, score};

/// Number of converted clips that are kept for later points.
const KEPT_CLIPS: usize = 4;

/// The studies that a worker accepts.
pub struct WorkerRules<'a> {
    /// Finds an input, or rejects it.
    pub locate: &'a (dyn Fn(&Path) -> Result<PathBuf> + Sync),
    /// Whether studies may run any program, with `cmd:` or a `decode` command.
    pub commands: bool,
    /// The options of an encoder.
    pub grammar: &'a dyn EncodeGrammar,
}

impl fmt::Debug for WorkerRules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerRules").field("commands", &self.commands).finish_non_exhaustive()
    }
}

/// Measures points, and keeps the clips of the last ones.
#[derive(Debug, Default)]
pub struct PointWorker {
    clips: Mutex<VecDeque<Arc<KeptClip>>>,
}

/// A clip with the folder of its converted form.
#[derive(Debug)]
struct KeptClip {
    /// Everything that determines the clip.
    identity: String,
    clip: Clip,
    _folder: tempfile::TempDir,
}

impl PointWorker {
    /// Measures a unit of a study, and stores its results in the folder that all machines share. Returns whether it
    /// was measured: `false` if the results exist.
    ///
    /// # Errors
    /// If the study is rejected; if its clip, its program or this machine are not the ones of the unit
    /// ([`Kind::Input`]); or if all points failed ([`Kind::Check`]).
    pub fn measure(
        &self,
        study: &str,
        unit: &Unit,
        shared: &Path,
        rules: &WorkerRules<'_>,
        env: &Env,
    ) -> Result<bool> {
        if unit.folder(shared).is_dir() {
            return Ok(false);
        }
        let study = accepted(study, rules)?;
        let arms = arms_of(&study, rules.grammar)?;
        let anchor = anchor_of(&study, &arms)?;
        let media = media_of(&study, &arms, env)?;
        let kept = self.clip(&study, media, unit.clip, env)?;
        let scratch = temporary_folder()?;
        let store = Store::open(scratch.path(), true)?;
        let clips = std::slice::from_ref(&kept.clip);
        let host = environment::host(env);
        let place = (anchor, scratch.path());
        let plan = Plan::new((&study, media), &arms, clips, place, (&store, &host), env)?;
        let jobs =
            unit.points.iter().map(|point| plan.jobs.iter().find(|job| job.store.key == *point));
        let jobs: Option<Vec<&Job<'_>>> = jobs.collect();
        let jobs = jobs.filter(|_| plan.key_of(&unit.points) == unit.key);
        let jobs = jobs.ok_or_else(|| {
            let name = &kept.clip.name;
            let message = format!(
                "the points of {name} on this worker are not those of the submitted study: the frames of the clip, the \
                 program files or the machine differ\nhelp: use the same build of codec, and the same other programs, on all machines"
            );
            Failure::new(Kind::Input, message)
        })?;
        plan.measure_unit(&jobs, unit, shared, env)
    }

    /// A clip of a study, which is read once for all its points.
    fn clip(&self, study: &Study, media: Media, index: usize, env: &Env) -> Result<Arc<KeptClip>> {
        let path =
            study.clips.get(index).ok_or_else(|| Failure::usage("the study has no such clip"))?;
        let identity = format!("{media} {}", identity(study, index, path));
        // Other points wait, because most of them need the same clip.
        let mut clips = self.clips.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = clips.iter().find(|kept| kept.identity == identity) {
            return Ok(Arc::clone(kept));
        }
        let folder = temporary_folder()?;
        let clip = clip_of(study, media, index, folder.path(), env)?;
        let kept = Arc::new(KeptClip { identity, clip, _folder: folder });
        clips.push_front(Arc::clone(&kept));
        clips.truncate(KEPT_CLIPS);
        Ok(kept)
    }
}

/// A study with its inputs as this machine finds them.
fn accepted(study: &str, rules: &WorkerRules<'_>) -> Result<Study> {
    let mut study = Study::from_toml(study)?;
    let most = |own: &[String], all: &[String]| own.len().max(all.len()).max(1);
    let mut points = 0_usize;
    for arm in &study.arms {
        let threads = arm.threads.len().max(study.threads.len()).max(1);
        let variants = most(&arm.speeds, &study.speeds).saturating_mul(threads);
        let targets = study.targets_of(arm)?.len().saturating_mul(study.sizes.len().max(1));
        points = points.saturating_add(variants.saturating_mul(targets));
    }
    if points > MAX_POINTS {
        return Err(Failure::usage(format!(
            "the study has more than {MAX_POINTS} points for a clip"
        )));
    }
    let runs_commands =
        |arm: &super::study::ArmEntry| arm.run.starts_with("cmd:") || arm.decode.is_some();
    if !rules.commands && study.arms.iter().any(runs_commands) {
        let help = "help: start the worker with --allow-commands; everyone who can submit jobs can then run any program on it";
        return Err(Failure::usage(format!("this worker runs no commands of studies\n{help}")));
    }
    for path in study.clips.iter_mut().chain(&mut study.rate_trace) {
        *path = (rules.locate)(path)?;
    }
    Ok(study)
}

/// Everything that determines the frames of a clip, and that its file has not changed.
fn identity(study: &Study, index: usize, path: &Path) -> String {
    let found = fs::metadata(path).ok();
    let changed = found.as_ref().and_then(|found| found.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let length = found.map(|found| found.len());
    let Study { skip, frames, from, to, sizes, .. } = study;
    format!(
        "{index} {:?} {length:?} {changed:?} {skip:?} {frames:?} {from:?} {to:?} {sizes:?}",
        study.clips
    )
}

/// A folder on this machine that is removed when it is not needed any more.
fn temporary_folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("codec-points-").tempdir();
    folder.map_err(|error| Failure::output(&std::env::temp_dir().display().to_string(), error))
}

impl Plan<'_> {
    /// Measures the points of a unit, and stores the results in `shared`.
    fn measure_unit(
        &self,
        jobs: &[&Job<'_>],
        unit: &Unit,
        shared: &Path,
        env: &Env,
    ) -> Result<bool> {
        let ticker =
            Ticker::new(env.events.clone(), vec![WorkKind::new(0.0, 1); self.arms.len() + 1], 0.0);
        let runs = if self.study.timing() {
            self.encode_in_turn(jobs, unit.clip, &ticker, &|_| Ok(()))?
        } else {
            jobs.iter().map(|job| self.encode(job, 0, &ticker)).collect::<Result<_>>()?
        };
        let failed = |error| Failure::output(&shared.display().to_string(), error);
        let (prefix, mut failures) = (unit.temporary(), Vec::new());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(shared).map_err(failed)?;
        for (job, runs) in jobs.iter().zip(runs) {
            let place = folder.path().join(&job.store.key);
            let limit = self.study.time_limit();
            let scored = match runs {
                Ok(_) => {
                    let scales = job.rendition.is_some();
                    let how = Scoring { metrics: &self.metrics, limit, threads: 1, scales };
                    score::score(job.arm, job.clip, &job.store, &how, env)?.map(drop)
                }
                Err(why) => Err(why),
            };
            match scored {
                Ok(()) => {
                    job.store.write(HOST, &Host::this(env))?;
                    job.store.export(&place)?;
                }
                Err(why) => {
                    fs::create_dir_all(&place).map_err(failed)?;
                    write_whole(&place.join(FAILURE), why.as_bytes())?;
                    failures.push(why);
                }
            }
        }
        if failures.len() == jobs.len() {
            return Err(Failure::new(Kind::Check, failures.swap_remove(0)));
        }
        publish(folder, unit, shared)
    }
}

/// Gives the folder with the results its name. Returns `false` if another machine was faster.
fn publish(folder: tempfile::TempDir, unit: &Unit, shared: &Path) -> Result<bool> {
    let target = unit.folder(shared);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The other machines may use other accounts.
        let ordinary = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), ordinary)
            .map_err(|error| Failure::output(&folder.path().display().to_string(), error))?;
    }
    match fs::rename(folder.path(), &target) {
        Ok(()) => {
            // It has its name now.
            let _ = folder.keep();
            Ok(true)
        }
        Err(_) if target.is_dir() => Ok(false),
        Err(error) => Err(Failure::output(&target.display().to_string(), error)),
    }
}
