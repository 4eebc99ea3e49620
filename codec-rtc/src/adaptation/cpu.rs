//! CPU overuse detection: encode time relative to the frame interval.

use std::time::Duration;

use codec_core::error::ConfigError;

/// Weight of a frame in the smoothed usage.
const WEIGHT: f64 = 0.05;
/// Frames to observe before the first decision.
const MIN_FRAMES: u32 = 30;
/// Number of frames for which usage has to stay above or below the threshold.
const OVER_FRAMES: u32 = 20;
const UNDER_FRAMES: u32 = 150;
/// Delay between a step down and the next step up: initial and maximum. Doubled if a step up is
/// reverted soon.
const HOLD_UP: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(240)];
const SOON: Duration = Duration::from_secs(20);

/// CPU usage thresholds for steps down and up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuThresholds {
    /// Usage above this causes a step down, up to 2; default 0.85. At 1, encoding takes the whole
    /// frame interval.
    pub high: f64,
    /// Usage below this allows a step up; default 0.45, below 0.8 times `high`.
    pub low: f64,
    /// Number of encoder speed steps to take before frame rate or resolution is reduced; default 2.
    pub speed_steps: u8,
}

impl Default for CpuThresholds {
    fn default() -> Self {
        Self { high: 0.85, low: 0.45, speed_steps: 2 }
    }
}

impl CpuThresholds {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.low > 0.0 && self.high <= 2.0 && self.low < 0.8 * self.high {
            return Ok(());
        }
        let given = format!("{} and {}", self.low, self.high);
        let allowed = "low above 0 and below 0.8 times high, and high at most 2";
        Err(ConfigError::new("low and high CPU usage thresholds", given, allowed))
    }
}

/// Selects a rung and a speed-up from the CPU usage.
#[derive(Clone, Debug)]
pub(super) struct CpuDetector {
    thresholds: CpuThresholds,
    usage: f64,
    frames: u32,
    over: u32,
    under: u32,
    speed_up: u8,
    rung: usize,
    lowered: Option<Duration>,
    raised: Option<Duration>,
    hold_up: Duration,
}

impl CpuDetector {
    pub(super) fn new(thresholds: CpuThresholds) -> Self {
        Self {
            thresholds,
            usage: 0.0,
            frames: 0,
            over: 0,
            under: 0,
            speed_up: 0,
            rung: 0,
            lowered: None,
            raised: None,
            hold_up: HOLD_UP[0],
        }
    }

    pub(super) fn rung(&self) -> usize {
        self.rung
    }

    pub(super) fn speed_up(&self) -> u8 {
        self.speed_up
    }

    pub(super) fn usage(&self) -> f64 {
        self.usage
    }

    pub(super) fn on_frame(&mut self, _now: Duration, encode_time: Duration, frame_rate: f64) {
        // Limits the effect of a single frame whose encoding was preempted.
        let sample = (encode_time.as_secs_f64() * frame_rate).min(3.0);
        let weight = WEIGHT.max(1.0 / f64::from(self.frames + 1));
        self.usage += weight * (sample - self.usage);
        self.frames = (self.frames + 1).min(1_000_000);
        let CpuThresholds { high, low, .. } = self.thresholds;
        self.over = if self.usage > high { (self.over + 1).min(OVER_FRAMES) } else { 0 };
        self.under = if self.usage < low { (self.under + 1).min(UNDER_FRAMES) } else { 0 };
    }

    /// Restarts the observation, since usage depends on resolution and frame rate.
    pub(super) fn on_change(&mut self) {
        (self.frames, self.over, self.under) = (0, 0, 0);
    }

    /// Makes one decision; `current` is the rung in use, `last` the lowest rung.
    pub(super) fn step(&mut self, now: Duration, current: usize, last: usize) {
        if self.frames < MIN_FRAMES {
            return;
        }
        if self.over >= OVER_FRAMES {
            self.lower(now, current, last);
        } else if self.under >= UNDER_FRAMES {
            self.raise(now, current);
        }
    }

    fn lower(&mut self, now: Duration, current: usize, last: usize) {
        if self.speed_up < self.thresholds.speed_steps {
            self.speed_up += 1;
        } else if current < last {
            self.rung = current + 1;
        } else {
            return;
        }
        let was_raised = self.raised.take().is_some_and(|at| now.saturating_sub(at) < SOON);
        let [least, most] = HOLD_UP;
        self.hold_up = if was_raised { (self.hold_up * 2).min(most) } else { least };
        self.lowered = Some(now);
        self.on_change();
    }

    fn raise(&mut self, now: Duration, current: usize) {
        let last = self.lowered.max(self.raised);
        if last.is_some_and(|at| now.saturating_sub(at) < self.hold_up) {
            return;
        }
        if self.rung > 0 {
            // If the bitrate keeps the resolution lower anyway, start from the rung in use.
            self.rung = self.rung.min(current).saturating_sub(1);
        } else if self.speed_up > 0 {
            self.speed_up -= 1;
        } else {
            return;
        }
        self.raised = Some(now);
        self.on_change();
    }
}
