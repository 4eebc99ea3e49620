//! Writes WebM: an indexed file if the output can seek, otherwise a live stream.
//!
//! The sizes, the duration and the index of a file are written at the end. Until then the file has
//! the form of a live stream, so a truncated file is playable. A live stream has a segment and
//! clusters of unknown size, and each packet is written immediately.

use codec_audio::AudioCodec;
use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::ebml::{put_head, put_open_head, put_sint, put_uint, size_in_eight};
use super::metadata::put_metadata;
use super::{ids, layout};
use crate::interleave::Interleaver;
use crate::io::ByteWriter;
use crate::samples::scaled;
use crate::time_order::TimeOrder;
use crate::{
    Error, Format, Output, PacketRef, PacketWriter, Result, Track, WriteOptions, opus, pcm,
};

const NS_PER_SECOND: u64 = 1_000_000_000;
/// Maximum cluster duration.
const CLUSTER_NS: u64 = 5 * NS_PER_SECOND;
/// Maximum number of tracks: their numbers take one byte.
const MAX_TRACKS: usize = 126;

/// Writes WebM, or Matroska for codecs that WebM does not allow.
#[derive(Debug)]
pub struct WebmWriter {
    output: ByteWriter,
    live: bool,
    scale_ns: u64,
    tracks: Vec<State>,
    has_video: bool,
    waiting: Interleaver<Block>,
    /// Start of the segment's contents in the file.
    segment_start: u64,
    /// Positions of the index and the duration.
    seek_head_at: u64,
    duration_at: u64,
    info_at: u64,
    tracks_at: u64,
    cluster: Option<Cluster>,
    /// Time, cluster position and track of each key frame that begins a cluster.
    cues: Vec<(u64, u64, u64)>,
    /// Memory for the next packet that has to wait.
    spare: Vec<u8>,
    /// End of the last frame, in ticks of the segment.
    end: u64,
    count: u64,
    head: Vec<u8>,
}

/// Writing state of a track.
#[derive(Debug)]
struct State {
    clock: Clock,
    is_video: bool,
    /// Duration of frames that need no explicit one, in ticks of the segment, rounded down and up.
    default_ticks: Option<(u64, u64)>,
    /// `None` for audio and for codecs with reordered frames.
    order: Option<TimeOrder>,
    /// Time of the last block, in ticks of the segment.
    last: Option<i64>,
    /// The last packet of a file, which waits for the next one to determine its duration.
    held: Option<Held>,
    audio: Option<AudioState>,
}

#[derive(Debug)]
struct AudioState {
    rate: u32,
    delay_ns: u64,
    /// Samples of the codec delay that are still to come, if decoders discard it by themselves (Opus).
    delay_left: Option<u32>,
    /// Bytes of a sample of all channels, if fixed.
    frame_bytes: Option<usize>,
}

#[derive(Debug)]
struct Cluster {
    /// Position of the cluster's header in the file.
    at: u64,
    /// Position of the cluster's first child in the file.
    body_at: u64,
    /// Time of the cluster in ticks of the segment.
    time: u64,
}

#[derive(Debug, Default)]
struct Held {
    data: Vec<u8>,
    block: Block,
    /// Presentation time in ticks of the stream.
    pts: i64,
    duration: Option<u64>,
}

/// The fields of a block, in ticks of the segment.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    time: i64,
    key: bool,
    shown: bool,
    /// Duration, which is written only if a reader could not derive it.
    duration: Option<u64>,
    /// Nanoseconds to discard at the end; negative: at the start.
    discard_ns: i64,
    /// Time of the previous block of the same track.
    before: Option<i64>,
}

/// Converts ticks of the stream to ticks of the segment.
#[derive(Clone, Copy, Debug)]
struct Clock {
    time_base: Rational,
    scale_ns: u64,
}

impl Clock {
    fn ticks(self, stream_ticks: i64) -> Option<i64> {
        let ns =
            i128::from(stream_ticks) * i128::from(self.time_base.num) * i128::from(NS_PER_SECOND);
        let den = i128::from(self.time_base.den) * i128::from(self.scale_ns);
        i64::try_from((2 * ns + den).div_euclid(2 * den)).ok()
    }

    fn ns(self, stream_ticks: i64) -> i64 {
        let num = u64::from(self.time_base.num) * NS_PER_SECOND;
        scaled(stream_ticks, num, self.time_base.den.into())
    }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::WebM, what.into())
}

