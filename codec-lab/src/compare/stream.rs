//! A coded stream: its packets, and its frames decoded by our decoders, by ffmpeg or by a command.

use std::path::Path;
use std::time::Duration;

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
use super::store::PointStore;
use crate::process::find_program;
use crate::process::{self, ProcessError};

/// A video packet.
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
    env: &Env,
    limit: Duration,
) -> std::result::Result<Vec<PacketRow>, String> {
    match spec(path).open(env) {
        Ok(Opened::Container(Input::Packets(reader))) => read_packets(reader),
        Ok(_) => Err("the output contains no video packets".to_owned()),
        Err(failure) => probe(path, limit, &env.stop).ok_or(failure.message),
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a report")]
fn read_packets(
    mut reader: Box<dyn codec_container::PacketReader>,
) -> std::result::Result<Vec<PacketRow>, String> {
    reader.select_video();
    let (track, time_base) = match reader.video() {
        Some((track, stream)) => (track, stream.time_base.as_f64()),
        None => return Err("the output contains no video packets".to_owned()),
    };
    let mut rows = Vec::new();
    let mut packet = CodedPacket::default();
    while reader.read(&mut packet).map_err(|error| error.to_string())? {
        if packet.track == track {
            rows.push(PacketRow {
                time_s: Some(packet.pts as f64 * time_base),
                bytes: packet.data.len() as u64,
                key: packet.key,
                shown: packet.shown,
            });
        }
    }
    Ok(rows)
}

/// Reads sizes and times with ffprobe, which also supports raw bitstreams.
fn probe(path: &Path, limit: Duration, stop: &Stop) -> Option<Vec<PacketRow>> {
    let program = find_program("ffprobe")?;
    let arguments = "-v error -select_streams v:0 -show_entries packet=pts_time,size,flags -of \
                     compact=p=0";
    let mut argv = vec![program.display().to_string()];
    argv.extend(arguments.split_whitespace().map(str::to_owned));
    argv.push(path.display().to_string());
    let text = process::output(&argv, limit, stop)?;
    let row = |line: &str| {
        let field = |name: &str| line.split('|').find_map(|field| field.strip_prefix(name));
        Some(PacketRow {
            time_s: field("pts_time=").and_then(|text| text.parse().ok()),
            bytes: field("size=")?.parse().ok()?,
            key: field("flags=")?.starts_with('K'),
            shown: true,
        })
    };
    let rows: Option<Vec<_>> = text.lines().filter(|line| !line.is_empty()).map(row).collect();
    rows.filter(|rows| !rows.is_empty())
}

/// The frames of a stream with their times in seconds.
pub(super) struct Pictures {
    pub(super) source: Box<dyn FrameSource>,
    /// Times in presentation order, if they differ from those of the source.
    pub(super) times_s: Option<Vec<f64>>,
    /// Whether our decoder is used, whose time can be measured.
    pub(super) is_ours: bool,
}

/// Opens the frames of an arm's stream. `Err(Ok(why))` means that they cannot be decoded.
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
    let argv = match (&arm.decode, ffmpeg()) {
        (Some(template), _) => template.fill(|place| match place {
            "in" => stream.display().to_string(),
            _ => decoded.display().to_string(),
        }),
        (None, Some(ffmpeg)) => {
            let mut argv: Vec<String> = vec![ffmpeg];
            argv.extend("-v error -nostdin -y -i".split(' ').map(str::to_owned));
            argv.push(stream.display().to_string());
            argv.extend(
                "-map 0:v:0 -fps_mode passthrough -pix_fmt yuv420p -f yuv4mpegpipe"
                    .split(' ')
                    .map(str::to_owned),
            );
            argv.push(decoded.display().to_string());
            argv
        }
        (None, None) => {
            return Ok(Err(format!("{why}; ffmpeg was not found either")));
        }
    };
    match process::run(&argv, limit, &env.stop) {
        Ok(_) => {}
        Err(ProcessError::Interrupted) => {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        Err(ProcessError::Failed(why)) => return Ok(Err(format!("cannot decode: {why}"))),
    }
    let opened = video::open(&spec(&decoded), &options, env);
    // The open file is enough on systems that allow deletion of open files.
    let _ = std::fs::remove_file(&decoded);
    Ok(match opened {
        Ok(source) => Ok(Pictures { source, times_s: presentation_times(packets), is_ours: false }),
        Err(failure) => Err(format!("cannot decode: {}", failure.message)),
    })
}

/// Frame times in presentation order, if the stream has timestamps.
pub(super) fn presentation_times(packets: &[PacketRow]) -> Option<Vec<f64>> {
    let shown = packets.iter().filter(|packet| packet.shown);
    let mut times = shown.map(|packet| packet.time_s).collect::<Option<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Some(times)
}
