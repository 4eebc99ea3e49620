//! The results of a study, as in `results.json`: `docs/results-schema.md` documents the fields.
//! A new schema version is used if fields change or are removed; new fields may be added within a
//! version, and readers ignore unknown fields.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bd::{Difference, Interpolation};

/// The value of [`Results::schema`].
pub const SCHEMA: &str = "codec-compare";
/// The value of [`Results::version`].
pub const VERSION: u32 = 2;

/// A whole study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// The study's name.
    pub title: String,
    /// Where, and with which programs, the study was measured.
    pub environment: Environment,
    /// The command line that repeats the study.
    pub command: String,
    /// Name of the arm with which the others are compared.
    pub anchor: String,
    /// The encoders that are compared.
    pub arms: Vec<Arm>,
    /// The clips that are encoded.
    pub clips: Vec<Clip>,
    /// The quality metrics; plots show the first one initially.
    pub metrics: Vec<Metric>,
    /// The measured encodings: one for each arm, clip, target and size.
    pub points: Vec<Point>,
    /// The comparisons with the anchor: one for each metric and each other arm.
    pub comparisons: Vec<Comparison>,
    /// Speed against BD-rate by the first metric, the anchor included.
    pub frontier: Vec<FrontierPoint>,
    /// Notes for the reader: omitted points, streams that differ between repeats.
    pub notes: Vec<String>,
    /// The missing points, if the study was interrupted; `None` if it is complete.
    #[serde(default)]
    pub partial: Option<Partial>,
}

impl Results {
    /// Whether the study compares audio codecs.
    pub(crate) fn is_audio(&self) -> bool {
        self.clips.iter().any(|clip| clip.audio.is_some())
    }
}

/// The extent of a study that was interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// Points in the results.
    pub points: u64,
    /// Points of the whole study.
    pub planned: u64,
    /// Points in the results that were encoded less often than planned. Their sizes and qualities are final, their
    /// times are not.
    pub unrepeated: u64,
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { points, planned, unrepeated } = self;
        write!(f, "{points} of {planned} points")?;
        if *unrepeated > 0 {
            write!(f, ", {unrepeated} of them without all repeats")?;
        }
        Ok(())
    }
}

/// The machine and the programs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Model of the processor.
    pub cpu: String,
    /// Available cores.
    pub cores: u32,
    /// Instruction set of our kernels.
    pub simd: String,
    /// Operating system with its version.
    pub os: String,
    /// Version of this program.
    pub codec: String,
    /// Start of the first encoding, UTC, by RFC 3339. A resumed study keeps the start of its first
    /// run.
    pub date: String,
    /// When the report was written, UTC, by RFC 3339.
    #[serde(default)]
    pub finished: String,
    /// Whether encodings ran one at a time, so that their times are meaningful.
    pub timing: bool,
    /// Signs that other work used the machine while times were taken, one sentence each; empty if
    /// there were no signs.
    #[serde(default)]
    pub busy: Vec<String>,
}

/// One encoder with its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Name of the arm, short and unique.
    pub name: String,
    /// Specification as given by the user: options of a backend, or a command template.
    pub given: String,
    /// The command of one of the points, for the reader.
    pub command: String,
    /// Version of the encoder, if it reports one.
    pub version: String,
    /// Threads requested from the encoder; `None` if the encoder chooses.
    pub threads: Option<u32>,
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// File name without its folder; unique.
    pub name: String,
    /// MD5 of the frames.
    pub digest: String,
    /// Width in pixels; 0 for audio.
    pub width: u32,
    /// Height in pixels; 0 for audio.
    pub height: u32,
    /// Number of frames to encode; for audio, the number of whole segments of 20 ms.
    pub frames: u64,
    /// Frames per second.
    pub fps: f64,
    /// Duration from the first frame to the end of the last, in seconds.
    pub seconds: f64,
    /// The format of an audio clip; `None` for video.
    #[serde(default)]
    pub audio: Option<ClipAudio>,
}

/// The format of an audio clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipAudio {
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
}

impl fmt::Display for ClipAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sample_rate, channels } = self;
        let plural = if *channels == 1 { "" } else { "s" };
        write!(f, "{} kHz, {channels} channel{plural}", f64::from(*sample_rate) / 1000.0)
    }
}

