//! The matrix of a study: a job for each combination of clip, target and arm (encoder with its
//! settings).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use codec_core::frame::Size;
use codec_measure::results::{FrameSize, Target};
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::stop::Stop;
use codec_rtc::link::RateTrace;

use super::arm::Arm;
use super::clips::Clip;
use super::encode;
use super::metric::{Metric, of_video};
use super::session::Session;
use super::shape::{Media, Shape};
use super::sizes::Rendition;
use super::store::{Identity, PointStore, Run, Store, digest_of};
use super::study::{Study, label};
use super::task::Task;
use crate::measure;

/// Folder of the per-frame tables within the report.
pub(super) const FRAMES: &str = "frames";

/// One point of the matrix, and where its results are stored.
pub(super) struct Job<'a> {
    pub(super) arm: &'a Arm,
    pub(super) clip: &'a Clip,
    /// The clip in the size that is encoded, if the study has several.
    pub(super) rendition: Option<&'a Rendition>,
    pub(super) target: Target,
    pub(super) store: PointStore,
    pub(super) argv: Vec<String>,
    /// The command line with plain file names, for the report.
    pub(super) shown: Vec<String>,
    /// Planned number of encodings: one if its times are not reported.
    pub(super) rounds: u32,
    /// Kind of work for the time estimate, which is the index of the arm.
    pub(super) kind: usize,
    /// Why the point has no results, if known in this run.
    pub(super) flaw: OnceLock<String>,
}

impl Job<'_> {
    /// A short label of the target and the size.
    pub(super) fn label(&self) -> String {
        let target = label(self.target);
        self.rendition.map_or(target.clone(), |rendition| format!("{target} {}", rendition.size))
    }

    /// The size of the encoded frames, if the study has several.
    pub(super) fn size(&self) -> Option<FrameSize> {
        let of = |size: Size| FrameSize { width: size.width, height: size.height };
        self.rendition.map(|rendition| of(rendition.size))
    }

    /// The amount of work of an encoding.
    pub(super) fn weight(&self) -> f64 {
        self.shape().weight()
    }

    /// The shape of the encoded clip.
    fn shape(&self) -> Shape {
        let shape = self.clip.shape;
        self.rendition.map_or(shape, |rendition| shape.of_size(rendition.size))
    }

    /// Whether the encoder searches for a quality, so that its times are not the times of one encode.
    pub(super) fn searches(&self) -> bool {
        self.target.is_measured_quality()
    }

    /// Whether all planned encodings of the job were already measured.
    pub(super) fn is_known(&self) -> bool {
        (0..self.rounds).all(|number| encode::is_known(self.arm, &self.store, number))
    }
}

/// Data that all jobs of a study share.
struct Matrix<'s> {
    study: &'s Study,
    store: &'s Store,
    /// The machine that measures times.
    host: &'s str,
    /// Digest of the rate trace.
    trace_digest: String,
}

