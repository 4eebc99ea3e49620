//! The encoders of a study ("arms"): this command, external programs, and libvpx configured as
//! in Chrome.
//!
//! An arm encodes video or audio; for an external command, this depends on whether the
//! clips of the study are video or audio.

use std::path::{Path, PathBuf};

use codec_audio::{AudioFormat, ChannelLayout};
use codec_backends::registry;
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};
use codec_measure::results::Target;
use codec_media::failure::{Failure, Kind, Result};

use super::audio_encoder::{self, AudioEncoder};
use super::chrome::{self, Chrome};
use super::options::EncodeGrammar;
use super::peers::{self, PointKind};
use super::places::{DECODE_PLACES, PLACES, check_places, extension_of, foreign_place, value_of};
use super::programs::{self, program_version};
use super::shape::{Media, Shape};
use super::study::{ArmEntry, Study, label};
use super::task::{Task, kbps_of};
use super::template::Template;

/// An encoder with one speed and number of threads.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    /// A short, unique name.
    pub(super) name: String,
    /// The specification as given.
    pub(super) given: String,
    kind: ArmKind,
    /// Video or audio; `None`: a command, which encodes either.
    pub(super) media: Option<Media>,
    speed: Option<String>,
    pub(super) threads: u16,
    /// The targets of its points.
    pub(super) targets: Vec<Target>,
    /// Targets of the study that its codec cannot have.
    pub(super) impossible: Vec<Target>,
    /// Whether its bitrate follows the rate trace of the study, if there is one.
    pub(super) follows_trace: bool,
    /// The command that decodes the stream to y4m or WAV, instead of our decoder or ffmpeg.
    pub(super) decode: Option<Template>,
    /// Program and version, if known.
    pub(super) version: String,
}

#[derive(Clone, Debug)]
enum ArmKind {
    /// This program's `codec encode`.
    Backend {
        spec: String,
        options: Vec<String>,
        extension: &'static str,
    },
    Command {
        template: Template,
        extension: String,
    },
    /// This program's `codec encode` with an audio codec.
    Audio(AudioEncoder),
    /// libvpx configured as in a browser.
    Chrome(Chrome),
}

const CHROME: &str = "chrome-vp8";

/// Returns the arms of a study, for all speeds and numbers of threads.
pub(super) fn arms_of(study: &Study, grammar: &dyn EncodeGrammar) -> Result<Vec<Arm>> {
    let mut arms = Vec::new();
    for entry in &study.arms {
        let pick = |own: &[String], all: &[String]| {
            if own.is_empty() { all.to_vec() } else { own.to_vec() }
        };
        let own = peers::has_own_speed(&entry.run) || audio_encoder::has_own_speed(&entry.run);
        let speeds = if own { Vec::new() } else { pick(&entry.speeds, &study.speeds) };
        let threads = if entry.threads.is_empty() { &study.threads } else { &entry.threads };
        let counts = if threads.is_empty() { vec![1] } else { threads.clone() };
        let name = entry.name.clone().unwrap_or_else(|| default_name(&entry.run));
        let choices: Vec<Option<String>> =
            if speeds.is_empty() { vec![None] } else { speeds.into_iter().map(Some).collect() };
        for speed in &choices {
            for &count in &counts {
                let mut name = name.clone();
                if let Some(speed) = speed {
                    name.push_str(&format!("@{speed}"));
                }
                if counts.len() > 1 {
                    name.push_str(&format!(" t{count}"));
                }
                arms.push(Arm::new(entry, name, (speed.clone(), count), study, grammar)?);
            }
        }
    }
    for (index, arm) in arms.iter().enumerate() {
        if arms[..index].iter().any(|other| other.name == arm.name) {
            let message = format!(
                "two arms are named {}\nhelp: give them names, as in --arm NAME=...",
                arm.name
            );
            return Err(Failure::usage(message));
        }
    }
    Ok(arms)
}

/// Whether a text without options names an encoder.
pub(super) fn is_named_encoder(run: &str) -> bool {
    run == CHROME
        || peers::is_named(run)
        || audio_encoder::is_named(run)
        || registry::find_encoder(run).is_ok()
}

/// The default name: a command's program, or a backend's options.
fn default_name(run: &str) -> String {
    match run.strip_prefix("cmd:") {
        Some(command) => {
            let program = command.split_whitespace().next().unwrap_or("command");
            Path::new(program)
                .file_name()
                .map_or_else(|| program.to_owned(), |name| name.to_string_lossy().into_owned())
        }
        None => run.to_owned(),
    }
}

