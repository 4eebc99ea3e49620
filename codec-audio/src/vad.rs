//! Voice activity detection (VAD) with the crate `earshot`: a small neural network on blocks of 16
//! ms at 16 kHz.

use std::fmt;

use earshot::Detector;

use super::buffer::{AudioView, Samples};
use super::convert::Converter;
use super::format::{AudioFormat, ChannelLayout};
use super::level::{AudioLevel, level_of};
use super::processor::{AudioProcessor, ProcessReport, sane, whole_frames};
use codec_core::error::{ConfigError, Error};

/// Samples per decision, at [`RATE`].
pub const BLOCK: usize = 256;
/// Sample rate of the detector in Hz.
pub const RATE: u32 = 16_000;

/// Voice activity decision for one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceBlock {
    /// Timestamp of the block's first sample, in samples at [`RATE`] from the start.
    pub start: u64,
    /// Probability of speech, 0 to 1.
    pub probability: f32,
}

/// Detects speech in audio of any format.
///
/// ```
/// use codec_audio::vad::{Segmenter, VoiceDetector};
/// use codec_audio::{AudioFormat, AudioView, ChannelLayout, Samples};
///
/// let format = AudioFormat::new(48_000, ChannelLayout::Stereo);
/// let mut detector = VoiceDetector::new(format)?;
/// // At least 250 ms of speech, and 500 ms between two segments.
/// let mut segments = Segmenter::new(0.5, 250, 500);
/// let silence = AudioView::new(format, Samples::S16(&[0; 96_000]))?;
/// detector.push(&silence, |block| assert!(segments.push(block).is_none()))?;
/// detector.finish(|block| assert!(segments.push(block).is_none()));
/// assert!(segments.finish().is_none());
/// # Ok::<(), codec_core::Error>(())
/// ```
pub struct VoiceDetector {
    format: AudioFormat,
    converter: Converter,
    detector: Box<Detector>,
    waiting: Vec<f32>,
    blocks: u64,
}

impl fmt::Debug for VoiceDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceDetector").field("format", &self.format).finish_non_exhaustive()
    }
}

impl VoiceDetector {
    /// Creates a detector for audio in `format`.
    ///
    /// # Errors
    /// [`Error::Config`] for sample rates outside 1 to 384 kHz.
    pub fn new(format: AudioFormat) -> Result<Self, Error> {
        let mono = AudioFormat::new(RATE, ChannelLayout::Mono);
        // The adjustable filter has less delay, but does not support the highest rates.
        let converter =
            Converter::adjustable(format, mono).or_else(|_| Converter::new(format, mono))?;
        let (detector, waiting) = (Box::default(), Vec::with_capacity(2 * BLOCK));
        Ok(Self { format, converter, detector, waiting, blocks: 0 })
    }

    /// Analyses audio and calls `each` for every decision that is complete.
    ///
    /// # Errors
    /// [`ConfigError`] if the audio is in another format.
    pub fn push(
        &mut self,
        audio: &AudioView<'_>,
        mut each: impl FnMut(VoiceBlock),
    ) -> Result<(), ConfigError> {
        self.converter.process(audio, &mut self.waiting)?;
        self.decide(&mut each);
        Ok(())
    }

    /// Flushes the detector: decides on the remaining samples as if silence followed, then resets
    /// the state.
    pub fn finish(&mut self, mut each: impl FnMut(VoiceBlock)) {
        self.converter.finish(&mut self.waiting);
        if !self.waiting.is_empty() {
            self.waiting.resize(self.waiting.len().next_multiple_of(BLOCK), 0.0);
        }
        self.decide(&mut each);
        self.reset();
    }

    /// Resets the state.
    pub fn reset(&mut self) {
        self.converter.reset();
        self.detector.reset();
        self.waiting.clear();
        self.blocks = 0;
    }

    fn decide(&mut self, each: &mut impl FnMut(VoiceBlock)) {
        let mut used = 0;
        while let Some(block) = self.waiting.get_mut(used..used + BLOCK) {
            for value in block.iter_mut() {
                *value = sane(*value);
            }
            let probability = self.detector.predict_f32(block).clamp(0.0, 1.0);
            each(VoiceBlock { start: self.blocks * BLOCK as u64, probability });
            self.blocks += 1;
            used += BLOCK;
        }
        self.waiting.drain(..used);
    }
}

/// An audio processor that detects speech and passes the audio unchanged.
#[derive(Debug)]
pub struct VadProcessor {
    detector: VoiceDetector,
    last: f32,
}

