//! Divides a study into units of work, whose points (encoder configuration, clip and target) other
//! machines measure, and collects the results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use codec_core::frame::Rational;
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use md5::{Digest, Md5};

use super::environment::Host;
use super::plan::{Job, Plan};
use super::{encode, score};
use codec_media::values::hex;

/// The machine of a point, in its folder.
pub(super) const HOST: &str = "machine.json";
/// Why a point has no results, in its folder.
pub(super) const FAILURE: &str = "failure.txt";
/// Limit of the points of a study that other machines measure.
pub(super) const MAX_POINTS: usize = 1 << 16;

/// Points that one machine measures together: a single point, or if times are measured, all points of a clip, because
/// only times of the same machine can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Identifies the unit: 32 hexadecimal digits, which follow from its points and the metrics.
    pub key: String,
    /// Number of the clip in the study, from 0.
    pub clip: usize,
    /// Identify the points: 32 hexadecimal digits, which follow from the frames of the clip, the arguments of the
    /// encoder, the program file, and if times are measured, the machine.
    pub points: Vec<String>,
    /// Number of frames that are encoded; of audio, of segments.
    pub frames: u64,
}

impl Unit {
    /// The folder with the results of the unit.
    #[must_use]
    pub fn folder(&self, shared: &Path) -> PathBuf {
        shared.join(format!("{}.points", self.key))
    }

    /// Prefix of the names of unfinished folders of results.
    pub(super) fn temporary(&self) -> String {
        format!(".codec-{}-", self.key)
    }
}

/// The part of a study that other machines measure.
#[derive(Clone, Debug)]
pub struct RemoteWork {
    /// The study, as TOML.
    pub study: String,
    /// The points to measure; at least one unit.
    pub units: Vec<Unit>,
    /// The machine that measures, if times are measured, as [`machine`](super::machine) describes it.
    pub machine: Option<String>,
    /// The frame rate of the first clip; of audio, segments per second.
    pub frame_rate: Rational,
}

/// Distributes the points of a study to other machines.
pub trait Remote {
    /// The machine that measures times, as [`machine`](super::machine) describes it.
    ///
    /// # Errors
    /// If there is none.
    fn machine(&self) -> Result<String>;

    /// The folder that all machines share, with the results.
    fn folder(&self) -> &Path;

    /// Submits the work to other machines, and waits for the results. Returns the keys of failed units with the
    /// reasons.
    ///
    /// # Errors
    /// If the work cannot be distributed.
    fn measure(&self, work: &RemoteWork) -> Result<BTreeMap<String, String>>;
}

