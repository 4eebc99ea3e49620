//! Aligns samples with the timestamps of their packets.
//!
//! Samples come at a nominal rate, but the clock that counted them may differ from the clock that
//! stamped the packets. Over an hour the two diverge by a fraction of a second, and audio and video
//! lose sync. The timeline follows the timestamps: it resamples slightly to correct a slow drift,
//! and it inserts silence or drops samples at jumps.

use codec_audio::{AudioBuf, AudioFormat};
use codec_core::frame::Rational;

use super::gap::GapLimit;
use super::source::samples_of;
use super::variable_rate::VariableRateConverter;
use crate::failure::{Failure, Kind, Result};
use crate::stop::Stop;

/// Difference between timestamp and sample count that counts as a jump.
const JUMP_S: f64 = 0.06;
/// A smaller difference counts as a jump too if timestamps are steady: a lost packet of 40 ms, or a
/// pause stated by the file. Timestamps are steady if they vary by less than `STEADY_S` on average.
const STEP_S: f64 = 0.03;
const STEADY_S: f64 = 0.0025;
/// Averaged difference that starts drift correction.
const ENGAGE_S: f64 = 0.003;
/// Averaging time of differences: timestamps are rounded, to a millisecond in WebM.
const AVERAGE_S: f64 = 2.0;
/// Time constant of drift correction.
const CATCH_UP_S: f64 = 8.0;
/// Largest change of the rate by drift correction.
const MAX_RATE_CHANGE: f64 = 0.005;
/// Sample frames of silence produced at a time.
const SILENCE_FRAMES: usize = 16_384;

/// Samples of one source, aligned with its timestamps, in another format.
pub struct Timeline {
    converter: VariableRateConverter,
    /// Position of the next input sample on the source's clock, in samples; `None` before the
    /// first.
    position: Option<f64>,
    /// Difference between the last timestamp and the position, in samples, and the average of
    /// recent ones.
    away: f64,
    distance: f64,
    /// Average variation of the difference from one timestamp to the next.
    jitter: f64,
    ratio: f64,
    /// Sample frames still to be dropped because they overlap earlier audio.
    overlap: usize,
    values: Vec<f32>,
    out: Vec<f32>,
    /// Time of the next output sample.
    next_pts: i64,
    gaps: GapLimit,
    /// Whether an interrupt came while silence was produced: later samples are dropped.
    is_cut: bool,
    stop: Stop,
}

/// Receives interleaved values of the new format and the time of the first one.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(&mut Vec<f32>, i64) -> Result<()>;

/// Action before samples are appended.
enum Place {
    /// Nothing.
    Next,
    /// Insert silence, in sample frames.
    After(usize),
    /// Drop overlapping sample frames.
    Without(usize),
}

impl Timeline {
    /// Converts audio from one format to the other.
    ///
    /// # Errors
    /// If there is no conversion between the formats.
    pub fn new(from: AudioFormat, to: AudioFormat, gaps: GapLimit, stop: Stop) -> Result<Self> {
        Ok(Self {
            converter: VariableRateConverter::new(from, to)?,
            position: None,
            away: 0.0,
            distance: 0.0,
            jitter: 0.0,
            ratio: 1.0,
            overlap: 0,
            values: Vec::new(),
            out: Vec::new(),
            next_pts: 0,
            gaps,
            is_cut: false,
            stop,
        })
    }

    /// Takes samples with their timestamp and passes on the output that is ready.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if the timestamps jump by more than the gap limit.
    pub fn push(&mut self, audio: &AudioBuf, give: Emit<'_>) -> Result<()> {
        if self.is_cut {
            return Ok(());
        }
        let from = self.converter.from();
        if audio.format != from {
            let to = audio.format;
            let message = format!("unsupported change of the audio format from {from} to {to}");
            return Err(Failure::new(Kind::Input, message));
        }
        let view = audio.view().map_err(Failure::internal)?;
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        view.append_f32(&mut values);
        let place = self.place(audio.pts, view.frames())?;
        let skipped = match place {
            Place::Next => 0,
            Place::Without(frames) => frames * from.channels(),
            Place::After(frames) => {
                self.give_silence(frames, give)?;
                if self.is_cut {
                    return Ok(());
                }
                0
            }
        };
        let heard = &values[skipped..];
        self.converter.process(heard, &mut self.out)?;
        #[expect(clippy::cast_precision_loss, reason = "a block of samples")]
        let lasts = (heard.len() / from.channels()) as f64 * self.ratio;
        self.gaps.count_audio(lasts / f64::from(from.rate));
        self.position = self.position.map(|position| position + lasts);
        self.values = values;
        self.give(give)
    }

