//! Loudness by EBU R 128, with the crate `ebur128`.

use std::fmt;

use ebur128::{Channel, EbuR128, Mode};

use super::super::buffer::{AudioView, Samples};
use super::super::format::AudioFormat;
use super::super::speakers::{Speaker, SpeakerSet};
use codec_core::error::ConfigError;

/// Loudness of an audio signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Integrated loudness in LUFS; `None` for silence.
    pub integrated_lufs: Option<f64>,
    /// Loudness range in LU.
    pub range_lu: f64,
    /// Maximum true peak (between samples) over all channels in dBTP; `None` for silence.
    pub true_peak_dbtp: Option<f64>,
    /// Maximum sample over all channels in dBFS; `None` for silence.
    pub sample_peak_dbfs: Option<f64>,
}

/// Measures the loudness of audio of any duration.
pub struct LoudnessMeter {
    format: AudioFormat,
    inner: EbuR128,
    values: Vec<f32>,
}

impl fmt::Debug for LoudnessMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoudnessMeter").field("format", &self.format).finish_non_exhaustive()
    }
}

impl LoudnessMeter {
    /// Creates a meter for audio in `format`: 1 to 64 channels at 16 Hz to 2.8 MHz.
    ///
    /// # Errors
    /// [`ConfigError`] for other formats.
    pub fn new(format: AudioFormat) -> Result<Self, ConfigError> {
        let refused = || {
            ConfigError::new(
                "loudness meter format",
                format,
                "1 to 64 channels at 16 to 2822400 Hz",
            )
        };
        let channels = u32::try_from(format.channels()).map_err(|_| refused())?;
        if !(1..=64).contains(&channels) {
            return Err(refused());
        }
        // A histogram bounds the memory for long recordings.
        let mode = Mode::I | Mode::LRA | Mode::TRUE_PEAK | Mode::SAMPLE_PEAK | Mode::HISTOGRAM;
        let mut inner = EbuR128::new(channels, format.rate, mode).map_err(|_| refused())?;
        let speakers = format.layout.speakers();
        if !speakers.is_empty() {
            let map: Vec<Channel> =
                speakers.iter().map(|speaker| weight(speaker, speakers)).collect();
            inner.set_channel_map(&map).map_err(|_| refused())?;
        }
        Ok(Self { format, inner, values: Vec::new() })
    }

    /// Adds more audio. NaN and infinite samples count as 0.
    ///
    /// # Errors
    /// [`ConfigError`] if it is in another format.
    pub fn push(&mut self, audio: &AudioView<'_>) -> Result<(), ConfigError> {
        if audio.format() != self.format {
            return Err(ConfigError::new("audio format", audio.format(), self.format));
        }
        let channels = self.format.channels();
        let refused = |_| {
            let allowed = format_args!("a multiple of {channels} (the number of channels)");
            ConfigError::new("samples", audio.samples().len(), allowed)
        };
        match audio.samples() {
            Samples::S16(values) => self.inner.add_frames_i16(values).map_err(refused),
            Samples::F32(values) => {
                self.values.clear();
                let sane = |v: &f32| if v.is_finite() { v.clamp(-1e6, 1e6) } else { 0.0 };
                self.values.extend(values.iter().map(sane));
                self.inner.add_frames_f32(&self.values).map_err(refused)
            }
        }
    }

    /// Returns the measurements so far.
    #[must_use]
    pub fn result(&self) -> Loudness {
        let channels = 0..u32::try_from(self.format.channels()).unwrap_or(0);
        let highest = |peak: &dyn Fn(u32) -> Option<f64>| {
            let peak = channels.clone().filter_map(peak).fold(0.0, f64::max);
            (peak > 0.0).then(|| 20.0 * peak.log10())
        };
        Loudness {
            integrated_lufs: self.inner.loudness_global().ok().filter(|lufs| lufs.is_finite()),
            range_lu: self.inner.loudness_range().ok().filter(|lu| lu.is_finite()).unwrap_or(0.0),
            true_peak_dbtp: highest(&|channel| self.inner.true_peak(channel).ok()),
            sample_peak_dbfs: highest(&|channel| self.inner.sample_peak(channel).ok()),
        }
    }
}

/// Returns the weighting of a channel.
fn weight(speaker: Speaker, all: SpeakerSet) -> Channel {
    match speaker {
        Speaker::FrontLeft => Channel::Left,
        Speaker::FrontRight => Channel::Right,
        // A single channel counts once.
        Speaker::FrontCentre => Channel::Center,
        Speaker::LowFrequency => Channel::Unused,
        Speaker::SideLeft => Channel::LeftSurround,
        Speaker::SideRight => Channel::RightSurround,
        Speaker::BackLeft if all.contains(Speaker::SideLeft) => Channel::Mp135,
        Speaker::BackRight if all.contains(Speaker::SideRight) => Channel::Mm135,
        Speaker::BackLeft => Channel::LeftSurround,
        Speaker::BackRight => Channel::RightSurround,
        Speaker::BackCentre => Channel::Mp180,
        Speaker::FrontLeftOfCentre => Channel::MpSC,
        Speaker::FrontRightOfCentre => Channel::MmSC,
        Speaker::TopCentre => Channel::Tp000,
        Speaker::TopFrontLeft => Channel::Up030,
        Speaker::TopFrontCentre => Channel::Up000,
        Speaker::TopFrontRight => Channel::Um030,
        Speaker::TopBackLeft => Channel::Up135,
        Speaker::TopBackCentre => Channel::Up180,
        Speaker::TopBackRight => Channel::Um135,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ChannelLayout;
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "samples")]
    fn a_tone_of_minus_23_measures_minus_23() {
        // EBU Tech 3341, case 1: 1 kHz in both channels at -23 dBFS.
        let format = AudioFormat::new(48_000, ChannelLayout::Stereo);
        let mut meter = LoudnessMeter::new(format).unwrap();
        let level = 10f64.powf(-23.0 / 20.0);
        let samples: Vec<f32> = (0..48_000 * 20)
            .map(|i| (level * (f64::from(i / 2) * std::f64::consts::TAU / 48.0).sin()) as f32)
            .collect();
        for part in samples.chunks(9_600) {
            meter.push(&AudioView::new(format, Samples::F32(part)).unwrap()).unwrap();
        }
        let loudness = meter.result();
        assert!((loudness.integrated_lufs.unwrap() + 23.0).abs() < 0.1, "{loudness:?}");
        assert!((loudness.true_peak_dbtp.unwrap() + 23.0).abs() < 0.3, "{loudness:?}");
        assert!(loudness.range_lu < 0.1);
    }

    #[test]
    fn silence_and_invalid_values_have_a_result() {
        let format = AudioFormat::new(44_100, ChannelLayout::Surround51);
        let mut meter = LoudnessMeter::new(format).unwrap();
        let silent = vec![0i16; 6 * 44_100];
        meter.push(&AudioView::new(format, Samples::S16(&silent)).unwrap()).unwrap();
        assert_eq!((meter.result().integrated_lufs, meter.result().true_peak_dbtp), (None, None));
        let wild = [f32::NAN, f32::INFINITY, 1e30, -1e30, 0.5, 0.0].repeat(44_100);
        meter.push(&AudioView::new(format, Samples::F32(&wild)).unwrap()).unwrap();
        assert!(meter.result().integrated_lufs.is_some());
        assert!(LoudnessMeter::new(AudioFormat::new(48_000, ChannelLayout::Discrete(65))).is_err());
    }
}