impl WebmWriter {
    /// Writes everything up to the first cluster.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for a codec without a Matroska name, for a track whose
    /// codec configuration is missing although the codec requires it, and for a time base that
    /// contains a zero.
    pub fn new(
        output: Output,
        format: Format,
        tracks: &[Track],
        options: &WriteOptions,
    ) -> Result<Self> {
        if tracks.is_empty() || tracks.len() > MAX_TRACKS {
            return Err(unsupported(format!("a file of {} tracks", tracks.len())));
        }
        let mut output = ByteWriter::new(output)?;
        let live = options.live || !output.can_seek();
        // Audio times are stored in milliseconds, and readers count samples.
        let scales = tracks.iter().map(|track| match track {
            Track::Video(track) => scale_for(track.time_base),
            Track::Audio(track) => scale_for(track.time_base).map(|_| 1_000_000),
        });
        let scale_ns = scales.clone().flatten().min().unwrap_or(1_000_000);
        if let Some((track, _)) = tracks.iter().zip(scales).find(|(_, scale)| scale.is_none()) {
            return Err(unsupported(format!("a time base of {}", track.time_base())));
        }
        let frame_ns: Vec<_> = tracks.iter().map(frame_ns).collect();

        let mut out = Vec::new();
        let webm = format != Format::Matroska
            && tracks.iter().all(|track| match track {
                Track::Video(track) => Format::WebM.holds_video(track.codec),
                Track::Audio(track) => Format::WebM.holds_audio(track.codec),
            });
        layout::ebml_head(&mut out, webm);
        put_open_head(&mut out, ids::SEGMENT);
        let segment_start = out.len() as u64;
        if !live {
            layout::void(&mut out, layout::SEEK_HEAD_BYTES);
        }
        let info_at = out.len() as u64;
        let duration_at = layout::info(&mut out, scale_ns, &options.metadata) as u64;
        let tracks_at = out.len() as u64;
        layout::tracks(&mut out, tracks, &frame_ns)?;
        put_metadata(&mut out, &options.metadata);
        output.write(&out)?;
        if live {
            output.flush()?;
        }
        let states = tracks.iter().zip(frame_ns);
        let states: Vec<_> = states.map(|(track, ns)| State::new(track, ns, scale_ns)).collect();
        Ok(Self {
            output,
            live,
            scale_ns,
            has_video: states.iter().any(|state| state.is_video),
            waiting: Interleaver::new(states.len(), live),
            tracks: states,
            segment_start,
            seek_head_at: segment_start,
            duration_at,
            info_at,
            tracks_at,
            cluster: None,
            cues: Vec::new(),
            spare: Vec::new(),
            end: 0,
            count: 0,
            head: Vec::new(),
        })
    }

    fn write_video(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let state = &mut self.tracks[packet.track];
        if let Some(order) = &mut state.order {
            order.check(Format::WebM, self.output.position(), self.count, packet.pts)?;
        }
        self.count += 1;
        // A frame that is not shown does not change the end of the previous frame.
        let duration = packet.duration.filter(|&duration| packet.shown && duration > 0);
        let ticks = match duration {
            Some(duration) => Some(state.duration_ticks(packet.pts, duration)?),
            None => None,
        };

        if !self.live {
            self.release(packet.track, Some(packet.pts))?;
        }
        let state = &mut self.tracks[packet.track];
        let time = state.block_time(packet)?;
        let usual = state.default_ticks.map_or(0, |(_, high)| high);
        let end = u64::try_from(state.ticks(packet.pts)?).unwrap_or(0) + ticks.unwrap_or(usual);
        self.end = self.end.max(end);

        let before = state.last.replace(time);
        let mut block =
            Block { time, key: packet.key, shown: packet.shown, before, ..Block::default() };
        if self.live {
            block.duration = ticks.filter(|&ticks| !state.is_default(ticks));
            return self.queue(packet.track, packet.data, block);
        }
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        data.extend_from_slice(packet.data);
        state.held = Some(Held { data, block, pts: packet.pts, duration });
        Ok(())
    }

