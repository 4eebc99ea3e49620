//! `codec vad`.

use codec_media::Env;
use codec_media::failure::Result;

use crate::args::mix::VadArgs;

/// Detects speech in the audio of a file.
#[cfg(not(feature = "vad"))]
pub(crate) fn run(_args: &VadArgs, _env: &Env) -> Result<()> {
    use codec_media::failure::{Failure, Kind};
    Err(Failure::new(Kind::Backend, "speech detection requires the feature `vad`"))
}

/// Detects speech in the audio of a file.
#[cfg(feature = "vad")]
pub(crate) fn run(args: &VadArgs, env: &Env) -> Result<()> {
    use codec_media::failure::Failure;
    if !(0.0..=1.0).contains(&args.threshold) {
        return Err(Failure::usage("invalid --threshold: expected a probability, 0 to 1"));
    }
    found::run(args, env)
}

#[cfg(feature = "vad")]
mod found {
    use codec_audio::vad::{RATE, Segment, Segmenter, VoiceDetector};
    use codec_audio::{AudioBuf, AudioFormat, AudioView, SampleKind, Samples};

    use crate::args::mix::VadArgs;
    use codec_media::Env;
    use codec_media::audio::gap::GapLimit;
    use codec_media::audio::source::{AudioDecodeOptions, AudioSource};
    use codec_media::failure::{Failure, Kind, Result};
    use codec_media::io::input::InputSpec;
    use codec_media::io::output::print;
    use codec_media::json::{self, Object};

    pub(super) fn run(args: &VadArgs, env: &Env) -> Result<()> {
        let spec = InputSpec::from(&args.input);
        let options = AudioDecodeOptions { limits: spec.limits, ..AudioDecodeOptions::default() };
        let mut source = AudioSource::open(&spec, &options, env)?;
        let mut search = Search::new(args, source.format(), source.gap_limit(), spec.name())?;
        let mut sound = AudioBuf::new(source.format(), SampleKind::F32);
        while source.read(&mut sound)? {
            if let Some(gap_s) = search.push(&sound)? {
                let name = &search.name;
                env.console.warn(format!("{name}: skipped a gap of {gap_s:.3} s in the audio"));
            }
        }
        search.finish();
        print(&if args.json { search.json() } else { search.text() })
    }

    struct Search<'a> {
        args: &'a VadArgs,
        format: AudioFormat,
        name: String,
        gaps: GapLimit,
        detector: VoiceDetector,
        segmenter: Segmenter,
        segments: Vec<Segment>,
        /// Times of the first sample since the last gap and of the end, in samples.
        begin: Option<i64>,
        next: i64,
        /// For each part before the last gap: seconds of speech, and its duration.
        found: Vec<(f64, f64)>,
        before_s: f64,
    }

    impl<'a> Search<'a> {
        fn new(
            args: &'a VadArgs,
            format: AudioFormat,
            gaps: GapLimit,
            name: String,
        ) -> Result<Self> {
            let detector = VoiceDetector::new(format).map_err(|error| Failure::encoding(&error))?;
            Ok(Self {
                args,
                format,
                name,
                gaps,
                detector,
                segmenter: segmenter(args),
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
        fn push(&mut self, sound: &AudioBuf) -> Result<Option<f64>> {
            if self.begin.is_none() {
                (self.begin, self.next) = (Some(sound.pts), sound.pts);
            }
            let rate = self.format.rate;
            let gap = sound.pts.saturating_sub(self.next);
            let gap_s = gap as f64 / f64::from(rate);
            let skipped = (gap > 0 && !self.gaps.allows(gap_s)).then_some(gap_s);
            if skipped.is_some() {
                self.begin_again(sound.pts)?;
            } else if gap > 0 {
                self.search_silence(usize::try_from(gap).unwrap_or(0))?;
            }
            let view = sound.view().map_err(Failure::internal)?;
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
            self.detector =
                VoiceDetector::new(self.format).map_err(|error| Failure::encoding(&error))?;
            self.segmenter = segmenter(self.args);
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

        fn speech_s(&self) -> f64 {
            self.found.iter().map(|(start, end)| end - start).sum()
        }

        fn share(&self) -> f64 {
            let duration = self.duration_s();
            if duration > 0.0 { self.speech_s() / duration } else { 0.0 }
        }

        fn text(&self) -> String {
            let lines = self.found.iter().map(|(s, e)| format!("{s:.3} {e:.3}\n"));
            let (speech, duration) = (self.speech_s(), self.duration_s());
            let share = 100.0 * self.share();
            let last = format!("speech {speech:.3} s of {duration:.3} s, {share:.1} %\n");
            lines.chain([last]).collect()
        }

        fn json(&self) -> String {
            let segments = self.found.iter().map(|&(start, end)| {
                Object::new().float("start_s", start).float("end_s", end).finish()
            });
            let object = Object::new()
                .float("duration_s", self.duration_s())
                .float("speech_s", self.speech_s())
                .float("speech_share", self.share())
                .raw("segments", json::array(segments));
            format!("{}\n", object.finish())
        }
    }

    fn segmenter(args: &VadArgs) -> Segmenter {
        Segmenter::new(args.threshold, args.min_speech, args.min_pause)
    }
}
