//! Compressed inputs: the boundaries and names of chunks follow from the packets, so a plan decodes only the first
//! frame.

use codec_container::{CodedPacket, Format, Input, PacketReader};

use super::entries::{CodedFrame, divide};
use super::input::with_input_times;
use super::key::{Key, KeyHasher, Naming, PacketId, PacketRange};
use super::plan::{ChunkPlan, PlannedChunk, fingerprint, of_part};
use super::watch::{PacketWatch, WatchedReader};
use crate::Env;
use crate::cut::ticks_to_ns;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::Opened;
use crate::io::key_frame::is_entry;
use crate::io::source::StreamInfo;
use crate::io::video;
use crate::progress::{Now, Pass};
use crate::settings::encoding::Encoding;

/// Packets of frames that can be stored after frames that are presented later.
const REORDER: usize = 64;

/// A packet of the input.
struct Coded {
    pts: i64,
    duration: Option<u64>,
    is_entry: bool,
    is_shown: bool,
    bytes: u64,
    /// `None` if the plan is used at once.
    id: Option<PacketId>,
}

/// Divides the input of `settings` by its packets; `None` if it is not coded, or has no times.
pub(super) fn plan(settings: &Encoding, is_stored: bool, env: &Env) -> Result<Option<ChunkPlan>> {
    let spec = with_input_times(settings);
    let Opened::Container(Input::Packets(mut reader)) = spec.open(&env.quiet())? else {
        return Ok(None);
    };
    reader.select_video();
    let Some((_, track)) = reader.video() else { return Ok(None) };
    // The frames of such a stream are numbered when they are decoded.
    if track.format == Format::H264 {
        return Ok(None);
    }
    let source = video::open(&spec, &settings.decode_options(), &env.quiet())?;
    let stream_info = source.stream_info().clone();
    drop(source);
    let packets = Packets::read(&mut *reader, settings, (&stream_info, is_stored), env)?;
    packets.plan(settings, &stream_info, is_stored).map(Some)
}

/// All packets of the video, in the order of the file.
struct Packets {
    packets: Vec<Coded>,
    error: Option<String>,
}

impl Packets {
    /// Reads packets, up to the limit of `settings`.
    fn read(
        reader: &mut dyn PacketReader,
        settings: &Encoding,
        (stream_info, is_stored): (&StreamInfo, bool),
        env: &Env,
    ) -> Result<Self> {
        let name = settings.input.name();
        let Some((number, track)) = reader.video() else {
            return Err(Failure::new(Kind::Input, format!("{name}: no video")));
        };
        let codec = track.codec;
        let total = stream_info.count.into_iter().chain(settings.frames).min();
        let mut progress = env.events.progress(total, stream_info.frame_rate);
        progress.begin_pass(Some(Pass::Scan));
        let (mut packets, mut shown) = (Vec::new(), 0_u64);
        let mut packet = CodedPacket::default();
        let most = settings.frames.map(|limit| limit.saturating_add(REORDER as u64));
        let mut error = None;
        while most.is_none_or(|most| shown < most) {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            match reader.read(&mut packet).map_err(|error| Failure::reading(&name, error)) {
                Ok(true) if packet.track != number => continue,
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if failure.kind != Kind::Corrupt || shown == 0 => return Err(failure),
                // The frames before it are encoded, as in a run without chunks.
                Err(failure) => {
                    error = Some(failure.message);
                    break;
                }
            }
            shown += u64::from(packet.shown);
            packets.push(Coded {
                pts: packet.pts,
                duration: packet.duration,
                is_entry: is_entry(codec, &packet),
                is_shown: packet.shown,
                bytes: packet.data.len() as u64,
                id: is_stored.then(|| PacketId::new(&packet)),
            });
            progress.update(&Now { frames: shown, ..Now::default() });
        }
        if shown == 0 {
            return Err(Failure::new(Kind::Input, format!("{name}: no frames to encode")));
        }
        Ok(Self { packets, error })
    }

