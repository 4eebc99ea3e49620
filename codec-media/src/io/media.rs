//! Opens an input for its video, its audio or both.

use codec_container::{FileMetadata, Input, PacketReader, TrackKind};

use super::audio_input::AudioInput;
use super::audio_track::AudioTrackChoice;
use super::cut_audio::{AudioRange, cut_audio, only_audio};
use super::decoded::{DecodeOptions, DecodedSource};
use super::demux;
use super::input::{InputSpec, Opened};
use super::metadata::part_of;
use super::source::FrameSource;
use super::unreadable::{is_lost, missing};
use super::video;
use crate::Env;
use crate::failure::{Failure, Kind, Result};

/// Video, audio or both: the requested media (at least one), or those of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSelection {
    /// Video.
    pub video: bool,
    /// Audio.
    pub audio: bool,
}

/// The wanted media of an input.
pub struct Media {
    /// Decoded video.
    pub video: Option<Box<dyn FrameSource>>,
    /// The audio track.
    pub audio: Option<AudioInput>,
    /// Tags and chapters of the part that is read, with its times.
    pub metadata: FileMetadata,
    /// The media of the input, wanted or not.
    pub available: MediaSelection,
    /// Set if audio was wanted and the only audio track cannot be read.
    pub(crate) lost_audio: Option<Failure>,
}

