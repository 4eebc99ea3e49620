//! Encoder adaptation: the bitrate follows the bandwidth estimate immediately, resolution and frame
//! rate follow in steps with hysteresis.
//!
//! Two detectors run independently. One watches bits per pixel and the quantiser, the other the
//! encode time. Each selects a rung of a ladder of resolutions and frame rates; the lower rung
//! takes effect and determines the reported limitation (`qualityLimitationReason` of getStats).
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_core::codec::Bitrate;
//! use codec_core::frame::Size;
//! use codec_rtc::adaptation::{AdaptationConfig, Adapter, FrameReport};
//!
//! let mut adapter = Adapter::new(AdaptationConfig::new(Size::new(1280, 720), 30.0))?;
//! // Whenever the estimate changes:
//! adapter.set_bitrate(Duration::ZERO, Bitrate::kbps(300));
//! // Before each frame:
//! let settings = adapter.poll(Duration::ZERO).expect("a bitrate is set");
//! assert!(settings.rung.size.height < 720); // 300 kb/s are not enough for 720 lines
//! // After each frame:
//! let report = FrameReport { qindex: Some(60), encode_time: Duration::from_millis(8) };
//! adapter.on_frame(Duration::from_millis(10), report);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cpu;
mod ladder;
mod limitation;
mod quality;

use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;
use codec_core::frame::Size;

pub use cpu::CpuThresholds;
pub use ladder::{DegradationPreference, Rung};
pub use limitation::{Limitation, LimitationDurations};
pub use quality::QualityThresholds;

use cpu::CpuDetector;
use ladder::Ladder;
use limitation::Durations;
use quality::QualityDetector;

/// Settings of an [`Adapter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptationConfig {
    /// Resolution of the source.
    pub size: Size,
    /// Frame rate of the source in frames per second: above 0, at most 240.
    pub frame_rate: f64,
    /// Minimum length of the shorter side, in pixels. A source that is smaller keeps its size.
    pub min_side: u32,
    /// Minimum frame rate in frames per second. A source below it keeps its rate.
    pub min_frame_rate: f64,
    /// Whether resolution or frame rate is reduced first.
    pub preference: DegradationPreference,
    /// Bitrate above which quality no longer improves. Below it, the bitrate counts as a
    /// limitation.
    pub max_useful_bitrate: Bitrate,
    /// Thresholds on the quantiser and on bits per pixel.
    pub quality: QualityThresholds,
    /// Thresholds on the encode time.
    pub cpu: CpuThresholds,
}

impl AdaptationConfig {
    /// Defaults for a source: at least 180 lines and 10 frames per second, balanced preference, 2.5
    /// Mb/s as the highest useful bitrate.
    #[must_use]
    pub fn new(size: Size, frame_rate: f64) -> Self {
        Self {
            size,
            frame_rate,
            min_side: 180,
            min_frame_rate: 10.0,
            preference: DegradationPreference::Balanced,
            max_useful_bitrate: Bitrate::kbps(2500),
            quality: QualityThresholds::default(),
            cpu: CpuThresholds::default(),
        }
    }
}

/// Result of one frame: coded, or dropped by the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReport {
    /// Quantiser index on VP8's scale, 0..=127; `None` if the encoder dropped the frame to keep its bitrate.
    pub qindex: Option<u8>,
    /// Encode time.
    pub encode_time: Duration,
}

/// Settings for the encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderSettings {
    /// Target bitrate.
    pub bitrate: Bitrate,
    /// Resolution and frame rate.
    pub rung: Rung,
    /// Number of steps to raise the encoder speed by, at the cost of quality.
    pub speed_up: u8,
    /// Cause that currently limits quality (`qualityLimitationReason` of getStats).
    pub limitation: Limitation,
}

/// Adapts bitrate, resolution and frame rate of a video encoder.
#[derive(Clone, Debug)]
pub struct Adapter {
    max_useful_bitrate: Bitrate,
    ladder: Ladder,
    quality: QualityDetector,
    cpu: CpuDetector,
    bitrate: Option<Bitrate>,
    last_reported: Option<EncoderSettings>,
    durations: Durations,
    size_changes: u64,
}

