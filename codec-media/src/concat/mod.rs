//! Joins files one after another: video and audio are copied if the parameters of all parts agree, otherwise encoded.
//! The copied audio of each part stays in sync with its video: exact to the sample, or at most a few milliseconds
//! early to close a gap (`copied_audio`). If the output container cannot state which samples to discard for this, the
//! audio is encoded.

mod audio;
mod copied_audio;
mod part;
mod span;
mod video;

use std::path::PathBuf;

use codec_container::{PacketReader, VideoTrack};
use codec_core::codec::Codec;

use self::audio::ChainedAudio;
use self::copied_audio::CopiedAudio;
use self::part::{Hidden, Part, joined_metadata, turns};
use self::span::Extent;
use self::video::{ChainedFrames, ChainedPackets};
use crate::Env;
use crate::count::counted;
use crate::cut::Cut;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::hidden::can_hide;
use crate::io::metadata::kept;
use crate::io::names::{is_audio_name, video_dropped};
use crate::session::Session;
use crate::session::audio::{self as session_audio, AudioEncoding};
use crate::session::copy::{Copying, Transfer, copy_packets};
use crate::settings::audio::AudioChoice;
use crate::settings::encoding::{Encoding, can_hold_audio, can_hold_video};

/// Differences between the lengths of audio and video that are not reported, in nanoseconds: a
/// packet of audio.
const MAX_SILENT_NS: i64 = 30_000_000;

/// The files to join, and how the result is encoded.
#[derive(Debug)]
pub struct Joining {
    /// The files, in order, with the part of each. `Cut::keep_times` has no effect.
    pub inputs: Vec<(PathBuf, Cut)>,
    /// Output and encoder. Of the input, only the limits and the choice of the audio tracks are used.
    pub encoding: Encoding,
    /// The name of a given option that requires the video to be encoded, such as `--bitrate`.
    pub encoder_option: Option<&'static str>,
}

/// Joins files.
///
/// # Errors
/// If an input cannot be read, the parts do not fit together, or the output cannot be written.
pub fn run(joining: &Joining, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let mut settings = joining.encoding.clone();
    settings.rules.begin(&settings.output)?;
    let limits = settings.input.limits;
    let audio = settings.audio.is_some().then(|| settings.input.audio.clone());
    if joining.inputs.len() < 2 {
        let message = "concat requires two inputs or more\nhelp: copy a part of one file with `codec transcode --copy`";
        return Err(Failure::usage(message));
    }
    let open = |(path, cut): &(PathBuf, Cut)| Part::open(path, *cut, limits, audio.as_ref(), env);
    let mut parts = joining.inputs.iter().map(open).collect::<Result<Vec<_>>>()?;
    let end = end_at_damage(&mut parts, env);
    let has_video = check_tracks(&parts)?;
    let is_audio = is_audio_name(&settings.output) || !can_hold_video(settings.format);
    let drops_video = has_video && is_audio;
    if let Some(flag) = joining.encoder_option.filter(|_| !has_video) {
        let message = format!("{flag} requires video, but the inputs have only audio");
        return Err(Failure::usage(message));
    }
    if drops_video {
        env.events.note(video_dropped(&settings.output, settings.format));
    }
    report_lengths(&parts, env);
    let audio = join_tracks(&parts, &settings, env)?;
    if !has_video || drops_video {
        parts.iter().filter_map(Part::ends_early).for_each(|warning| env.events.warn(warning));
        return join_audio(&settings, audio, end, env);
    }
    settings.metadata = kept(&joined_metadata(&parts), settings.format, &names(&parts), env);
    let settings = &settings;
    check_sizes(&parts, settings)?;
    let reason = joining.encoder_option.map(|flag| format!("{flag} is given"));
    match reason.map_or_else(|| copyable(&parts, settings), Err) {
        Ok(track) => {
            env.events.note(format!("joining {} files without encoding their video", parts.len()));
            parts.iter().filter_map(Part::ends_early).for_each(|warning| env.events.warn(warning));
            let packets = ChainedPackets::new(&parts, track, env);
            let copying = Copying {
                input: settings.input.clone(),
                audio_from: None,
                add_audio: Vec::new(),
                output: settings.output.clone(),
                format: settings.format,
                fragmented: settings.fragmented,
                rules: settings.rules.clone(),
                audio: settings.audio.clone(),
            };
            let metadata = settings.metadata.clone();
            let transfer = Transfer { metadata, end, ..Transfer::default() };
            copy_packets(&copying, Box::new(packets), audio, transfer, env)?.report(&copying, env)
        }
        Err(reason) => {
            env.events.note(format!("joining {} files, encoding them: {reason}", parts.len()));
            let mut frames = ChainedFrames::new(&parts, settings.decode_options(), env)?;
            let session = Session::new(settings, &frames, audio, env)?;
            let mut finished = session.encode_all(settings, &mut frames)?;
            finished.end = finished.end.and(end);
            finished.keep()
        }
    }
}