impl Arm {
    fn new(
        entry: &ArmEntry,
        name: String,
        (speed, threads): (Option<String>, u16),
        study: &Study,
        grammar: &dyn EncodeGrammar,
    ) -> Result<Self> {
        let as_command = |command: &str| {
            let template = Template::parse(command, PLACES)?;
            let extension = extension_of(&template);
            Ok(ArmKind::Command { template, extension })
        };
        let mut speed = speed;
        let (mut targets, mut impossible) = (study.targets_of(entry)?, Vec::new());
        let mut decode = entry.decode.as_deref();
        let (kind, media) = match (entry.run.strip_prefix("cmd:"), entry.run.as_str()) {
            (Some(command), _) => (as_command(command)?, None),
            (None, CHROME) => (ArmKind::Chrome(chrome::find()?), Some(Media::Video)),
            (None, run) => match peers::command(run, kind_of(&targets))? {
                Some(peer) => {
                    speed = peer.speed.or(speed).or(peer.usual_speed.map(str::to_owned));
                    if speed.is_none() {
                        let speeds = peers::speeds_of(run);
                        let message = format!(
                            "arm {run}: no speed\nhelp: write {run}:SPEED, where SPEED is {speeds}"
                        );
                        return Err(Failure::usage(message));
                    }
                    decode = decode.or(peer.decode);
                    (as_command(&peer.template)?, Some(peer.media))
                }
                None => match AudioEncoder::parse(run, grammar)? {
                    Some((encoder, own_speed)) => {
                        speed = own_speed.or(speed);
                        (targets, impossible) = encoder.own_targets(targets);
                        (ArmKind::Audio(encoder), Some(Media::Audio))
                    }
                    None => (backend(run, grammar)?, Some(Media::Video)),
                },
            },
        };
        let mut arm = Self {
            name,
            given: entry.run.clone(),
            version: String::new(),
            kind,
            media,
            speed,
            threads,
            targets,
            impossible,
            follows_trace: entry.points.is_none(),
            decode: decode.map(|text| Template::parse(text, DECODE_PLACES)).transpose()?,
        };
        arm.check(study, grammar)?;
        if entry.points.is_some() && !arm.impossible.is_empty() {
            let (name, why) = (&arm.name, arm.one_rate());
            return Err(Failure::usage(format!("arm {name}: {why}")));
        }
        // Last, because it reads the program.
        arm.version = version_of(&arm.kind);
        Ok(arm)
    }

    /// States the only bitrate of the codec, and the points that it does not have.
    pub(super) fn one_rate(&self) -> String {
        let names = |targets: &[Target]| {
            targets.iter().map(|target| label(*target)).collect::<Vec<_>>().join(", ")
        };
        let (own, impossible) = (names(&self.targets), names(&self.impossible));
        format!("the codec has the fixed bitrate {own} and cannot encode at {impossible}")
    }

    /// Rejects errors that would otherwise only show at the first encoding.
    fn check(&self, study: &Study, grammar: &dyn EncodeGrammar) -> Result<()> {
        let refused = |why: &str| Err(Failure::usage(format!("arm {}: {why}", self.name)));
        let has_trace = self.follows_trace && study.rate_trace.is_some();
        if let ArmKind::Command { template, .. } = &self.kind {
            if !template.has("out") || !template.has("in") {
                return refused("the command must contain {in} and {out}");
            }
            if template.has("speed") && self.speed.is_none() {
                return refused("{speed} in the command requires --speeds");
            }
            if self.speed.is_some() && !template.has("speed") {
                return refused("--speeds requires {speed} in the command");
            }
            if has_trace && !template.has("rate_trace") {
                return refused("--rate-trace requires {rate_trace} in the command");
            }
        }
        if matches!(self.kind, ArmKind::Chrome(_)) {
            if self.speed.is_some() || has_trace {
                return refused("browser settings support neither --speeds nor --rate-trace");
            }
            let is_rate = |target: &Target| matches!(target, Target::Kbps(_) | Target::Bpp(_));
            if !self.targets.iter().all(is_rate) {
                return refused("browser settings require bitrates: -b or --bpp");
            }
        }
        let options = match &self.kind {
            ArmKind::Backend { options, .. } => options,
            ArmKind::Audio(encoder) => {
                encoder.check_speed(self.speed.as_deref()).or_else(|why| refused(&why))?;
                encoder.options()
            }
            ArmKind::Command { .. } | ArmKind::Chrome(_) => &[],
        };
        if let Some(name) = grammar.own_option(options) {
            return refused(&format!(
                "{name} cannot be used in an arm: the study sets rates, threads, frames and outputs"
            ));
        }
        for &target in self.targets.iter().chain(&self.impossible) {
            let input = PathBuf::from(format!("in.{}", self.example().media().extension()));
            let output = PathBuf::from(format!("out.{}", self.extension()));
            let task = Task {
                input: &input,
                output: &output,
                report: Path::new("report.csv"),
                shape: self.example(),
                target,
                rate_trace: study.rate_trace.as_deref().filter(|_| has_trace),
            };
            match &self.kind {
                ArmKind::Command { template, .. } => {
                    check_places(template, &task).and_then(|()| check_qp(&self.given, target))
                }
                ArmKind::Backend { .. } if matches!(target, Target::Crf(_)) => {
                    Err("crf is for other encoders; the encoders of this program have q and qp"
                        .to_owned())
                }
                // The reason is that the study is one of audio.
                ArmKind::Audio(_) if matches!(target, Target::Bpp(_)) || has_trace => Ok(()),
                ArmKind::Audio(_) if !matches!(target, Target::Kbps(_)) => {
                    Err("audio encoders have bitrates only\nhelp: give them with -b".to_owned())
                }
                ArmKind::Backend { .. } | ArmKind::Audio(_) => grammar.check(&self.argv(&task)?),
                ArmKind::Chrome(_) => Ok(()),
            }
            .or_else(|why| refused(&why))?;
        }
        Ok(())
    }