    fn write_audio(&mut self, mut packet: PacketRef<'_>) -> Result<()> {
        self.count += 1;
        let state = &mut self.tracks[packet.track];
        let Some(audio) = &mut state.audio else { return Ok(()) };
        if let Some(frame_bytes) = audio.frame_bytes {
            packet.data = pcm::without_trim(&packet, frame_bytes);
            (packet.trim_start, packet.trim_end) = (0, 0);
        }
        // Players that ignore the codec delay of other codecs than Opus discard these samples. Of
        // Opus, they discard it at the start of the track only.
        let early = match &mut audio.delay_left {
            None => packet.trim_start,
            Some(left) => {
                let by_itself = opus::packet_samples(packet.data).unwrap_or(0).min(*left);
                *left -= by_itself;
                packet.trim_start.saturating_sub(by_itself)
            }
        };
        let early_ns = scaled(early.into(), NS_PER_SECOND, audio.rate.into());
        let discard_ns = scaled(packet.trim_end.into(), NS_PER_SECOND, audio.rate.into());
        let delay_ns = i64::try_from(audio.delay_ns).unwrap_or(0);
        let start_ns = state.clock.ns(packet.pts);
        let stated = start_ns.saturating_add(delay_ns).max(0);
        // Within a track, audio times do not go backwards.
        let time = scaled(stated, 1, self.scale_ns).max(state.last.unwrap_or(0));
        let before = state.last.replace(time);
        let length = packet.duration.map(|ticks| i64::try_from(ticks).unwrap_or(i64::MAX));
        let end_ns = state.clock.ns(packet.pts.saturating_add(length.unwrap_or(0)));
        let end = u64::try_from(scaled(end_ns, 1, self.scale_ns)).unwrap_or(0);
        self.end = self.end.max(end);
        let whole_ns = end_ns.saturating_sub(start_ns).saturating_add(discard_ns);
        let duration = u64::try_from(scaled(whole_ns, 1, self.scale_ns)).ok();
        let duration = duration.filter(|_| discard_ns > 0);
        let discard_ns = if discard_ns > 0 { discard_ns } else { -early_ns };
        let block = Block { time, key: true, shown: true, duration, discard_ns, before };
        self.queue(packet.track, packet.data, block)
    }

    /// Releases the waiting packet of a track; `next` is the time of the following one.
    fn release(&mut self, track: usize, next: Option<i64>) -> Result<()> {
        let state = &mut self.tracks[track];
        let Some(held) = state.held.take() else { return Ok(()) };
        let mut block = held.block;
        block.duration = match held.duration {
            // The next time determines the duration.
            // Between reordered frames the next time says nothing.
            Some(duration) if state.is_video && state.order.is_none() => {
                let ticks = state.duration_ticks(held.pts, duration)?;
                (next.is_none() || !state.is_default(ticks)).then_some(ticks)
            }
            Some(duration) if next != Some(held.pts.saturating_add_unsigned(duration)) => {
                Some(state.duration_ticks(held.pts, duration)?)
            }
            _ => None,
        };
        self.queue(track, &held.data, block)?;
        self.spare = held.data;
        Ok(())
    }

    /// Queues a block in time order, and writes the blocks that are ready.
    fn queue(&mut self, track: usize, data: &[u8], block: Block) -> Result<()> {
        if self.tracks.len() == 1 {
            return self.write_block(track, data, block);
        }
        let scale_ns = i64::try_from(self.scale_ns).unwrap_or(i64::MAX);
        self.waiting.push(track, block.time.saturating_mul(scale_ns), data, block);
        self.write_waiting(false)
    }

    fn write_waiting(&mut self, all: bool) -> Result<()> {
        while let Some(queued) = self.waiting.pop(all) {
            self.write_block(queued.track, &queued.data, queued.meta)?;
            self.waiting.recycle(queued);
        }
        Ok(())
    }

