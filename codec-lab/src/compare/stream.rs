//! A coded stream: its packets, and its frames or samples, which this program, ffmpeg or a command
//! of the study decodes.

use std::path::Path;
use std::time::Duration;

use codec_audio::AudioFormat;
use codec_container::{CodedPacket, Input};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::source::FrameSource;
use codec_media::io::video;
use codec_media::stop::Stop;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::audio_clip;
use super::shape::Media;
use super::store::PointStore;
use crate::process::find_program;
use crate::process::{self, ProcessError};

/// A packet of video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PacketRow {
    /// Presentation time in seconds; `None` if the stream has no timestamps.
    pub(super) time_s: Option<f64>,
    pub(super) bytes: u64,
    pub(super) key: bool,
    pub(super) shown: bool,
}

/// Environment variable with the path of the ffmpeg for streams that this build cannot decode.
const FFMPEG: &str = "CODEC_FFMPEG";

fn ffmpeg() -> Option<String> {
    match std::env::var(FFMPEG) {
        Ok(path) if !path.is_empty() => Some(path),
        _ => find_program("ffmpeg").map(|path| path.display().to_string()),
    }
}

fn spec(path: &Path) -> InputSpec {
    let limits = DecodeOptions::default().limits;
    InputSpec { lenient: true, ..InputSpec::new(path, limits) }
}

