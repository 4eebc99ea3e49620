//! Audio mixer: mixes any number of inputs into one output, and into one mix-minus output per
//! participant, which omits the participant's own input.
//!
//! Inputs may have any sample rate and channel layout. Their samples are placed on one timeline,
//! and each call of [`Mixer::mix`] outputs the next block of that timeline. If samples of an input
//! have not arrived when the block is mixed, the mixer replaces them by silence and counts them.

mod input;

pub use input::InputStats;

use input::Input;

use super::buffer::{AudioBuf, AudioView};
use super::format::AudioFormat;
use super::gain::{Gain, db_to_factor};
use super::level::{ActiveSpeaker, AudioLevel};
use super::limiter::Limiter;
use codec_core::error::{ConfigError, Error};

/// Contribution of one input to the last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Identifier of the input.
    pub id: u32,
    /// Level after the gain. The voice flag is the one set by [`Mixer::set_voice`]; if none is set,
    /// the flag is true for levels above -50 dBov.
    pub level: AudioLevel,
    /// Number of missing sample frames.
    pub missing: usize,
}

/// Result of the last [`Mixer::mix`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MixReport {
    /// Contributions by input, in the order in which the inputs were added.
    pub contributions: Vec<Contribution>,
    /// Active speaker, selected with hysteresis.
    pub active: Option<u32>,
    /// Gain reduction of the limiter in dB, 0 or below.
    pub limiter_db: f32,
}

/// Mixes any number of inputs.
///
/// It allocates no memory once the blocks and queues have reached their largest size.
#[derive(Debug)]
pub struct Mixer {
    format: AudioFormat,
    /// Timestamp of the next sample frame to mix.
    position: i64,
    ramp_frames: usize,
    inputs: Vec<Input>,
    /// Sum of the last block, in double precision so that subtracting one input leaves no residue.
    sum: Vec<f64>,
    limiter: Limiter,
    speaker: ActiveSpeaker,
    report: MixReport,
}

impl Mixer {
    /// Creates a mixer with output in `format`, starting at time 0.
    ///
    /// # Errors
    /// [`Error::Config`] if the rate or the number of channels is 0.
    pub fn new(format: AudioFormat) -> Result<Self, Error> {
        let channels = format.channels();
        if format.rate == 0 || channels == 0 {
            let error = ConfigError::new("audio format", format, "at least 1 Hz and 1 channel");
            return Err(error.into());
        }
        Ok(Self {
            format,
            position: 0,
            ramp_frames: (format.rate / 100).max(1) as usize,
            inputs: Vec::new(),
            sum: Vec::new(),
            limiter: Limiter::new(format.rate, channels),
            speaker: ActiveSpeaker::new(format.rate),
            report: MixReport::default(),
        })
    }

    /// Returns the output format.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// Returns the timestamp of the next sample frame to mix, at the output rate. [`Self::mix`]
    /// outputs that sample frame [`Self::latency`] later, with this timestamp.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Continues at another timestamp. Earlier input samples are dropped.
    pub fn seek(&mut self, position: i64) {
        self.position = position;
    }

    /// Returns the look-ahead of the limiter in sample frames.
    #[must_use]
    pub fn latency(&self) -> usize {
        self.limiter.latency()
    }

    /// Adds an input of any format.
    ///
    /// # Errors
    /// [`Error::Config`] if the id is in use or the format is invalid; [`Error::MissingFeature`] if
    /// the rate differs and this build lacks the feature `resample`.
    pub fn add_input(&mut self, id: u32, format: AudioFormat) -> Result<(), Error> {
        if self.inputs.iter().any(|input| input.id == id) {
            return Err(ConfigError::new("mixer input", id, "an unused id").into());
        }
        self.inputs.push(Input::new(id, format, self.format, false)?);
        Ok(())
    }

    /// Adds an input whose clock may drift; see [`Self::set_drift`]. It adds a few milliseconds of
    /// delay to the input.
    ///
    /// # Errors
    /// Returns the errors of [`Self::add_input`].
    #[cfg(feature = "resample")]
    pub fn add_drifting_input(&mut self, id: u32, format: AudioFormat) -> Result<(), Error> {
        self.add_input(id, format)?;
        self.inputs.pop();
        self.inputs.push(Input::new(id, format, self.format, true)?);
        Ok(())
    }

    /// Removes an input; returns `false` if it does not exist. Mute it first to avoid a click.
    pub fn remove_input(&mut self, id: u32) -> bool {
        let before = self.inputs.len();
        self.inputs.retain(|input| input.id != id);
        self.speaker.remove(id);
        self.inputs.len() < before
    }

    /// Queues samples. `pts` is the timestamp of the first one, in samples at the input's own rate.
    /// Gaps become silence; samples that overlap queued ones are dropped.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist or the format differs; [`Error::Limit`] if
    /// more than a minute would be queued. Nothing has changed.
    pub fn push(&mut self, id: u32, audio: &AudioView<'_>, pts: i64) -> Result<(), Error> {
        self.input(id)?.push(audio, pts)
    }

    /// Marks the end of an input: queued samples are still played, and samples after them do not
    /// count as missing.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist.
    pub fn end_input(&mut self, id: u32) -> Result<(), Error> {
        self.input(id)?.end();
        Ok(())
    }