    fn write_block(&mut self, track: usize, data: &[u8], block: Block) -> Result<()> {
        if self.needs_cluster(track, block) {
            self.close_cluster()?;
            self.open_cluster(track, block)?;
        }
        let cluster_time = self.cluster.as_ref().map_or(0, |cluster| cluster.time);
        let relative = i64::try_from(cluster_time).ok().map(|time| block.time - time);
        let relative = relative.and_then(|time| i16::try_from(time).ok()).ok_or_else(|| {
            unsupported(format!("a time of {} ticks of {} ns", block.time, self.scale_ns))
        })?;
        let in_group = block.duration.is_some() || block.discard_ns != 0;
        let mut flags = 0;
        if !block.shown {
            flags |= 0x08;
        }
        if block.key && !in_group {
            flags |= 0x80;
        }
        let [high, low] = relative.to_be_bytes();
        // The track number is a variable-length number: its marker makes 1 to 0x81.
        let number = u8::try_from(track + 1).unwrap_or(0x7F);
        let block_head = [0x80 | number, high, low, flags];
        let block_bytes = block_head.len() + data.len();

        self.head.clear();
        let mut tail = Vec::new();
        if in_group {
            if let Some(duration) = block.duration {
                put_uint(&mut tail, ids::BLOCK_DURATION, duration);
            }
            if !block.key {
                // The needed frame is unknown here; the previous one is the usual reference.
                let before = block.before.unwrap_or(block.time - 1);
                put_sint(&mut tail, ids::REFERENCE_BLOCK, (before - block.time).min(-1));
            }
            if block.discard_ns != 0 {
                put_sint(&mut tail, ids::DISCARD_PADDING, block.discard_ns);
            }
            let mut inner = Vec::new();
            put_head(&mut inner, ids::BLOCK, block_bytes);
            let group_bytes = inner.len() + block_bytes + tail.len();
            put_head(&mut self.head, ids::BLOCK_GROUP, group_bytes);
            self.head.extend_from_slice(&inner);
        } else {
            put_head(&mut self.head, ids::SIMPLE_BLOCK, block_bytes);
        }
        self.head.extend_from_slice(&block_head);
        self.output.write(&self.head)?;
        self.output.write(data)?;
        self.output.write(&tail)?;
        if self.live {
            self.output.flush()?;
        }
        Ok(())
    }

    /// Whether a cluster may begin with a key frame of a track.
    fn leads(&self, track: usize) -> bool {
        self.tracks[track].is_video || !self.has_video
    }

    fn needs_cluster(&self, track: usize, block: Block) -> bool {
        let Some(cluster) = &self.cluster else { return true };
        let since = block.time.saturating_sub_unsigned(cluster.time);
        let too_late = (CLUSTER_NS / self.scale_ns).min(i16::MAX.unsigned_abs().into());
        let too_early = since < i16::MIN.into();
        // A hidden key frame is stored with the frame after it, not in its own cluster.
        let key = block.key && self.tracks[track].is_video;
        key || too_early || u64::try_from(since).is_ok_and(|since| since > too_late)
    }

    fn open_cluster(&mut self, track: usize, block: Block) -> Result<()> {
        let at = self.output.position();
        // Negative times are possible only relative to a cluster.
        let time = u64::try_from(block.time).unwrap_or(0);
        let mut head = Vec::new();
        put_open_head(&mut head, ids::CLUSTER);
        let body_at = at + head.len() as u64;
        put_uint(&mut head, ids::TIMESTAMP, time);
        self.output.write(&head)?;
        self.cluster = Some(Cluster { at, body_at, time });
        if block.key && self.leads(track) && !self.live {
            self.cues.push((time, at - self.segment_start, track as u64 + 1));
        }
        Ok(())
    }

    /// Patches the size of the cluster.
    fn close_cluster(&mut self) -> Result<()> {
        if let Some(cluster) = self.cluster.take()
            && !self.live
        {
            let size = self.output.position() - cluster.body_at;
            let size_at = cluster.body_at - 8;
            debug_assert!(size_at > cluster.at);
            self.output.patch(size_at, &size_in_eight(size))?;
        }
        Ok(())
    }
}

impl State {
    fn new(track: &Track, frame_ns: Option<u64>, scale_ns: u64) -> Self {
        let audio = track.audio().map(|track| AudioState {
            rate: track.audio.rate,
            delay_ns: layout::delay_ns(track),
            delay_left: (track.codec == AudioCodec::Opus).then_some(track.delay),
            frame_bytes: pcm::frame_bytes(track),
        });
        let ordered = track.video().is_some_and(|track| track.codec != Codec::H264);
        Self {
            clock: Clock { time_base: track.time_base(), scale_ns },
            is_video: track.video().is_some(),
            default_ticks: frame_ns.map(|ns| (ns / scale_ns, ns.div_ceil(scale_ns))),
            order: ordered.then(TimeOrder::default),
            last: None,
            held: None,
            audio,
        }
    }