impl Media {
    /// Returns itself, or an error if wanted audio is lost.
    ///
    /// # Errors
    /// If audio was wanted and the only audio track cannot be read.
    pub fn complete(self) -> Result<Self> {
        match self.lost_audio {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }
}

/// Opens an input.
///
/// # Errors
/// If the input cannot be opened or lacks the requested tracks.
pub fn open(
    spec: &InputSpec,
    wants: MediaSelection,
    options: &DecodeOptions,
    env: &Env,
) -> Result<Media> {
    let reader = match spec.open(env)? {
        Opened::Container(Input::Packets(reader)) => reader,
        _ if !wants.video => {
            return Err(Failure::new(Kind::Input, format!("{}: no audio track", spec.name())));
        }
        other => {
            let video = Some(video::of(other, spec, options, env)?);
            let available = MediaSelection { video: true, audio: false };
            let metadata = FileMetadata::default();
            return Ok(Media { video, audio: None, metadata, available, lost_audio: None });
        }
    };
    let name = spec.name();
    if wants.video && is_lost(&*reader, TrackKind::Video) {
        return Err(missing(&*reader, TrackKind::Video, &name, options.advice));
    }
    let lost_audio = (wants.audio && is_lost(&*reader, TrackKind::Audio))
        .then(|| missing(&*reader, TrackKind::Audio, &name, options.advice));
    warn_of_further_tracks(&*reader, wants, spec, env);
    let available =
        MediaSelection { video: reader.video().is_some(), audio: reader.audio().is_some() };
    let whole = reader.metadata().clone();
    let video_track = reader.video().map(|(number, _)| number).filter(|_| wants.video);
    let audio_track = reader.audio().map(|(number, _)| number).filter(|_| wants.audio);
    let (video, audio) = match (video_track, audio_track) {
        (Some(video_track), Some(audio_track)) => {
            let [video, audio] = separate(reader, [video_track, audio_track], spec, env)?;
            (Some(video), Some(audio))
        }
        (Some(_), None) => (Some(reader), None),
        (None, Some(_)) => (None, Some(reader)),
        (None, None) => {
            if let Some(failure) = lost_audio {
                return Err(failure);
            }
            let missing = match (wants.video, available.audio) {
                (true, true) => {
                    "no video, and its audio is not used: --no-audio or --audio-from is given, or the \
                     output cannot hold audio"
                }
                (true, false) => "no video",
                _ => "no audio",
            };
            return Err(Failure::new(Kind::Input, format!("{}: {missing}", spec.name())));
        }
    };
    let video = video.map(|reader| {
        let source = DecodedSource::new(reader, spec, options, env)?;
        video::finished(Box::new(source), spec, options, env)
    });
    let video = video.transpose()?;
    let audio = audio.and_then(|reader| AudioInput::of(reader, spec.name()));
    let audio = match (audio, &video) {
        (Some(audio), None) => Some(only_audio(audio, spec.cut, env)?),
        (Some(audio), Some(video)) if !spec.cut.is_whole() => {
            cut_audio(audio, AudioRange::of(spec.cut, video.start_ns()), env)?
        }
        (audio, _) => audio,
    };
    // Without a cut, times stay as they are; the reader of cut audio has the metadata of its part.
    let start_ns = video.as_ref().and_then(|video| video.start_ns());
    let origin_ns = start_ns.filter(|_| !spec.cut.keep_times).unwrap_or(0);
    let metadata = part_of(&whole, spec.cut, origin_ns);
    Ok(Media { video, audio, metadata, available, lost_audio })
}

/// Returns `media` with the audio of another input, whose time 0 is that of the video. It is cut where the video is.
///
/// # Errors
/// If there is no video, or the other input cannot be read or has no audio.
pub(crate) fn with_audio_of(
    media: Media,
    [video_spec, audio_spec]: [&InputSpec; 2],
    options: &DecodeOptions,
    env: &Env,
) -> Result<Media> {
    let Media { video: Some(video), metadata, available, .. } = media else {
        let message = format!("--audio-from requires video, and {} has none", video_spec.name());
        return Err(Failure::usage(message));
    };
    let audio = other_audio(audio_spec, options, env)?;
    let cut = video_spec.cut;
    let audio = if cut.is_whole() {
        Some(audio)
    } else {
        cut_audio(audio, AudioRange::of(cut, video.start_ns()), env)?
    };
    if available.audio {
        let (name, other) = (video_spec.name(), audio_spec.name());
        env.events.note(format!("the audio of {name} is replaced by that of {other}"));
    }
    let available = MediaSelection { video: true, audio: true };
    Ok(Media { video: Some(video), audio, metadata, available, lost_audio: None })
}

/// Opens the audio of an input that is used with the video of another one.
///
/// # Errors
/// If the input cannot be read or has no audio.
pub(crate) fn other_audio(
    spec: &InputSpec,
    options: &DecodeOptions,
    env: &Env,
) -> Result<AudioInput> {
    let wants = MediaSelection { video: false, audio: true };
    let opened = open(spec, wants, options, env)?.complete()?;
    let missing = || Failure::new(Kind::Input, format!("{}: no audio track", spec.name()));
    opened.audio.ok_or_else(missing)
}

/// Warns if there is more than one track of a kind, because only one is used.
fn warn_of_further_tracks(
    reader: &dyn PacketReader,
    wants: MediaSelection,
    spec: &InputSpec,
    env: &Env,
) {
    let name = spec.name();
    let wants_first = wants.audio && spec.audio == AudioTrackChoice::First;
    let video = reader.tracks().iter().filter(|track| track.video().is_some()).count();
    let audio = reader.tracks().iter().filter(|track| track.audio().is_some()).count();
    for (wanted, count, kind) in [(wants.video, video, "video"), (wants_first, audio, "audio")] {
        if wanted && count > 1 {
            env.events.warn(format!("{name}: using the first of {count} {kind} tracks"));
        }
    }
}

/// Returns a reader for each of two tracks. A file is opened twice, so that no packets wait in
/// memory; a pipe is shared.
pub(crate) fn separate(
    mut reader: Box<dyn PacketReader>,
    tracks: [usize; 2],
    spec: &InputSpec,
    env: &Env,
) -> Result<[Box<dyn PacketReader>; 2]> {
    if !spec.is_file() {
        return Ok(demux::split(reader, tracks).map(|track| Box::new(track) as _));
    }
    let Some(mut second) = spec.reopen(env) else {
        return Err(Failure::new(Kind::Input, format!("{}: changed while reading", spec.name())));
    };
    reader.select(&tracks[..1]);
    second.select(&tracks[1..]);
    Ok([reader, second])
}
