//! Opens an input for its video, its audio or both.

use codec_container::{FileMetadata, Input, PacketReader, TrackKind};

use super::audio_input::AudioInput;
use super::audio_track::{AudioTrackChoice, named};
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

/// Video, audio or both: the media that a caller requests (at least one), or the media that an
/// input has.
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
    let audio_tracks = if wants.audio { audio_tracks(&*reader, spec) } else { Vec::new() };
    let has_audio = !audio_tracks.is_empty();
    let (video, audio) = match (video_track, has_audio) {
        (Some(_), false) => (Some(reader), Vec::new()),
        (video_track, true) => {
            let tracks: Vec<usize> = video_track.into_iter().chain(audio_tracks).collect();
            let mut readers = separate(reader, &tracks, spec, env)?;
            let audio = readers.split_off(usize::from(video_track.is_some()));
            (readers.pop(), audio)
        }
        (None, false) => {
            if let Some(failure) = lost_audio {
                return Err(failure);
            }
            // Other options, or the format of the output, exclude audio that the input has.
            let unused = options.advice.unused_audio.filter(|_| available.audio);
            let missing = match (wants.video, unused) {
                (true, Some((why, help))) => format!("no video, and {why}\nhelp: {help}"),
                (true, None) => "no video".to_owned(),
                _ => "no audio".to_owned(),
            };
            return Err(Failure::new(Kind::Input, format!("{}: {missing}", spec.name())));
        }
    };
    let video = video.map(|reader| {
        let source = DecodedSource::new(reader, spec, options, env)?;
        video::finished(Box::new(source), spec, options, env)
    });
    let video = video.transpose()?;
    let audio = audio_of(audio, spec)?;
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

/// Returns `media` of `spec` with the audio of other inputs, whose time 0 is time 0 of the video: the audio of `from`
/// instead of its own, followed by the audio of `added`. It is cut where the video is cut.
///
/// # Errors
/// If there is no video, or another input cannot be read or has no audio.
pub(crate) fn with_audio_of(
    media: Media,
    spec: &InputSpec,
    (from, added): (Option<&InputSpec>, &[InputSpec]),
    options: &DecodeOptions,
    env: &Env,
) -> Result<Media> {
    let Some(first) = from.or(added.first()) else { return Ok(media) };
    let Media { video: Some(video), audio, available, .. } = media else {
        let (name, other) = (spec.name(), first.name());
        let message = format!("the audio of {other} requires video, and {name} has none");
        return Err(Failure::usage(message));
    };
    let mut tracks: Vec<_> = audio.into_iter().flat_map(AudioInput::each).collect();
    for other in from.into_iter().chain(added) {
        let range = AudioRange::of(spec.cut, video.start_ns());
        let audio = match other_audio(other, options, env)? {
            audio if spec.cut.is_whole() => Some(audio),
            audio => cut_audio(audio, range, env)?,
        };
        tracks.extend(audio.into_iter().flat_map(AudioInput::each));
    }
    if let Some(from) = from.filter(|_| available.audio) {
        let (name, other) = (spec.name(), from.name());
        env.events.note(format!("the audio of {name} is replaced by that of {other}"));
    }
    let available = MediaSelection { video: true, audio: true };
    Ok(Media { video: Some(video), audio: AudioInput::together(tracks), available, ..media })
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
    let tracks = opened.audio.ok_or_else(missing)?.each().into_iter();
    let others = tracks.map(|track| AudioInput { is_other: true, ..track }).collect();
    AudioInput::together(others).ok_or_else(missing)
}

/// The numbers of the audio tracks that are used.
pub(crate) fn audio_tracks(reader: &dyn PacketReader, spec: &InputSpec) -> Vec<usize> {
    let tracks = reader.tracks().iter().enumerate();
    let audio = tracks.filter(|(_, track)| track.audio().is_some()).map(|(number, _)| number);
    let count = if spec.audio == AudioTrackChoice::All { usize::MAX } else { 1 };
    audio.take(count).collect()
}

/// The audio of readers of one track each: of all audio tracks, in order, or of the one that is used.
pub(crate) fn audio_of(
    readers: Vec<Box<dyn PacketReader>>,
    spec: &InputSpec,
) -> Result<Option<AudioInput>> {
    let mut tracks = Vec::new();
    for (number, reader) in (1..).zip(readers) {
        let reader = match number {
            1 => reader,
            // Each reader has the descriptions of all tracks.
            number => AudioTrackChoice::Number(number).apply(reader, &spec.name())?,
        };
        tracks.extend(AudioInput::of(reader, spec.name()));
    }
    Ok(AudioInput::together(tracks))
}

/// Names the tracks that are not used, if there is more than one of a kind.
pub(crate) fn warn_of_further_tracks(
    reader: &dyn PacketReader,
    wants: MediaSelection,
    spec: &InputSpec,
    env: &Env,
) {
    let name = spec.name();
    let video = reader.tracks().iter().filter(|track| track.video().is_some()).count();
    let audio = reader.tracks().iter().filter(|track| track.audio().is_some()).count();
    if wants.video && video > 1 {
        env.events.warn(format!("{name}: using the first of {video} video tracks"));
    }
    // The chosen track has the number of the first one.
    if wants.audio && audio > 1 && spec.audio == AudioTrackChoice::First {
        let others = named(reader, |number| number > 1);
        env.events.warn(format!("{name}: using the first of {audio} audio tracks, not {others}"));
    }
}

/// Returns a reader for each of some tracks. A file is opened for each, so that no packets wait in
/// memory; a pipe is shared.
///
/// # Errors
/// If the file cannot be opened again.
pub(crate) fn separate(
    reader: Box<dyn PacketReader>,
    tracks: &[usize],
    spec: &InputSpec,
    env: &Env,
) -> Result<Vec<Box<dyn PacketReader>>> {
    if tracks.len() > 1 && !spec.is_file() {
        let readers = demux::split(reader, tracks).into_iter();
        return Ok(readers.map(|track| Box::new(track) as _).collect());
    }
    let changed = || Failure::new(Kind::Input, format!("{}: changed while reading", spec.name()));
    let mut readers = vec![reader];
    while readers.len() < tracks.len() {
        readers.push(spec.reopen(env).ok_or_else(changed)?);
    }
    for (reader, track) in readers.iter_mut().zip(tracks) {
        reader.select(&[*track]);
    }
    Ok(readers)
}