    /// A clip that the encoder may get, to check its options.
    fn example(&self) -> Shape {
        match self.media {
            Some(Media::Audio) => Shape::Audio {
                format: AudioFormat::new(48_000, ChannelLayout::Mono),
                samples: 48_000,
            },
            _ => Shape::Video {
                size: Size::new(640, 360),
                frame_rate: Rational::new(30, 1),
                frames: 1,
            },
        }
    }

    /// Rejects settings that have no meaning for what the study compares.
    pub(super) fn check_media(&self, media: Media) -> Result<()> {
        let refused = |why: String| Err(Failure::usage(format!("arm {}: {why}", self.name)));
        if let ArmKind::Command { template, .. } = &self.kind {
            if let Some(place) = foreign_place(template, media) {
                return refused(format!("{{{place}}} cannot be used in a comparison of {media}"));
            }
            if media == Media::Video || template.has("threads") {
                return Ok(());
            }
        }
        if media == Media::Audio && self.threads != 1 {
            return refused("audio encoders run on one thread, so --threads must be 1".to_owned());
        }
        Ok(())
    }

    /// Whether the encoder's exit code 7 means that a target quality was not reached, and the nearest result kept.
    pub(super) fn may_miss(&self, target: Target) -> bool {
        let verifies = |options: &[String]| options.iter().any(|option| option == "--verify");
        match &self.kind {
            ArmKind::Backend { options, .. } => target.is_measured_quality() && !verifies(options),
            _ => false,
        }
    }

    /// The file extension of the output.
    pub(super) fn extension(&self) -> &str {
        match &self.kind {
            ArmKind::Backend { extension, .. } => extension,
            ArmKind::Command { extension, .. } => extension,
            ArmKind::Audio(encoder) => encoder.extension,
            ArmKind::Chrome(_) => "ivf",
        }
    }

    /// Whether this program is the encoder.
    pub(super) fn is_ours(&self) -> bool {
        self.reports() || matches!(self.kind, ArmKind::Audio(_))
    }

    /// Whether the encoder reports the time of each frame.
    pub(super) fn reports(&self) -> bool {
        matches!(self.kind, ArmKind::Backend { .. } | ArmKind::Chrome(Chrome::Backend))
    }

    /// The configured number of threads.
    pub(super) fn stated_threads(&self) -> Option<u32> {
        let is_stated = match &self.kind {
            ArmKind::Backend { .. } | ArmKind::Audio(_) => true,
            ArmKind::Command { template, .. } => template.has("threads"),
            ArmKind::Chrome(_) => false,
        };
        is_stated.then(|| u32::from(self.threads))
    }

