//! Whether somebody speaks. The detector is that of the crate `earshot`: a small neural network
//! over blocks of 16 ms at 16 kHz.

use std::fmt;

use earshot::Detector;

use super::buffer::{AudioView, Samples};
use super::convert::Converter;
use super::format::{AudioFormat, ChannelLayout};
use super::level::{AudioLevel, level_of};
use super::processor::{AudioProcessor, ProcessReport, sane, whole_frames};
use codec_core::error::{ConfigError, Error};

/// Samples of one decision, at [`RATE`].
pub const BLOCK: usize = 256;
/// Rate at which decisions are made.
pub const RATE: u32 = 16_000;

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceBlock {
    /// Time of the block's first sample, in samples at [`RATE`] from the beginning.
    pub start: u64,
    /// Probability of speech, 0 to 1.
    pub probability: f32,
}

/// Finds speech in sound of any format.
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
    /// A detector for sound of `format`.
    ///
    /// # Errors
    /// [`Error::Config`] for rates outside 1 to 384 kHz.
    pub fn new(format: AudioFormat) -> Result<Self, Error> {
        let mono = AudioFormat::new(RATE, ChannelLayout::Mono);
        // The adjustable filter has less delay, but not for the highest rates.
        let converter =
            Converter::adjustable(format, mono).or_else(|_| Converter::new(format, mono))?;
        let (detector, waiting) = (Box::default(), Vec::with_capacity(2 * BLOCK));
        Ok(Self { format, converter, detector, waiting, blocks: 0 })
    }

    /// Takes sound and gives the decisions that have become possible to `each`.
    ///
    /// # Errors
    /// [`ConfigError`] if the sound is of another format.
    pub fn push(
        &mut self,
        audio: &AudioView<'_>,
        mut each: impl FnMut(VoiceBlock),
    ) -> Result<(), ConfigError> {
        self.converter.process(audio, &mut self.waiting)?;
        self.decide(&mut each);
        Ok(())
    }

    /// No more sound: decides on what is left, as if silence followed. Then as new.
    pub fn finish(&mut self, mut each: impl FnMut(VoiceBlock)) {
        self.converter.finish(&mut self.waiting);
        if !self.waiting.is_empty() {
            self.waiting.resize(self.waiting.len().next_multiple_of(BLOCK), 0.0);
        }
        self.decide(&mut each);
        self.reset();
    }

    /// Forgets the past.
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

/// Passes sound on unchanged and reports speech.
#[derive(Debug)]
pub struct VoiceProbe {
    detector: VoiceDetector,
    last: f32,
}

impl VoiceProbe {
    /// A probe for sound of `format`.
    ///
    /// # Errors
    /// As [`VoiceDetector::new`].
    pub fn new(format: AudioFormat) -> Result<Self, Error> {
        Ok(Self { detector: VoiceDetector::new(format)?, last: 0.0 })
    }
}

pub(crate) fn open(
    format: AudioFormat,
    _granularity: usize,
) -> Result<Box<dyn AudioProcessor>, Error> {
    Ok(Box::new(VoiceProbe::new(format)?))
}

impl AudioProcessor for VoiceProbe {
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

/// A stretch of speech, in samples at [`RATE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Segment {
    pub start: u64,
    pub end: u64,
}

/// Joins decisions to stretches of speech.
#[derive(Clone, Debug)]
pub struct Segmenter {
    threshold: f32,
    min_speech: u64,
    min_pause: u64,
    begin: Option<u64>,
    last_voice: u64,
}

impl Segmenter {
    /// A block is speech from `threshold` (usually 0.5) on. Pauses shorter than `min_pause_ms` do
    /// not part a stretch; stretches shorter than `min_speech_ms` do not count.
    #[must_use]
    pub fn new(threshold: f32, min_speech_ms: u32, min_pause_ms: u32) -> Self {
        let samples = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
        let (min_speech, min_pause) = (samples(min_speech_ms), samples(min_pause_ms));
        Self { threshold, min_speech, min_pause, begin: None, last_voice: 0 }
    }

    /// Takes the next decision; a stretch that ended before it.
    pub fn push(&mut self, block: VoiceBlock) -> Option<Segment> {
        if block.probability >= self.threshold {
            let ended = self.end_if(block.start);
            self.begin.get_or_insert(block.start);
            self.last_voice = block.start + BLOCK as u64;
            return ended;
        }
        self.end_if(block.start + BLOCK as u64)
    }

    /// No more decisions: the last stretch.
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
    fn short_pauses_join_and_short_noises_do_not_count() {
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
    fn decisions_cover_the_whole_sound_whatever_comes() {
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