impl Matrix<'_> {
    /// The jobs of a clip. Jobs with the same position in the lists of targets of all arms follow each other.
    fn jobs<'a>(&self, clip: &'a Clip, arms: &'a [Arm]) -> Result<Vec<Job<'a>>> {
        let mut jobs = Vec::new();
        let renditions: Vec<Option<&Rendition>> = match &clip.renditions[..] {
            [] => vec![None],
            several => several.iter().map(Some).collect(),
        };
        // For each size, because equal commands at unlike sizes are unlike encodings.
        let mut asked: Vec<Vec<Vec<String>>> = vec![Vec::new(); renditions.len()];
        let most = arms.iter().map(|arm| arm.targets.len()).max().unwrap_or(0);
        for index in 0..most {
            for (rendition, asked) in renditions.iter().zip(&mut asked) {
                for (kind, arm) in arms.iter().enumerate() {
                    let Some(&target) = arm.targets.get(index) else { continue };
                    jobs.push(self.job((clip, *rendition), (arm, kind), target, asked)?);
                }
            }
        }
        Ok(jobs)
    }

    fn job<'a>(
        &self,
        (clip, rendition): (&'a Clip, Option<&'a Rendition>),
        (arm, kind): (&'a Arm, usize),
        target: Target,
        asked: &mut Vec<Vec<String>>,
    ) -> Result<Job<'a>> {
        let (shape, path, digest) = match rendition {
            Some(rendition) => {
                (clip.shape.of_size(rendition.size), &rendition.path, &rendition.digest)
            }
            None => (clip.shape, &clip.path, &clip.digest),
        };
        let task = |input: &Path, output: &Path, report: &Path, trace: Option<&Path>| {
            arm.argv(&Task { input, output, report, shape, target, rate_trace: trace })
        };
        let trace = self.study.rate_trace.as_deref().filter(|_| arm.follows_trace);
        // The command line identifies the results, independent of the location of files.
        let [input, output, report] = ["in", "out", "report"].map(Path::new);
        let argv = task(input, output, report, trace.map(|_| Path::new("trace")))?;
        let timing = self.study.timing();
        let twins = asked.iter().filter(|other| **other == argv && timing).count();
        asked.push(argv.clone());
        let store = self.store.point(&Identity {
            clip: digest,
            reference: if *digest == clip.digest { "" } else { &clip.digest },
            frames: clip.shape.frames(),
            argv: argv.get(usize::from(arm.is_ours())..).unwrap_or_default(),
            version: &arm.version,
            trace: if trace.is_some() { &self.trace_digest } else { "" },
            host: if timing { self.host } else { "" },
            twins,
        })?;
        let output = store.temporary(arm.extension());
        let argv = task(path, &output, &store.temporary("csv"), trace)?;
        let (name, extension) = (&clip.name, shape.media().extension());
        let input = match rendition {
            Some(rendition) => PathBuf::from(format!("{name}-{}.{extension}", rendition.size)),
            None => PathBuf::from(format!("{name}.{extension}")),
        };
        let output = PathBuf::from(format!("out.{}", arm.extension()));
        let mut shown = task(&input, &output, Path::new("frames.csv"), trace)?;
        if arm.is_ours()
            && let Some(program) = shown.first_mut()
        {
            "codec".clone_into(program);
        }
        let rounds = if timing && !target.is_measured_quality() { self.study.repeat() } else { 1 };
        let flaw = OnceLock::new();
        Ok(Job { arm, clip, rendition, target, store, argv, shown, kind, rounds, flaw })
    }
}

/// Everything to do.
pub(super) struct Plan<'a> {
    pub(super) study: &'a Study,
    pub(super) arms: &'a [Arm],
    pub(super) clips: &'a [Clip],
    pub(super) metrics: Vec<Metric>,
    pub(super) trace: Option<RateTrace>,
    /// Name of the anchor arm.
    pub(super) anchor: String,
    pub(super) session: Session,
    pub(super) stop: Stop,
    /// The folder of the report.
    pub(super) folder: PathBuf,
    pub(super) jobs: Vec<Job<'a>>,
    /// Whether other machines encode.
    pub(super) is_remote: bool,
    /// Why points failed on other machines, by their keys.
    pub(super) failed: BTreeMap<String, String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        (study, media): (&'a Study, Media),
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
        let metrics = study.metrics(media)?;
        let sized = clips.iter().filter_map(|clip| Some((clip.name.as_str(), clip.shape.size()?)));
        measure::check(&of_video(&metrics), sized)?;
        let matrix = Matrix { study, store, host, trace_digest };
        let mut jobs = Vec::new();
        for clip in clips {
            jobs.extend(matrix.jobs(clip, arms)?);
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
}

/// The amount of work of scoring an encoding.
pub(super) fn weight(clip: &Clip) -> f64 {
    clip.shape.weight()
}

/// The encodings of a point, or the reason why it failed.
pub(super) type Runs = std::result::Result<Vec<Run>, String>;