    /// Returns the command line of a task.
    pub(super) fn argv(&self, task: &Task<'_>) -> Result<Vec<String>> {
        Ok(match &self.kind {
            ArmKind::Backend { spec, options, .. } => self.ours(spec, options, task)?,
            ArmKind::Command { template, .. } => template.fill(|place| self.value(place, task)),
            ArmKind::Audio(encoder) => {
                let files = (path(task.output), path(task.input));
                let arguments = encoder.arguments(self.speed.as_deref(), kbps_of(task), files);
                [own_program()?].into_iter().chain(arguments).collect()
            }
            ArmKind::Chrome(chrome) => {
                let size = task.shape.size().ok_or_else(|| Failure::internal("not video"))?;
                match chrome {
                    Chrome::Vpxenc => {
                        chrome::vpxenc(size, kbps_of(task), path(task.output), path(task.input))
                    }
                    Chrome::Backend => self.ours("vp8/libvpx", &chrome::options(size), task)?,
                }
            }
        })
    }

    fn ours(&self, spec: &str, options: &[String], task: &Task<'_>) -> Result<Vec<String>> {
        let mut argv = vec![own_program()?];
        argv.extend(
            ["encode", "--quiet", "-y", "--no-audio", "--metrics", "none", "-c"].map(str::to_owned),
        );
        argv.push(spec.to_owned());
        argv.extend(options.iter().cloned());
        if let Some(speed) = &self.speed {
            argv.extend(["--speed".to_owned(), speed.clone()]);
        }
        let (flag, value) = match (task.rate_trace, task.target) {
            (Some(trace), _) => ("--rate-trace", path(trace)),
            (_, Target::Kbps(_) | Target::Bpp(_)) => ("-b", format!("{}k", kbps_of(task))),
            (_, Target::Quality(quality)) => ("-q", quality.to_string()),
            (_, Target::Qp(qp)) => ("--qp", qp.to_string()),
            (_, other) => ("--target", format!("{}={}", other.kind(), other.value())),
        };
        argv.extend([flag.to_owned(), value, "-j".to_owned(), self.threads.to_string()]);
        argv.extend(["--report".to_owned(), path(task.report)]);
        argv.extend(["-o".to_owned(), path(task.output), path(task.input)]);
        Ok(argv)
    }

    fn value(&self, place: &str, task: &Task<'_>) -> String {
        match place {
            "in" => path(task.input),
            "out" => path(task.output),
            "kbps" => kbps_of(task).to_string(),
            "bps" => (kbps_of(task) * 1000.0).round().to_string(),
            "qp" | "quality" | "crf" if task.target.kind() == place => {
                task.target.value().to_string()
            }
            "q" if matches!(task.target, Target::Quality(_) | Target::Qp(_) | Target::Crf(_)) => {
                task.target.value().to_string()
            }
            "rate_trace" => task.rate_trace.map(path).unwrap_or_default(),
            "speed" => self.speed.clone().unwrap_or_default(),
            "threads" => self.threads.to_string(),
            _ => value_of(place, task.shape),
        }
    }
}

/// Rejects quantisers that the encoder of the arm `given` does not have.
fn check_qp(given: &str, target: Target) -> std::result::Result<(), String> {
    match (target, peers::max_qp(given)) {
        (Target::Qp(qp), Some(max)) if qp > max => {
            Err(format!("invalid qp {qp}: expected 0 to {max}"))
        }
        _ => Ok(()),
    }
}

/// The path of this program.
fn own_program() -> Result<String> {
    std::env::current_exe().map(|program| path(&program)).map_err(Failure::internal)
}