/// A quality metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Key in [`Point::quality`]: `psnr_y`.
    pub id: String,
    /// Display name: `PSNR Y`.
    pub name: String,
    /// `dB`, or empty.
    pub unit: String,
    /// Whether higher is better.
    pub higher_is_better: bool,
}

/// The target of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "value")]
pub enum Target {
    /// Kilobits per second.
    Kbps(f64),
    /// Bits per pixel, converted to kilobits by size and frame rate.
    Bpp(f64),
    /// Constant quality, 0 to 100.
    Quality(f64),
    /// Constant quantiser in the codec's own scale.
    Qp(f64),
    /// Constant rate factor: constant quality in the encoder's own scale.
    Crf(f64),
    /// Mean VMAF of all frames. The encoder encodes several times to reach it, as for the next three targets.
    Vmaf(f64),
    /// Mean SSIM of luma.
    Ssim(f64),
    /// Mean PSNR of luma, in dB.
    Psnr(f64),
    /// Mean SSIMULACRA 2.
    Ssimulacra2(f64),
}

impl Target {
    /// The name of the kind, as in `results.json`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Kbps(_) => "kbps",
            Self::Bpp(_) => "bpp",
            Self::Quality(_) => "quality",
            Self::Qp(_) => "qp",
            Self::Crf(_) => "crf",
            Self::Vmaf(_) => "vmaf",
            Self::Ssim(_) => "ssim",
            Self::Psnr(_) => "psnr",
            Self::Ssimulacra2(_) => "ssimulacra2",
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Kbps(value)
            | Self::Bpp(value)
            | Self::Quality(value)
            | Self::Qp(value)
            | Self::Crf(value)
            | Self::Vmaf(value)
            | Self::Ssim(value)
            | Self::Psnr(value)
            | Self::Ssimulacra2(value) => value,
        }
    }

    /// Whether the target is the value of a metric: the encoder then encodes several times to reach it.
    #[must_use]
    pub const fn is_measured_quality(self) -> bool {
        matches!(self, Self::Vmaf(_) | Self::Ssim(_) | Self::Psnr(_) | Self::Ssimulacra2(_))
    }
}

/// The size of a frame in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// One measured encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// [`Arm::name`].
    pub arm: String,
    /// [`Clip::name`].
    pub clip: String,
    /// The target.
    pub target: Target,
    /// The size of the encoded frames, if the study encodes each clip at several sizes. Quality is measured at the size
    /// of the clip.
    #[serde(default)]
    pub size: Option<FrameSize>,
    /// With several sizes: ids of the metrics by which the point is on the convex hull of the arm on this clip. Curves and
    /// BD-rates consist of these points only.
    #[serde(default)]
    pub hull: Vec<String>,
    /// Why there are no figures; the other fields are then meaningless.
    pub failure: Option<String>,
    /// Bytes of the coded frames, without the container.
    pub bytes: u64,
    /// Kilobits per second of the clip's duration.
    pub kbps: f64,
    /// Pooled quality, by [`Metric::id`].
    pub quality: BTreeMap<String, Pooled>,
    /// Counts of shown, frozen and unmatched frames.
    pub delivery: Delivery,
    /// Encoding time.
    pub speed: Speed,
    /// Memory use.
    pub memory: Memory,
    /// Encoding time of each frame, if the encoder reports it.
    pub latency: Option<Latency>,
    /// Rate accuracy.
    pub rate: RateControl,
    /// Whether the encoder missed its target for a metric, and kept the nearest result.
    #[serde(default)]
    pub missed_target: bool,
    /// Whether the encoder wrote different streams from the same input; the first was scored.
    #[serde(default)]
    pub streams_differ: bool,
    /// File with a row for each frame, relative to `results.json`.
    pub frames_csv: Option<String>,
}

impl Point {
    /// Whether the point belongs to the curve of its arm by the metric of this id.
    #[must_use]
    pub fn is_on_curve(&self, metric: &str) -> bool {
        self.failure.is_none() && (self.size.is_none() || self.hull.iter().any(|id| id == metric))
    }
}