impl VadProcessor {
    /// Creates a detector for audio in `format`.
    ///
    /// # Errors
    /// Returns the errors of [`VoiceDetector::new`].
    pub fn new(format: AudioFormat) -> Result<Self, Error> {
        Ok(Self { detector: VoiceDetector::new(format)?, last: 0.0 })
    }
}

pub(crate) fn open(
    format: AudioFormat,
    _granularity: usize,
) -> Result<Box<dyn AudioProcessor>, Error> {
    Ok(Box::new(VadProcessor::new(format)?))
}

impl AudioProcessor for VadProcessor {
    fn name(&self) -> &'static str {
        "vad"
    }

    fn format(&self) -> AudioFormat {
        self.detector.format
    }

    fn latency(&self) -> usize {
        0
    }

    fn process(&mut self, samples: &mut [f32]) -> Result<ProcessReport, ConfigError> {
        whole_frames(samples, self.detector.format.channels())?;
        let view = AudioView::new(self.detector.format, Samples::F32(samples))?;
        let last = &mut self.last;
        self.detector.push(&view, |block| *last = block.probability)?;
        let level = AudioLevel { dbov: level_of(Samples::F32(samples)), voice: self.last >= 0.5 };
        Ok(ProcessReport { voice: Some(self.last), level: Some(level), ..ProcessReport::default() })
    }

    fn reset(&mut self) {
        self.detector.reset();
        self.last = 0.0;
    }
}

/// A segment of speech, in samples at [`RATE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct Segment {
    pub start: u64,
    pub end: u64,
}

/// Joins block decisions to segments of speech.
#[derive(Clone, Debug)]
pub struct Segmenter {
    threshold: f32,
    min_speech: u64,
    min_pause: u64,
    begin: Option<u64>,
    last_voice: u64,
}

impl Segmenter {
    /// Creates a segmenter. A block is speech if its probability is at least `threshold` (usually
    /// 0.5). Pauses shorter than `min_pause_ms` do not split a segment; segments shorter than
    /// `min_speech_ms` are discarded.
    #[must_use]
    pub fn new(threshold: f32, min_speech_ms: u32, min_pause_ms: u32) -> Self {
        let samples = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
        let (min_speech, min_pause) = (samples(min_speech_ms), samples(min_pause_ms));
        Self { threshold, min_speech, min_pause, begin: None, last_voice: 0 }
    }

    /// Adds the next decision; returns a segment that ended before it.
    pub fn push(&mut self, block: VoiceBlock) -> Option<Segment> {
        if block.probability >= self.threshold {
            let ended = self.end_if(block.start);
            self.begin.get_or_insert(block.start);
            self.last_voice = block.start + BLOCK as u64;
            return ended;
        }
        self.end_if(block.start + BLOCK as u64)
    }

    /// Ends the last segment after all decisions, and returns it if it is long enough.
    pub fn finish(&mut self) -> Option<Segment> {
        self.end_if(u64::MAX)
    }

    fn end_if(&mut self, now: u64) -> Option<Segment> {
        let begin = self.begin?;
        if now.saturating_sub(self.last_voice) <= self.min_pause {
            return None;
        }
        self.begin = None;
        let segment = Segment { start: begin, end: self.last_voice };
        (segment.end - segment.start >= self.min_speech).then_some(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_pauses_are_joined_and_short_noises_discarded() {
        let mut segmenter = Segmenter::new(0.5, 50, 100);
        let pattern = "..#######..####..........#..........######";
        let mut found = Vec::new();
        for (i, mark) in (0u64..).zip(pattern.chars()) {
            let probability = if mark == '#' { 0.9 } else { 0.1 };
            found.extend(segmenter.push(VoiceBlock { start: i * 256, probability }));
        }
        found.extend(segmenter.finish());
        let blocks: Vec<_> = found.iter().map(|s| (s.start / 256, s.end / 256)).collect();
        assert_eq!(blocks, [(2, 15), (36, 42)]);
    }

    #[test]
    fn decisions_cover_the_whole_signal_for_any_input() {
        for rate in [8_000, 44_100, 384_000] {
            let format = AudioFormat::new(rate, ChannelLayout::Stereo);
            let mut detector = VoiceDetector::new(format).unwrap();
            let mut blocks = 0;
            let wild = [f32::NAN, 1e30, -1e30, 0.5].repeat(rate as usize / 2);
            for part in wild.chunks(998) {
                let view = AudioView::new(format, Samples::F32(part)).unwrap();
                detector.push(&view, |_| blocks += 1).unwrap();
            }
            detector.finish(|block| {
                assert!((0.0..=1.0).contains(&block.probability));
                blocks += 1;
            });
            assert_eq!(blocks, 16_000usize.div_ceil(BLOCK), "{rate}");
        }
    }
}
