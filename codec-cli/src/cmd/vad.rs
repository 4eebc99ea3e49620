//! `codec vad`.

use crate::Env;
use crate::args::raw::VadArgs;
use crate::failure::Result;

/// Finds speech in the sound of a file.
#[cfg(not(feature = "vad"))]
pub(crate) fn run(_args: &VadArgs, _env: Env) -> Result<()> {
    use crate::failure::{Failure, Kind};
    Err(Failure::new(Kind::Backend, "finding speech needs the feature `vad`"))
}

/// Finds speech in the sound of a file.
#[cfg(feature = "vad")]
pub(crate) fn run(args: &VadArgs, env: Env) -> Result<()> {
    use crate::failure::Failure;
    if !(0.0..=1.0).contains(&args.threshold) {
        return Err(Failure::usage("--threshold is a probability, 0 to 1"));
    }
    found::run(args, env)
}

#[cfg(feature = "vad")]
mod found {
    use codec_core::audio::vad::{RATE, Segment, Segmenter, VoiceDetector};
    use codec_core::audio::{AudioBuf, AudioFormat, AudioView, SampleKind, Samples};

    use crate::Env;
    use crate::args::raw::VadArgs;
    use crate::audio::source::{SoundOptions, SoundSource};
    use crate::failure::{Failure, Kind, Result};
    use crate::io::input::InputSpec;
    use crate::io::output::print;
    use crate::json::{self, Object};

    /// Longest gap that is taken for silence, in seconds.
    const LONGEST_GAP_S: i64 = 86_400;

    pub(super) fn run(args: &VadArgs, env: Env) -> Result<()> {
        let spec = InputSpec::from(&args.input);
        let options = SoundOptions { limits: spec.limits, ..SoundOptions::default() };
        let mut source = SoundSource::open(&spec, &options, env)?;
        let mut search = Search::new(args, source.format())?;
        let mut sound = AudioBuf::new(source.format(), SampleKind::F32);
        while source.read(&mut sound)? {
            search.push(&sound, &spec.name())?;
        }
        search.finish();
        print(&if args.json { search.json() } else { search.text() })
    }

    struct Search {
        format: AudioFormat,
        detector: VoiceDetector,
        segmenter: Segmenter,
        segments: Vec<Segment>,
        /// Time of the first sample and after the last, in samples.
        begin: Option<i64>,
        next: i64,
    }

    impl Search {
        fn new(args: &VadArgs, format: AudioFormat) -> Result<Self> {
            let detector = VoiceDetector::new(format).map_err(|error| Failure::encoding(&error))?;
            let segmenter = Segmenter::new(args.threshold, args.min_speech, args.min_pause);
            Ok(Self { format, detector, segmenter, segments: Vec::new(), begin: None, next: 0 })
        }

        fn push(&mut self, sound: &AudioBuf, name: &str) -> Result<()> {
            if self.begin.is_none() {
                (self.begin, self.next) = (Some(sound.pts), sound.pts);
            }
            let rate = self.format.rate;
            let gap = sound.pts.saturating_sub(self.next);
            if gap > LONGEST_GAP_S * i64::from(rate) {
                let message = format!("{name}: a gap of {} s in the sound", gap / i64::from(rate));
                return Err(Failure::new(Kind::Corrupt, message));
            }
            let mut missing = usize::try_from(gap).unwrap_or(0);
            let silence = vec![0i16; missing.min(rate as usize) * self.format.channels()];
            while missing > 0 {
                let now = missing.min(rate as usize);
                let values = &silence[..now * self.format.channels()];
                let view = AudioView::new(self.format, Samples::S16(values));
                self.search(&view.map_err(Failure::internal)?, name)?;
                missing -= now;
            }
            let view = sound.view().map_err(Failure::internal)?;
            let heard = usize::try_from(gap.min(0).unsigned_abs()).unwrap_or(usize::MAX);
            self.search(&view.slice(heard..usize::MAX), name)
        }

        fn search(&mut self, view: &AudioView<'_>, name: &str) -> Result<()> {
            let Self { detector, segmenter, segments, .. } = self;
            detector
                .push(view, |block| segments.extend(segmenter.push(block)))
                .map_err(|error| Failure::new(Kind::Input, format!("{name}: {error}")))?;
            self.next = self.next.saturating_add_unsigned(view.frames() as u64);
            Ok(())
        }

        fn finish(&mut self) {
            let Self { detector, segmenter, segments, .. } = self;
            detector.finish(|block| segments.extend(segmenter.push(block)));
            segments.extend(segmenter.finish());
        }

        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        fn duration_s(&self) -> f64 {
            (self.next - self.begin.unwrap_or(self.next)) as f64 / f64::from(self.format.rate)
        }

        /// Begin and end in seconds; the last block may reach beyond the sound.
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        fn times(&self) -> Vec<(f64, f64)> {
            let offset = self.begin.unwrap_or(0) as f64 / f64::from(self.format.rate);
            let end = self.duration_s();
            let seconds = |samples: u64| offset + (samples as f64 / f64::from(RATE)).min(end);
            self.segments.iter().map(|s| (seconds(s.start), seconds(s.end))).collect()
        }

        fn speech_s(&self) -> f64 {
            self.times().iter().map(|(start, end)| end - start).sum()
        }

        fn share(&self) -> f64 {
            let duration = self.duration_s();
            if duration > 0.0 { self.speech_s() / duration } else { 0.0 }
        }

        fn text(&self) -> String {
            let lines = self.times().into_iter().map(|(s, e)| format!("{s:.3} {e:.3}\n"));
            let (speech, duration) = (self.speech_s(), self.duration_s());
            let share = 100.0 * self.share();
            let last = format!("speech {speech:.3} s of {duration:.3} s, {share:.1} %\n");
            lines.chain([last]).collect()
        }

        fn json(&self) -> String {
            let segments = self.times().into_iter().map(|(start, end)| {
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
}
