//! A coded stream: its packets, and its pictures by our decoders, by ffmpeg or by a command.

use std::path::Path;
use std::time::Duration;

use codec_container::{CodedPacket, Input};
use serde::{Deserialize, Serialize};

use super::arm::{Arm, find_program};
use super::store::PointStore;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::DecodeOptions;
use crate::io::input::{InputSpec, Opened};
use crate::io::source::{self, FrameSource};
use crate::process::{self, Stop};

/// A packet of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PacketRow {
    /// Presentation time in seconds; `None` where the stream has no times.
    pub(super) time_s: Option<f64>,
    pub(super) bytes: u64,
    pub(super) key: bool,
    pub(super) shown: bool,
}

/// Names the ffmpeg that decodes what this build cannot.
const FFMPEG: &str = "CODEC_FFMPEG";

fn ffmpeg() -> Option<String> {
    match std::env::var(FFMPEG) {
        Ok(path) if !path.is_empty() => Some(path),
        _ => find_program("ffmpeg").map(|path| path.display().to_string()),
    }
}

fn spec(path: &Path) -> InputSpec {
    let limits = DecodeOptions::default().limits;
    InputSpec { path: path.to_owned(), raw: None, limits, lenient: true }
}

/// The packets of a stream, in the order of decoding. Streams without a container that we read are
/// looked at by ffprobe.
pub(super) fn packets_of(
    path: &Path,
    env: Env,
    limit: Duration,
) -> std::result::Result<Vec<PacketRow>, String> {
    match spec(path).open(env) {
        Ok(Opened::Container(Input::Packets(reader))) => read_packets(reader),
        Ok(_) => Err("its output holds no coded pictures".to_owned()),
        Err(failure) => probe(path, limit).ok_or(failure.message),
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a report")]
fn read_packets(
    mut reader: Box<dyn codec_container::PacketReader>,
) -> std::result::Result<Vec<PacketRow>, String> {
    reader.select_video();
    let (track, time_base) = match reader.video() {
        Some((track, stream)) => (track, stream.time_base.as_f64()),
        None => return Err("its output holds no coded pictures".to_owned()),
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

/// Sizes and times by ffprobe, which knows streams without containers.
fn probe(path: &Path, limit: Duration) -> Option<Vec<PacketRow>> {
    let program = find_program("ffprobe")?;
    let arguments = "-v error -select_streams v:0 -show_entries packet=pts_time,size,flags -of \
                     compact=p=0";
    let mut argv = vec![program.display().to_string()];
    argv.extend(arguments.split_whitespace().map(str::to_owned));
    argv.push(path.display().to_string());
    let text = process::output(&argv, limit)?;
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

/// Pictures of a stream with their times in seconds.
pub(super) struct Pictures {
    pub(super) source: Box<dyn FrameSource>,
    /// Times in the order of presentation, where the source's own are not those of the stream.
    pub(super) times_s: Option<Vec<f64>>,
    /// Whether our decoder is at work, whose time can be told.
    pub(super) is_ours: bool,
}

/// Opens the pictures of an arm's stream. `Err(Ok(why))`: they cannot be had.
pub(super) fn pictures_of(
    arm: &Arm,
    store: &PointStore,
    packets: &[PacketRow],
    env: Env,
    limit: Duration,
) -> Result<std::result::Result<Pictures, String>> {
    let stream = store.stream(arm.extension());
    let options = DecodeOptions { threads: Some(1), ..DecodeOptions::default() };
    let ours = match arm.decode {
        Some(_) => None,
        None => Some(source::open(&spec(&stream), &options, env)),
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
            return Ok(Err(format!("{why}, and there is no ffmpeg, which might")));
        }
    };
    match process::run(&argv, limit) {
        Ok(_) => {}
        Err(Stop::Interrupted) => return Err(Failure::new(Kind::Interrupted, "interrupted")),
        Err(Stop::Failed(why)) => return Ok(Err(format!("decoding: {why}"))),
    }
    let opened = source::open(&spec(&decoded), &options, env);
    // The open file is all that is needed of it, where the system lets it go.
    let _ = std::fs::remove_file(&decoded);
    Ok(match opened {
        Ok(source) => Ok(Pictures { source, times_s: presentation_times(packets), is_ours: false }),
        Err(failure) => Err(format!("decoding: {}", failure.message)),
    })
}

/// Times of the pictures in the order of presentation, if the stream has times.
pub(super) fn presentation_times(packets: &[PacketRow]) -> Option<Vec<f64>> {
    let shown = packets.iter().filter(|packet| packet.shown);
    let mut times = shown.map(|packet| packet.time_s).collect::<Option<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Some(times)
}
