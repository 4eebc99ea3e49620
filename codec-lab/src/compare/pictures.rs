//! Writes images of selected frames of the clips, and of the same frames in the streams of the arms
//! (encoders with their settings), into the folder of the report.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use codec_core::frame::Picture;
use codec_measure::report::{ClipPictures, PictureFrame, PointPictures};
use codec_measure::results::{Results, Target};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::depth::DepthConverter;
use codec_media::frame::planes::Planes;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::output::OutputRules;
use codec_media::io::stills::write::{Style, save};
use codec_media::io::video;

use super::arm::Arm;
use super::clips::Clip;
use super::metric::Metric;
use super::plan::{Job, Plan};
use super::publish::file_name;
use super::score::{Score, Scoring, Viewed, known, request};
use super::store::Store;
use super::stream::pictures_of;
use crate::measure::seen::visit_seen;

/// Folder of the images within the report.
const PICTURES: &str = "pictures";
/// Bytes of all images, after which no more arms are added.
const MAX_BYTES: u64 = 256 << 20;

/// A stream of which there are images, and its score.
struct Shown<'a> {
    job: &'a Job<'a>,
    score: Score,
}

impl Plan<'_> {
    /// Writes the images that the study wants, and removes images of earlier runs. Streams without images have a
    /// note in the results.
    pub(super) fn pictures(
        &self,
        results: &mut Results,
        store: &Store,
        env: &Env,
    ) -> Result<Vec<ClipPictures>> {
        let earlier = store.pictures();
        let mut found = Vec::new();
        let mut writer = Writer { folder: &self.folder, bytes: 0, files: BTreeSet::new(), env };
        if self.study.pictures() > 0 {
            let folder = self.folder.join(PICTURES);
            fs::create_dir_all(&folder)
                .map_err(|error| Failure::output(&folder.display().to_string(), error))?;
            for clip in self.clips {
                let shown = self.shown(clip, results);
                found.extend(self.clip_pictures(clip, &shown, &mut writer, &mut results.notes)?);
            }
        }
        for file in earlier.difference(&writer.files) {
            let _ = fs::remove_file(self.folder.join(file));
        }
        store.keep_pictures(&writer.files)?;
        Ok(found)
    }

    /// The streams of a clip at the middle target of their arm, or at the nearest one with results; with several sizes, the
    /// stream of the first size.
    fn shown(&self, clip: &Clip, results: &Results) -> Vec<Shown<'_>> {
        let has_results = |job: &Job<'_>| {
            let mut points = results.points.iter();
            points.any(|point| {
                point.failure.is_none()
                    && (point.arm.as_str(), point.clip.as_str(), point.target, point.size)
                        == (job.arm.name.as_str(), job.clip.name.as_str(), job.target, job.size())
            })
        };
        let of_arm = |arm: &Arm| {
            nearest_to_middle(&arm.targets).into_iter().find_map(|target| {
                let mut jobs = self.jobs.iter();
                let job = jobs.find(|job| {
                    (job.arm.name.as_str(), job.clip.name.as_str()) == (&arm.name, &clip.name)
                        && job.target == target
                        && has_results(job)
                })?;
                Some(Shown { job, score: known(&job.store, &self.metrics)? })
            })
        };
        self.arms.iter().filter_map(of_arm).collect()
    }

    fn clip_pictures(
        &self,
        clip: &Clip,
        shown: &[Shown<'_>],
        writer: &mut Writer<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Option<ClipPictures>> {
        if shown.is_empty() {
            return Ok(None);
        }
        writer.env.events.detail(format!("images of {}", clip.name));
        let worst = self.metrics.first().and_then(|&metric| worst_frame(shown, metric));
        let changed = largest_change(clip, writer.env)?;
        let frames = choose(self.study.pictures(), clip.shape.frames(), worst, changed);
        let mut made = ClipPictures { clip: clip.name.clone(), frames, ..ClipPictures::default() };
        for one in shown {
            let (arm, target) = (&one.job.arm.name, one.job.target);
            let mut note = |why: &str| {
                let (clip, label) = (&clip.name, one.job.label());
                notes.push(format!("no images of {arm} on {clip} at {label}: {why}"));
            };
            if writer.bytes >= MAX_BYTES {
                note(&format!("all images together are limited to {} MB", MAX_BYTES >> 20));
                continue;
            }
            match self.point_pictures(one, &mut made, writer) {
                Ok(files) => made.points.push(PointPictures { arm: arm.clone(), target, files }),
                Err(failure) if matches!(failure.kind, Kind::Interrupted | Kind::Output) => {
                    return Err(failure);
                }
                Err(failure) => note(&failure.message),
            }
        }
        Ok((!made.points.is_empty()).then_some(made))
    }

    /// Writes the images of a stream, and of the source if it has none yet.
    fn point_pictures(
        &self,
        shown: &Shown<'_>,
        made: &mut ClipPictures,
        writer: &mut Writer<'_>,
    ) -> Result<Vec<String>> {
        let Shown { job, score } = shown;
        let (clip, env) = (job.clip, writer.env);
        let limit = self.study.time_limit();
        let video = pictures_of(job.arm, &job.store, &score.packets, env, limit)?;
        let video = video.map_err(|why| Failure::new(Kind::Input, why))?;
        let mut distorted = Viewed::new(video.source, video.times_s, env.stop.clone());
        let options = DecodeOptions::default();
        let spec = InputSpec::new(&clip.path, options.limits);
        let mut reference = video::open(&spec, &options, env)?;
        let wanted: Vec<u64> = made.frames.iter().map(|one| one.frame).collect();
        let scales = job.rendition.is_some();
        if let Some(size) = clip.shape.size().filter(|_| scales) {
            distorted.scale_to(size);
        }
        let how = Scoring { metrics: &[], limit, threads: 1, scales };
        let request = request(job.arm, &how, env);
        let (mut files, mut sources) = (Vec::new(), Vec::new());
        let needs_source = made.source.is_empty();
        visit_seen(&mut *reference, &mut distorted, &request, &wanted, |index, source, seen| {
            let frame = wanted.get(index).copied().unwrap_or_default();
            let name = |what: &str, key: &str| {
                let key = key.get(..6).unwrap_or_default();
                format!(
                    "{PICTURES}/{}-{frame}-{key}.png",
                    file_name(&format!("{} {what}", clip.name))
                )
            };
            if needs_source {
                sources.push(writer.write(name("source", &clip.digest), source)?);
            }
            let what = format!("{} {}", job.arm.name, job.label());
            files.push(writer.write(name(&what, &job.store.key), seen)?);
            Ok(())
        })?;
        if needs_source {
            made.source = sources;
        }
        Ok(files)
    }
}

/// Writes images into the folder of a report.
struct Writer<'a> {
    folder: &'a Path,
    /// Bytes written.
    bytes: u64,
    files: BTreeSet<String>,
    env: &'a Env,
}