/// The audio tracks of all parts: their packets if they can be copied, otherwise their samples.
fn join_tracks(parts: &[Part], settings: &Encoding, env: &Env) -> Result<Option<AudioInput>> {
    let count = parts.iter().map(|part| part.audio.len()).max().unwrap_or(0);
    let must_copy =
        settings.audio.as_ref().is_some_and(|audio| matches!(audio.codec, AudioChoice::Copy));
    let mut tracks = Vec::new();
    for number in 0..count {
        let reader: Option<Box<dyn PacketReader>> =
            match CopiedAudio::plan(parts, number, settings, env)? {
                Ok(copied) => Some(Box::new(copied)),
                Err(reason) => {
                    let track =
                        if count > 1 { format!(" track {}", number + 1) } else { String::new() };
                    if must_copy {
                        let help = "help: omit --audio-codec copy to encode it";
                        let message = format!("cannot copy the audio{track}: {reason}\n{help}");
                        return Err(Failure::usage(message));
                    }
                    env.events.note(format!("encoding the audio{track}: {reason}"));
                    ChainedAudio::new(parts, number, env).map(|chained| Box::new(chained) as _)
                }
            };
        tracks.extend(reader.and_then(|reader| AudioInput::of(reader, names(parts))));
    }
    Ok(AudioInput::together(tracks))
}

/// Drops the parts after one that is damaged, with a warning, and returns its error.
fn end_at_damage(parts: &mut Vec<Part>, env: &Env) -> Result<()> {
    let Some((at, damage)) =
        parts.iter().enumerate().find_map(|(at, part)| Some((at, part.damage.clone()?)))
    else {
        return Ok(());
    };
    let dropped = parts.split_off(at + 1);
    if !dropped.is_empty() {
        let (name, dropped) = (names(&parts[at..]), names(&dropped));
        env.events
            .warn(format!("{name} is damaged: the output ends at the damage, without {dropped}"));
    }
    Err(damage)
}

fn names(parts: &[Part]) -> String {
    parts.iter().map(Part::name).collect::<Vec<_>>().join(" + ")
}

/// Joins files without video.
fn join_audio(
    settings: &Encoding,
    audio: Option<AudioInput>,
    end: Result<()>,
    env: &Env,
) -> Result<()> {
    let (Some(input), Some(audio)) = (audio, &settings.audio) else {
        let why = match can_hold_audio(settings.format) {
            true => "--no-audio or --audio none excludes it",
            false => "the output format cannot hold audio",
        };
        let message = format!("the inputs have no video, and their audio is not written: {why}");
        return Err(Failure::new(Kind::Input, message));
    };
    let encoding = AudioEncoding {
        output: settings.output.clone(),
        format: settings.format,
        fragmented: settings.fragmented,
        rules: settings.rules.clone(),
        audio: audio.clone(),
        options: crate::audio::source::AudioDecodeOptions {
            limits: settings.input.limits,
            ..Default::default()
        },
    };
    session_audio::run_to(&encoding, input, end, env)
}

/// Whether the parts have video: either all of them or none.
fn check_tracks(parts: &[Part]) -> Result<bool> {
    let has_video = parts.iter().any(|part| part.video.is_some());
    match parts.iter().find(|part| part.video.is_some() != has_video) {
        Some(part) => {
            let message = format!("{}: no video, but other parts have video", part.name());
            Err(Failure::new(Kind::Input, message))
        }
        None => Ok(has_video),
    }
}

