//! Adapts size, frame rate and speed to the link and the machine.

use std::time::Duration;

use codec_core::codec::{Bitrate, Update};
use codec_core::frame::{Rational, Size};
use codec_rtc::adaptation::{
    AdaptationConfig, Adapter, DegradationPreference, EncoderSettings, FrameReport, Limitation,
    LimitationDurations,
};

use super::encoder::LiveEncoder;
use crate::failure::{Failure, Result};

/// A bitrate that limits no frame size.
const AMPLE_RATE: Bitrate = Bitrate(1_000_000_000);
/// The fastest encoder speed.
const FASTEST: u8 = 10;
/// A frame counts as due if it is early by this share of an interval, because sources are inexact.
const EARLY: f64 = 0.25;

/// Applies the decisions of [`Adapter`].
pub(super) struct Adaptation {
    adapter: Adapter,
    /// Frame rate of the source and of the encoder settings.
    frame_rate: f64,
    speed: u8,
    /// The current frame rate, and the time when the next frame is due, in seconds of the stream.
    wanted_rate: f64,
    next_s: f64,
    limitation: Limitation,
    /// Whether only the machine counts, because the layers of simulcast follow the link.
    ignores_link: bool,
}

/// The figures that are reported to the user.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaptationStats {
    pub(super) limitation: Limitation,
    pub(super) durations: LimitationDurations,
    pub(super) size_changes: u64,
}

impl Adaptation {
    /// Creates the adaptation; `None` if nothing can be adapted.
    pub(super) fn new(
        preference: Option<DegradationPreference>,
        size: Size,
        frame_rate: Rational,
        speed: u8,
    ) -> Result<Option<Self>> {
        let Some(preference) = preference else { return Ok(None) };
        let frame_rate = frame_rate.as_f64();
        let config = AdaptationConfig { preference, ..AdaptationConfig::new(size, frame_rate) };
        Self::with(config, speed).map(Some)
    }

    fn with(config: AdaptationConfig, speed: u8) -> Result<Self> {
        let frame_rate = config.frame_rate;
        let adapter = Adapter::new(config).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self {
            adapter,
            frame_rate,
            speed,
            wanted_rate: frame_rate,
            next_s: 0.0,
            limitation: Limitation::None,
            ignores_link: false,
        })
    }

    /// Creates the adaptation of a simulcast encoder to the machine: of speed and frame rate. The layers follow the link, and their
    /// sizes stay.
    pub(super) fn of_simulcast(
        preference: Option<DegradationPreference>,
        size: Size,
        frame_rate: Rational,
        speed: u8,
    ) -> Result<Option<Self>> {
        if preference.is_none() {
            return Ok(None);
        }
        let config = AdaptationConfig {
            preference: DegradationPreference::MaintainResolution,
            min_side: size.width.min(size.height),
            ..AdaptationConfig::new(size, frame_rate.as_f64())
        };
        Ok(Some(Self { ignores_link: true, ..Self::with(config, speed)? }))
    }

    /// Sets the video's share of the stable link capacity.
    pub(super) fn set_bitrate(&mut self, now: Duration, rate: Bitrate) {
        let rate = if self.ignores_link { AMPLE_RATE } else { rate };
        self.adapter.set_bitrate(now, rate);
    }

    /// Applies changes to the encoder; returns the new frame size if it changes.
    pub(super) fn follow(
        &mut self,
        now: Duration,
        encoder: &mut LiveEncoder,
    ) -> Result<Option<Size>> {
        let Some(instruction) = self.adapter.poll(now) else { return Ok(None) };
        let EncoderSettings { rung, speed_up, limitation, .. } = instruction;
        self.limitation = limitation;
        if (rung.frame_rate - self.wanted_rate).abs() > 1e-6 {
            self.wanted_rate = rung.frame_rate;
            #[expect(clippy::cast_possible_truncation, reason = "at most 240000")]
            let thousandths = (rung.frame_rate * 1000.0).round() as i32;
            let rate = Rational::new(thousandths.unsigned_abs().max(1), 1000);
            encoder.apply(Update::FrameRate(rate))?;
        }
        encoder.apply(Update::Speed(self.speed.saturating_add(speed_up).min(FASTEST)))?;
        Ok(Some(rung.size))
    }

    /// Whether the frame at this time should be encoded.
    pub(super) fn takes(&mut self, at_s: f64) -> bool {
        if self.wanted_rate >= self.frame_rate {
            return true;
        }
        let interval = 1.0 / self.wanted_rate;
        if at_s + EARLY / self.frame_rate < self.next_s {
            return false;
        }
        // Continue from here after a pause.
        self.next_s = (self.next_s + interval).max(at_s);
        true
    }

    /// Records that a frame was encoded with this quantiser, or dropped.
    pub(super) fn coded(&mut self, now: Duration, qindex: Option<u8>, took: Duration) {
        let qindex = if self.ignores_link { Some(0) } else { qindex };
        self.adapter.on_frame(now, FrameReport { qindex, encode_time: took });
    }

    pub(super) fn statistics(&self, now: Duration) -> AdaptationStats {
        AdaptationStats {
            limitation: self.limitation,
            durations: self.adapter.durations(now),
            size_changes: self.adapter.size_changes(),
        }
    }
}
