//! One input of a joined file, and the times at which it begins and ends.

use std::path::Path;
use std::time::Duration;

use codec_container::{
    AudioTrack, CodedPacket, FileMetadata, Input, PacketReader, Track, TrackKind, VideoTrack,
};
use codec_core::codec::Limits;
use codec_core::frame::{Rational, Rotation, Size};

use super::span::{Extent, Span};
use crate::Env;
use crate::cut::{self, Cut, is_before, ns_of, ticks_to_ns};
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_track::AudioTrackChoice;
use crate::io::cut_packets::{CutPackets, VideoPackets};
use crate::io::decoded::DecodeOptions;
use crate::io::hidden::is_hidden;
use crate::io::input::{InputSpec, Opened};
use crate::io::key_frame::is_entry;
use crate::io::media::{MediaSelection, audio_tracks, warn_of_further_tracks};
use crate::io::names::is_pipe;
use crate::io::unreadable::{Advice, is_lost, missing};
use crate::io::video;

const NS_PER_MS: i64 = 1_000_000;

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
    /// Why the part cannot be copied, as the rest of a sentence that begins with its name.
    pub(super) obstacle: Option<String>,
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
    /// Counts frames at these times that a copy of the part has; `shown` are the frames that are shown.
    fn new(times: &[i64], extent: &Extent, shown: Option<&Span>) -> Self {
        let Some(shown) = shown else { return Self::default() };
        let ns = |time: &i64| ticks_to_ns(*time, shown.base);
        // A copy that begins with `--from` begins with the frame that is shown first.
        let is_early = |ns: &i64| *ns < extent.start_ns;
        let is_part = |ns: &i64| {
            let begins = shown.cut.from.is_none() || !is_early(ns);
            begins && (shown.cut.to.is_none() || *ns < extent.end_ns)
        };
        let times: Vec<_> = times.iter().map(ns).filter(is_part).collect();
        let (all, at_start) = (times.len(), times.iter().filter(|ns| is_early(ns)).count());
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
        cut: Cut,
        limits: Limits,
        audio: Option<&AudioTrackChoice>,
        env: &Env,
    ) -> Result<Self> {
        let wants_audio = audio.is_some();
        let audio = audio.cloned().unwrap_or_default();
        let cut = Cut { keep_times: true, ..cut };
        let spec = InputSpec { audio, cut, ..InputSpec::new(path, limits) };
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

    /// Inspects the tracks of a container.
    fn coded(
        reader: Box<dyn PacketReader>,
        mut spec: InputSpec,
        wants_audio: bool,
        env: &Env,
    ) -> Result<Self> {
        let cut = spec.cut;
        let Scan { metadata, video, spans, begins_with_key, hidden, damage } =
            Scan::read(reader, &spec, wants_audio, env)?;
        let (mut video_extent, mut shown) = (None, None);
        let mut audio = Vec::new();
        for (_, span, track) in spans {
            let extent = span.extent();
            match track {
                Track::Audio(track) => audio.push(PartAudio { track, extent }),
                _ => (video_extent, shown) = (extent, Some(span)),
            }
        }
        let stated = video.as_ref().map(|_| stated(&spec, env)).transpose()?;
        let of_audio = || audio.iter().find_map(|audio| audio.extent);
        let Some(extent) = video_extent.or_else(of_audio) else {
            if let Some(damage) = damage {
                return Err(damage);
            }
            let name = spec.name();
            return Err(if cut.is_whole() {
                Failure::new(Kind::Input, format!("{name}: no video or audio"))
            } else {
                Failure::usage(format!("{name}: nothing in the selected part"))
            });
        };
        if cut.from.is_some() {
            // Exactly the first frame, as copies compare times in ticks and not in milliseconds.
            let start_ns = u64::try_from(extent.start_ns.max(0)).unwrap_or(0);
            spec.cut.from = Some(Duration::from_nanos(start_ns.saturating_add(1)));
        }
        let obstacle = match &video {
            Some(track) if !cut.is_whole() => cut_obstacle(&spec, track, extent, env)?,
            _ => None,
        };
        Ok(Self {
            video: stated.map(|(size, rate, _)| (size, rate)),
            title: video.as_ref().and_then(|track| track.name.clone()),
            rotation: stated.map_or(Rotation::None, |(_, _, rotation)| rotation),
            coded: video.filter(|_| begins_with_key || cut.from.is_some()),
            obstacle,
            hidden: Hidden::new(&hidden, &extent, shown.as_ref()),
            spec,
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
        let counted = info.count.filter(|_| is_even && spec.cut.is_whole());
        let mut end = counted.and_then(|count| i64::try_from(count).ok()).unwrap_or(0);
        let mut start = 0;
        let mut is_first = true;
        let mut damage = None;
        if counted.is_none() {
            loop {
                if env.stop.is_requested() {
                    return Err(Failure::interrupted(false));
                }
                match source.next() {
                    Ok(Some(frame)) => {
                        if std::mem::take(&mut is_first) && spec.cut.from.is_some() {
                            start = frame.pts;
                        }
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
        let ns = |ticks| ticks_to_ns(ticks, info.time_base);
        let extent = Extent { start_ns: ns(start), end_ns: ns(end) };
        let (video, rotation) = (Some((info.size, info.frame_rate)), info.info.rotation);
        let metadata = FileMetadata::default();
        let hidden = Hidden::default();
        let (title, coded, obstacle, audio) = (None, None, None, Vec::new());
        Ok(Self {
            spec,
            video,
            title,
            rotation,
            coded,
            obstacle,
            hidden,
            audio,
            extent,
            damage,
            metadata,
        })
    }

    pub(super) fn name(&self) -> String {
        self.spec.name()
    }

    /// A warning if the input ends before the end of the cut.
    pub(super) fn ends_early(&self) -> Option<String> {
        let to = self.spec.cut.to?;
        let early_ns = ns_of(to).saturating_sub(self.extent.end_ns);
        (early_ns >= NS_PER_MS).then(|| {
            let (name, to, end_s) = (self.name(), cut::text(to), seconds(self.extent.end_ns));
            let what = if self.video.is_some() { "video" } else { "audio" };
            format!("{name}: the {what} ends at {end_s:.3} s, before --to {to}")
        })
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

/// The property `what` of a joined track: the value of all parts that state it, or `None`, after a warning,
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

/// Size, frame rate and rotation of the frames of an input, which may differ from what the container
/// states.
fn stated(spec: &InputSpec, env: &Env) -> Result<(Size, Rational, Rotation)> {
    let options = DecodeOptions { limits: spec.limits, ..DecodeOptions::default() };
    let source = video::open(spec, &options, &env.quiet())?;
    let info = source.stream_info();
    Ok((info.size, info.frame_rate, info.info.rotation))
}

/// Properties of an input, from its packets.
struct Scan {
    metadata: FileMetadata,
    video: Option<VideoTrack>,
    /// The tracks that are used, with their numbers.
    spans: Vec<(usize, Span, Track)>,
    /// Whether the first packet of the video is a key frame.
    begins_with_key: bool,
    /// The times of the hidden frames.
    hidden: Vec<i64>,
    damage: Option<Failure>,
}

impl Scan {
    /// Reads the packets of a file, without decoding them, to find out when its tracks begin and
    /// end.
    fn read(
        mut reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        wants_audio: bool,
        env: &Env,
    ) -> Result<Self> {
        let metadata = reader.metadata().clone();
        let video = reader.video().map(|(number, track)| (number, track.clone()));
        let chosen = if wants_audio { audio_tracks(&*reader, spec) } else { Vec::new() };
        let numbers: Vec<_> = video.iter().map(|(number, _)| *number).chain(chosen).collect();
        reader.select(&numbers);
        let cut = spec.cut;
        let mut spans: Vec<_> = (numbers.iter())
            .filter_map(|number| Some((*number, reader.tracks().get(*number)?.clone())))
            .map(|(number, track)| (number, Span::new(&track, cut), track))
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
        // Damage after the part does not matter.
        let is_complete = cut.to.is_some() && spans.iter().all(|(_, span, _)| span.after.is_some());
        Ok(Self {
            metadata,
            video: video.map(|(_, track)| track),
            spans,
            begins_with_key: begins_with_key == Some(true),
            hidden,
            damage: damage.filter(|_| !is_complete),
        })
    }
}

/// Why the video of a cut cannot be copied: the rest of a sentence that begins with the name of the file.
fn cut_obstacle(
    spec: &InputSpec,
    track: &VideoTrack,
    extent: Extent,
    env: &Env,
) -> Result<Option<String>> {
    let changed = || {
        let message = format!("{}: changed while reading", spec.name());
        Failure::new(Kind::Input, message)
    };
    let reader = spec.reopen(&env.quiet()).ok_or_else(changed)?;
    let mut packets = CutPackets::new(reader, spec, &env.quiet())?;
    let from_s = seconds(extent.start_ns);
    if spec.cut.from.is_some() && packets.start_ns() != extent.start_ns {
        return Ok(Some(format!(" has no key frame at {from_s:.3} s, where its part begins")));
    }
    let mut packet = CodedPacket::default();
    loop {
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
        match packets.read(&mut packet) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // The caller has the error.
            Err(codec_container::Error::Corrupt(_)) => return Ok(None),
            Err(error) => return Err(Failure::reading(&spec.name(), error)),
        }
        let is_late = spec.cut.to.is_some_and(|to| !is_before(packet.pts, track.time_base, to));
        if packet.shown && is_late {
            let to_s = seconds(extent.end_ns);
            return Ok(Some(format!(
                " has frames that depend on frames after {to_s:.3} s, its end"
            )));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