    fn ticks(&self, stream_ticks: i64) -> Result<i64> {
        self.clock
            .ticks(stream_ticks)
            .ok_or_else(|| unsupported(format!("a time of {stream_ticks} ticks")))
    }

    /// Duration from `pts` over `duration`, as the difference of rounded times.
    fn duration_ticks(&self, pts: i64, duration: u64) -> Result<u64> {
        let duration = i64::try_from(duration).unwrap_or(i64::MAX);
        let end = self.ticks(pts.saturating_add(duration))?;
        Ok(u64::try_from(end - self.ticks(pts)?).unwrap_or(0))
    }

    fn is_default(&self, ticks: u64) -> bool {
        self.default_ticks.is_some_and(|(low, high)| (low..=high).contains(&ticks))
    }

    /// Time of a block: the time of the packet, but a hidden frame is placed a tick before the frame
    /// that follows it, because players expect increasing times.
    fn block_time(&self, packet: PacketRef<'_>) -> Result<i64> {
        let time = self.ticks(packet.pts)?;
        let room = self.last.is_none_or(|last| last < time - 1) && time > 0;
        Ok(if !packet.shown && room { time - 1 } else { time })
    }
}

impl PacketWriter for WebmWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        match self.tracks.get(packet.track) {
            Some(state) if state.is_video => self.write_video(packet),
            Some(_) => self.write_audio(packet),
            None => Err(unsupported(format!("a packet of unknown track {}", packet.track))),
        }
    }

    fn finish(&mut self) -> Result<()> {
        for track in 0..self.tracks.len() {
            self.release(track, None)?;
        }
        self.write_waiting(true)?;
        self.close_cluster()?;
        if !self.live {
            let mut index = vec![(ids::INFO, self.info_at), (ids::TRACKS, self.tracks_at)];
            if !self.cues.is_empty() {
                index.push((ids::CUES, self.output.position()));
                self.output.write(&layout::cues(&self.cues))?;
            }
            for (_, position) in &mut index {
                *position -= self.segment_start;
            }
            let size = self.output.position() - self.segment_start;
            self.output.patch(self.segment_start - 8, &size_in_eight(size))?;
            self.output.patch(self.seek_head_at, &layout::seek_head(&index))?;
            self.output.patch(self.duration_at, &layout::duration(self.end))?;
        }
        Ok(self.output.flush()?)
    }
}

/// Nanoseconds of a frame, if the rate is stated.
fn frame_ns(track: &Track) -> Option<u64> {
    let rate = track.video()?.frame_rate.filter(|rate| rate.num != 0 && rate.den != 0)?;
    let (num, den) = (u64::from(rate.num), u64::from(rate.den));
    Some(((2 * NS_PER_SECOND * den + num) / (2 * num)).max(1))
}

/// Returns the `TimestampScale` in nanoseconds: a millisecond, or the largest power of ten that does not
/// exceed a tick of the stream, so that distinct ticks stay distinct.
fn scale_for(time_base: Rational) -> Option<u64> {
    if time_base.num == 0 || time_base.den == 0 {
        return None;
    }
    let tick_ns = u64::from(time_base.num) * NS_PER_SECOND;
    let mut scale_ns = 1_000_000;
    while scale_ns > 1 && scale_ns * u64::from(time_base.den) > tick_ns {
        scale_ns /= 10;
    }
    Some(scale_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_of_usual_time_bases_survives() {
        for (num, den) in [(1, 30), (1001, 30000), (1, 1000), (1, 1200), (1, 90000), (1, 1_000_000)]
        {
            let time_base = Rational::new(num, den);
            let clock = Clock { time_base, scale_ns: scale_for(time_base).unwrap() };
            for ticks in (-5..2000).chain(1_000_000..1_000_100) {
                let actual = clock.ticks(ticks).unwrap();
                let ns = i128::from(actual) * i128::from(clock.scale_ns) * i128::from(den);
                let tick_ns = i128::from(num) * i128::from(NS_PER_SECOND);
                let back = (2 * ns + tick_ns).div_euclid(2 * tick_ns);
                assert_eq!(back, i128::from(ticks), "{num}/{den} by {}", clock.scale_ns);
            }
        }
        assert_eq!(scale_for(Rational::new(1, 30)), Some(1_000_000));
        assert_eq!(scale_for(Rational::new(1, 90000)), Some(10_000));
    }
}
