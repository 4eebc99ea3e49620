//! Warnings about what a run did not keep: its bitrate, or real time.

use std::time::Duration;

use codec_core::codec::{Bitrate, Codec, EncoderConfig, RateControl};

use super::totals::Totals;
use crate::args::encoder::PresetArg;
use crate::args::resolved::Encoding;
use crate::args::resolved_encoder::EncoderSettings;
use crate::json::Object;

/// Share of the target by which the mean bitrate may miss it, and the seconds of the target by which
/// the whole file may besides: a first key frame, what a rate buffer holds.
const TOLERANCE: f64 = 0.1;
const TOLERANCE_S: f64 = 0.5;

/// Coding time after which real time is judged, and by how much it may be missed until then.
const JUDGED_AFTER_S: f64 = 2.0;
const BEHIND: f64 = 1.1;

/// What a run is to keep.
#[derive(Clone, Debug)]
pub(super) struct Promises {
    /// The mean bitrate; `None` without one, or if it changes during the run.
    target: Option<Bitrate>,
    /// The user named it.
    is_asked: bool,
    real_time: bool,
    /// Spent in the encoder.
    coding: Duration,
    warned: bool,
}

impl Promises {
    pub(super) fn new(settings: &Encoding, config: &EncoderConfig) -> Self {
        let target = match config.rate {
            RateControl::Cbr(rate) | RateControl::Vbr(rate) => Some(rate),
            _ => None,
        };
        Self {
            target: target.filter(|_| settings.rate_trace.is_none()),
            is_asked: !settings.encoder.is_rate_guessed(),
            real_time: settings.encoder.preset == PresetArg::Rtc,
            coding: Duration::ZERO,
            warned: false,
        }
    }

    /// Takes in the time that a call of the encoder took. A warning, once, if real time is missed;
    /// `media_s` is the duration of all frames so far.
    pub(super) fn coded(&mut self, micros: u64, media_s: f64) -> Option<String> {
        self.coding += Duration::from_micros(micros);
        let coding_s = self.coding.as_secs_f64();
        let is_behind = coding_s > JUDGED_AFTER_S && coding_s > media_s * BEHIND;
        if !self.real_time || self.warned || !is_behind {
            return None;
        }
        self.warned = true;
        let speed = media_s / coding_s;
        Some(format!(
            "this encode runs at x{speed:.2} of real time, and --preset rtc is for real \
             time{FASTER}"
        ))
    }

    /// A warning if the bitrate was missed by more than the tolerance.
    pub(super) fn missed_rate(&self, totals: &Totals) -> Option<String> {
        let target = kbps(self.target.filter(|_| self.deviation(totals) != 0.0)?);
        let actual = totals.kbps();
        let percent = 100.0 * (actual / target - 1.0);
        if percent < 0.0 {
            let help = "help: the content needs no more at the best quality that the encoder has";
            let percent = -percent;
            return self.is_asked.then(|| {
                format!(
                    "the video takes {actual:.1} kb/s, {percent:.0} % less than the target of \
                     {target:.1} kb/s\n{help}"
                )
            });
        }
        let help = if self.real_time {
            "help: a smaller --resize, fewer frames per second, or --drop"
        } else {
            "help: a smaller --resize or fewer frames per second"
        };
        Some(format!(
            "the video takes {actual:.1} kb/s, {percent:.0} % more than the target of {target:.1} \
             kb/s\n{help}"
        ))
    }

    /// By how many bits the tolerance was missed: above 0 too many, below 0 too few.
    fn deviation(&self, totals: &Totals) -> f64 {
        let Some(target) = self.target else { return 0.0 };
        let target = kbps(target);
        let (actual, seconds) = (totals.kbps(), totals.media_seconds());
        let most = target * (seconds * TOLERANCE + TOLERANCE_S);
        let excess = (actual - target) * seconds;
        if excess.abs() > most { excess } else { 0.0 }
    }

    /// Adds target and verdict to the totals of a run.
    pub(super) fn summary(&self, summary: Object, totals: &Totals) -> Object {
        match self.target {
            Some(target) => summary
                .float("target_kbps", kbps(target))
                .raw("rate_met", self.deviation(totals) == 0.0),
            None => summary,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn kbps(rate: Bitrate) -> f64 {
    rate.0 as f64 / 1000.0
}

/// Ways to make an encoder faster.
const FASTER: &str =
    "\nhelp: a higher --speed, more threads (-j), a smaller --resize, or a faster codec (-c vp8)";

/// A warning before the first frame, if the codec is known not to keep real time.
pub(crate) fn slow_codec(settings: &EncoderSettings) -> Option<String> {
    let is_slow = settings.preset == PresetArg::Rtc
        && settings.backend.codec == Codec::Av1
        && !cfg!(feature = "av1-asm");
    is_slow.then(|| {
        "av1 is far slower than real time in this build, even at --speed 10\n\
         help: -c vp9 or -c vp8 for --preset rtc; --preset file if time does not matter"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_that_is_missed_is_told_once() {
        let new = |real_time| Promises {
            target: None,
            is_asked: false,
            real_time,
            coding: Duration::ZERO,
            warned: false,
        };
        // A second of coding for half a second of video.
        let mut slow = new(true);
        let warnings: Vec<_> =
            (1..=10).filter_map(|n| slow.coded(1_000_000, f64::from(n) / 2.0)).collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("x0.50 of real time"), "{warnings:?}");
        let mut fast = new(true);
        assert!((1..=10).all(|n| fast.coded(1_000_000, f64::from(n)).is_none()));
        let mut file = new(false);
        assert!((1..=10).all(|n| file.coded(1_000_000, f64::from(n) / 2.0).is_none()));
    }
}
