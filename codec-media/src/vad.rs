//! Detects speech in the audio of a file.

use codec_audio::vad::{RATE, Segment, Segmenter, VoiceDetector};
use codec_audio::{AudioBuf, AudioFormat, AudioView, SampleKind, Samples};

use crate::Env;
use crate::audio::gap::GapLimit;
use crate::audio::source::{AudioDecodeOptions, AudioSource};
use crate::failure::{Failure, Kind, Result};
use crate::io::input::InputSpec;

/// Settings of speech detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadOptions {
    /// Probability, 0 to 1, above which a block of 16 ms counts as speech.
    pub threshold: f32,
    /// Shorter segments are ignored, in milliseconds.
    pub min_speech: u32,
    /// Segments with a shorter pause between them are joined, in milliseconds.
    pub min_pause: u32,
}

impl Default for VadOptions {
    fn default() -> Self {
        Self { threshold: 0.5, min_speech: 100, min_pause: 300 }
    }
}

/// The speech in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Speech {
    /// Start and end of each segment, in seconds.
    pub segments: Vec<(f64, f64)>,
    /// Analysed seconds, without skipped gaps.
    pub duration_s: f64,
}

impl Speech {
    /// Seconds of speech.
    pub fn speech_s(&self) -> f64 {
        self.segments.iter().map(|(start, end)| end - start).fold(0.0, |sum, length| sum + length)
    }

    /// Share of speech, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.duration_s > 0.0 { self.speech_s() / self.duration_s } else { 0.0 }
    }
}

/// Detects speech in the audio of `input`. Gaps that exceed the limit are skipped with a warning.
///
/// # Errors
/// If an option is out of range or the audio cannot be read.
pub fn detect(input: &InputSpec, options: VadOptions, env: &Env) -> Result<Speech> {
    if !(0.0..=1.0).contains(&options.threshold) {
        let message = format!(
            "invalid --threshold: got {}, expected a probability, 0 to 1",
            options.threshold
        );
        return Err(Failure::usage(message));
    }
    let decode = AudioDecodeOptions { limits: input.limits, ..AudioDecodeOptions::default() };
    let mut source = AudioSource::open(input, &decode, env)?;
    let mut search = Search::new(options, source.format(), source.gap_limit(), input.name())?;
    let mut audio = AudioBuf::new(source.format(), SampleKind::F32);
    while source.read(&mut audio)? {
        if let Some(gap_s) = search.push(&audio)? {
            let name = &search.name;
            env.events.warn(format!("{name}: skipped a gap of {gap_s:.3} s in the audio"));
        }
    }
    search.finish();
    let start_s = input.cut.start().as_secs_f64();
    let in_input = |(start, end)| (start_s + start, start_s + end);
    let duration_s = search.duration_s();
    Ok(Speech { duration_s, segments: search.found.into_iter().map(in_input).collect() })
}

struct Search {
    options: VadOptions,
    format: AudioFormat,
    name: String,
    gaps: GapLimit,
    detector: VoiceDetector,
    segmenter: Segmenter,
    segments: Vec<Segment>,
    /// Times of the first sample since the last gap and of the end, in samples.
    begin: Option<i64>,
    next: i64,
    /// Start and end of each segment before the last gap, in seconds.
    found: Vec<(f64, f64)>,
    before_s: f64,
}

impl Search {
    fn new(options: VadOptions, format: AudioFormat, gaps: GapLimit, name: String) -> Result<Self> {
        let detector = VoiceDetector::new(format).map_err(Failure::encoding)?;
        Ok(Self {
            options,
            format,
            name,
            gaps,
            detector,
            segmenter: segmenter(options),
            segments: Vec::new(),
            begin: None,
            next: 0,
            found: Vec::new(),
            before_s: 0.0,
        })
    }

    /// Takes samples; returns the length of the gap before them in seconds if it exceeds the
    /// limit.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn push(&mut self, audio: &AudioBuf) -> Result<Option<f64>> {
        if self.begin.is_none() {
            (self.begin, self.next) = (Some(audio.pts), audio.pts);
        }
        let rate = self.format.rate;
        let gap = audio.pts.saturating_sub(self.next);
        let gap_s = gap as f64 / f64::from(rate);
        let skipped = (gap > 0 && !self.gaps.allows(gap_s)).then_some(gap_s);
        if skipped.is_some() {
            self.begin_again(audio.pts)?;
        } else if gap > 0 {
            self.search_silence(usize::try_from(gap).unwrap_or(0))?;
        }
        let view = audio.view().map_err(Failure::internal)?;
        let heard = usize::try_from(gap.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let new = view.slice(heard..usize::MAX);
        self.gaps.count_audio(new.frames() as f64 / f64::from(rate));
        self.search(&new)?;
        Ok(skipped)
    }

    fn search_silence(&mut self, mut missing: usize) -> Result<()> {
        let second = self.format.rate as usize;
        let silence = vec![0i16; missing.min(second) * self.format.channels()];
        while missing > 0 {
            let now = missing.min(second);
            let values = &silence[..now * self.format.channels()];
            let view = AudioView::new(self.format, Samples::S16(values));
            self.search(&view.map_err(Failure::internal)?)?;
            missing -= now;
        }
        Ok(())
    }

    fn search(&mut self, view: &AudioView<'_>) -> Result<()> {
        let Self { detector, segmenter, segments, name, .. } = self;
        detector
            .push(view, |block| segments.extend(segmenter.push(block)))
            .map_err(|error| Failure::new(Kind::Input, format!("{name}: {error}")))?;
        self.next = self.next.saturating_add_unsigned(view.frames() as u64);
        Ok(())
    }

    /// Ends the part before a gap; the next one begins at `pts`.
    fn begin_again(&mut self, pts: i64) -> Result<()> {
        self.finish();
        self.detector = VoiceDetector::new(self.format).map_err(Failure::encoding)?;
        self.segmenter = segmenter(self.options);
        (self.begin, self.next) = (Some(pts), pts);
        Ok(())
    }

    fn finish(&mut self) {
        let Self { detector, segmenter, segments, .. } = self;
        detector.finish(|block| segments.extend(segmenter.push(block)));
        segments.extend(segmenter.finish());
        self.found.extend(self.times());
        self.segments.clear();
        self.before_s += self.stretch_s();
        self.begin = None;
    }

    /// Seconds since the last gap.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn stretch_s(&self) -> f64 {
        (self.next - self.begin.unwrap_or(self.next)) as f64 / f64::from(self.format.rate)
    }

    /// Analysed seconds, without skipped gaps.
    fn duration_s(&self) -> f64 {
        self.before_s + self.stretch_s()
    }

    /// Start and end in seconds since the last gap; the last block may extend beyond the audio.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn times(&self) -> Vec<(f64, f64)> {
        let offset = self.begin.unwrap_or(0) as f64 / f64::from(self.format.rate);
        let end = self.stretch_s();
        let seconds = |samples: u64| offset + (samples as f64 / f64::from(RATE)).min(end);
        self.segments.iter().map(|s| (seconds(s.start), seconds(s.end))).collect()
    }
}

fn segmenter(options: VadOptions) -> Segmenter {
    Segmenter::new(options.threshold, options.min_speech, options.min_pause)
}
