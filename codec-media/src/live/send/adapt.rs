//! Adapts size, frame rate and speed to the link and the machine.

use std::time::Duration;

use codec_core::codec::{Bitrate, Update, VideoEncoder};
use codec_core::frame::{Rational, Size};
use codec_rtc::adaptation::{
    AdaptationConfig, Adapter, DegradationPreference, EncoderSettings, FrameReport, Limitation,
    LimitationDurations,
};

use crate::failure::{Failure, Result};

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
        let adapter = Adapter::new(config).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Some(Self {
            adapter,
            frame_rate,
            speed,
            wanted_rate: frame_rate,
            next_s: 0.0,
            limitation: Limitation::None,
        }))
    }

    /// Sets the video's share of the stable link capacity.
    pub(super) fn set_bitrate(&mut self, now: Duration, rate: Bitrate) {
        self.adapter.set_bitrate(now, rate);
    }

    /// Applies changes to the encoder; returns the new frame size if it changes.
    pub(super) fn follow(
        &mut self,
        now: Duration,
        encoder: &mut dyn VideoEncoder,
    ) -> Result<Option<Size>> {
        let Some(instruction) = self.adapter.poll(now) else { return Ok(None) };
        let EncoderSettings { rung, speed_up, limitation, .. } = instruction;
        self.limitation = limitation;
        if (rung.frame_rate - self.wanted_rate).abs() > 1e-6 {
            self.wanted_rate = rung.frame_rate;
            #[expect(clippy::cast_possible_truncation, reason = "at most 240000")]
            let thousandths = (rung.frame_rate * 1000.0).round() as i32;
            let rate = Rational::new(thousandths.unsigned_abs().max(1), 1000);
            apply(encoder, Update::FrameRate(rate))?;
        }
        apply(encoder, Update::Speed(self.speed.saturating_add(speed_up).min(FASTEST)))?;
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

pub(super) fn apply(encoder: &mut dyn VideoEncoder, update: Update) -> Result<()> {
    encoder.apply(update).map(drop).map_err(Failure::encoding)
}
