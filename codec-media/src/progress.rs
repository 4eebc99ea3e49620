//! Progress of a run.

use std::fmt;
use std::time::{Duration, Instant};

use codec_core::frame::Size;
use codec_core::simulcast::MAX_LAYERS;

/// Progress of work on frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Frames processed.
    pub frames: u64,
    /// Coded bytes, written or read; 0 without any.
    pub bytes: u64,
    /// Quantiser index of the last frame.
    pub qindex: Option<u8>,
    /// Frames that the encoder dropped.
    pub dropped: u64,
}

/// A pass over the frames before the final one.
#[derive(Clone, Copy, Debug)]
pub enum Pass {
    /// A trial encode.
    Trial {
        /// Number of the trial, from 1.
        number: usize,
        /// Maximum number of trials; there may be fewer.
        max: usize,
    },
    /// A search for scene cuts.
    Scan,
}

/// Receives the progress of one piece of work on frames.
pub trait Meter: Send {
    /// A pass over the frames begins; `None` for the final one.
    fn begin_pass(&mut self, pass: Option<Pass>);

    /// Called after every frame.
    fn update(&mut self, now: &Now);
}

/// Ignores progress.
pub(crate) struct NoMeter;

impl Meter for NoMeter {
    fn begin_pass(&mut self, _pass: Option<Pass>) {}

    fn update(&mut self, _now: &Now) {}
}

/// Measures the time of work on frames and reports its progress.
pub struct Progress {
    started: Instant,
    meter: Box<dyn Meter>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Progress {
    /// Starts the clock; `meter` receives the progress.
    pub(crate) fn new(meter: Box<dyn Meter>) -> Self {
        Self { started: Instant::now(), meter }
    }

    /// Begins a pass: speed and remaining time refer to the new pass.
    pub(crate) fn begin_pass(&mut self, pass: Option<Pass>) {
        self.meter.begin_pass(pass);
    }

    /// Time since the start, including all passes.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reports progress after a frame.
    pub fn update(&mut self, now: &Now) {
        self.meter.update(now);
    }
}

/// Counters of a live stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveCounts {
    /// Frames sent or received.
    pub frames: u64,
    /// Coded bytes.
    pub bytes: u64,
    /// Frames that were dropped.
    pub dropped: u64,
    /// Packets that were lost.
    pub lost: u64,
    /// Quantiser index of the last frame.
    pub qindex: Option<u8>,
    /// Round-trip time of the connection.
    pub round_trip: Option<Duration>,
    /// Delay from capture to the end of decoding, as the receiver reports it.
    pub delay: Option<Duration>,
    /// The layers of simulcast, the lowest first.
    pub layers: [Option<LayerCounts>; MAX_LAYERS],
}

/// Counters of a simulcast layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// RID (RFC 8851).
    pub rid: &'static str,
    /// Frame size.
    pub size: Size,
    /// Whether it is sent now.
    pub is_active: bool,
    /// Frames sent.
    pub frames: u64,
    /// Coded bytes.
    pub bytes: u64,
}

/// A simulcast layer since the last report.
#[derive(Clone, Copy, Debug)]
pub struct LayerProgress {
    /// Counters since the start.
    pub totals: LayerCounts,
    /// Frames per second.
    pub fps: f64,
    /// Kilobits per second.
    pub kbps: f64,
}

/// Statistics of a live stream since the last report.
#[derive(Clone, Debug)]
pub struct LiveProgress {
    /// Counters since the start.
    pub totals: LiveCounts,
    /// Frames per second.
    pub fps: f64,
    /// Kilobits per second.
    pub kbps: f64,
    /// Delay from capture to the end of decoding, in milliseconds.
    pub delay_ms: Option<f64>,
    /// The layers of simulcast, the lowest first.
    pub layers: Vec<LayerProgress>,
}

/// Overall progress of work in steps of different length.
#[derive(Clone, Copy, Debug)]
pub struct OverallProgress<'a> {
    /// Completed share of the work, 0 to 1.
    pub done: f64,
    /// The step that begins.
    pub now: &'a str,
    /// Estimated seconds until the end.
    pub remaining_s: Option<f64>,
}
