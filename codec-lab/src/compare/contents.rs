//! Builds the contents of the report from the measured points (encoder configuration, clip and
//! target).

use std::path::Path;

use codec_measure::results::{self, FrameSize, Point, Results, SCHEMA, Target, VERSION};
use codec_measure::stats;
use codec_media::Env;
use codec_media::count::counted;

use super::arm::Arm;
use super::clips::Clip;
use super::measuring::Measured;
use super::metric::Metric;
use super::plan::Plan;
use super::point::name_of;
use super::shape::Media;
use super::sizes::SCALER;
use super::{environment, remote};

/// Encodings with less CPU time than this are dominated by the start of the program, in seconds.
const MIN_CPU_S: f64 = 0.1;

impl Plan<'_> {
    /// Collects the contents of the report.
    pub(super) fn results(&self, measured: Measured, env: &Env) -> Results {
        let Measured { points, partial } = measured;
        let mut notes: Vec<String> =
            self.clips.iter().filter_map(|clip| clip.note.clone()).collect();
        let points = self.without_missed(points, &self.anchor, &mut notes);
        for point in points.iter().filter(|point| point.streams_differ) {
            notes.push(format!(
                "{} on {} at {}: the encoder wrote different streams for the same input; the first \
                one is scored",
                point.arm,
                point.clip,
                name_of(point)
            ));
        }
        if !self.study.sizes.is_empty() {
            notes.push(format!(
                "clips were encoded at several sizes, and decoded frames scaled to the size of the clip, both with \
                 {SCALER}; curves and BD-rates use the convex hulls over the sizes"
            ));
        }
        notes.extend(self.notes_on_audio(&points));
        notes.extend(self.notes_on_targets(&points));
        if !self.study.timing() {
            notes.push("no times: encodings ran in parallel".to_owned());
        }
        notes.extend(remote::note(&self.machines(env)));
        let metric = |metric: &Metric| metric.describe();
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
            partial,
            notes,
            ..Results::default()
        };
        results.mark_busy();
        results.compare(self.study.interpolation());
        let cautions = results.cautions();
        results.notes.extend(cautions);
        results
    }

    /// Notes for the reader about a study of audio.
    fn notes_on_audio(&self, points: &[Point]) -> Vec<String> {
        let mut notes = Vec::new();
        if self.clips.iter().all(|clip| clip.shape.media() == Media::Video) {
            return notes;
        }
        notes.push(
            "the metrics compare samples and spectra, and do not model hearing: they rank settings and versions of one \
             codec, but not different codecs by what listeners prefer"
                .to_owned(),
        );
        let one_rate = self.arms.iter().filter(|arm| !arm.impossible.is_empty());
        notes.extend(one_rate.map(|arm| format!("{}: {}", arm.name, arm.one_rate())));
        let short = points.iter().filter(|point| {
            stats::median(&point.speed.cpu_s).is_some_and(|cpu_s| cpu_s < MIN_CPU_S)
        });
        let short = short.count();
        if short > 0 {
            notes.push(format!(
                "program start is a large part of the CPU time of {}, which took less than {MIN_CPU_S} s: longer \
                 clips give better times",
                counted(short as u64, "point")
            ));
        }
        notes
    }

    /// Notes for the reader about targets of metrics, and about arms whose targets differ.
    fn notes_on_targets(&self, points: &[Point]) -> Vec<String> {
        let mut notes = Vec::new();
        for point in points.iter().filter(|point| point.missed_target) {
            let Point { arm, clip, target, .. } = point;
            let (kind, value) = (target.kind(), target.value());
            notes.push(format!(
                "{arm} on {clip}: the encoder did not reach {kind} {value}; the nearest result is reported"
            ));
        }
        if !self.study.timing() {
            return notes;
        }
        if points.iter().any(|point| point.target.is_measured_quality()) {
            let kind = "points with a target quality";
            notes.push(format!(
                "{kind} have no times and no memory use, because these would include the search for the target"
            ));
        }
        let anchor = self.arms.iter().find(|arm| arm.name == self.anchor);
        let of_anchor = anchor.map_or(&[][..], |arm| &arm.targets);
        let others =
            self.arms.iter().filter(|arm| !arm.targets.iter().any(|one| of_anchor.contains(one)));
        notes.extend(others.map(|arm| {
            let (name, anchor) = (&arm.name, &self.anchor);
            format!("{name} has no CPU time ratio: it has no targets in common with {anchor}")
        }));
        notes
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
        let missed: Vec<(String, Target, Option<FrameSize>)> = points
            .iter()
            .filter(|point| point.arm == anchor)
            .filter_map(|point| {
                let error = point.rate.error_percent.filter(|error| error.abs() > most)?;
                notes.push(format!(
                    "{} at {} is excluded: {anchor} misses the bitrate by {error:+.1} %",
                    point.clip,
                    name_of(point)
                ));
                Some((point.clip.clone(), point.target, point.size))
            })
            .collect();
        let is_missed = |point: &Point| {
            missed.iter().any(|m| (&m.0, m.1, m.2) == (&point.clip, point.target, point.size))
        };
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

/// Returns the command that repeats the study, whose file is in the report's folder.
fn repeat_command(folder: &Path) -> String {
    let folder = folder.display().to_string();
    let study = format!("{folder}/study.toml");
    let words = ["codec", "compare", "--study", &study, "-o", &folder];
    shlex::try_join(words).unwrap_or_else(|_| words.join(" "))
}
