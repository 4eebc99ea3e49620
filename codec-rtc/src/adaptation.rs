//! What the encoder is told, so that pictures stay good at the bitrate and the machine keeps up:
//! the bitrate at once; size and frame rate in steps, with hysteresis.
//!
//! Two judges stand side by side. One looks at the bitrate for each pixel and at the quantiser, the
//! other at the time that coding takes. Each wants a rung of a ladder of sizes and frame rates; the
//! lower rung counts, and is the reason that is told (`qualityLimitationReason` of getStats).

mod cpu;
mod ladder;
mod limitation;
mod quality;

use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;
use codec_core::frame::Size;

pub use cpu::CpuThresholds;
pub use ladder::{Preference, Rung};
pub use limitation::{Limitation, LimitationDurations};
pub use quality::QualityThresholds;

use cpu::CpuJudge;
use ladder::Ladder;
use limitation::Durations;
use quality::QualityJudge;

/// Settings of an [`Adapter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptationConfig {
    /// The source's size.
    pub size: Size,
    /// The source's frame rate: above 0, at most 240.
    pub frame_rate: f64,
    /// No picture is made whose shorter side is less, unless the source's is.
    pub min_side: u32,
    /// No frame rate below, unless the source's is.
    pub min_frame_rate: f64,
    /// What is given up first.
    pub preference: Preference,
    /// Above this bitrate the pictures do not become better: with less the bitrate is a limitation.
    pub enough: Bitrate,
    /// When pictures are too coarse, or fine enough for larger ones.
    pub quality: QualityThresholds,
    /// When the machine does not keep up, or has time left.
    pub cpu: CpuThresholds,
}

impl AdaptationConfig {
    /// For a source, down to 180 lines and 10 frames a second, size before frame rate.
    #[must_use]
    pub fn new(size: Size, frame_rate: f64) -> Self {
        Self {
            size,
            frame_rate,
            min_side: 180,
            min_frame_rate: 10.0,
            preference: Preference::Balanced,
            enough: Bitrate::kbps(2500),
            quality: QualityThresholds::default(),
            cpu: CpuThresholds::default(),
        }
    }
}

/// A coded frame, or one that the encoder dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReport {
    /// Its quantiser index; `None`: it was dropped for its bitrate.
    pub qindex: Option<u8>,
    /// How long coding took.
    pub encode_time: Duration,
}

/// What the encoder is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction {
    /// Its bitrate.
    pub bitrate: Bitrate,
    /// Size and frame rate.
    pub rung: Rung,
    /// Steps that its speed is to be raised by, at the price of quality.
    pub speed_up: u8,
    /// What keeps it from more.
    pub limitation: Limitation,
}

/// Decides.
#[derive(Clone, Debug)]
pub struct Adapter {
    enough: Bitrate,
    ladder: Ladder,
    quality: QualityJudge,
    cpu: CpuJudge,
    bitrate: Option<Bitrate>,
    told: Option<Instruction>,
    durations: Durations,
    size_changes: u64,
}

impl Adapter {
    /// One that begins with the source's size and frame rate.
    ///
    /// # Errors
    /// If a setting is outside its range.
    pub fn new(config: AdaptationConfig) -> Result<Self, ConfigError> {
        let fits = |rate: f64| rate > 0.0 && rate <= 240.0;
        if !fits(config.frame_rate) {
            return Err(ConfigError::new("frame rate", config.frame_rate, "above 0, at most 240"));
        }
        if !fits(config.min_frame_rate) {
            let given = config.min_frame_rate;
            return Err(ConfigError::new("lowest frame rate", given, "above 0, at most 240"));
        }
        if config.size.width == 0 || config.size.height == 0 {
            return Err(ConfigError::new("size", "0", "at least one pixel"));
        }
        config.quality.check()?;
        config.cpu.check()?;
        let ladder = Ladder::new(&config);
        Ok(Self {
            enough: config.enough,
            quality: QualityJudge::new(config.quality),
            cpu: CpuJudge::new(config.cpu),
            ladder,
            bitrate: None,
            told: None,
            durations: Durations::default(),
            size_changes: 0,
        })
    }

    /// The video's part of the estimate, whenever it changes. The first one decides the size that
    /// the stream begins with.
    pub fn set_bitrate(&mut self, now: Duration, bitrate: Bitrate) {
        let is_first = self.bitrate.is_none();
        self.bitrate = Some(bitrate);
        self.quality.on_bitrate(now, bitrate, &self.ladder, is_first);
    }

    /// A frame was coded or dropped.
    pub fn on_frame(&mut self, now: Duration, frame: FrameReport) {
        let rung = self.ladder.rung(self.rung_index());
        self.quality.on_frame(now, frame.qindex);
        self.cpu.on_frame(now, frame.encode_time, rung.frame_rate);
    }

    /// What has changed for the encoder, if something has. Call it before each frame.
    pub fn poll(&mut self, now: Duration) -> Option<Instruction> {
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
        let next = Instruction { bitrate, rung, speed_up: self.cpu.speed_up(), limitation };
        if self.told == Some(next) {
            return None;
        }
        if self.told.is_some_and(|told| told.rung.size != rung.size) {
            self.size_changes += 1;
        }
        self.told = Some(next);
        Some(next)
    }

    fn rung_index(&self) -> usize {
        self.quality.rung().max(self.cpu.rung()).min(self.ladder.last())
    }

    fn limitation(&self, bitrate: Bitrate) -> Limitation {
        let (quality, cpu) = (self.quality.rung(), self.cpu.rung());
        if cpu > quality || (cpu == quality && self.cpu.speed_up() > 0) {
            Limitation::Cpu
        } else if quality > 0 || bitrate < self.enough {
            Limitation::Bandwidth
        } else {
            Limitation::None
        }
    }

    /// How long each limitation has held (`qualityLimitationDurations` of getStats).
    #[must_use]
    pub fn durations(&self, now: Duration) -> LimitationDurations {
        self.durations.until(now)
    }

    /// How often the size has changed (`qualityLimitationResolutionChanges` of getStats).
    #[must_use]
    pub fn size_changes(&self) -> u64 {
        self.size_changes
    }

    /// Time of coding by time between frames, smoothed; 1: the machine is busy all the time.
    #[must_use]
    pub fn cpu_usage(&self) -> f64 {
        self.cpu.usage()
    }
}

#[cfg(test)]
mod tests;