impl Plan<'_> {
    /// Submits all points without stored results to other machines, and stores their results. After an interrupt, it
    /// stores the results of complete units.
    pub(super) fn fetch(&mut self, remote: &dyn Remote, env: &Env) -> Result<()> {
        self.is_remote = true;
        let units = self.units();
        let Some(first) = self.clips.first().filter(|_| !units.is_empty()) else { return Ok(()) };
        if self.jobs.len() > MAX_POINTS {
            let message = format!(
                "{} points exceed the limit of a cluster job, {MAX_POINTS}",
                self.jobs.len()
            );
            return Err(Failure::usage(message));
        }
        let work = RemoteWork {
            study: self.study.to_toml()?,
            machine: if self.study.timing() { Some(remote.machine()?) } else { None },
            frame_rate: first.shape.frame_rate(),
            units,
        };
        let mut failed = BTreeMap::new();
        let failures = match remote.measure(&work) {
            Err(failure) if failure.kind == Kind::Interrupted => {
                // The others go on: they do not stop with this command.
                let folder = remote.folder();
                for unit in work.units.iter().filter(|unit| unit.folder(folder).is_dir()) {
                    self.collect(unit, folder, &mut failed)?;
                }
                self.failed = failed;
                return Err(failure);
            }
            measured => measured?,
        };
        for unit in &work.units {
            match failures.get(&unit.key) {
                Some(why) => {
                    failed.extend(unit.points.iter().map(|point| (point.clone(), why.clone())));
                }
                None => self.collect(unit, remote.folder(), &mut failed)?,
            }
            remove_temporaries(unit, remote.folder(), env);
        }
        self.failed = failed;
        Ok(())
    }

    /// The units without stored results.
    fn units(&self) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        for (index, clip) in self.clips.iter().enumerate() {
            let jobs = self.jobs.iter().filter(|job| job.clip.name == clip.name);
            let mut points: Vec<String> = Vec::new();
            for job in jobs.filter(|job| !self.is_complete(job)) {
                // Equal arms have equal points if no times are measured.
                if !points.contains(&job.store.key) {
                    points.push(job.store.key.clone());
                }
            }
            let groups: Vec<Vec<String>> = match points.is_empty() {
                true => Vec::new(),
                false if self.study.timing() => vec![points],
                false => points.into_iter().map(|point| vec![point]).collect(),
            };
            for points in groups {
                let key = self.key_of(&points);
                let frames = clip.shape.frames().saturating_mul(points.len() as u64);
                // A clip can be given twice.
                if !units.iter().any(|unit| unit.key == key) {
                    units.push(Unit { key, clip: index, points, frames });
                }
            }
        }
        units
    }

    fn is_complete(&self, job: &Job<'_>) -> bool {
        job.is_known() && score::is_known(&job.store, &self.metrics)
    }

    /// The key of a unit with these points.
    pub(super) fn key_of(&self, points: &[String]) -> String {
        let mut digest = Md5::new();
        for point in points {
            digest.update(format!("{point}\n"));
        }
        for metric in &self.metrics {
            digest.update(format!("{}\n", metric.id()));
        }
        digest.update(format!("{} {:?}", self.study.repeat(), self.study.until()));
        hex(&digest.finalize())
    }

    /// Stores the results of a unit.
    fn collect(
        &self,
        unit: &Unit,
        shared: &Path,
        failed: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        let folder = unit.folder(shared);
        let mut is_whole = true;
        for point in &unit.points {
            let from = folder.join(point);
            if let Ok(why) = fs::read_to_string(from.join(FAILURE)) {
                failed.insert(point.clone(), why);
                is_whole = false;
                continue;
            }
            for job in self.jobs.iter().filter(|job| job.store.key == *point) {
                job.store.import(&from, job.arm.extension())?;
                if !encode::is_known(job.arm, &job.store, 0) {
                    let message = format!("the results in {} are incomplete", from.display());
                    return Err(Failure::new(Kind::Input, message));
                }
            }
        }
        if !is_whole {
            // The next run tries the failed points again, as on one machine.
            let _ = fs::remove_dir_all(&folder);
        }
        Ok(())
    }

    /// The machines that measured the points.
    pub(super) fn machines(&self, env: &Env) -> BTreeSet<Host> {
        let measured = self.jobs.iter().filter(|job| job.store.run(0).is_some());
        let hosts = measured.map(|job| job.store.read(HOST).unwrap_or_else(|| Host::this(env)));
        let hosts: BTreeSet<Host> = hosts.collect();
        if hosts.is_empty() { BTreeSet::from([Host::this(env)]) } else { hosts }
    }
}

/// A remark for the report if several machines measured the points.
pub(super) fn note(hosts: &BTreeSet<Host>) -> Option<String> {
    let list = || hosts.iter().map(|host| host.cpu.as_str()).collect::<Vec<_>>().join("; ");
    (hosts.len() > 1)
        .then(|| format!("points were measured on machines of different types: {}", list()))
}

/// Removes the unfinished results of machines that died.
fn remove_temporaries(unit: &Unit, shared: &Path, env: &Env) {
    let prefix = unit.temporary();
    for entry in fs::read_dir(shared).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            env.events.detail(format!("cannot remove {}: {error}", entry.path().display()));
        }
    }
}
