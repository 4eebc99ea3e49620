//! Size, frame rate and speed that follow the link and the machine.

use std::time::Duration;

use codec_core::codec::{Bitrate, Update, VideoEncoder};
use codec_core::frame::{Rational, Size};
use codec_rtc::adaptation::{
    AdaptationConfig, Adapter, FrameReport, Instruction, Limitation, LimitationDurations,
};

use super::coded::apply;
use crate::args::live::AdaptArg;
use crate::failure::{Failure, Result};

/// Fastest of an encoder's speeds.
const FASTEST: u8 = 10;
/// A picture that comes so much of an interval early counts as due: sources are not exact.
const EARLY: f64 = 0.25;

/// Follows what [`Adapter`] says.
pub(super) struct Adaptation {
    adapter: Adapter,
    /// Of the source, and of the settings.
    frame_rate: f64,
    speed: u8,
    /// Pictures per second now, and when the next one is due, in seconds of the stream.
    wanted_rate: f64,
    next_s: f64,
    limitation: Limitation,
}

/// What of it is told to the user.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaptationFigures {
    pub(super) limitation: Limitation,
    pub(super) durations: LimitationDurations,
    pub(super) size_changes: u64,
}

impl Adaptation {
    /// `None` where nothing is to be adapted.
    pub(super) fn new(
        what: AdaptArg,
        size: Size,
        frame_rate: Rational,
        speed: u8,
    ) -> Result<Option<Self>> {
        let Some(preference) = what.preference() else { return Ok(None) };
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

    /// The video's part of what the link carries steadily.
    pub(super) fn set_bitrate(&mut self, now: Duration, rate: Bitrate) {
        self.adapter.set_bitrate(now, rate);
    }

    /// Tells the encoder what has changed; gives the size that pictures are to have from now on.
    pub(super) fn follow(
        &mut self,
        now: Duration,
        encoder: &mut dyn VideoEncoder,
    ) -> Result<Option<Size>> {
        let Some(told) = self.adapter.poll(now) else { return Ok(None) };
        let Instruction { rung, speed_up, limitation, .. } = told;
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

    /// Whether the picture of that moment is one of those that are to be coded.
    pub(super) fn takes(&mut self, at_s: f64) -> bool {
        if self.wanted_rate >= self.frame_rate {
            return true;
        }
        let interval = 1.0 / self.wanted_rate;
        if at_s + EARLY / self.frame_rate < self.next_s {
            return false;
        }
        // After a pause it goes on from here.
        self.next_s = (self.next_s + interval).max(at_s);
        true
    }

    /// A picture was coded, with that quantiser, or dropped.
    pub(super) fn coded(&mut self, now: Duration, qindex: Option<u8>, took: Duration) {
        self.adapter.on_frame(now, FrameReport { qindex, encode_time: took });
    }

    pub(super) fn figures(&self, now: Duration) -> AdaptationFigures {
        AdaptationFigures {
            limitation: self.limitation,
            durations: self.adapter.durations(now),
            size_changes: self.adapter.size_changes(),
        }
    }
}