impl Adapter {
    /// Creates an adapter that starts at the resolution and frame rate of the source.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: AdaptationConfig) -> Result<Self, ConfigError> {
        let fits = |rate: f64| rate > 0.0 && rate <= 240.0;
        if !fits(config.frame_rate) {
            return Err(ConfigError::new(
                "frame rate",
                config.frame_rate,
                "more than 0 and at most 240",
            ));
        }
        if !fits(config.min_frame_rate) {
            let given = config.min_frame_rate;
            return Err(ConfigError::new(
                "minimum frame rate",
                given,
                "more than 0 and at most 240",
            ));
        }
        if config.size.width == 0 || config.size.height == 0 {
            return Err(ConfigError::new("size", config.size, "at least one pixel"));
        }
        config.quality.check()?;
        config.cpu.check()?;
        let ladder = Ladder::new(&config);
        Ok(Self {
            max_useful_bitrate: config.max_useful_bitrate,
            quality: QualityDetector::new(config.quality),
            cpu: CpuDetector::new(config.cpu),
            ladder,
            bitrate: None,
            last_reported: None,
            durations: Durations::default(),
            size_changes: 0,
        })
    }

    /// Sets the bitrate allocated to video. The first call also chooses the initial resolution.
    pub fn set_bitrate(&mut self, now: Duration, bitrate: Bitrate) {
        let is_first = self.bitrate.is_none();
        self.bitrate = Some(bitrate);
        self.quality.on_bitrate(now, bitrate, &self.ladder, is_first);
    }

    /// Records a frame that was coded or dropped.
    pub fn on_frame(&mut self, now: Duration, frame: FrameReport) {
        let rung = self.ladder.rung(self.rung_index());
        self.quality.on_frame(now, frame.qindex);
        self.cpu.on_frame(now, frame.encode_time, rung.frame_rate);
    }

    /// Returns new encoder settings if they changed. Call it before each frame; returns `None`
    /// until the first bitrate is set.
    pub fn poll(&mut self, now: Duration) -> Option<EncoderSettings> {
        let bitrate = self.bitrate?;
        let before = self.rung_index();
        self.quality.step(now, before, bitrate, &self.ladder);
        self.cpu.step(now, before, self.ladder.last());
        let after = self.rung_index();
        if after != before {
            self.quality.on_change(now);
            self.cpu.on_change();
        }
        let limitation = self.limitation(bitrate);
        self.durations.update(now, limitation);
        let rung = self.ladder.rung(after);
        let next = EncoderSettings { bitrate, rung, speed_up: self.cpu.speed_up(), limitation };
        if self.last_reported == Some(next) {
            return None;
        }
        if self.last_reported.is_some_and(|last| last.rung.size != rung.size) {
            self.size_changes += 1;
        }
        self.last_reported = Some(next);
        Some(next)
    }

    fn rung_index(&self) -> usize {
        self.quality.rung().max(self.cpu.rung()).min(self.ladder.last())
    }

    fn limitation(&self, bitrate: Bitrate) -> Limitation {
        let (quality, cpu) = (self.quality.rung(), self.cpu.rung());
        if cpu > quality || (cpu == quality && self.cpu.speed_up() > 0) {
            Limitation::Cpu
        } else if quality > 0 || bitrate < self.max_useful_bitrate {
            Limitation::Bandwidth
        } else {
            Limitation::None
        }
    }

    /// Returns how long each limitation has been active (`qualityLimitationDurations` of getStats).
    #[must_use]
    pub fn durations(&self, now: Duration) -> LimitationDurations {
        self.durations.until(now)
    }

    /// Number of resolution changes (`qualityLimitationResolutionChanges` of getStats).
    #[must_use]
    pub fn size_changes(&self) -> u64 {
        self.size_changes
    }

    /// Smoothed encode time divided by the frame interval; 1 means that the encoder is always busy.
    #[must_use]
    pub fn cpu_usage(&self) -> f64 {
        self.cpu.usage()
    }
}

#[cfg(test)]
mod tests;
