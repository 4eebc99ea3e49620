//! A study: a matrix of clips, arms (encoders with their settings) and targets (bitrates or
//! qualities). Command-line options and a file define it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_measure::bd::Interpolation;
use codec_measure::results::Target;
use codec_media::cut::{Cut, parse_time};
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::io::remote::is_url;
use codec_media::rate_trace::read_targets;
use codec_media::values;
use codec_rtc::link::RateTrace;
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::options::{CompareOptions, MAX_PICTURES};
use super::points::{self, kbps};
use super::shape::Media;
use super::sizes::SizeChoice;

const REPEAT: u32 = 3;
const WARM_UP: u32 = 1;
const TIME_LIMIT_S: f64 = 600.0;

/// A study as stored in a file; missing fields have defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Study {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    /// Paths; relative ones in a file are relative to its folder.
    pub(super) clips: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) skip: Option<u64>,
    /// Times such as `1:23.5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    /// Bitrates such as `600k` or `1.5M`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bitrates: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bpp: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) quality: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) qp: Vec<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_trace: Option<PathBuf>,
    /// Sizes of the encoded frames, such as `1280x720` or `1/2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sizes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anchor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) speeds: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) threads: Vec<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repeat: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warm_up: Option<u32>,
    /// Uncertainty of CPU time ratios that ends the repeats, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) metrics: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interpolation: Option<Interpolation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jobs: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_limit_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Maximum deviation of the anchor's bitrate from the target, in percent.
    pub(super) max_rate_error: Option<f64>,
    /// Frames of each clip of which the report has images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pictures: Option<u32>,
    #[serde(rename = "arm")]
    pub(super) arms: Vec<ArmEntry>,
}

/// An arm as stored in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct ArmEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Specification as given to `--arm`, without the name.
    pub(super) run: String,
    /// Points that replace the points of the study, such as `crf=20,25,30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) points: Option<String>,
    /// Speeds that replace the speeds of the study.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) speeds: Vec<String>,
    /// Numbers of threads that replace the numbers in the study.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) threads: Vec<u16>,
    /// A command that decodes {in} to the y4m or WAV file {out}, instead of our decoder or ffmpeg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decode: Option<String>,
}

impl ArmEntry {
    /// Parses `NAME=SPEC` or `SPEC`, both with ` @ KIND=VALUES` if the arm has its own points. A name has no
    /// spaces, colons, slashes or leading dashes.
    fn parse(text: &str) -> Self {
        let (text, points) = points::split(text);
        let points = points.map(str::to_owned);
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name.chars().all(|c| !c.is_whitespace() && !matches!(c, ':' | '/' | '"' | '\''))
        };
        match text.split_once('=') {
            Some((name, run)) if is_name(name) => {
                let (name, run) = (Some(name.to_owned()), run.trim().to_owned());
                Self { name, run, points, ..Self::default() }
            }
            _ => Self { run: text.trim().to_owned(), points, ..Self::default() },
        }
    }

    /// Moves points in the specification to [`Self::points`].
    fn divide(&mut self) -> Result<()> {
        let (run, points) = points::split(&self.run);
        let Some(points) = points.map(str::to_owned) else { return Ok(()) };
        if self.points.is_some() {
            let message = format!("arm {}: points are given twice", self.run);
            return Err(Failure::usage(message));
        }
        self.run = run.to_owned();
        self.points = Some(points);
        Ok(())
    }
}

