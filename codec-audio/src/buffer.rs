//! Interleaved audio samples with their format and timestamp.

use super::format::AudioFormat;
use codec_core::error::ConfigError;

/// Sample type of audio buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleKind {
    /// Signed 16-bit integers.
    S16,
    /// 32-bit floats with full scale 1.0; values may exceed it.
    F32,
}

/// Borrowed interleaved samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "see SampleKind")]
pub enum Samples<'a> {
    S16(&'a [i16]),
    F32(&'a [f32]),
}

impl Samples<'_> {
    /// Returns the number of values of all channels together.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::S16(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Returns whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Owned interleaved samples.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "see SampleKind")]
pub enum SampleBuf {
    S16(Vec<i16>),
    F32(Vec<f32>),
}

impl SampleBuf {
    /// Returns a borrowed view.
    #[must_use]
    pub fn as_samples(&self) -> Samples<'_> {
        match self {
            Self::S16(values) => Samples::S16(values),
            Self::F32(values) => Samples::F32(values),
        }
    }
}

/// Borrowed audio: whole sample frames (one value per channel) in one format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AudioView<'a> {
    format: AudioFormat,
    samples: Samples<'a>,
}

impl<'a> AudioView<'a> {
    /// Creates a view of interleaved `samples` in `format`.
    ///
    /// # Errors
    /// [`ConfigError`] if the rate is 0 or the samples are not whole sample frames.
    pub fn new(format: AudioFormat, samples: Samples<'a>) -> Result<Self, ConfigError> {
        let channels = format.channels();
        if format.rate == 0 || channels == 0 {
            return Err(ConfigError::new("audio format", format, "at least 1 Hz and 1 channel"));
        }
        if !samples.len().is_multiple_of(channels) {
            let allowed = format!("a multiple of {channels} (the number of channels)");
            return Err(ConfigError::new("samples", samples.len(), allowed));
        }
        Ok(Self { format, samples })
    }

    /// Returns the sample rate and channels.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// Returns the interleaved samples.
    #[must_use]
    pub fn samples(&self) -> Samples<'a> {
        self.samples
    }

    /// Returns the number of sample frames, i.e. samples per channel.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.len() / self.format.channels()
    }

    /// Returns the sample frames in `range`, clamped to the available ones.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let channels = self.format.channels();
        let end = range.end.min(self.frames());
        let values = range.start.min(end) * channels..end * channels;
        let samples = match self.samples {
            Samples::S16(all) => Samples::S16(&all[values]),
            Samples::F32(all) => Samples::F32(&all[values]),
        };
        Self { samples, ..*self }
    }

    /// Appends the samples as floats.
    pub fn append_f32(&self, out: &mut Vec<f32>) {
        match self.samples {
            Samples::S16(values) => out.extend(values.iter().map(|&v| to_f32(v))),
            Samples::F32(values) => out.extend_from_slice(values),
        }
    }

    /// Appends the samples as 16-bit integers: rounded to nearest, saturated, NaN as 0.
    pub fn append_s16(&self, out: &mut Vec<i16>) {
        match self.samples {
            Samples::S16(values) => out.extend_from_slice(values),
            Samples::F32(values) => out.extend(values.iter().map(|&v| to_s16(v))),
        }
    }
}

/// Owned audio with its timestamp; the memory can be reused.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioBuf {
    /// Sample rate and channels.
    pub format: AudioFormat,
    /// Interleaved samples, whole sample frames.
    pub samples: SampleBuf,
    /// Timestamp of the first sample, in samples at `format.rate`.
    pub pts: i64,
}

impl AudioBuf {
    /// Creates an empty buffer.
    #[must_use]
    pub fn new(format: AudioFormat, kind: SampleKind) -> Self {
        let samples = match kind {
            SampleKind::S16 => SampleBuf::S16(Vec::new()),
            SampleKind::F32 => SampleBuf::F32(Vec::new()),
        };
        Self { format, samples, pts: 0 }
    }

    /// Returns the number of sample frames, i.e. samples per channel.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.as_samples().len() / self.format.channels().max(1)
    }

    /// Returns a borrowed view.
    ///
    /// # Errors
    /// Returns the errors of [`AudioView::new`], if the fields are inconsistent.
    pub fn view(&self) -> Result<AudioView<'_>, ConfigError> {
        AudioView::new(self.format, self.samples.as_samples())
    }

    /// Clears the buffer for 16-bit samples and returns its memory.
    pub fn begin_s16(&mut self, format: AudioFormat, pts: i64) -> &mut Vec<i16> {
        (self.format, self.pts) = (format, pts);
        if !matches!(self.samples, SampleBuf::S16(_)) {
            self.samples = SampleBuf::S16(Vec::new());
        }
        match &mut self.samples {
            SampleBuf::S16(values) => {
                values.clear();
                values
            }
            SampleBuf::F32(_) => unreachable!("replaced above"),
        }
    }

    /// Clears the buffer for floats and returns its memory.
    pub fn begin_f32(&mut self, format: AudioFormat, pts: i64) -> &mut Vec<f32> {
        (self.format, self.pts) = (format, pts);
        if !matches!(self.samples, SampleBuf::F32(_)) {
            self.samples = SampleBuf::F32(Vec::new());
        }
        match &mut self.samples {
            SampleBuf::F32(values) => {
                values.clear();
                values
            }
            SampleBuf::S16(_) => unreachable!("replaced above"),
        }
    }

    /// Removes the first `start` and the last `end` sample frames and adjusts the timestamp.
    pub fn trim(&mut self, start: usize, end: usize) {
        let channels = self.format.channels();
        let frames = self.frames();
        let start = start.min(frames);
        let keep = frames - end.min(frames - start);
        match &mut self.samples {
            SampleBuf::S16(values) => cut(values, start * channels, keep * channels),
            SampleBuf::F32(values) => cut(values, start * channels, keep * channels),
        }
        self.pts = self.pts.saturating_add_unsigned(start as u64);
    }
}

fn cut<T>(values: &mut Vec<T>, from: usize, to: usize) {
    values.truncate(to);
    values.drain(..from);
}

/// Converts a 16-bit sample to the range of floats.
pub(crate) fn to_f32(value: i16) -> f32 {
    f32::from(value) / 32768.0
}

/// Converts a float to the range of 16-bit samples.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN gives 0")]
pub(crate) fn to_s16(value: f32) -> i16 {
    (value * 32768.0).round_ties_even() as i16
}

#[cfg(test)]
mod tests {
    use super::super::ChannelLayout;
    use super::*;

    const STEREO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Stereo);

    #[test]
    fn samples_round_trip_through_floats() {
        for value in i16::MIN..=i16::MAX {
            assert_eq!(to_s16(to_f32(value)), value);
        }
        assert_eq!([2.0, -2.0, f32::NAN].map(to_s16), [i16::MAX, i16::MIN, 0]);
    }

    #[test]
    fn incomplete_sample_frames_are_rejected() {
        assert!(AudioView::new(STEREO, Samples::S16(&[1, 2, 3])).is_err());
        assert!(AudioView::new(STEREO, Samples::S16(&[1, 2])).is_ok());
    }

    #[test]
    fn trimming_adjusts_the_timestamp_and_is_clamped_to_the_length() {
        let mut sound = AudioBuf::new(STEREO, SampleKind::S16);
        sound.begin_s16(STEREO, -3).extend(0..10);
        sound.trim(2, 1);
        assert_eq!((sound.pts, sound.samples.clone()), (-1, SampleBuf::S16(vec![4, 5, 6, 7])));
        sound.trim(9, 9);
        assert_eq!((sound.pts, sound.frames()), (1, 0));
    }
}
