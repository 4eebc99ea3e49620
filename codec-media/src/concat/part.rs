//! One input of a joined file, and the times at which it begins and ends.

use std::path::Path;

use codec_container::{AudioTrack, CodedPacket, FileMetadata, Input, Track, TrackKind, VideoTrack};
use codec_core::codec::Limits;
use codec_core::frame::{Rational, Rotation, Size};

use crate::Env;
use crate::cut::ticks_to_ns;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_track::AudioTrackChoice;
use crate::io::decoded::DecodeOptions;
use crate::io::hidden::is_hidden;
use crate::io::input::{InputSpec, Opened};
use crate::io::key_frame::is_entry;
use crate::io::media::{MediaSelection, audio_tracks, warn_of_further_tracks};
use crate::io::names::is_pipe;
use crate::io::unreadable::{Advice, is_lost, missing};
use crate::io::video;

/// Times between which a track presents something, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

impl Extent {
    pub(super) fn length_ns(self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns).max(0)
    }
}

/// An input and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) spec: InputSpec,
    /// Size and frame rate of the video.
    pub(super) video: Option<(Size, Rational)>,
    /// The title of the video track.
    pub(super) title: Option<String>,
    /// By how much frames are rotated when they are shown.
    pub(super) rotation: Rotation,
    /// The video track, if the video is coded and begins with a key frame.
    pub(super) coded: Option<VideoTrack>,
    /// The frames that the input hides although decoding needs them.
    pub(super) hidden: Hidden,
    /// The audio tracks that are used.
    pub(super) audio: Vec<PartAudio>,
    /// The extent of the video, or else of the first audio track; up to the damage, if there is any.
    pub(super) extent: Extent,
    /// The error at which its packets end.
    pub(super) damage: Option<Failure>,
    /// Tags and chapters, with the times of the input.
    metadata: FileMetadata,
}

/// Numbers of frames that an input hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    /// Before the first frame that is shown.
    pub(super) at_start: u64,
    pub(super) later: u64,
}

impl Hidden {
    /// Counts frames at these times; `first` is that of the first frame that is shown.
    fn new(times: &[i64], first: Option<i64>) -> Self {
        let is_early = |time: &&i64| first.is_some_and(|first| **time < first);
        let (all, at_start) = (times.len(), times.iter().filter(is_early).count());
        Self { at_start: at_start as u64, later: (all - at_start) as u64 }
    }
}

/// An audio track of an input.
#[derive(Clone, Debug)]
pub(super) struct PartAudio {
    pub(super) track: AudioTrack,
    /// `None` if it has no packets.
    pub(super) extent: Option<Extent>,
}