/// A metric over all frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Mean over frames; for metrics that end in `_global`, the PSNR of the mean squared error.
    pub mean: f64,
    /// Harmonic mean over frames; `None` if a value is not above 0.
    pub harmonic: Option<f64>,
    /// Value of the worst frame.
    pub worst: f64,
    /// 1 % of the frames have a worse value than this.
    pub p1: f64,
    /// 5 % of the frames have a worse value than this.
    pub p5: f64,
    /// Median: half of the frames have a worse value.
    pub p50: f64,
    /// Mean of the worst second.
    pub worst_second: f64,
}

/// Delivery of frames to the viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Frames of the clip.
    pub frames: u64,
    /// Frames of the stream that are shown.
    pub shown: u64,
    /// Frames of the clip at whose time an older frame is still shown.
    pub frozen: u64,
    /// Number of freezes: runs of such frames.
    pub freezes: u64,
    /// Longest freeze, in milliseconds.
    pub longest_freeze_ms: f64,
    /// Shown frames that were not on the screen at the time of any frame of the clip.
    pub unmatched: u64,
    /// Frames with a new time but the same content as the previous frame, although the clip
    /// changes.
    #[serde(default)]
    pub repeated: u64,
}

/// Time of the whole encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Each repeat: user plus system time, in seconds.
    pub cpu_s: Vec<f64>,
    /// Each repeat: elapsed seconds.
    pub wall_s: Vec<f64>,
    /// Median of CPU time, in milliseconds per frame.
    pub cpu_ms_per_frame: f64,
    /// Median of elapsed time, in milliseconds per frame.
    pub wall_ms_per_frame: f64,
    /// Median of CPU time, in milliseconds per second of the clip.
    #[serde(default)]
    pub cpu_ms_per_second: f64,
    /// Median of our decoder's CPU time per frame, if this build decoded the stream.
    pub decode_ms_per_frame: Option<f64>,
    /// Each repeat: the run of `compare` that measured it, as seconds since 1970. Times of one run
    /// were interleaved and can be compared pair by pair.
    #[serde(default)]
    pub sessions: Vec<u64>,
    /// Each repeat: CPU time of a fixed workload that ran before and after it, in nanoseconds.
    #[serde(default)]
    pub calibration_ns: Vec<f64>,
    /// Signs of other work on the machine.
    #[serde(default)]
    pub load: Load,
}

/// Signs of other work on the machine while a point was timed; `None`: not enough measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Elapsed time as a multiple of CPU time, median of the repeats. Above 1 the encoder waited,
    /// for a processor or for its input.
    pub wall_over_cpu: Option<f64>,
    /// By how many percent the 90 % quantile of the CPU times of the repeats exceeds the 10 % quantile.
    pub cpu_spread_percent: Option<f64>,
    /// By how many percent the fixed workload took longer than its best time in the study (the 5 %
    /// quantile); median of the repeats.
    pub calibration_percent: Option<f64>,
    /// Whether one of these values exceeds its limit (docs/COMMAND.md).
    pub busy: bool,
}

/// Memory of the encoder's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Peak resident set in bytes.
    pub peak_rss: Option<u64>,
    /// Allocations per frame after the first ten frames, of the calling thread.
    pub allocations_per_frame: Option<f64>,
}

/// Four points of a distribution, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 95 % take at most this long.
    pub p95: f64,
    /// 99 % take at most this long.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Times of frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Time of the call that encodes a frame, in milliseconds.
    pub encode: Quantiles,
    /// Duration of a frame, the deadline for encoding it.
    pub deadline_ms: f64,
    /// Number of frames whose encoding took longer than the deadline.
    pub deadline_misses: u64,
    /// Encode times, in milliseconds, in the order of frames.
    pub encode_ms: Vec<f64>,
    /// Delay from the capture of a frame to its display, by the model in docs/COMMAND.md.
    pub glass_to_glass: Option<GlassToGlass>,
    /// Whether the machine was busy with other work ([`Load::busy`]). `p99`, `max` and
    /// `deadline_misses` then reflect the load more than the encoder, and reports omit them.
    #[serde(default)]
    pub disturbed: bool,
}

