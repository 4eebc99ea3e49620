//! What a study measured, as `results.json` has it: `docs/results-schema.md` publishes the fields.
//! Fields are only added within a version; a reader ignores those that it does not know.

use std::collections::BTreeMap;

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
    /// Where and by what it was measured.
    pub environment: Environment,
    /// The command line that measures it again.
    pub command: String,
    /// Name of the arm that the others are compared with.
    pub anchor: String,
    /// What is compared.
    pub arms: Vec<Arm>,
    /// What is encoded.
    pub clips: Vec<Clip>,
    /// How quality is measured; the first is the one that plots begin with.
    pub metrics: Vec<Metric>,
    /// One for each arm, clip and target.
    pub points: Vec<Point>,
    /// One for each metric and each arm but the anchor.
    pub comparisons: Vec<Comparison>,
    /// Speed against BD-rate by the first metric, the anchor included.
    pub frontier: Vec<FrontierPoint>,
    /// What a reader must know: points left out, streams that differ between repeats.
    pub notes: Vec<String>,
}

/// The machine and the programs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Model of the processor.
    pub cpu: String,
    /// Cores that may be used.
    pub cores: u32,
    /// Instruction set of our kernels.
    pub simd: String,
    /// Operating system with its version.
    pub os: String,
    /// Version of this program.
    pub codec: String,
    /// When the first of the encodings began, UTC, by RFC 3339. A study that was resumed began with its
    /// first run.
    pub date: String,
    /// When the report was written, UTC, by RFC 3339.
    #[serde(default)]
    pub finished: String,
    /// Whether times were taken with nothing else of ours running.
    pub timing: bool,
    /// Signs that other work used the machine while times were taken, one sentence each; empty without
    /// any.
    #[serde(default)]
    pub busy: Vec<String>,
}

/// One encoder with its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Short and unique.
    pub name: String,
    /// As it was given: options of a backend, or a command template.
    pub given: String,
    /// What is run for one of the points, for the reader.
    pub command: String,
    /// Version of the encoder, where it tells one.
    pub version: String,
    /// Threads that it was told to use; `None`: its own choice.
    pub threads: Option<u32>,
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// File name without its folder; unique.
    pub name: String,
    /// MD5 of the pictures.
    pub digest: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames that are encoded.
    pub frames: u64,
    /// Frames per second.
    pub fps: f64,
    /// From the first frame to the end of the last.
    pub seconds: f64,
}

/// A measure of quality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Key in [`Point::quality`]: `psnr_y`.
    pub id: String,
    /// For people: `PSNR Y`.
    pub name: String,
    /// `dB`, or empty.
    pub unit: String,
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// What the encoder was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "value")]
pub enum Target {
    /// Kilobits per second.
    Kbps(f64),
    /// Bits per pixel, which make kilobits by size and frame rate.
    Bpp(f64),
    /// 0 to 100.
    Quality(f64),
    /// In the codec's own scale.
    Qp(f64),
}

/// One encoding, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// [`Arm::name`].
    pub arm: String,
    /// [`Clip::name`].
    pub clip: String,
    /// What was asked for.
    pub target: Target,
    /// Why there are no figures; the rest then says nothing.
    pub failure: Option<String>,
    /// Bytes of the coded frames, without the container.
    pub bytes: u64,
    /// Kilobits per second of the clip's duration.
    pub kbps: f64,
    /// Pooled quality, by [`Metric::id`].
    pub quality: BTreeMap<String, Pooled>,
    /// What became of the frames.
    pub delivery: Delivery,
    /// Time that it took.
    pub speed: Speed,
    /// Memory that it took.
    pub memory: Memory,
    /// Time of each frame, where the encoder tells it.
    pub latency: Option<Latency>,
    /// How the rate was kept.
    pub rate: RateControl,
    /// The encoder wrote different streams from the same input; the first was scored.
    #[serde(default)]
    pub streams_differ: bool,
    /// File with a row for each frame, beside `results.json`.
    pub frames_csv: Option<String>,
}

/// A metric over all frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Over frames; PSNR of the mean squared error for metrics that end in `_global`.
    pub mean: f64,
    /// Over frames; `None` where a value is not above 0.
    pub harmonic: Option<f64>,
    /// The worst frame.
    pub worst: f64,
    /// 1 % of the frames are worse.
    pub p1: f64,
    /// 5 % of the frames are worse.
    pub p5: f64,
    /// Half of the frames are worse.
    pub p50: f64,
    /// Mean of the worst second.
    pub worst_second: f64,
}

/// What the viewer gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Frames of the clip.
    pub frames: u64,
    /// Frames of the stream that are shown.
    pub shown: u64,
    /// Instants of the clip at which an older picture stands still.
    pub frozen: u64,
    /// Runs of them.
    pub freezes: u64,
    /// Longest run, in milliseconds.
    pub longest_freeze_ms: f64,
    /// Shown frames that stand at no instant of the clip.
    pub unmatched: u64,
    /// Frames that were new by their time and equal to the one before, where the clip's differ.
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
    /// Median of our decoder's CPU time per frame, where the stream was decoded here.
    pub decode_ms_per_frame: Option<f64>,
    /// Each repeat: the run of `compare` that measured it, as seconds since 1970. Times of one run were
    /// taken in turn and can be compared pair by pair.
    #[serde(default)]
    pub sessions: Vec<u64>,
    /// Each repeat: CPU time of a fixed piece of work before and after it, in nanoseconds.
    #[serde(default)]
    pub yardstick_ns: Vec<f64>,
    /// Signs of other work on the machine.
    #[serde(default)]
    pub load: Load,
}

