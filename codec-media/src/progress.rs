//! Progress of a run, as it is reported to a listener.

use std::fmt;
use std::time::{Duration, Instant};

/// How far work on frames is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Frames taken in.
    pub frames: u64,
    /// Coded bytes, written or read; 0 without any.
    pub bytes: u64,
    /// Quantiser index of the last frame.
    pub qindex: Option<u8>,
    /// Frames that the encoder dropped.
    pub dropped: u64,
}

/// A trial encode, before the pass that counts.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// From 1.
    pub number: usize,
    /// There may be fewer.
    pub most: usize,
}

/// Receives the progress of one piece of work on frames.
pub trait Meter: Send {
    /// The frames begin again; `None`: with the pass that counts.
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

    /// The frames begin again: speed and remaining time are those of the new pass.
    pub(crate) fn begin_pass(&mut self, pass: Option<Pass>) {
        self.meter.begin_pass(pass);
    }

    /// Since the beginning, with all passes.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reports progress after a frame.
    pub fn update(&mut self, now: &Now) {
        self.meter.update(now);
    }
}

/// Counts of a live stream.
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
    /// From capture to the end of decoding, as the receiver reports it.
    pub delay: Option<Duration>,
}

/// Figures of a live stream, of the time since the last report.
#[derive(Clone, Copy, Debug)]
pub struct LiveProgress {
    /// Counts since the beginning.
    pub totals: LiveCounts,
    /// Frames per second.
    pub fps: f64,
    /// Kilobits per second.
    pub kbps: f64,
    /// From capture to the end of decoding, in milliseconds.
    pub delay_ms: Option<f64>,
}

/// How far work is whose pieces have weights.
#[derive(Clone, Copy, Debug)]
pub struct OverallProgress<'a> {
    /// 0 to 1.
    pub done: f64,
    /// The piece that begins.
    pub now: &'a str,
    /// Seconds that the rest will take.
    pub remaining_s: Option<f64>,
}