impl Study {
    /// Builds the study from the options and the file that they name.
    pub(super) fn new(args: &CompareOptions) -> Result<Self> {
        let mut study = match &args.study {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        study.clips.extend(args.clips.iter().cloned());
        study.arms.extend(args.arms.iter().map(|arm| ArmEntry::parse(arm)));
        study.take_targets(args);
        fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *old = Some(new.clone());
            }
        }
        fn replace_list<T: Clone>(old: &mut Vec<T>, new: &[T]) {
            if !new.is_empty() {
                *old = new.to_vec();
            }
        }
        replace(&mut study.title, args.title.as_ref());
        replace(&mut study.anchor, args.anchor.as_ref());
        replace(&mut study.frames, args.frames.as_ref());
        replace(&mut study.skip, args.skip.as_ref());
        let seconds = |time: Duration| format!("{}s", time.as_secs_f64());
        replace(&mut study.from, args.cut.from.map(seconds).as_ref());
        replace(&mut study.to, args.cut.to.map(seconds).as_ref());
        replace(&mut study.pictures, args.pictures.as_ref());
        replace(&mut study.repeat, args.repeat.as_ref());
        replace(&mut study.warm_up, args.warm_up.as_ref());
        replace(&mut study.until, args.until.map(|share| 100.0 * share).as_ref());
        replace(&mut study.jobs, args.jobs.as_ref());
        replace(&mut study.time_limit_s, args.time_limit.as_ref());
        let percent = args.max_rate_error.map(|share| 100.0 * share);
        replace(&mut study.max_rate_error, percent.as_ref());
        replace(&mut study.interpolation, args.interpolation.as_ref());
        replace_list(&mut study.sizes, &args.sizes);
        replace_list(&mut study.speeds, &args.speeds);
        replace_list(&mut study.threads, &args.threads);
        replace_list(&mut study.metrics, &args.metrics);
        study.arms.iter_mut().try_for_each(ArmEntry::divide)?;
        study.check()?;
        Ok(study)
    }

    fn read(path: &Path) -> Result<Self> {
        let refused =
            |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(Kind::Input, format!("cannot read {}: {error}", path.display()))
        })?;
        let mut study: Self = toml::from_str(&text).map_err(|error| refused(&error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = study.clips.iter_mut().chain(&mut study.rate_trace);
        for clip in paths.filter(|clip| !is_url(clip)) {
            *clip = folder.join(&*clip);
        }
        Ok(study)
    }

    /// The study as text, with its paths as they are.
    pub(super) fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(Failure::internal)
    }

    /// Reads the text of [`Self::to_toml`].
    pub(super) fn from_toml(text: &str) -> Result<Self> {
        let refused = |error: toml::de::Error| {
            Failure::new(Kind::Input, format!("not a valid study: {}", error.message()))
        };
        let mut study: Self = toml::from_str(text).map_err(refused)?;
        study.arms.iter_mut().try_for_each(ArmEntry::divide)?;
        study.check()?;
        Ok(study)
    }

    /// Replaces the file's targets by the targets of the options.
    fn take_targets(&mut self, args: &CompareOptions) {
        let CompareOptions { bitrate, bpp, quality, qp, rate_trace, .. } = args;
        let given = bitrate.len() + bpp.len() + quality.len() + qp.len();
        if given == 0 && rate_trace.is_none() {
            return;
        }
        self.bitrates = bitrate.iter().map(|rate| kilobits(*rate)).collect();
        (self.bpp, self.quality, self.qp) = (bpp.clone(), quality.clone(), qp.clone());
        self.rate_trace.clone_from(rate_trace);
    }

    /// The part of each clip.
    pub(super) fn cut(&self) -> Result<Cut> {
        let time = |name: &str, text: &Option<String>| match text.as_deref().map(parse_time) {
            Some(Err(why)) => Err(Failure::usage(format!("invalid {name} of the study: {why}"))),
            Some(Ok(time)) => Ok(Some(time)),
            None => Ok(None),
        };
        Ok(Cut::new(time("from", &self.from)?, time("to", &self.to)?, None))
    }

    fn check(&self) -> Result<()> {
        let cut = self.cut()?;
        cut.check()?;
        if !cut.is_whole() && (self.skip.is_some() || self.frames.is_some()) {
            let message = "the study cuts its clips by frames and by time: give either skip and \
                           frames, or from and to";
            return Err(Failure::usage(message));
        }
        let lists = [
            !self.bitrates.is_empty(),
            !self.bpp.is_empty(),
            !self.quality.is_empty(),
            !self.qp.is_empty(),
            self.rate_trace.is_some(),
        ];
        match lists.iter().filter(|&&given| given).count() {
            0 if self.arms.is_empty() || self.arms.iter().any(|arm| arm.points.is_none()) => {
                return Err(Failure::usage(
                    "no bitrates or qualities to encode at\nhelp: give -b, --bpp, -q, --qp or --rate-trace, or each arm its \
                     own points, as in --arm \"x264:medium @ crf=20,25,30\"",
                ));
            }
            0 | 1 => {}
            _ => {
                return Err(Failure::usage(
                    "give only one of -b, --bpp, -q, --qp and --rate-trace",
                ));
            }
        }
        if self.clips.is_empty() {
            return Err(Failure::usage(
                "no clips\nhelp: name at least one CLIP, or a study with --study",
            ));
        }
        if self.arms.is_empty() {
            return Err(Failure::usage(
                "no encoders given\nhelp: add one, such as --arm \"vp8 --speed 8\"",
            ));
        }
        if self.until.is_some() && !self.timing() {
            return Err(Failure::usage("--until cannot be used with -j, which disables timing"));
        }
        if self.pictures.is_some_and(|frames| frames > MAX_PICTURES) {
            let message =
                format!("invalid number of images of each clip: expected 0 to {MAX_PICTURES}");
            return Err(Failure::usage(message));
        }
        self.sizes()?;
        self.targets()?;
        self.arms.iter().try_for_each(|arm| self.targets_of(arm).map(drop))
    }

    /// Writes the study to a file.
    pub(super) fn save(&self, path: &Path, rules: &OutputRules) -> Result<()> {
        // Paths are relative to the current directory, but paths in the file are relative to its
        // folder.
        let mut study = self.clone();
        let paths = study.clips.iter_mut().chain(&mut study.rate_trace);
        for clip in paths.filter(|clip| !is_url(clip)) {
            *clip = std::path::absolute(&*clip).unwrap_or_else(|_| clip.clone());
        }
        let text = toml::to_string_pretty(&study).map_err(Failure::internal)?;
        let output = OutputFile::create(path, rules)?;
        output
            .writer()?
            .write_all(text.as_bytes())
            .map_err(|error| Failure::output(&output.name, error))?;
        output.commit()
    }

    /// Returns the targets of an arm on each clip.
    pub(super) fn targets_of(&self, arm: &ArmEntry) -> Result<Vec<Target>> {
        arm.points.as_deref().map_or_else(|| self.targets(), points::parse)
    }

    /// Returns the targets of arms without points of their own.
    fn targets(&self) -> Result<Vec<Target>> {
        let rate = |text: &String| match values::bitrate(text) {
            Ok(rate) => Ok(Target::Kbps(kbps(rate))),
            Err(why) => Err(Failure::usage(format!("bitrate {text}: {why}"))),
        };
        let mut targets = self.bitrates.iter().map(rate).collect::<Result<Vec<_>>>()?;
        targets.extend(self.bpp.iter().map(|&bits| Target::Bpp(bits)));
        targets.extend(self.quality.iter().map(|&quality| Target::Quality(quality.into())));
        targets.extend(self.qp.iter().map(|&qp| Target::Qp(qp.into())));
        if let Some(trace) = self.trace()? {
            let steps = trace.steps();
            let first = steps.first().map_or(0.0, |&(_, rate)| kbps(rate));
            targets.push(Target::Kbps(first));
        }
        let mut seen = Vec::new();
        for target in &targets {
            if seen.contains(target) {
                return Err(Failure::usage(format!("duplicate target {}", target_name(target))));
            }
            seen.push(*target);
        }
        Ok(targets)
    }

    /// The sizes of the encoded frames; empty if only the clips' own are encoded.
    pub(super) fn sizes(&self) -> Result<Vec<SizeChoice>> {
        self.sizes.iter().map(|size| size.parse().map_err(Failure::usage)).collect()
    }

    pub(super) fn trace(&self) -> Result<Option<RateTrace>> {
        self.rate_trace.as_deref().map(read_targets).transpose()
    }

    /// The metrics of a study of `media`.
    pub(super) fn metrics(&self, media: Media) -> Result<Vec<Metric>> {
        Metric::list(&self.metrics, media)
    }

    pub(super) fn repeat(&self) -> u32 {
        // Without timing, one encoding is enough.
        self.repeat.unwrap_or(if self.timing() { REPEAT } else { 1 }).max(1)
    }

    pub(super) fn warm_up(&self) -> u32 {
        if self.timing() { self.warm_up.unwrap_or(WARM_UP) } else { 0 }
    }

    /// The remaining uncertainty of CPU time ratios that ends the repeats.
    pub(super) fn until(&self) -> Option<f64> {
        self.until.map(|percent| percent / 100.0).filter(|_| self.timing())
    }

    pub(super) fn jobs(&self) -> usize {
        usize::from(self.jobs.unwrap_or(1).max(1))
    }

    /// Whether times are measured.
    pub(super) fn timing(&self) -> bool {
        self.jobs() == 1
    }

    /// Frames of each clip of which the report has images.
    pub(super) fn pictures(&self) -> usize {
        self.pictures.map_or(0, |frames| frames.min(MAX_PICTURES) as usize)
    }

    pub(super) fn time_limit(&self) -> Duration {
        Duration::from_secs_f64(self.time_limit_s.unwrap_or(TIME_LIMIT_S).clamp(0.01, 3.2e7))
    }

    pub(super) fn interpolation(&self) -> Interpolation {
        self.interpolation.unwrap_or_default()
    }
}

