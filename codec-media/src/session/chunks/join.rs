//! Joins encoded chunks to one file, with the audio of the input.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use codec_container::{CodedPacket, Error, Format, PacketReader, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::file::ChunkReader;
use super::key::Key;
use super::plan::ChunkPlan;
use super::run::{file_of, is_done};
use crate::Env;
use crate::count::counted;
use crate::cut::{Cut, ticks_to_ns};
use crate::failure::{Failure, Kind, Result};
use crate::io::cut_packets::VideoPackets;
use crate::io::input::InputSpec;
use crate::io::source::StreamInfo;
use crate::json::Object;
use crate::session::copy::{Copied, Copying, Transfer, copy_packets};
use crate::session::goal::quality::summarise;
use crate::session::writing::{Start, is_boxed, stored, video_track};
use crate::session::{self, open_input, with_metadata};
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;

/// Joins the results of the first chunks of a plan.
pub(super) struct Joining<'a> {
    pub(super) settings: &'a Encoding,
    pub(super) plan: &'a ChunkPlan,
    /// The folder of the results.
    pub(super) folder: &'a Path,
    /// Number of chunks to join.
    pub(super) chunks: usize,
    /// Why the output ends before the input.
    pub(super) end: Result<()>,
}

impl Joining<'_> {
    /// Writes the output.
    pub(super) fn run(self, env: &Env) -> Result<Copied> {
        let Self { settings, plan, folder, chunks, end } = self;
        let media = open_input(settings, &env.quiet())?;
        let metadata = with_metadata(settings, &media, env).metadata;
        let source =
            media.video.ok_or_else(|| Failure::new(Kind::Input, "the input has no video"))?;
        let stream_info = source.stream_info();
        let (size, info) = settings.transform().begin(stream_info.size, stream_info.info)?;
        let joined = plan.chunks().get(..chunks).unwrap_or_default();
        let results: VecDeque<_> =
            joined.iter().map(|chunk| (file_of(folder, &chunk.key), chunk.key)).collect();
        let &StreamInfo { frame_rate, time_base, ref title, .. } = stream_info;
        let title = title.clone();
        let mut track = video_track(settings, &Start { size, info, frame_rate, time_base, title });
        let (path, key) = results.front().ok_or_else(|| Failure::internal("no chunks to join"))?;
        let codec_private = open_result(path, key)?.codec_private;
        if is_boxed(settings.format) {
            track.codec_private.clone_from(&codec_private);
        }
        track.packet_count = Some(joined.iter().map(|chunk| chunk.frames).sum());
        drop(source);
        let packets = ChunkPackets::new(results, track, codec_private);
        let is_partial = plan.is_limited || chunks < plan.chunks().len();
        let copying = Copying {
            // The part of the audio is selected already.
            input: InputSpec { cut: Cut::default(), ..settings.input.clone() },
            audio_from: settings.audio_from.clone(),
            add_audio: settings.add_audio.clone(),
            output: settings.output.clone(),
            format: settings.format,
            fragmented: settings.fragmented,
            rules: settings.rules.clone(),
            audio: settings.audio.clone(),
        };
        let how = format!("encoded in {}", counted(chunks as u64, "chunk"));
        let transfer = Transfer { how, end, cuts_audio: is_partial, metadata };
        copy_packets(&copying, Box::new(packets), media.audio, transfer, env)
    }
}

/// The chunks of a plan without a complete result.
///
/// # Errors
/// If a result is damaged or cannot be read.
pub(super) fn missing(plan: &ChunkPlan, folder: &Path) -> Result<Vec<usize>> {
    let mut missing = Vec::new();
    for (index, chunk) in plan.chunks().iter().enumerate() {
        if !is_done(folder, &chunk.key)? {
            missing.push(index);
        }
    }
    Ok(missing)
}

fn open_result(path: &Path, key: &Key) -> Result<ChunkReader<std::fs::File>> {
    ChunkReader::open(path, key)?.ok_or_else(|| {
        Failure::new(Kind::Input, format!("{}: removed while reading", path.display()))
    })
}

/// The packets of chunks, one chunk after another.
struct ChunkPackets {
    /// Results that have not been opened.
    results: VecDeque<(PathBuf, Key)>,
    current: Option<ChunkReader<std::fs::File>>,
    tracks: [Track; 1],
    /// Codec and format of the output.
    stream: (Codec, Option<Format>),
    codec_private: Vec<u8>,
    times: DecodingTimes,
    /// The end of the frames so far, in ticks.
    end: i64,
    time_base: Rational,
}

impl ChunkPackets {
    fn new(results: VecDeque<(PathBuf, Key)>, track: VideoTrack, codec_private: Vec<u8>) -> Self {
        Self {
            results,
            current: None,
            stream: (track.codec, Some(track.format)),
            time_base: track.time_base,
            tracks: [Track::Video(track)],
            codec_private,
            times: DecodingTimes::default(),
            end: 0,
        }
    }

    fn next(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        loop {
            if let Some(current) = &mut self.current
                && current.read(packet)?
            {
                return Ok(true);
            }
            let Some((path, key)) = self.results.pop_front() else { return Ok(false) };
            let result = open_result(&path, &key)?;
            if result.codec_private != self.codec_private {
                let message = format!(
                    "{}: its codec configuration differs from the first chunk's\n\
                     help: delete the results and run all chunks again with one build of codec",
                    path.display()
                );
                return Err(Failure::new(Kind::Corrupt, message));
            }
            self.current = Some(result);
            self.times.begin_chunk();
        }
    }
}

