//! Files, pipes, generated clips and cameras as streams of `codec_net`'s server.

mod audio;
mod losses;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Env;
use crate::cut::Cut;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::InputSpec;
use crate::io::media::MediaSelection;
use crate::io::names::is_pipe;
use crate::io::source::FrameSource;
use crate::io::unreadable::Advice;
use crate::live::media::{Live, LiveMedia};
use crate::live::source::{LiveSource, capture_text, not_a_file};
use codec_core::codec::{Bitrate, Limits, Scalability};
use codec_core::frame::{Rational, Size};
use codec_net::server::{LocalMedia, LocalSource, SourceFrame, VideoSource};

use losses::LossReport;

/// Name of a stream whose input has no file name.
const DEFAULT_NAME: &str = "live";

/// How sources are published.
#[derive(Clone, Copy, Debug)]
pub struct PublishOptions {
    /// The part of each file that is published.
    pub cut: Cut,
    /// Whether each file, or its `cut`, starts again when it ends.
    pub repeat: bool,
    /// Bitrate of the video.
    pub bitrate: Bitrate,
    /// Bitrate of the audio. Default: 64 kb/s, or the input's Opus packets without re-encoding.
    pub audio_bitrate: Option<Bitrate>,
    /// Whether sources are published without audio.
    pub no_audio: bool,
    /// Speed of the video encoder: 0 (best quality) to 10 (fastest).
    pub speed: u8,
}

/// Returns the source for `[NAME=]IN`, where IN is a file, `-`, `testsrc:...` or `v4l2:...`. Pass
/// it to [`codec_net::server::Server::add_source`].
///
/// # Errors
/// If the input cannot be opened or has no video. Standard input is not checked in advance.
pub fn source(text: &str, options: &PublishOptions, env: &Env) -> Result<LocalSource> {
    let (name, input) = match text.split_once('=') {
        Some((name, input)) if codec_net::server::room::is_name(name) => (Some(name), input),
        _ => (None, text),
    };
    let cut = options.cut;
    let live = LiveSource::of(InputSpec { cut, ..InputSpec::new(input, Limits::default()) })?;
    let is_file = matches!(live, LiveSource::File(_));
    let is_pipe = is_file && is_pipe(Path::new(input));
    if is_pipe && !cut.is_whole() {
        return Err(not_a_file("standard input"));
    }
    let repeat = matches!(live, LiveSource::Test(_)) || options.repeat && is_file && !is_pipe;
    // A copied packet of audio can begin before the part.
    let bitrate = options.audio_bitrate.or(cut.from.map(|_| audio::DEFAULT_BITRATE));
    let mut opener = Opener { live, bitrate, sound: !options.no_audio, env: env.clone() };
    // Report an input that cannot be opened before the server starts.
    let sound = if is_pipe { false } else { opener.check()? };
    Ok(LocalSource {
        name: name.map_or_else(|| name_of(input), str::to_owned),
        open: Box::new(move || opener.open().map_err(|failure| failure.message)),
        audio: sound,
        repeat,
        bitrate: options.bitrate,
        speed: options.speed,
        layers: Scalability::L1T3,
    })
}

/// Derives a stream name from a file name.
fn name_of(input: &str) -> String {
    let stem = Path::new(input).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(64)
        .collect();
    let has_name = !input.starts_with("testsrc:") && capture_text(input).is_none();
    let usable = codec_net::server::room::is_name(&name) && name != "-" && has_name;
    if usable { name } else { DEFAULT_NAME.to_owned() }
}

/// Opens an input repeatedly.
struct Opener {
    live: LiveSource,
    bitrate: Option<Bitrate>,
    /// Whether audio is wanted and available.
    sound: bool,
    env: Env,
}

impl Opener {
    /// Checks the input; returns whether it has audio.
    fn check(&mut self) -> Result<bool> {
        // Generated frames need no check and take long to render.
        let media = if let LiveSource::Test(source) = &self.live {
            let sound = source.audio()?.filter(|_| self.sound);
            LiveMedia { video: None, audio: sound, live: None }
        } else {
            let media = self.media()?;
            if media.video.is_none() {
                return Err(self.no_video());
            }
            media
        };
        let Some(input) = media.audio else {
            self.sound = false;
            return Ok(false);
        };
        let name = self.live.name();
        let (_, text) =
            audio::open(input, media.live, self.bitrate, self.live.limits(), &self.env)?;
        self.env.events.note(format!("{name}: audio: {text}"));
        Ok(true)
    }

    fn no_video(&self) -> Failure {
        Failure::new(Kind::Input, format!("{}: no video", self.live.name()))
    }

    fn media(&self) -> Result<LiveMedia> {
        let wants = MediaSelection { video: true, audio: self.sound };
        self.live.open(wants, None, Advice::NO_AUDIO, &self.env)
    }

    fn open(&mut self) -> Result<LocalMedia> {
        let LiveMedia { video, audio: sound, live } = self.media()?;
        let video = video.ok_or_else(|| self.no_video())?;
        let mut media = LocalMedia::video_only(Video {
            video,
            live: live.clone(),
            report: live.clone().map(|live| LossReport::new(live, self.live.name(), &self.env)),
        });
        if let Some(input) = sound {
            match audio::open(input, live, self.bitrate, self.live.limits(), &self.env) {
                Ok((sound, _)) => media.audio = Some(Box::new(sound)),
                Err(failure) => {
                    let (name, message) = (self.live.name(), failure.message);
                    self.env.events.warn(format!("{name}: publishing video only: {message}"));
                    self.sound = false;
                }
            }
        }
        Ok(media)
    }
}

struct Video {
    video: Box<dyn FrameSource>,
    live: Option<Arc<dyn Live>>,
    report: Option<LossReport>,
}

impl VideoSource for Video {
    fn size(&self) -> Size {
        self.video.stream_info().size
    }

    fn rate(&self) -> Option<Rational> {
        Some(self.video.stream_info().frame_rate)
    }

    fn wait(&mut self, most: Duration) -> std::result::Result<bool, String> {
        self.video.wait(most).map_err(|failure| failure.message)
    }

    fn next(&mut self) -> std::result::Result<Option<SourceFrame<'_>>, String> {
        let Self { video, live, report } = self;
        report.iter_mut().for_each(LossReport::report_if_due);
        let tick_s = video.stream_info().time_base.as_f64();
        let shot = video.next().map_err(|failure| failure.message)?;
        Ok(shot.map(|shot| {
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let seconds = shot.pts as f64 * tick_s;
            let since = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).ok();
            let age = live.as_ref().and_then(|live| since(live.now_s() - seconds));
            SourceFrame { picture: shot.picture, time: since(seconds), age }
        }))
    }
}