impl Part {
    /// Inspects an input. `audio` chooses the audio tracks; `None`: no audio is needed.
    pub(super) fn open(
        path: &Path,
        limits: Limits,
        audio: Option<&AudioTrackChoice>,
        env: &Env,
    ) -> Result<Self> {
        let wants_audio = audio.is_some();
        let audio = audio.cloned().unwrap_or_default();
        let spec = InputSpec { audio, ..InputSpec::new(path, limits) };
        if is_pipe(path) {
            let message = "concat requires files, which are read several times";
            return Err(Failure::usage(message));
        }
        match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) => {
                if is_lost(&*reader, TrackKind::Video) {
                    let name = spec.name();
                    return Err(missing(&*reader, TrackKind::Video, &name, Advice::FLAGS));
                }
                if wants_audio && is_lost(&*reader, TrackKind::Audio) {
                    let name = spec.name();
                    return Err(missing(&*reader, TrackKind::Audio, &name, Advice::FLAGS));
                }
                let wants = MediaSelection { video: true, audio: wants_audio };
                warn_of_further_tracks(&*reader, wants, &spec, env);
                Self::coded(reader, spec, wants_audio, env)
            }
            Opened::Still(..) => {
                let message = format!("{}: still images cannot be joined", spec.name());
                Err(Failure::new(Kind::Usage, message))
            }
            _ => Self::raw(spec, env),
        }
    }

    /// Reads the packets of a file, without decoding them, to find out when its tracks begin and
    /// end.
    fn coded(
        mut reader: Box<dyn codec_container::PacketReader>,
        spec: InputSpec,
        wants_audio: bool,
        env: &Env,
    ) -> Result<Self> {
        let metadata = reader.metadata().clone();
        let video = reader.video().map(|(number, track)| (number, track.clone()));
        let chosen = if wants_audio { audio_tracks(&*reader, &spec) } else { Vec::new() };
        let numbers: Vec<_> = video.iter().map(|(number, _)| *number).chain(chosen).collect();
        reader.select(&numbers);
        let mut spans: Vec<_> = (numbers.iter())
            .filter_map(|number| Some((*number, reader.tracks().get(*number)?.clone())))
            .map(|(number, track)| (number, Span::new(track.time_base()), track))
            .collect();
        let mut packet = CodedPacket::default();
        let (mut begins_with_key, mut hidden) = (None, Vec::new());
        let mut damage = None;
        loop {
            match reader.read(&mut packet).map_err(|error| Failure::reading(&spec.name(), error)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if failure.kind == Kind::Corrupt => {
                    damage = Some(failure);
                    break;
                }
                Err(failure) => return Err(failure),
            }
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let found = spans.iter_mut().find(|(number, ..)| *number == packet.track);
            let Some((_, span, track)) = found else { continue };
            if let Some(video) = track.video() {
                begins_with_key.get_or_insert_with(|| is_entry(video.codec, &packet));
                if is_hidden(video.codec, &packet) {
                    hidden.push(packet.pts);
                }
            }
            span.add(&packet);
        }
        let (mut video_extent, mut first_shown) = (None, None);
        let mut audio = Vec::new();
        for (_, span, track) in spans {
            let extent = span.extent();
            match track {
                Track::Audio(track) => audio.push(PartAudio { track, extent }),
                _ => (video_extent, first_shown) = (extent, span.first),
            }
        }
        let of_audio = || audio.iter().find_map(|audio| audio.extent);
        let Some(extent) = video_extent.or_else(of_audio) else {
            if let Some(damage) = damage {
                return Err(damage);
            }
            return Err(Failure::new(Kind::Input, format!("{}: no video or audio", spec.name())));
        };
        let hidden = Hidden::new(&hidden, first_shown);
        let title = video.as_ref().and_then(|(_, track)| track.name.clone());
        let track = video.map(|(_, track)| track);
        let stated = match &track {
            None => None,
            // The frames may differ from what the container states.
            Some(_) => {
                let options = DecodeOptions { limits: spec.limits, ..DecodeOptions::default() };
                let source = video::open(&spec, &options, &env.quiet())?;
                let info = source.stream_info();
                Some((info.size, info.frame_rate, info.info.rotation))
            }
        };
        let rotation = stated.map_or(Rotation::None, |(_, _, rotation)| rotation);
        let stated = stated.map(|(size, rate, _)| (size, rate));
        let coded = track.filter(|_| begins_with_key == Some(true));
        Ok(Self {
            spec,
            video: stated,
            title,
            rotation,
            coded,
            hidden,
            audio,
            extent,
            damage,
            metadata,
        })
    }

    fn raw(spec: InputSpec, env: &Env) -> Result<Self> {
        let options = DecodeOptions { limits: spec.limits, ..DecodeOptions::default() };
        let mut source = video::open(&spec, &options, env)?;
        let info = source.stream_info().clone();
        let is_even = info.time_base == info.frame_rate.inverse();
        let counted = info.count.filter(|_| is_even);
        let mut end = counted.and_then(|count| i64::try_from(count).ok()).unwrap_or(0);
        let mut damage = None;
        if counted.is_none() {
            loop {
                if env.stop.is_requested() {
                    return Err(Failure::interrupted(false));
                }
                match source.next() {
                    Ok(Some(frame)) => {
                        end = frame.pts.saturating_add_unsigned(frame.duration.unwrap_or(1));
                    }
                    Ok(None) => break,
                    Err(failure) if failure.kind == Kind::Corrupt && end > 0 => {
                        damage = Some(failure);
                        break;
                    }
                    Err(failure) => return Err(failure),
                }
            }
        }
        let extent = Extent { start_ns: 0, end_ns: ticks_to_ns(end, info.time_base) };
        let (video, rotation) = (Some((info.size, info.frame_rate)), info.info.rotation);
        let metadata = FileMetadata::default();
        let hidden = Hidden::default();
        let (title, coded, audio) = (None, None, Vec::new());
        Ok(Self { spec, video, title, rotation, coded, hidden, audio, extent, damage, metadata })
    }

    pub(super) fn name(&self) -> String {
        self.spec.name()
    }

    /// The size of its frames as they are shown: turned if `turns`.
    pub(super) fn size(&self, turns: bool) -> Option<Size> {
        let (size, _) = self.video?;
        let is_on_side = matches!(self.rotation, Rotation::Clockwise90 | Rotation::Clockwise270);
        Some(if turns && is_on_side { Size::new(size.height, size.width) } else { size })
    }

    /// The audio track with this number among those that are used, from 0.
    pub(super) fn audio(&self, number: usize) -> Option<&PartAudio> {
        self.audio.get(number)
    }
}