/// The packets of a stream in decoding order. ffprobe reads formats that we cannot read.
pub(super) fn packets_of(
    path: &Path,
    media: Media,
    env: &Env,
    limit: Duration,
) -> std::result::Result<Vec<PacketRow>, String> {
    match spec(path).open(env) {
        Ok(Opened::Container(Input::Packets(reader))) => read_packets(reader, media),
        Ok(_) => Err(format!("the output contains no {media} packets")),
        Err(failure) => probe(path, media, limit, &env.stop).ok_or(failure.message),
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a report")]
fn read_packets(
    mut reader: Box<dyn codec_container::PacketReader>,
    media: Media,
) -> std::result::Result<Vec<PacketRow>, String> {
    let selected = match media {
        Media::Video => {
            reader.select_video();
            reader.video().map(|(track, stream)| (track, stream.time_base))
        }
        Media::Audio => {
            reader.select_audio();
            reader.audio().map(|(track, stream)| (track, stream.time_base))
        }
    };
    let Some((track, time_base)) = selected else {
        return Err(format!("the output contains no {media} packets"));
    };
    let time_base = time_base.as_f64();
    let mut rows = Vec::new();
    let mut packet = CodedPacket::default();
    while reader.read(&mut packet).map_err(|error| error.to_string())? {
        if packet.track == track {
            rows.push(PacketRow {
                time_s: Some(packet.pts as f64 * time_base),
                bytes: packet.data.len() as u64,
                // Packets of audio have no key frames.
                key: packet.key && media == Media::Video,
                shown: packet.shown,
            });
        }
    }
    Ok(rows)
}

/// Reads sizes and times with ffprobe, which also supports raw bitstreams.
fn probe(path: &Path, media: Media, limit: Duration, stop: &Stop) -> Option<Vec<PacketRow>> {
    let program = find_program("ffprobe")?;
    let track = match media {
        Media::Video => "v:0",
        Media::Audio => "a:0",
    };
    let entries = "-show_entries packet=pts_time,size,flags -of compact=p=0";
    let arguments = format!("-v error -select_streams {track} {entries}");
    let mut argv = vec![program.display().to_string()];
    argv.extend(arguments.split_whitespace().map(str::to_owned));
    argv.push(path.display().to_string());
    let text = process::output(&argv, limit, stop)?;
    let row = |line: &str| {
        let field = |name: &str| line.split('|').find_map(|field| field.strip_prefix(name));
        Some(PacketRow {
            time_s: field("pts_time=").and_then(|text| text.parse().ok()),
            bytes: field("size=")?.parse().ok()?,
            key: field("flags=")?.starts_with('K') && media == Media::Video,
            shown: true,
        })
    };
    let rows: Option<Vec<_>> = text.lines().filter(|line| !line.is_empty()).map(row).collect();
    rows.filter(|rows| !rows.is_empty())
}

/// The frames of a stream with their times in seconds.
pub(super) struct Pictures {
    pub(super) source: Box<dyn FrameSource>,
    /// Times in presentation order, if they differ from the times of the source.
    pub(super) times_s: Option<Vec<f64>>,
    /// Whether our decoder is used, whose time can be measured.
    pub(super) is_ours: bool,
}

/// Opens the frames of an arm's stream. `Ok(Err(why))` means that they cannot be decoded.
pub(super) fn pictures_of(
    arm: &Arm,
    store: &PointStore,
    packets: &[PacketRow],
    env: &Env,
    limit: Duration,
) -> Result<std::result::Result<Pictures, String>> {
    let stream = store.stream(arm.extension());
    let options = DecodeOptions { threads: Some(1), ..DecodeOptions::default() };
    let ours = match arm.decode {
        Some(_) => None,
        None => Some(video::open(&spec(&stream), &options, env)),
    };
    let why = match ours {
        Some(Ok(source)) => return Ok(Ok(Pictures { source, times_s: None, is_ours: true })),
        Some(Err(failure)) if failure.kind == Kind::Corrupt => return Ok(Err(failure.message)),
        Some(Err(failure)) => failure.message,
        None => String::new(),
    };
    let decoded = store.temporary("decoded.y4m");
    let arguments = "-map 0:v:0 -fps_mode passthrough -pix_fmt yuv420p -f yuv4mpegpipe";
    if let Err(why) = decode((arm, &why), (&stream, &decoded), arguments, limit, &env.stop)? {
        return Ok(Err(why));
    }
    let opened = video::open(&spec(&decoded), &options, env);
    // The open file is enough on systems that allow deletion of open files.
    let _ = std::fs::remove_file(&decoded);
    Ok(match opened {
        Ok(source) => Ok(Pictures { source, times_s: presentation_times(packets), is_ours: false }),
        Err(failure) => Err(format!("cannot decode: {}", failure.message)),
    })
}

/// The samples of an arm's stream in `format`. `Ok(Err(why))` means that they cannot be decoded.
pub(super) fn samples_of(
    arm: &Arm,
    store: &PointStore,
    format: AudioFormat,
    env: &Env,
    limit: Duration,
) -> Result<std::result::Result<Vec<f32>, String>> {
    let stream = store.stream(arm.extension());
    let why = match &arm.decode {
        Some(_) => String::new(),
        None => match audio_clip::read(&stream, Some(format), env) {
            Ok(audio) => return Ok(Ok(audio.values)),
            Err(failure) if failure.kind == Kind::Interrupted => return Err(failure),
            Err(failure) if failure.kind == Kind::Corrupt => return Ok(Err(failure.message)),
            Err(failure) => failure.message,
        },
    };
    let decoded = store.temporary("decoded.wav");
    let arguments = "-map 0:a:0 -c:a pcm_f32le -f wav";
    if let Err(why) = decode((arm, &why), (&stream, &decoded), arguments, limit, &env.stop)? {
        return Ok(Err(why));
    }
    let audio = audio_clip::read(&decoded, Some(format), env);
    let _ = std::fs::remove_file(&decoded);
    match audio {
        Ok(audio) => Ok(Ok(audio.values)),
        Err(failure) if failure.kind == Kind::Interrupted => Err(failure),
        Err(failure) => Ok(Err(format!("cannot decode: {}", failure.message))),
    }
}

/// Decodes a stream to a file, by the command of the arm or by ffmpeg, which gets these arguments for the output. `why`:
/// why this program does not decode it. `Ok(Err(why))` means that it cannot be decoded.
fn decode(
    (arm, why): (&Arm, &str),
    (stream, decoded): (&Path, &Path),
    arguments: &str,
    limit: Duration,
    stop: &Stop,
) -> Result<std::result::Result<(), String>> {
    let argv = match (&arm.decode, ffmpeg()) {
        (Some(template), _) => template.fill(|place| match place {
            "in" => stream.display().to_string(),
            _ => decoded.display().to_string(),
        }),
        (None, Some(ffmpeg)) => {
            let mut argv: Vec<String> = vec![ffmpeg];
            argv.extend("-v error -nostdin -y -i".split(' ').map(str::to_owned));
            argv.push(stream.display().to_string());
            argv.extend(arguments.split(' ').map(str::to_owned));
            argv.push(decoded.display().to_string());
            argv
        }
        (None, None) => {
            return Ok(Err(format!("{why}; ffmpeg was not found either")));
        }
    };
    match process::run(&argv, limit, stop) {
        Ok(_) => Ok(Ok(())),
        Err(ProcessError::Interrupted) => Err(Failure::new(Kind::Interrupted, "interrupted")),
        Err(ProcessError::Failed(why)) => Ok(Err(format!("cannot decode: {why}"))),
    }
}

/// Frame times in presentation order, if the stream has timestamps.
pub(super) fn presentation_times(packets: &[PacketRow]) -> Option<Vec<f64>> {
    let shown = packets.iter().filter(|packet| packet.shown);
    let mut times = shown.map(|packet| packet.time_s).collect::<Option<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Some(times)
}