    /// The plan of the packets.
    fn plan(
        self,
        settings: &Encoding,
        stream_info: &StreamInfo,
        is_stored: bool,
    ) -> Result<ChunkPlan> {
        let base = stream_info.time_base;
        let (size, _) = settings.transform().begin(stream_info.size, stream_info.info)?;
        let fingerprint = fingerprint(settings, stream_info, size);
        let mut shown: Vec<usize> =
            (0..self.packets.len()).filter(|&at| self.packets[at].is_shown).collect();
        shown.sort_by_key(|&at| self.packets[at].pts);
        let limit = settings.frames.and_then(|limit| usize::try_from(limit).ok());
        let limit_end = limit.and_then(|limit| shown.get(limit)).map(|&at| self.packets[at].pts);
        shown.truncate(limit.unwrap_or(usize::MAX));
        let frame = |&at: &usize| {
            let Coded { pts, is_entry, bytes, .. } = self.packets[at];
            CodedFrame { time_ns: ticks_to_ns(pts, base), is_entry, bytes }
        };
        let frames: Vec<_> = shown.iter().map(frame).collect();
        let end_ns = shown.last().map_or(0, |&at| {
            let Coded { pts, duration, .. } = self.packets[at];
            ticks_to_ns(pts.saturating_add_unsigned(duration.unwrap_or(1).max(1)), base)
        });
        let starts = divide(&frames, end_ns);
        let ends = starts.iter().skip(1).copied().chain([shown.len()]);
        let chunk = |(first, after): (usize, usize)| {
            let start = self.packets[shown[first]].pts;
            let end = shown.get(after).map(|&at| self.packets[at].pts).or(limit_end);
            let packets = self.range(first, shown[first], shown.get(after).copied().zip(end));
            let entry = (packets.start > 0).then(|| self.packets[packets.start].pts);
            let mut hasher = begin_name(&of_part(&fingerprint, 0, None), start, end);
            let ids = self.packets[packets.clone()].iter().filter_map(|packet| packet.id.as_ref());
            ids.for_each(|id| hasher.add_packet(id));
            PlannedChunk {
                first_frame: first as u64,
                frames: (after - first) as u64,
                start,
                start_ns: ticks_to_ns(start, base),
                end,
                packets: Some(PacketRange { entry, count: packets.len() as u64 }),
                key: hasher.finish(),
                quality_q8: None,
            }
        };
        let chunks: Vec<_> = starts.iter().copied().zip(ends).map(chunk).collect();
        let mut plan = ChunkPlan::new(fingerprint, stream_info.frame_rate, 0, chunks);
        (plan.is_limited, plan.input_error) = (limit_end.is_some(), self.error);
        plan.naming = if is_stored { Naming::Packets } else { Naming::Times };
        plan.frame_size = Some(stream_info.size);
        Ok(plan)
    }

    /// The packets that are needed for the chunk that begins with frame `first`, in packet `at`. `next` is the first packet of
    /// the next chunk, and its time.
    fn range(&self, first: usize, at: usize, next: Option<(usize, i64)>) -> std::ops::Range<usize> {
        let start = self.packets[at].pts;
        let is_entry = |packet: &Coded| packet.is_entry && packet.pts <= start;
        let from = self.packets[..=at].iter().rposition(is_entry).filter(|_| first > 0);
        let to = next.and_then(|(next, end)| {
            let nearby = &self.packets[..self.packets.len().min(next + REORDER)];
            nearby.iter().rposition(|packet| packet.pts < end).map(|last| last + 1)
        });
        let from = from.unwrap_or(0);
        from..to.unwrap_or(self.packets.len()).max(from + 1)
    }
}

/// Begins the name of the chunk with the frames from `start` to before `end`; `text` is everything else but its packets.
pub(super) fn begin_name(text: &str, start: i64, end: Option<i64>) -> KeyHasher {
    let mut hasher = KeyHasher::new(text);
    let end = end.map_or_else(|| "the end".to_owned(), |end| end.to_string());
    hasher.add_text(&format!("frames: {start} to {end}"));
    hasher
}

/// Reads the packets of a chunk without decoding them, and computes its name.
pub(super) fn read_key(settings: &Encoding, watch: &PacketWatch, env: &Env) -> Result<Option<Key>> {
    let spec = with_input_times(settings);
    let Opened::Container(Input::Packets(mut reader)) = spec.open(&env.quiet())? else {
        return Ok(None);
    };
    reader.select_video();
    let (mut reader, watch) = WatchedReader::new(reader, watch.again());
    let mut packet = CodedPacket::default();
    while !watch.is_complete() {
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
        if !matches!(reader.read(&mut packet), Ok(true)) {
            break;
        }
    }
    Ok(watch.key())
}