    /// Flushes the resampler after the last samples.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn finish(&mut self, give: Emit<'_>) -> Result<()> {
        self.converter.finish(&mut self.out);
        self.give(give)
    }

    fn give(&mut self, give: Emit<'_>) -> Result<()> {
        let frames = self.out.len() / self.converter.to().channels();
        if frames > 0 {
            give(&mut self.out, self.next_pts)?;
        }
        self.out.clear();
        self.next_pts = self.next_pts.saturating_add_unsigned(frames as u64);
        Ok(())
    }

    /// Compares the timestamp with the sample count.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn place(&mut self, pts: i64, frames: usize) -> Result<Place> {
        let from = self.converter.from().rate;
        let rate = f64::from(from);
        let Some(position) = self.position else {
            self.position = Some(pts as f64);
            self.next_pts = samples_of(pts, Rational::new(1, from), self.converter.to().rate);
            return Ok(Place::Next);
        };
        if self.overlap > 0 {
            return Ok(self.cut(frames));
        }
        let away = pts as f64 - position + self.converter.slip();
        let step = away - self.away;
        let is_steady = self.jitter < STEADY_S * rate;
        self.jitter += (step.abs() - self.jitter) * 0.1;
        self.away = away;
        if away.abs() > JUMP_S * rate || is_steady && step.min(away) > STEP_S * rate {
            return self.jump(pts, away, frames);
        }
        let weight = (frames as f64 / (AVERAGE_S * rate)).min(1.0);
        self.distance += (away - self.distance) * weight;
        if self.converter.is_bent() || self.distance.abs() > ENGAGE_S * rate {
            let bend = self.distance / (CATCH_UP_S * rate);
            self.ratio = 1.0 + bend.clamp(-MAX_RATE_CHANGE, MAX_RATE_CHANGE);
            self.converter.bend(self.ratio, &mut self.out)?;
        }
        Ok(Place::Next)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn jump(&mut self, pts: i64, away: f64, frames: usize) -> Result<Place> {
        let rate = f64::from(self.converter.from().rate);
        (self.away, self.distance) = (0.0, 0.0);
        let samples = away.abs().round() as usize;
        let at_s = pts as f64 / rate;
        if away < 0.0 {
            self.gaps.check_repeat(-away / rate, at_s)?;
            self.overlap = samples;
            return Ok(self.cut(frames));
        }
        self.gaps.fill(away / rate, at_s)?;
        self.position = Some(pts as f64);
        Ok(Place::After(samples))
    }

    fn cut(&mut self, frames: usize) -> Place {
        let cut = self.overlap.min(frames);
        self.overlap -= cut;
        Place::Without(cut)
    }

    fn give_silence(&mut self, mut frames: usize, give: Emit<'_>) -> Result<()> {
        let channels = self.converter.from().channels();
        let zeros = vec![0.0; SILENCE_FRAMES.min(frames) * channels];
        while frames > 0 {
            if self.stop.is_requested() {
                self.is_cut = true;
                return Ok(());
            }
            let now = frames.min(SILENCE_FRAMES);
            self.converter.process(&zeros[..now * channels], &mut self.out)?;
            self.give(give)?;
            frames -= now;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_wrap, reason = "short clips")]
mod tests {
    use std::f32::consts::TAU;

    use codec_audio::{ChannelLayout, SampleKind};
    use codec_core::codec::Limits;

    use super::*;
    use crate::depth;

