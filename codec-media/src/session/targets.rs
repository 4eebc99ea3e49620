//! Warnings if a run misses its bitrate or real time.

use std::time::Duration;

use codec_core::codec::{Bitrate, Codec, EncoderConfig};

use super::totals::Totals;
use crate::json::Object;
use crate::settings::encoder::EncoderSettings;
use crate::settings::encoder::Preset;
use crate::settings::encoding::Encoding;

/// Tolerance of the mean bitrate: relative to the target, and in seconds of the target for the whole file (a first key
/// frame, or the content of a rate buffer). The larger one counts.
const TOLERANCE: f64 = 0.1;
const TOLERANCE_S: f64 = 0.5;

/// Encoding time after which real time is checked.
const JUDGED_AFTER_S: f64 = 2.0;
/// Tolerated ratio of the encoding time to the duration.
const BEHIND: f64 = 1.1;

/// The targets of a run.
#[derive(Clone, Debug)]
pub(super) struct TargetCheck {
    /// Target of the mean bitrate; `None` if there is no target, or if it changes during the run.
    target: Option<Bitrate>,
    /// Whether the user set the target.
    is_asked: bool,
    real_time: bool,
    /// The lowest quantiser index that the encoder may use.
    best_qindex: u8,
    /// Time spent in the encoder.
    coding: Duration,
    warned: bool,
}

impl TargetCheck {
    pub(super) fn new(settings: &Encoding, config: &EncoderConfig) -> Self {
        let target = config.rate.mode.bitrate();
        Self {
            target: target.filter(|_| settings.rate_trace.is_none()),
            is_asked: !settings.encoder.is_rate_guessed(),
            real_time: settings.encoder.preset == Preset::Rtc,
            best_qindex: settings.encoder.capabilities.allowed_qindex(config).0,
            coding: Duration::ZERO,
            warned: false,
        }
    }

    /// Adds the time of an encoder call. Returns a warning, once, if real time is missed; `media_s`
    /// is the duration of all frames so far.
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
            "encoding runs at x{speed:.2} of real time, but --preset rtc is for real \
             time{FASTER}"
        ))
    }

    /// Returns a warning if the bitrate missed its target by more than the tolerance.
    pub(super) fn missed_rate(&self, totals: &Totals) -> Option<String> {
        let target = kbps(self.target.filter(|_| self.deviation(totals) != 0.0)?);
        let actual = totals.kbps();
        let percent = 100.0 * (actual / target - 1.0);
        if percent < 0.0 {
            let reason = self.reason(totals);
            let percent = -percent;
            return self.is_asked.then(|| {
                format!(
                    "the video has {actual:.1} kb/s, {percent:.0} % less than the target of \
                     {target:.1} kb/s\n{reason}"
                )
            });
        }
        let help = if self.real_time {
            "help: use a smaller --resize, a lower frame rate, or --drop"
        } else {
            "help: use a smaller --resize or a lower frame rate"
        };
        Some(format!(
            "the video has {actual:.1} kb/s, {percent:.0} % more than the target of {target:.1} \
             kb/s\n{help}"
        ))
    }

    /// The reason for too few bits, as far as the quantisers of the frames show it.
    fn reason(&self, totals: &Totals) -> String {
        let best = self.best_qindex;
        match totals.qindex_range() {
            Some([_, median, _]) if median <= best => {
                "help: the content needs no more bits at the encoder's best quality".to_owned()
            }
            Some([least, _, most]) => format!(
                "help: the frames have quantiser indices {least} to {most}, and the best is {best}{}",
                if totals.dropped > 0 { "; --drop dropped frames" } else { "" }
            ),
            None => "help: the encoder does not report its quantisers".to_owned(),
        }
    }

    /// The number of bits beyond the tolerance: positive for too many, negative for too few.
    fn deviation(&self, totals: &Totals) -> f64 {
        let Some(target) = self.target else { return 0.0 };
        let target = kbps(target);
        let (actual, seconds) = (totals.kbps(), totals.media_seconds());
        let most = target * (seconds * TOLERANCE).max(TOLERANCE_S);
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
const FASTER: &str = "\nhelp: use a higher --speed, more threads (-j), a smaller --resize, or a \
                      faster codec (-c vp8)";

/// Returns a warning before the first frame if the codec is known to be slower than real time.
pub(crate) fn slow_codec(settings: &EncoderSettings) -> Option<String> {
    let is_slow = settings.preset == Preset::Rtc
        && settings.backend.codec == Codec::Av1
        && !cfg!(feature = "av1-asm");
    is_slow.then(|| {
        "av1 is far slower than real time in this build, even at --speed 10\n\
         help: use -c vp9 or -c vp8, or --preset file if speed does not matter"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Rational;

    use super::*;
    use crate::report::Row;

    #[test]
    fn missed_real_time_is_reported_once() {
        let new = |real_time| TargetCheck {
            target: None,
            is_asked: false,
            real_time,
            best_qindex: 0,
            coding: Duration::ZERO,
            warned: false,
        };
        // A second of encoding for half a second of video.
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
    /// Totals of frames with these bytes and quantiser indices, at 10 frames per second.
    fn totals(frames: &[(u64, u8)]) -> Totals {
        let mut totals = Totals::new(Rational::new(10, 1), Rational::new(1, 10));
        for (pts, &(bytes, qindex)) in (0_i64..).zip(frames) {
            totals.first_pts.get_or_insert(pts);
            totals.last_in = Some((pts, Some(1)));
            let row = Row { pts, bytes, qindex: Some(qindex), kind: "inter", ..Row::default() };
            totals.count(&row, true);
        }
        totals
    }

    /// A target of 80 kb/s: 1000 bytes for each frame at 10 frames per second.
    fn asked() -> TargetCheck {
        TargetCheck {
            target: Some(Bitrate(80_000)),
            is_asked: true,
            real_time: false,
            best_qindex: 4,
            coding: Duration::ZERO,
            warned: false,
        }
    }

    #[test]
    fn the_larger_tolerance_counts() {
        // A second: half of it is allowed, which is 50 %. Ten seconds: 10 %, which is a second.
        for (frames, bytes, is_met) in [
            (10, 1490, true),
            (10, 1510, false),
            (10, 510, true),
            (10, 490, false),
            (100, 1099, true),
            (100, 1101, false),
            (100, 901, true),
            (100, 899, false),
        ] {
            let totals = totals(&vec![(bytes, 30); frames]);
            let warning = asked().missed_rate(&totals);
            assert_eq!(warning.is_none(), is_met, "{frames} of {bytes}: {warning:?}");
            let summary = asked().summary(Object::new(), &totals).finish();
            assert!(summary.contains(&format!("\"rate_met\":{is_met}")), "{summary}");
        }
    }

    #[test]
    fn the_best_quality_is_the_reason_only_if_most_frames_have_it() {
        let warning = |frames: &[(u64, u8)]| asked().missed_rate(&totals(frames)).unwrap();
        let best = warning(&[(100, 4); 20]);
        assert!(best.contains("no more bits at the encoder's best quality"), "{best}");
        let best = warning(&[&[(100, 27)][..], &[(100, 4); 19]].concat());
        assert!(best.contains("no more bits at the encoder's best quality"), "{best}");
        let other = warning(&[&[(100, 4); 9][..], &[(100, 27); 11]].concat());
        assert!(other.contains("quantiser indices 4 to 27, and the best is 4"), "{other}");
    }
}