impl Writer<'_> {
    /// Writes a image as PNG; returns its path, which is relative to the report.
    fn write(&mut self, name: String, picture: &Picture<'_>) -> Result<String> {
        let mut planes = Planes::default();
        DepthConverter::default().convert(picture, &mut planes);
        let path = self.folder.join(&name);
        let style = Style::of(&path, None, false)?;
        let rules = OutputRules { overwrite: true, ..OutputRules::default() };
        save(&planes, &path, style, &rules, self.env)?;
        self.bytes += fs::metadata(&path).map_or(0, |found| found.len());
        self.files.insert(name.clone());
        Ok(name)
    }
}

/// Targets by their distance from the middle of the list.
fn nearest_to_middle(targets: &[Target]) -> Vec<Target> {
    let middle = targets.len() / 2;
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by_key(|index| index.abs_diff(middle));
    order.into_iter().filter_map(|index| targets.get(index).copied()).collect()
}

/// The frame with the worst value of a metric in any of the streams.
fn worst_frame(shown: &[Shown<'_>], metric: Metric) -> Option<u64> {
    let better = metric.describe().higher_is_better;
    let values = shown.iter().filter_map(|one| Some((one, one.score.column(metric)?)));
    let values = values.flat_map(|(one, column)| {
        let frames = one.score.frames.iter().enumerate();
        frames.filter_map(move |(number, frame)| Some((number, (*frame.values.get(column)?)?)))
    });
    let signed = values.map(|(number, value)| (number, if better { value } else { -value }));
    let worst = signed.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
    u64::try_from(worst.0).ok()
}

/// The frame whose luma differs most from the luma of the frame before.
fn largest_change(clip: &Clip, env: &Env) -> Result<Option<u64>> {
    let options = DecodeOptions::default();
    let mut source = video::open(&InputSpec::new(&clip.path, options.limits), &options, env)?;
    let mut converter = DepthConverter::default();
    let (mut now, mut before) = (Planes::default(), Planes::default());
    let (mut frame, mut largest) = (0, None);
    while let Some(shot) = source.next()? {
        if env.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        std::mem::swap(&mut now, &mut before);
        converter.convert(&shot.picture, &mut now);
        if frame > 0 {
            let luma = usize::try_from(now.size.pixels()).unwrap_or(usize::MAX);
            let pairs = now.bytes.iter().zip(&before.bytes).take(luma);
            let change: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            if largest.is_none_or(|(most, _)| change > most) {
                largest = Some((change, frame));
            }
        }
        frame += 1;
    }
    Ok(largest.map(|(_, frame)| frame))
}

/// At most `count` frames of a clip, in their order.
fn choose(
    count: usize,
    frames: u64,
    worst: Option<u64>,
    changed: Option<u64>,
) -> Vec<PictureFrame> {
    let mut chosen: Vec<(u64, &str)> = Vec::new();
    let named =
        [(worst, "the worst"), (changed, "after the largest change"), (Some(0), "the first")];
    let named = named.into_iter().filter_map(|(frame, reason)| Some((frame?, reason)));
    // Enough, so that equal ones can be omitted.
    let parts = 2 * u64::try_from(count).unwrap_or(0) + 1;
    let spaced = (1..parts).map(|part| (part.saturating_mul(frames) / parts, "at equal distances"));
    // First every second one, so that few frames are from the whole clip, too.
    let (even, odd): (Vec<_>, Vec<_>) = spaced.enumerate().partition(|(index, _)| index % 2 == 1);
    let spaced = even.into_iter().chain(odd).map(|(_, one)| one);
    for (frame, reason) in named.chain(spaced) {
        if chosen.len() < count && frame < frames && chosen.iter().all(|one| one.0 != frame) {
            chosen.push((frame, reason));
        }
    }
    chosen.sort_unstable();
    let chosen = chosen.into_iter();
    chosen.map(|(frame, reason)| PictureFrame { frame, reason: reason.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(count: usize, frames: u64, worst: u64, changed: u64) -> Vec<(u64, String)> {
        let found = choose(count, frames, Some(worst), Some(changed));
        found.into_iter().map(|one| (one.frame, one.reason)).collect()
    }

    #[test]
    fn the_worst_frame_comes_first_and_no_frame_twice() {
        let one = |frame, reason: &str| (frame, reason.to_owned());
        assert_eq!(chosen(1, 100, 40, 20), [one(40, "the worst")]);
        let three =
            [one(0, "the first"), one(20, "after the largest change"), one(40, "the worst")];
        assert_eq!(chosen(3, 100, 40, 20), three);
        assert_eq!(chosen(2, 100, 0, 0).len(), 2);
        assert_eq!(chosen(16, 3, 1, 1).len(), 3);
        assert_eq!(chosen(16, 1000, 1, 2).len(), 16);
        assert!(chosen(0, 100, 1, 2).is_empty());
    }

    #[test]
    fn the_middle_target_comes_first() {
        let targets = [1.0, 2.0, 3.0, 4.0].map(Target::Kbps);
        assert_eq!(nearest_to_middle(&targets)[0], Target::Kbps(3.0));
        assert_eq!(nearest_to_middle(&targets).len(), 4);
        assert!(nearest_to_middle(&[]).is_empty());
    }
}