/// Signs of other work on the machine while a point was timed; `None`: not enough was measured to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Elapsed time as a multiple of CPU time, median of the repeats. Above 1 the encoder waited, for a
    /// processor or for its input.
    pub wall_over_cpu: Option<f64>,
    /// Percent from the shorter to the longer CPU times of the repeats (10 % to 90 %).
    pub cpu_spread_percent: Option<f64>,
    /// Percent that the fixed piece of work took longer than at best in the study, median of the
    /// repeats.
    pub yardstick_percent: Option<f64>,
    /// One of these is beyond its limit (docs/COMMAND.md).
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
    /// 95 % take at most so long.
    pub p95: f64,
    /// 99 % take at most so long.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Times of frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Of the call that encodes a frame, milliseconds.
    pub encode: Quantiles,
    /// Duration of a frame, in which it should be encoded.
    pub deadline_ms: f64,
    /// Frames that took longer.
    pub deadline_misses: u64,
    /// Encode times, in milliseconds, in the order of frames.
    pub encode_ms: Vec<f64>,
    /// From the capture of a frame to its display, by the model in docs/COMMAND.md.
    pub glass_to_glass: Option<GlassToGlass>,
    /// The machine was busy with other work ([`Load::busy`]): `p99`, `max` and `deadline_misses` then say
    /// more about that than about the encoder, and reports omit them.
    #[serde(default)]
    pub disturbed: bool,
}

/// A model of a call at the target rate: each stage's mean, and the sum's distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GlassToGlass {
    /// Half a frame's exposure and readout, milliseconds.
    pub capture: f64,
    /// Encoding, with the frames that the encoder holds back.
    pub encode: f64,
    /// Waiting for and sending at the target rate.
    pub serialise: f64,
    /// Decoding.
    pub decode: f64,
    /// The sum.
    pub total: Quantiles,
}

/// How a rate was kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RateControl {
    /// Kilobits per second that were asked for.
    pub target_kbps: Option<f64>,
    /// Percent that the whole stream is above it.
    pub error_percent: Option<f64>,
    /// Kilobits of each second of the clip.
    pub seconds_kbit: Vec<f64>,
    /// Kilobits per second that were asked for in each of those seconds.
    pub seconds_target: Vec<f64>,
    /// Percent that the worst window of one second, at any frame, is above the target.
    pub worst_window_percent: Option<f64>,
    /// Largest frame in bytes.
    pub largest_frame: u64,
    /// Key frames.
    pub key_frames: u64,
    /// Share of the bytes that are in key frames.
    pub key_frame_share: f64,
    /// Milliseconds of delay that a link at the target rate has after each frame.
    pub buffer_ms: Vec<f64>,
    /// Frames after which this is more than a second.
    pub buffer_violations: u64,
    /// Milliseconds after each step of the target until a window of half a second is within 10 % of
    /// the new one; `None`: not before the next step.
    pub step_reactions_ms: Vec<Option<f64>>,
}

/// A mean with what the sample says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The mean itself.
    pub value: f64,
    /// The 95 % interval by Student's t; `None` if the sample has one value.
    pub interval: Option<Interval>,
    /// Whether it differs from "equal to the anchor" (0, of a ratio 1): with 98 % confidence none of the
    /// study's figures that say so says so wrongly (Holm's correction). `None`: it was not tested, or
    /// one value, or CPU times that were not taken in turn, cannot tell.
    pub differs: Option<bool>,
}

/// Where the true mean lies with 95 % confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What the sample consists of.
    pub over: Sample,
    /// Values in the sample.
    pub count: u32,
}

/// What varies within a sample.
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

    /// The ends of the interval; without one the figure itself, twice.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        self.interval.map_or((self.value, self.value), |interval| (interval.low, interval.high))
    }
}

/// An arm against the anchor, by one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`Arm::name`].
    pub arm: String,
    /// [`Metric::id`].
    pub metric: String,
    /// What lies between the points.
    pub interpolation: Interpolation,
    /// BD-rate, mean over clips.
    pub bd_rate: Option<Figure>,
    /// BD-metric, mean over clips; never tested.
    pub bd_metric: Option<Figure>,
    /// Each clip.
    pub clips: Vec<ClipComparison>,
}

/// An arm against the anchor on one clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClipComparison {
    /// [`Clip::name`].
    pub clip: String,
    /// BD-rate with the shared range of quality.
    pub bd_rate: Option<Difference>,
    /// BD-metric with the shared range of bitrate.
    pub bd_metric: Option<Difference>,
    /// Why one of them is missing.
    pub refused: Option<String>,
}

/// An arm in the plane of speed and BD-rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// [`Arm::name`].
    pub arm: String,
    /// CPU time as a ratio to the anchor's: geometric mean over the targets and repeats that both have,
    /// then over clips.
    pub cpu_ratio: Figure,
    /// Half the width, in percent, of the 95 % interval that the repeats alone leave to `cpu_ratio`:
    /// more repeats narrow it. `None` with fewer than two repeats.
    #[serde(default)]
    pub cpu_noise_percent: Option<f64>,
    /// BD-rate against the anchor, in percent.
    pub bd_rate: Figure,
    /// Nothing else is at least as good by both.
    pub on_frontier: bool,
}