    /// Sets the gain in dB, at most 60; it is ramped within 10 ms.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist, or the gain is NaN or above 60.
    pub fn set_gain_db(&mut self, id: u32, gain_db: f32) -> Result<(), Error> {
        if gain_db.is_nan() || gain_db > 60.0 {
            let given = format_args!("{gain_db} dB");
            return Err(ConfigError::new("gain", given, "at most 60 dB").into());
        }
        let ramp = self.ramp_frames;
        let input = self.input(id)?;
        input.factor = db_to_factor(gain_db);
        input.update_gain(ramp);
        Ok(())
    }

    /// Mutes or unmutes an input with a ramp of 10 ms.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist.
    pub fn set_muted(&mut self, id: u32, muted: bool) -> Result<(), Error> {
        let ramp = self.ramp_frames;
        let input = self.input(id)?;
        input.muted = muted;
        input.update_gain(ramp);
        Ok(())
    }

    /// Ends all gain ramps immediately, for example before the first samples.
    pub fn jump_to_gains(&mut self) {
        self.inputs.iter_mut().for_each(|input| input.gain.settle());
    }

    /// Sets whether an input contains speech, for its level and active speaker detection; `None`
    /// decides by its level.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist.
    pub fn set_voice(&mut self, id: u32, voice: Option<bool>) -> Result<(), Error> {
        self.input(id)?.voice = voice;
        Ok(())
    }

    /// Adjusts for the clock drift of an input; see [`super::resample::Resampler::set_drift`].
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist or was not added with
    /// [`Self::add_drifting_input`], or the ratio is outside `0.99..=1.01`.
    #[cfg(feature = "resample")]
    pub fn set_drift(&mut self, id: u32, ratio: f64) -> Result<(), Error> {
        Ok(self.input(id)?.converter.set_drift(ratio)?)
    }

    /// Returns the number of output sample frames that an input has available from
    /// [`Self::position`] on.
    #[must_use]
    pub fn ready(&self, id: u32) -> Option<usize> {
        self.inputs.iter().find(|input| input.id == id).map(|input| input.ready(self.position))
    }

    /// Returns whether every input has ended and has been played completely.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.inputs.iter().all(|input| input.is_drained(self.position))
    }

    /// Returns the statistics of an input.
    #[must_use]
    pub fn stats(&self, id: u32) -> Option<InputStats> {
        self.inputs.iter().find(|input| input.id == id).map(|input| input.stats)
    }

    /// Mixes the next `frames` sample frames into `out`. The timestamp of `out` is
    /// [`Self::latency`] earlier than the time of the block. Output samples never exceed full scale.
    pub fn mix(&mut self, frames: usize, out: &mut AudioBuf) -> &MixReport {
        let channels = self.format.channels();
        self.sum.clear();
        self.sum.resize(frames * channels, 0.0);
        self.report.contributions.clear();
        for input in &mut self.inputs {
            let missing = input.take(self.position, frames, self.ramp_frames);
            for (sum, &value) in self.sum.iter_mut().zip(&input.block) {
                *sum += f64::from(value);
            }
            let level = input.level();
            self.speaker.push(input.id, level, frames);
            self.report.contributions.push(Contribution { id: input.id, level, missing });
        }
        self.report.active = self.speaker.decide(frames);
        let pts = self.position.saturating_sub_unsigned(self.latency() as u64);
        let values = out.begin_f32(self.format, pts);
        values.extend(self.sum.iter().map(|&sum| narrow(sum)));
        self.limiter.process(values);
        self.report.limiter_db = 20.0 * self.limiter.take_min_gain().log10();
        self.position = self.position.saturating_add_unsigned(frames as u64);
        &self.report
    }

    /// Outputs the block of the last [`Self::mix`] without one input (mix-minus), which is what
    /// that participant hears. Call it after every `mix`; otherwise the limiter restarts.
    ///
    /// # Errors
    /// [`Error::Config`] if the input does not exist.
    pub fn mix_minus(&mut self, id: u32, out: &mut AudioBuf) -> Result<(), Error> {
        let (format, latency, position) = (self.format, self.latency() as u64, self.position);
        let sum = std::mem::take(&mut self.sum);
        let result = self.input(id).map(|input| {
            let begin = position.saturating_sub_unsigned((sum.len() / format.channels()) as u64);
            let values = out.begin_f32(format, begin.saturating_sub_unsigned(latency));
            let own = input.block.iter().map(|&v| f64::from(v)).chain(std::iter::repeat(0.0));
            values.extend(sum.iter().zip(own).map(|(sum, own)| narrow(sum - own)));
            let (limiter, limited_to) = input
                .limiter
                .get_or_insert_with(|| (Limiter::new(format.rate, format.channels()), begin));
            if *limited_to != begin {
                limiter.reset();
            }
            limiter.process(values);
            *limited_to = position;
        });
        self.sum = sum;
        result
    }

    fn input(&mut self, id: u32) -> Result<&mut Input, Error> {
        let found = self.inputs.iter_mut().find(|input| input.id == id);
        found.ok_or_else(|| ConfigError::new("mixer input", id, "an existing input").into())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a sample")]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl Input {
    fn update_gain(&mut self, ramp: usize) {
        let factor = if self.muted { 0.0 } else { self.factor.min(Gain::MAX) };
        self.gain.set(factor, ramp);
    }
}