/// Rejects parts of different sizes, unless they are scaled.
fn check_sizes(parts: &[Part], settings: &Encoding) -> Result<()> {
    if settings.resize.is_some() {
        return Ok(());
    }
    let turns = turns(parts);
    let sizes = parts.iter().filter_map(|part| Some((part, part.size(turns)?)));
    let mut sizes = sizes.peekable();
    let Some(&(first, size)) = sizes.peek() else { return Ok(()) };
    match sizes.find(|(_, other)| *other != size) {
        Some((part, other)) => Err(Failure::new(
            Kind::Usage,
            format!(
                "{} has frames of {other}{}, but {} has {size}\nhelp: scale all parts with \
                 --resize {size}",
                part.name(),
                if turns { " as they are shown" } else { "" },
                first.name()
            ),
        )),
        None => Ok(()),
    }
}

/// The track that describes the packets of all parts, or the reason why they cannot be copied.
fn copyable(parts: &[Part], settings: &Encoding) -> std::result::Result<VideoTrack, String> {
    let mut found: Option<(&Part, &VideoTrack)> = None;
    for part in parts {
        if let Some(obstacle) = &part.obstacle {
            return Err(format!("{}{obstacle}", part.name()));
        }
        let Some(track) = &part.coded else {
            return Err(format!("{} has no coded video that begins with a key frame", part.name()));
        };
        if !settings.format.holds_video(track.codec) {
            return Err(format!("{} cannot hold {}", settings.format, track.codec));
        }
        // Only frames before the start of the output can stay hidden.
        let can_hide =
            found.is_none() && can_hide(settings.format, settings.fragmented, &settings.output);
        let Hidden { at_start, later } = part.hidden;
        if later > 0 || at_start > 0 && !can_hide {
            let frames = counted(at_start + later, "frame");
            return Err(format!("{} hides {frames}, which a copy would show", part.name()));
        }
        let Some((first, other)) = found else {
            found = Some((part, track));
            continue;
        };
        let (one, two) = (first.name(), part.name());
        if track.codec != other.codec {
            return Err(format!("{one} has {} video, and {two} has {}", other.codec, track.codec));
        }
        // The form of H.264 packets depends on the container.
        let form_differs = track.codec == Codec::H264 && track.format != other.format;
        if track.codec_private != other.codec_private || form_differs {
            return Err(format!("the codec configurations of {one} and {two} differ"));
        }
        let (turn, other_turn) = (track.info.rotation, other.info.rotation);
        if turn != other_turn {
            let (turn, other_turn) = (turn.degrees(), other_turn.degrees());
            return Err(format!(
                "{one} is shown rotated by {other_turn} degrees, {two} by {turn}: the frames are \
                 rotated"
            ));
        }
        if (track.samples, track.info) != (other.samples, other.info) {
            return Err(format!("the formats or colours of {one} and {two} differ"));
        }
    }
    found.map(|(_, track)| track.clone()).ok_or_else(|| "there is no video".to_owned())
}

/// Reports parts whose audio is shorter or longer than their video, and parts without audio.
fn report_lengths(parts: &[Part], env: &Env) {
    let tracks = parts.iter().map(|part| part.audio.len()).max().unwrap_or(0);
    let each = parts.iter().flat_map(|part| (0..tracks).map(move |number| (part, number)));
    for (part, number) in each.filter(|(part, _)| part.video.is_some()) {
        let name = part.name();
        let track = if tracks > 1 { format!(" track {}", number + 1) } else { String::new() };
        let extent = part.audio(number).and_then(|audio| audio.extent);
        let Some(Extent { start_ns, end_ns }) = extent else {
            env.events.warn(format!(
                "{name}: no audio{track}: adding silence for the length of the video"
            ));
            continue;
        };
        let late = start_ns.saturating_sub(part.extent.start_ns);
        let short = part.extent.end_ns.saturating_sub(end_ns);
        let found = [(late, "begins", "after", "before"), (short, "ends", "before", "after")];
        for (difference_ns, what, gap, overlap) in found {
            if difference_ns.abs() <= MAX_SILENT_NS {
                continue;
            }
            let (side, action) = if difference_ns > 0 {
                (gap, "adding silence")
            } else {
                (overlap, "cutting the audio")
            };
            let by_s = seconds(difference_ns.abs());
            env.events.warn(format!(
                "{name}: the audio{track} {what} {by_s:.3} s {side} the video: {action}"
            ));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