    const MONO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Mono);

    /// Pushes blocks of 960 samples of a slow wave with the timestamps `stamp(index)`; returns the
    /// output and the time of its first sample.
    fn run(to: AudioFormat, blocks: u32, stamp: impl Fn(u32) -> i64) -> (i64, Vec<f32>) {
        let gaps = GapLimit::new("a", &Limits::default());
        let mut timeline = Timeline::new(MONO, to, gaps, Stop::default()).unwrap();
        let (mut all, mut first, mut next) = (Vec::new(), None, None);
        let mut give = |out: &mut Vec<f32>, pts: i64| {
            first.get_or_insert(pts);
            assert_eq!(next.replace(pts + out.len() as i64).unwrap_or(pts), pts);
            all.append(out);
            Ok(())
        };
        let mut audio = AudioBuf::new(MONO, SampleKind::F32);
        for block in 0..blocks {
            let values = audio.begin_f32(MONO, stamp(block));
            values.extend((0..960_u16).map(|n| (f32::from(n % 480) / 480.0 * TAU).sin()));
            timeline.push(&audio, &mut give).unwrap();
        }
        timeline.finish(&mut give).unwrap();
        (first.unwrap(), all)
    }

    #[cfg(feature = "resample")]
    fn largest_step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn exact_timestamps_leave_samples_unchanged() {
        let (first, out) = run(MONO, 50, |block| 1000 + i64::from(block) * 960);
        assert_eq!((first, out.len()), (1000, 48_000));
        assert!(out.chunks(960).all(|block| block == &out[..960]));
    }

    #[test]
    fn timestamps_rounded_to_milliseconds_cause_no_resampling() {
        let (_, out) = run(MONO, 500, |block| (i64::from(block) * 960 + 24) / 48 * 48);
        assert_eq!(out.len(), 480_000);
    }

    #[test]
    fn jumps_are_filled_and_overlaps_cut() {
        let (_, out) =
            run(MONO, 50, |block| i64::from(block) * 960 + i64::from(block >= 25) * 9600);
        assert_eq!(out.len(), 48_000 + 9600);
        assert!(out[24_000..33_600].iter().all(|&value| value == 0.0));
        let (_, out) =
            run(MONO, 50, |block| i64::from(block) * 960 - i64::from(block >= 25) * 4800);
        assert_eq!(out.len(), 48_000 - 4800);
    }

    #[test]
    fn jumps_beyond_the_limit_are_errors() {
        for (jump, limit_ms, is_allowed) in [
            (9 * 48_000_i64, 10_000, true),
            (11 * 48_000, 10_000, false),
            (11 * 48_000, 12_000, true),
            (77 * 3600 * 48_000, 10_000, false),
            (-77 * 3600 * 48_000, 10_000, false),
        ] {
            let mut limits = Limits::default();
            limits.max_gap_ms = limit_ms;
            let gaps = GapLimit::new("a", &limits);
            let mut timeline = Timeline::new(MONO, MONO, gaps, Stop::default()).unwrap();
            let mut audio = AudioBuf::new(MONO, SampleKind::F32);
            let mut given = 0;
            let mut outcome = Ok(());
            for (block, pts) in (0..50).zip((0_i64..).step_by(960)) {
                let pts = if block < 25 { pts } else { pts.saturating_add(jump) };
                audio.begin_f32(MONO, pts).resize(960, 0.5);
                outcome = outcome.and_then(|()| {
                    timeline.push(&audio, &mut |out, _| {
                        given += out.len();
                        Ok(())
                    })
                });
            }
            assert_eq!(outcome.is_ok(), is_allowed, "{jump}");
            let expected = if is_allowed { 48_000 + jump.unsigned_abs() } else { 24_000 };
            assert_eq!(given as u64, expected, "{jump}");
        }
    }

    #[cfg(feature = "resample")]
    #[test]
    fn lost_packets_are_filled_with_steady_timestamps_and_jitter_is_not() {
        let (_, out) = run(MONO, 50, |block| i64::from(block) * 960 + i64::from(block >= 9) * 1920);
        assert_eq!(out.len(), 48_000 + 1920);
        assert!(out[9 * 960..11 * 960].iter().all(|&value| value == 0.0));
        // Every other timestamp is late by more than a step.
        let late = |block: u32| i64::from(block) * 960 + i64::from(block % 2) * 1500;
        let (_, out) = run(MONO, 500, late);
        assert!(out.len() < 480_000 + 2 * 1500, "{}", out.len());
    }

    #[test]
    #[cfg(feature = "resample")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "short clips")]
    fn clock_drift_is_corrected_without_discontinuities() {
        for to in [MONO, AudioFormat::new(44_100, ChannelLayout::Mono)] {
            // 1000 ppm for a short and a long time: the difference does not grow.
            for minutes in if depth::is_full() { [2, 10] } else { [1, 2] } {
                let blocks = 3000 * minutes;
                let (_, out) = run(to, blocks, |block| (f64::from(block) * 960.96) as i64);
                let seconds = out.len() as f64 / f64::from(to.rate);
                let away = seconds - 60.06 * f64::from(minutes);
                assert!(away.abs() < 0.012, "{away}");
            }
            let (_, out) = run(to, 3000, |block| (f64::from(block) * 960.96) as i64);
            assert!(largest_step(&out) < 0.02, "{}", largest_step(&out));
        }
    }
}
