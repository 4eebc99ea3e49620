//! `testsrc:scene=talking-head,size=640x360,fps=30,audio=tone,seed=0`: generated video and audio.

use crate::generate::{AudioGenerator, AudioSignal, Generator, Scene, scene_names};
use codec_core::frame::{Color, ColorRange, PictureInfo, Rational, Size};

use crate::failure::{Failure, Result};
use crate::generate::sources::GeneratedAudio;
use crate::io::audio_input::AudioInput;
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};
use crate::values;

/// Duration of the clip that is rendered before sending, so that rendering takes no time from the
/// encoder; it is then played forwards and backwards.
const CACHE_S: u64 = 2;
const CACHE_BYTES: u64 = 256 << 20;

/// Sample rate of the audio.
const RATE: u32 = 48_000;

/// The generated content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestSource {
    scene: Scene,
    size: Size,
    frame_rate: Rational,
    audio: Option<AudioSignal>,
    seed: u64,
}

impl TestSource {
    /// Parses the text after `testsrc:`.
    ///
    /// # Errors
    /// If the options are invalid.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("invalid testsrc: {what}"));
        let mut source = Self {
            scene: Scene::TalkingHead,
            size: Size::new(640, 360),
            frame_rate: Rational::new(30, 1),
            audio: None,
            seed: 0,
        };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong(format!("{part}: expected NAME=VALUE")))?;
            let refused = |error: String| wrong(format!("{key}={value}: {error}"));
            match key {
                "scene" => {
                    source.scene = Scene::from_name(value).ok_or_else(|| {
                        refused(format!("expected one of {}", scene_names().join(", ")))
                    })?;
                }
                "size" => source.size = values::size(value).map_err(refused)?,
                "fps" => source.frame_rate = values::frame_rate(value).map_err(refused)?,
                "audio" if value == "none" => source.audio = None,
                "audio" => {
                    let found = AudioSignal::from_name(value);
                    source.audio = Some(found.ok_or_else(|| {
                        refused("expected tone, sweep, noise or none".to_owned())
                    })?);
                }
                "seed" => {
                    let seed = value.parse();
                    source.seed = seed.map_err(|_| refused("expected a number".to_owned()))?;
                }
                _ => {
                    return Err(wrong(format!(
                        "unknown option {key}, expected scene, size, fps, audio or seed"
                    )));
                }
            }
        }
        Ok(source)
    }

    /// Returns the endless video.
    pub(crate) fn video(&self) -> Result<Box<dyn FrameSource>> {
        let Self { scene, size, frame_rate, seed, .. } = *self;
        let generator = Generator::new(scene, size, frame_rate, seed)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let per_second = u64::from(frame_rate.num) / u64::from(frame_rate.den.max(1));
        let most = CACHE_BYTES / size.i420_bytes().max(1);
        let count = (per_second * CACHE_S).clamp(2, most.max(2));
        let info = PictureInfo {
            color: Color { range: ColorRange::Limited, ..Color::default() },
            ..PictureInfo::default()
        };
        let mut drawn = Vec::new();
        for index in 0..u32::try_from(count).unwrap_or(2) {
            let mut buffer = Vec::new();
            generator.draw(index, &mut buffer);
            drawn.push(buffer);
        }
        let stream_info = StreamInfo {
            samples: codec_core::frame::SampleFormat::YUV420,
            size,
            time_base: frame_rate.inverse(),
            frame_rate,
            count: None,
            info,
            kind: "testsrc".to_owned(),
            title: None,
        };
        Ok(Box::new(TestVideo { drawn, stream_info, next: 0 }))
    }

    /// Returns the audio, if any, which lasts a day.
    ///
    /// # Errors
    /// If the options are invalid.
    pub fn audio(&self) -> Result<Option<AudioInput>> {
        let audio = match (self.audio, self.scene) {
            (Some(audio), _) => audio,
            (None, Scene::Clapper) => AudioSignal::Clicks,
            (None, _) => return Ok(None),
        };
        let generator = AudioGenerator::new(audio, RATE, self.frame_rate, self.seed)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let samples = u64::from(RATE) * 24 * 3600;
        let reader = Box::new(GeneratedAudio::new(generator, RATE, samples));
        Ok(AudioInput::of(reader, "testsrc".to_owned()))
    }
}

struct TestVideo {
    drawn: Vec<Vec<u8>>,
    stream_info: StreamInfo,
    next: u64,
}

impl FrameSource for TestVideo {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let index = self.next;
        self.next += 1;
        let last = self.drawn.len() as u64 - 1;
        let place = index % (2 * last).max(1);
        let place = if place > last { 2 * last - place } else { place };
        let drawn = usize::try_from(place).ok().and_then(|place| self.drawn.get(place));
        let drawn = drawn.ok_or_else(|| Failure::internal("a frame was not rendered"))?;
        let picture = codec_core::frame::Picture::i420_packed(self.stream_info.size, drawn);
        let picture = picture.map_err(Failure::internal)?.with_info(self.stream_info.info);
        let pts = i64::try_from(index).unwrap_or(i64::MAX);
        Ok(Some(SourceFrame { picture, pts, duration: Some(1) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_parsed_and_plays_forwards_and_backwards() {
        let source = TestSource::parse("size=32x16,fps=2,audio=tone,scene=clapper").unwrap();
        assert!(source.audio().unwrap().is_some());
        let mut video = source.video().unwrap();
        for index in 0..20 {
            assert_eq!(video.next().unwrap().unwrap().pts, index);
        }
        for wrong in ["size", "size=0x4", "scene=nosuch", "fps=x", "audio=music", "seed=-1", "x=1"]
        {
            assert!(TestSource::parse(wrong).is_err(), "{wrong}");
        }
    }
}
