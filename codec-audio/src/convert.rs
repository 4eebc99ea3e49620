//! Conversion between audio formats: sample rate and channels.

use super::buffer::AudioView;
use super::channels::ChannelMapper;
use super::format::AudioFormat;
#[cfg(feature = "resample")]
use super::resample::Resampler;
#[cfg(not(feature = "resample"))]
use codec_core::error::MissingFeature;
use codec_core::error::{ConfigError, Error};

/// Converts audio to another sample rate and other channels.
///
/// Resampling runs before or after the channel mapping, on the side with fewer channels.
#[derive(Debug)]
pub struct Converter {
    from: AudioFormat,
    to: AudioFormat,
    mapper: ChannelMapper,
    #[cfg(feature = "resample")]
    resampler: Resampler,
    source: Vec<f32>,
    middle: Vec<f32>,
}

impl Converter {
    /// Creates a converter with a fixed ratio that preserves the duration to the sample.
    ///
    /// # Errors
    /// [`Error::Config`] for invalid rates and channels; [`Error::MissingFeature`] if the rates
    /// differ and this build lacks the feature `resample`.
    pub fn new(from: AudioFormat, to: AudioFormat) -> Result<Self, Error> {
        Self::build(from, to, false)
    }

    /// Creates a low-delay converter whose ratio [`Self::set_drift`] can adjust.
    ///
    /// # Errors
    /// Returns the errors of [`Self::new`].
    pub fn adjustable(from: AudioFormat, to: AudioFormat) -> Result<Self, Error> {
        Self::build(from, to, true)
    }

    fn build(from: AudioFormat, to: AudioFormat, adjustable: bool) -> Result<Self, Error> {
        for format in [from, to] {
            if format.rate == 0 || format.channels() == 0 {
                let error = ConfigError::new("audio format", format, "at least 1 Hz and 1 channel");
                return Err(error.into());
            }
        }
        let mapper = ChannelMapper::new(from.layout, to.layout);
        #[cfg(not(feature = "resample"))]
        if from.rate != to.rate || adjustable {
            return Err(MissingFeature::new("resampling", "resample").into());
        }
        #[cfg(feature = "resample")]
        let resampler = {
            let channels = from.channels().min(to.channels());
            let make = if adjustable { Resampler::adjustable } else { Resampler::fixed };
            make(from.rate, to.rate, channels)?
        };
        Ok(Self {
            from,
            to,
            mapper,
            #[cfg(feature = "resample")]
            resampler,
            source: Vec::new(),
            middle: Vec::new(),
        })
    }

    /// Returns the input format.
    #[must_use]
    pub fn from(&self) -> AudioFormat {
        self.from
    }

    /// Returns the output format.
    #[must_use]
    pub fn to(&self) -> AudioFormat {
        self.to
    }

    /// Returns the maximum number of sample frames held back, at the output rate. Timestamps
    /// account for it.
    #[must_use]
    pub fn latency(&self) -> usize {
        #[cfg(feature = "resample")]
        return self.resampler.latency();
        #[cfg(not(feature = "resample"))]
        0
    }

    /// Adjusts the ratio; see [`Resampler::set_drift`].
    ///
    /// # Errors
    /// Returns the errors of [`Resampler::set_drift`].
    #[cfg(feature = "resample")]
    pub fn set_drift(&mut self, ratio: f64) -> Result<(), ConfigError> {
        self.resampler.set_drift(ratio)
    }

    /// Converts `audio` and appends the samples that are ready.
    ///
    /// # Errors
    /// [`ConfigError`] if `audio` is not in the input format. The converter is then unchanged.
    pub fn process(
        &mut self,
        audio: &AudioView<'_>,
        out: &mut Vec<f32>,
    ) -> Result<(), ConfigError> {
        if audio.format() != self.from {
            return Err(ConfigError::new("audio format", audio.format(), self.from));
        }
        self.source.clear();
        audio.append_f32(&mut self.source);
        self.convert(out);
        Ok(())
    }

    #[cfg(feature = "resample")]
    fn convert(&mut self, out: &mut Vec<f32>) {
        if self.from.channels() > self.to.channels() {
            self.middle.clear();
            self.mapper.map(&self.source, &mut self.middle);
            self.resampler.process(&self.middle, out);
        } else if self.mapper.is_identity() {
            self.resampler.process(&self.source, out);
        } else {
            self.middle.clear();
            self.resampler.process(&self.source, &mut self.middle);
            self.mapper.map(&self.middle, out);
        }
    }

    #[cfg(not(feature = "resample"))]
    fn convert(&mut self, out: &mut Vec<f32>) {
        self.mapper.map(&self.source, out);
    }

    /// Flushes the converter: appends the remaining samples and resets it.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        self.middle.clear();
        #[cfg(feature = "resample")]
        if self.from.channels() > self.to.channels() || self.mapper.is_identity() {
            self.resampler.finish(out);
        } else {
            self.resampler.finish(&mut self.middle);
            self.mapper.map(&self.middle, out);
        }
        #[cfg(not(feature = "resample"))]
        let _ = out;
    }

    /// Discards the samples held back.
    pub fn reset(&mut self) {
        #[cfg(feature = "resample")]
        self.resampler.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChannelLayout, Samples};
    use super::*;

    #[test]
    fn equal_formats_pass_unchanged() {
        let format = AudioFormat::new(44_100, ChannelLayout::Stereo);
        let mut converter = Converter::new(format, format).unwrap();
        let samples = [0.1, 0.2, 0.3, -1.5];
        let view = AudioView::new(format, Samples::F32(&samples)).unwrap();
        let mut out = Vec::new();
        converter.process(&view, &mut out).unwrap();
        converter.finish(&mut out);
        assert_eq!(out, samples);
    }

    #[test]
    #[cfg(feature = "resample")]
    fn rate_and_channels_change_together() {
        let from = AudioFormat::new(44_100, ChannelLayout::Surround51);
        for layout in [ChannelLayout::Mono, ChannelLayout::Stereo, ChannelLayout::Surround71] {
            let to = AudioFormat::new(48_000, layout);
            let mut converter = Converter::new(from, to).unwrap();
            let samples = vec![0i16; 44_100 * 6];
            let view = AudioView::new(from, Samples::S16(&samples)).unwrap();
            let mut out = Vec::new();
            converter.process(&view, &mut out).unwrap();
            converter.finish(&mut out);
            assert_eq!(out.len(), 48_000 * layout.count());
        }
    }
}