fn kilobits(rate: Bitrate) -> String {
    format!("{}k", kbps(rate))
}

/// A short label for file names and tables: `400k`, `0.06bpp`, `q50`, `qp30`, `crf23`.
pub(super) fn label(target: Target) -> String {
    match target {
        Target::Kbps(kbps) => format!("{kbps}k"),
        Target::Bpp(bits) => format!("{bits}bpp"),
        Target::Quality(quality) => format!("q{quality}"),
        other => format!("{}{}", other.kind(), other.value()),
    }
}

use std::io::Write;

/// Returns a target as text for messages: `400 kb/s`, `quality 50`.
fn target_name(target: &Target) -> String {
    match target {
        Target::Kbps(kbps) => format!("{kbps} kb/s"),
        Target::Bpp(bpp) => format!("{bpp} bits per pixel"),
        Target::Quality(quality) => format!("quality {quality}"),
        Target::Qp(index) => format!("quantiser index {index}"),
        other => format!("{} {}", other.kind(), other.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_can_have_points() {
        let arm = ArmEntry::parse("x=x264:medium @ crf=20,25");
        assert_eq!((arm.run.as_str(), arm.points.as_deref()), ("x264:medium", Some("crf=20,25")));
        let text = "clips = [\"a.y4m\"]\n[[arm]]\nrun = \"vp8 @ q=40\"\n[[arm]]\nrun = \"vp9\"\npoints = \"qp=9\"\n";
        let study = Study::from_toml(text).unwrap();
        let targets = study.arms.iter().map(|arm| study.targets_of(arm).unwrap());
        let targets: Vec<_> = targets.flatten().collect();
        assert_eq!(targets, [Target::Quality(40.0), Target::Qp(9.0)]);
        assert_eq!(study.arms[0].run, "vp8");
        let twice = text.replace("\"vp9\"", "\"vp9 @ q=3\"");
        assert!(Study::from_toml(&twice).unwrap_err().message.contains("given twice"));
        let none = text.replace(" @ q=40", "");
        assert!(Study::from_toml(&none).unwrap_err().message.contains("no bitrates"));
    }

    #[test]
    fn arms_can_be_named() {
        let arm = ArmEntry::parse("x264=cmd:x264 --bitrate={kbps} -o {out} {in}");
        assert_eq!(arm.name.as_deref(), Some("x264"));
        assert_eq!(arm.run, "cmd:x264 --bitrate={kbps} -o {out} {in}");
        for plain in ["vp8 --knob x=1", "cmd:vpxenc --a=b", "vp8/libvpx --cpu-used=-6"] {
            assert_eq!(ArmEntry::parse(plain).name, None, "{plain}");
        }
    }

    #[test]
    fn a_study_is_read_back_unchanged() {
        let text = "title = \"t\"\nclips = [\"a.y4m\"]\nbitrates = [\"200k\"]\ntime-limit-s = 5.0\n\
                    [[arm]]\nrun = \"vp8\"\nspeeds = [\"7\", \"9\"]\n";
        let study: Study = toml::from_str(text).unwrap();
        assert_eq!(study.arms[0].speeds, ["7", "9"]);
        let again: Study = toml::from_str(&toml::to_string_pretty(&study).unwrap()).unwrap();
        assert_eq!(again, study);
        assert!(toml::from_str::<Study>("bitrate = 3").is_err());
    }
}