impl PacketReader for ChunkPackets {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        let found = self.next(packet);
        if !found.map_err(|failure| Error::Io(std::io::Error::other(failure.message)))? {
            return Ok(false);
        }
        packet.dts = self.times.of(packet);
        let unneeded = packet.data.len() - stored(self.stream, &packet.data).len();
        packet.data.drain(..unneeded);
        let ticks = packet.duration.unwrap_or(1).max(1);
        self.end = self.end.max(packet.pts.saturating_add_unsigned(ticks));
        Ok(true)
    }
}

impl VideoPackets for ChunkPackets {
    fn start_ns(&self) -> i64 {
        0
    }

    fn end_ns(&self) -> i64 {
        ticks_to_ns(self.end, self.time_base)
    }
}

/// Decoding times over all chunks. The times of the first frames of a chunk are estimated by the encoder, which does
/// not know the frames before; here they become the times of these frames.
#[derive(Debug, Default)]
struct DecodingTimes {
    /// Presentation times of the current chunk.
    shown: Vec<i64>,
    /// The time of its first frame.
    start: Option<i64>,
    /// Number of its packets with an estimated time.
    estimated: usize,
    /// The presentation times of the last frames of the previous chunk, in display order, which are no
    /// decoding times yet.
    before: VecDeque<i64>,
}

impl DecodingTimes {
    fn begin_chunk(&mut self) {
        self.shown.sort_unstable();
        let first = self.shown.len().saturating_sub(self.estimated);
        self.before = self.shown.drain(..).skip(first).collect();
        (self.start, self.estimated) = (None, 0);
    }

    /// The decoding time of the next packet.
    fn of(&mut self, packet: &CodedPacket) -> Option<i64> {
        let own = packet.dts?;
        let start = *self.start.get_or_insert(packet.pts);
        self.shown.push(packet.pts);
        if own >= start {
            return Some(own);
        }
        self.estimated += 1;
        Some(self.before.pop_front().unwrap_or(own))
    }
}

/// Reports the totals of a join: of `chunks` chunks, in `elapsed_s` seconds with their encoding.
pub(super) fn report(
    copied: Copied,
    chunks: usize,
    elapsed_s: f64,
    reached: Option<(TargetQuality, f64)>,
    env: &Env,
) -> Result<()> {
    let &Copied { packets, keys, bytes, end_ns, .. } = &copied;
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let (media_s, count, bits) = (end_ns as f64 / 1e9, packets as f64, bytes as f64 * 8.0);
    let kbps = bits / media_s.max(1e-9) / 1000.0;
    let fps = count / elapsed_s.max(1e-6);
    let code = copied.end.as_ref().err().map_or(0, |failure| failure.kind as u8);
    let mut summary = Object::new()
        .text("type", "summary")
        .raw("packets", packets)
        .raw("key_frames", keys)
        .raw("chunks", chunks)
        .raw("bytes", bytes)
        .float("media_s", media_s)
        .float("kbps", kbps)
        .float("elapsed_s", elapsed_s)
        .float("fps", fps);
    if let Some((target, value)) = reached {
        summary = summarise(target, value, summary);
    }
    if let Some(audio) = &copied.audio {
        summary = session::audio::summary(summary, audio);
    }
    let text = format!(
        "{} in {elapsed_s:.2} s: {fps:.1} fps, x{:.2} real time; {}, {kbps:.1} kb/s, {} in {}",
        counted(packets, "packet"),
        media_s / elapsed_s.max(1e-6),
        counted(bytes, "byte"),
        counted(keys, "key frame"),
        counted(chunks as u64, "chunk"),
    );
    let Copied { mut output, end, .. } = copied;
    let end = output.end(end);
    let summary = summary.raw("exit_code", code).text("output", &output.name);
    output.commit()?;
    env.events.event(summary);
    if !env.events.takes_records() {
        env.events.note(text);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoding times of chunks: of the times of their frames in coding order, with a delay of one frame.
    fn times(chunks: &[&[i64]]) -> Vec<i64> {
        let mut times = DecodingTimes::default();
        let mut all = Vec::new();
        for chunk in chunks {
            times.begin_chunk();
            let mut shown = chunk.to_vec();
            shown.sort_unstable();
            let own = [shown[0] - 10].into_iter().chain(shown);
            for (&pts, dts) in chunk.iter().zip(own) {
                let mut packet = CodedPacket::default();
                (packet.pts, packet.dts) = (pts, Some(dts));
                all.extend(times.of(&packet));
            }
        }
        all
    }

    #[test]
    fn decoding_times_continue_over_chunks() {
        assert_eq!(times(&[&[0, 20, 10], &[30, 50, 40]]), [-10, 0, 10, 20, 30, 40]);
        // The estimate of 69 would be before the last decoding time.
        assert_eq!(times(&[&[0, 73, 70], &[79, 99, 89]]), [-10, 0, 70, 73, 79, 89]);
        let plain = CodedPacket::default();
        assert_eq!(DecodingTimes::default().of(&plain), None);
    }
}