/// A model of a call at the target rate, in milliseconds: the mean of each stage, and the distribution of the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GlassToGlass {
    /// Exposure and readout: half the duration of a frame.
    pub capture: f64,
    /// Encoding, including the frames that the encoder holds.
    pub encode: f64,
    /// Waiting for the link, and sending at the target rate.
    pub serialise: f64,
    /// Decoding.
    pub decode: f64,
    /// The sum.
    pub total: Quantiles,
}

/// Rate accuracy of an encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RateControl {
    /// Target in kilobits per second.
    pub target_kbps: Option<f64>,
    /// Percent by which the whole stream exceeds the target.
    pub error_percent: Option<f64>,
    /// Kilobits of each second of the clip.
    pub seconds_kbit: Vec<f64>,
    /// Target of each of those seconds, in kilobits per second.
    pub seconds_target: Vec<f64>,
    /// Largest excess over the target in any window of one second that begins with a frame, in percent.
    pub worst_window_percent: Option<f64>,
    /// Largest frame in bytes.
    pub largest_frame: u64,
    /// Key frames.
    pub key_frames: u64,
    /// Share of the bytes that are in key frames.
    pub key_frame_share: f64,
    /// Delay of a link at the target rate after each frame, in milliseconds.
    pub buffer_ms: Vec<f64>,
    /// Number of frames after which this delay is above a second.
    pub buffer_violations: u64,
    /// Milliseconds after each step of the target until a window of half a second is within 10 % of
    /// the new target; `None` if this does not happen before the next step.
    pub step_reactions_ms: Vec<Option<f64>>,
}

/// A mean with its interval and test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The mean.
    pub value: f64,
    /// The 95 % interval by Student's t; `None` if the sample has one value.
    pub interval: Option<Interval>,
    /// Whether the arm differs from the anchor. With 98 % confidence no figure of the study is
    /// reported as different by mistake (Holm's method). `None` if the figure was not tested, or
    /// cannot be tested because it has a single value or its times were not interleaved.
    pub differs: Option<bool>,
}

/// The range that contains the true mean with 95 % confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Contents of the sample.
    pub over: Sample,
    /// Values in the sample.
    pub count: u32,
}

/// The unit that varies within a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// Clips: the interval is about other clips of the same kind.
    #[default]
    Clips,
    /// Repeats on the only clip: the interval is about that clip.
    Repeats,
}

impl Figure {
    /// A figure without an interval.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, interval: None, differs: None }
    }

    /// The ends of the interval; without one, the figure twice.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        self.interval.map_or((self.value, self.value), |interval| (interval.low, interval.high))
    }
}

/// Comparison of an arm with the anchor by one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`Arm::name`].
    pub arm: String,
    /// [`Metric::id`].
    pub metric: String,
    /// Interpolation between the points.
    pub interpolation: Interpolation,
    /// BD-rate, mean over clips.
    pub bd_rate: Option<Figure>,
    /// BD-metric, mean over clips; never tested.
    pub bd_metric: Option<Figure>,
    /// Comparison on each clip.
    pub clips: Vec<ClipComparison>,
}

/// Comparison of an arm with the anchor on one clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClipComparison {
    /// [`Clip::name`].
    pub clip: String,
    /// BD-rate with the shared range of quality.
    pub bd_rate: Option<Difference>,
    /// BD-metric with the shared range of bitrate.
    pub bd_metric: Option<Difference>,
    /// Why the BD-rate or the BD-metric is missing.
    pub refused: Option<String>,
}

/// An arm in the plane of speed and BD-rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// [`Arm::name`].
    pub arm: String,
    /// CPU time as a ratio to the anchor's: geometric mean over the targets and repeats that both
    /// have, then over clips.
    pub cpu_ratio: Figure,
    /// Half the width, in percent, of the 95 % interval of `cpu_ratio` that results from the
    /// repeats only: more repeats narrow it. `None` with fewer than two repeats.
    #[serde(default)]
    pub cpu_noise_percent: Option<f64>,
    /// BD-rate against the anchor, in percent.
    pub bd_rate: Figure,
    /// Whether no other arm is at least as good in both values and better in one.
    pub on_frontier: bool,
}