/// Whether the parts are rotated differently when they are shown: then their frames are turned.
pub(super) fn turns(parts: &[Part]) -> bool {
    let mut rotations = parts.iter().map(|part| part.rotation);
    let first = rotations.next();
    rotations.any(|rotation| Some(rotation) != first)
}

/// The tags of the first part, and the chapters of all parts.
pub(super) fn joined_metadata(parts: &[Part]) -> FileMetadata {
    let ns = |ns: i64| u64::try_from(ns).unwrap_or(0);
    let mut joined = parts.first().map(|part| part.metadata.clone()).unwrap_or_default();
    joined.chapters.clear();
    let mut at_ns = 0_u64;
    for part in parts {
        let Extent { start_ns, end_ns } = part.extent;
        let mut chapters = part.metadata.part(ns(start_ns), Some(ns(end_ns))).chapters;
        for chapter in &mut chapters {
            chapter.start_ns = chapter.start_ns.saturating_add(at_ns);
            chapter.end_ns = chapter.end_ns.map(|end_ns| end_ns.saturating_add(at_ns));
        }
        joined.chapters.append(&mut chapters);
        at_ns = at_ns.saturating_add(ns(part.extent.length_ns()));
    }
    joined
}

/// The property `what` of a joined track: that of all parts that state it, or `None`, after a warning,
/// if they differ. `stated` has the name of each part and the value.
pub(super) fn in_common(
    (track, what): (&str, &str),
    mut stated: impl Iterator<Item = (String, String)>,
    is_same: impl Fn(&str, &str) -> bool,
    env: &Env,
) -> Option<String> {
    let (first, value) = stated.next()?;
    let Some((name, other)) = stated.find(|(_, other)| !is_same(other, &value)) else {
        return Some(value);
    };
    env.events
        .warn(format!("{track} gets no {what}: it is {value} in {first} and {other} in {name}"));
    None
}

/// The title of the joined video.
pub(super) fn video_title(parts: &[Part], env: &Env) -> Option<String> {
    let stated = |part: &Part| Some((part.name(), part.title.clone()?));
    let stated = parts.iter().filter_map(stated);
    in_common(("the video track", "title"), stated, |a, b| a == b, env)
}

/// First and last times of the packets of a track.
struct Span {
    base: Rational,
    first: Option<i64>,
    last: i64,
    /// The duration of the last packet, if stated.
    last_duration: Option<u64>,
    packets: i64,
}

impl Span {
    fn new(base: Rational) -> Self {
        Self { base, first: None, last: i64::MIN, last_duration: None, packets: 0 }
    }

    fn add(&mut self, packet: &CodedPacket) {
        if !packet.shown {
            return;
        }
        let trimmed = i64::from(packet.trim_start).min(packet.pts.min(0).saturating_neg());
        if packet.duration.is_some_and(|ticks| trimmed.unsigned_abs() >= ticks.max(1)) {
            // Decoded only to prepare the decoder: nothing of it is heard.
            return;
        }
        let start = packet.pts.saturating_add(trimmed);
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        if packet.pts >= self.last {
            (self.last, self.last_duration) = (packet.pts, packet.duration);
        }
        self.packets += 1;
    }

    /// The extent; the last packet lasts as long as the others on average if it states nothing.
    fn extent(&self) -> Option<Extent> {
        let first = self.first?;
        let between = self.last.saturating_sub(first);
        let mean = between.checked_div(self.packets - 1).unwrap_or(1).max(1);
        let stated = self.last_duration.and_then(|ticks| i64::try_from(ticks).ok());
        let end = self.last.saturating_add(stated.unwrap_or(mean));
        let start_ns = ticks_to_ns(first, self.base);
        Some(Extent { start_ns, end_ns: ticks_to_ns(end, self.base) })
    }
}