/// The kind of an arm's points; all have the same kind.
fn kind_of(targets: &[Target]) -> PointKind {
    match targets.first() {
        Some(Target::Qp(_)) => PointKind::Qp,
        Some(Target::Crf(_)) => PointKind::Crf,
        _ => PointKind::Rate,
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// Parses `vp8/libvpx --cpu-used -6`: a codec with options of `codec encode` and of the backend.
fn backend(run: &str, grammar: &dyn EncodeGrammar) -> Result<ArmKind> {
    let words = shlex::split(run).filter(|words| !words.is_empty());
    let mut words = words
        .ok_or_else(|| Failure::usage(format!("invalid arm `{run}`: unclosed quote, or empty")))?
        .into_iter();
    let spec = words.next().unwrap_or_default();
    let (found, _, capabilities) = registry::find_encoder(&spec)
        .map_err(|error| Failure::new(Kind::Backend, format!("arm `{run}`: {error}")))?;
    let mut options = Vec::new();
    let mut rest = words.peekable();
    while let Some(word) = rest.next() {
        let name = word.strip_prefix("--").unwrap_or_default();
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let is_knob = capabilities.knobs.iter().any(|knob| knob.name == name);
        if grammar.has_option(name) || !is_knob {
            options.push(word);
            continue;
        }
        let value = value.or_else(|| rest.next()).ok_or_else(|| {
            Failure::usage(format!("invalid arm `{run}`: --{name} requires a value"))
        })?;
        options.extend(["--knob".to_owned(), format!("{name}={value}")]);
    }
    let extension = match found.codec {
        Codec::H264 => "mkv",
        _ => "ivf",
    };
    Ok(ArmKind::Backend { spec, options, extension })
}

/// The program's version output and a digest of its file, because a newer build is another encoder.
fn version_of(kind: &ArmKind) -> String {
    match kind {
        ArmKind::Backend { .. } | ArmKind::Audio(_) | ArmKind::Chrome(Chrome::Backend) => {
            let digest = std::env::current_exe().ok().and_then(|exe| programs::digest(&exe));
            let digest = digest.unwrap_or_default();
            format!("codec {} ({})", env!("CARGO_PKG_VERSION"), digest.get(..8).unwrap_or_default())
        }
        ArmKind::Chrome(Chrome::Vpxenc) => program_version("vpxenc"),
        ArmKind::Command { template, .. } => {
            let words = template.fill(|_| String::new());
            let behind = programs::argument_digests(words.get(1..).unwrap_or_default());
            program_version(&template.program()) + &behind
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows a few options, in one spelling.
    struct Flags;

    impl EncodeGrammar for Flags {
        fn has_option(&self, name: &str) -> bool {
            matches!(name, "preset" | "speed" | "knob" | "bitrate")
        }

        fn check(&self, argv: &[String]) -> std::result::Result<(), String> {
            let is_unknown = |word: &&String| word.contains("speeed");
            argv.iter().find(is_unknown).map_or(Ok(()), |word| Err(format!("unexpected {word}")))
        }

        fn own_option(&self, options: &[String]) -> Option<&'static str> {
            options.iter().any(|option| option == "--bitrate").then_some("--bitrate")
        }

        fn audio_format(&self, _: &[String]) -> (Option<u32>, Option<u8>) {
            (None, None)
        }
    }

    fn study(arm: &str, bitrates: &[&str]) -> Study {
        Study {
            clips: vec!["a.y4m".into()],
            bitrates: bitrates.iter().map(|&rate| rate.to_owned()).collect(),
            arms: vec![ArmEntry { run: arm.to_owned(), ..ArmEntry::default() }],
            ..Study::default()
        }
    }

    #[test]
    fn options_and_knobs_of_a_backend_become_a_command() {
        let mut study = study("vp8 --preset rtc --sharpness 3", &["200k"]);
        study.speeds = vec!["7".to_owned(), "9".to_owned()];
        study.threads = vec![1, 2];
        let arms = arms_of(&study, &Flags).unwrap();
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        let base = "vp8 --preset rtc --sharpness 3";
        assert_eq!(names, ["@7 t1", "@7 t2", "@9 t1", "@9 t2"].map(|end| format!("{base}{end}")));
        let task = Task {
            input: Path::new("i.y4m"),
            output: Path::new("o.ivf"),
            report: Path::new("r.csv"),
            shape: Shape::Video {
                size: Size::new(352, 288),
                frame_rate: Rational::new(30, 1),
                frames: 10,
            },
            target: Target::Bpp(0.1),
            rate_trace: None,
        };
        let argv = arms[1].argv(&task).unwrap().join(" ");
        assert!(argv.contains("--knob sharpness=3 --speed 7 -b 304k -j 2"), "{argv}");
    }

    #[test]
    fn invalid_arms_are_rejected_early() {
        let refused = |arm: &str| arms_of(&study(arm, &["200k"]), &Flags).unwrap_err();
        assert_eq!(refused("vp9/none").kind, Kind::Backend);
        assert!(refused("vp8 --speeed 3").message.contains("--speeed"));
        assert!(
            refused("vp8 --bitrate 300k").message.contains("--bitrate cannot be used in an arm")
        );
        assert!(refused("cmd:x264 -o {out} {in}").message.contains("{kbps}"));
        assert!(refused("cmd:x264 --bitrate {kbps} {in}").message.contains("{out}"));
        assert!(refused("cmd:x264 --bitrate {rate} -o {out} {in}").message.contains("{rate}"));
        let twice =
            Study { arms: vec![study("vp8", &[]).arms[0].clone(); 2], ..study("vp8", &["1k"]) };
        assert!(arms_of(&twice, &Flags).unwrap_err().message.contains("two arms"));
    }
}
