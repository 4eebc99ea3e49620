//! Reads WebM and Matroska files and live pipes from front to back. In a file, it can also seek
//! with the cues (an index of key frames).
//!
//! The reader does not read ahead, so it returns every complete frame of a truncated stream.

mod element;
mod headers;
mod late;
mod seek;

use std::collections::VecDeque;
use std::ops::Range;

use codec_core::codec::{Codec, Limits};
use codec_core::frame::Rational;

use super::ebml::{Elements, Head, corrupt, sint, uint, vint};
use super::track::{AudioState, Blocks};
use super::{ids, lacing};
use crate::io::ByteReader;
use crate::metadata::FileMetadata;
use crate::samples::scaled;
use crate::time_order::TimeOrder;
use crate::{
    CodedPacket, Error, Format, PacketReader, PayloadInfo, ReadOptions, Result, Source, Track,
};
use headers::{Headers, find_segment, read_ebml_head, read_headers};

/// Track number, time and flags.
const MAX_BLOCK_HEAD_BYTES: usize = 8 + 2 + 1;
/// Space in a block group for other elements and an alpha frame of the same size.
const GROUP_SLACK_BYTES: u64 = 64 << 10;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Reads WebM and Matroska.
#[derive(Debug)]
pub struct WebmReader {
    input: ByteReader,
    limits: Limits,
    tracks: Vec<Track>,
    states: Vec<State>,
    time_base: Rational,
    /// Start of the segment's content.
    segment_start: u64,
    /// Ends of the segment and the current cluster, if known.
    segment_end: Option<u64>,
    cluster: Option<Cluster>,
    index_of_keys: seek::Index,
    metadata: FileMetadata,
    /// A block or block group.
    block: Vec<u8>,
    /// Frames of `block` that are still to be delivered.
    waiting: VecDeque<Frame>,
    /// Error to report once `waiting` is empty.
    trouble: Option<Error>,
    /// Number of packets delivered, over all tracks.
    index: u64,
    ended: bool,
}

/// Reading state of a track.
#[derive(Debug)]
struct State {
    blocks: Blocks,
    /// The video codec.
    video: Option<Codec>,
    order: Option<TimeOrder>,
    selected: bool,
    index: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    end: Option<u64>,
    /// Time of the cluster in ticks of the segment.
    time: Option<u64>,
}

/// A frame in a block.
#[derive(Clone, Debug)]
struct Frame {
    track: usize,
    range: Range<usize>,
    offset: u64,
    /// Presentation time in ticks of the segment.
    pts: i64,
    duration: Option<u64>,
    /// Whether the frame directly follows the previous frame in the same block.
    is_laced: bool,
    /// Nanoseconds to discard at the end; negative: at the start.
    discard_ns: i64,
    key: bool,
    shown: bool,
}

/// The first bytes of a block. RFC 9559, section 10.
struct BlockHead {
    track: u64,
    time: i16,
    flags: u8,
    bytes: usize,
}

impl BlockHead {
    fn parse(data: &[u8]) -> Option<Self> {
        let (track, track_bytes) = vint(data)?;
        let &[high, low, flags] = data.get(track_bytes..)?.first_chunk()?;
        let time = i16::from_be_bytes([high, low]);
        Some(Self { track, time, flags, bytes: track_bytes + 3 })
    }
}

impl WebmReader {
    /// Opens a file and reads up to the first cluster.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] for damaged headers; [`Error::Unsupported`] if no track
    /// can be read, for example because all are encrypted or use unknown codecs.
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = ByteReader::new(source);
        let format = read_ebml_head(&mut input)?;
        let segment_end = find_segment(&mut input)?;
        let segment_start = input.position();
        let Headers { tracks, blocks, time_base, cluster, index_of_keys, metadata } =
            read_headers(&mut input, format, segment_end)?;
        let state = |(track, blocks): (&Track, Blocks)| {
            let video = track.video().map(|track| track.codec);
            let checked = !options.allow_backward_times && video.is_some_and(|c| c != Codec::H264);
            State {
                blocks,
                video,
                order: checked.then(TimeOrder::default),
                selected: true,
                index: 0,
            }
        };
        let states = tracks.iter().zip(blocks).map(state).collect();
        Ok(Self {
            input,
            limits: options.limits,
            tracks,
            states,
            time_base,
            segment_start,
            segment_end,
            cluster,
            index_of_keys,
            metadata,
            block: Vec::new(),
            waiting: VecDeque::new(),
            trouble: None,
            index: 0,
            ended: false,
        })
    }

    /// Index of the track with a number, if it is selected.
    fn needed(&self, number: u64) -> Option<usize> {
        let of_number = |state: &State| state.blocks.number == number;
        let at = self.states.iter().position(of_number)?;
        self.states[at].selected.then_some(at)
    }

    /// Reads elements until a frame waits; `false` at the end.
    fn fill(&mut self) -> Result<bool> {
        while self.waiting.is_empty() {
            if let Some(trouble) = self.trouble.take() {
                return Err(trouble);
            }
            let at = self.input.position();
            let past = |end: Option<u64>| end.is_some_and(|end| at >= end);
            if self.cluster.is_some_and(|cluster| past(cluster.end)) {
                self.cluster = None;
            }
            if self.cluster.is_none() && past(self.segment_end) {
                return Ok(false);
            }
            let Some(head) = Head::read(&mut self.input, Some(self.index))? else {
                return self.end_of_input().map(|()| false);
            };
            match self.cluster {
                Some(cluster) if !(cluster.end.is_none() && ids::is_top_level(head.id)) => {
                    self.read_in_cluster(cluster, head)?;
                }
                _ => match head.id {
                    ids::CLUSTER => {
                        self.cluster = Some(enter_cluster(&self.input, head));
                        self.index_of_keys.awaited = None;
                    }
                    // Another segment may have different tracks.
                    ids::EBML | ids::SEGMENT => return Ok(false),
                    _ => self.skip(head)?,
                },
            }
        }
        Ok(true)
    }

    /// Checks that the input may end here.
    fn end_of_input(&self) -> Result<()> {
        let at = self.input.position();
        let end = self.cluster.and_then(|cluster| cluster.end).or(self.segment_end);
        match end.filter(|&end| at < end) {
            Some(end) => {
                let expected = format!("{} more bytes", end - at);
                Err(corrupt(at, Some(self.index), expected, "the end of the file"))
            }
            None => Ok(()),
        }
    }

    fn skip(&mut self, head: Head) -> Result<()> {
        let Some(size) = head.size else {
            let found = format!("{} of unknown size", ids::name(head.id));
            return Err(corrupt(head.offset, Some(self.index), "an element with a size", found));
        };
        let had = self.input.skip(size)?;
        self.check_length(head, had, size)
    }

    fn check_length(&self, head: Head, had: u64, size: u64) -> Result<()> {
        if had == size {
            return Ok(());
        }
        let expected = format!("{size} bytes in {}", ids::name(head.id));
        let found = format!("the end of the file after {had}");
        Err(corrupt(head.offset, Some(self.index), expected, found))
    }

    fn read_in_cluster(&mut self, cluster: Cluster, head: Head) -> Result<()> {
        let at = self.input.position();
        if let (Some(size), Some(end)) = (head.size, cluster.end)
            && at.checked_add(size).is_none_or(|element_end| element_end > end)
        {
            let expected = format!("an element of at most {} bytes", end.saturating_sub(at));
            return Err(corrupt(head.offset, Some(self.index), expected, size.to_string()));
        }
        match head.id {
            ids::TIMESTAMP => {
                let time = self.read_small(head)?;
                self.cluster = Some(Cluster { time: Some(time), ..cluster });
                Ok(())
            }
            ids::SIMPLE_BLOCK => self.read_simple_block(cluster, head),
            ids::BLOCK_GROUP => self.read_block_group(cluster, head),
            _ => self.skip(head),
        }
    }

    /// The value of an unsigned element.
    fn read_small(&mut self, head: Head) -> Result<u64> {
        let size = head.size.filter(|&size| size <= 8).ok_or_else(|| {
            corrupt(head.offset, Some(self.index), "a number of at most 8 bytes", "a longer one")
        })?;
        let size = usize::try_from(size).unwrap_or(8);
        let mut payload = [0; 8];
        let had = self.input.read_up_to(&mut payload[..size])?;
        self.check_length(head, had as u64, size as u64)?;
        Ok(uint(&payload[..size]).unwrap_or(0))
    }

    /// Size of a block or a group, within `limit`.
    fn block_size(&self, head: Head, limit: u64) -> Result<usize> {
        let Some(size) = head.size else {
            let found = "one of unknown size";
            return Err(corrupt(head.offset, Some(self.index), "a block with a size", found));
        };
        if size > limit {
            return Err(Error::limit(Format::WebM, head.offset, "packet bytes", size, limit));
        }
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }

    fn read_simple_block(&mut self, cluster: Cluster, head: Head) -> Result<()> {
        // Other tracks may hold any data of any size; only the header is read.
        let size = head.size.unwrap_or(u64::MAX);
        let head_bytes = usize::try_from(size)
            .map_or(MAX_BLOCK_HEAD_BYTES, |size| size.min(MAX_BLOCK_HEAD_BYTES));
        let had = self.input.read_vec(&mut self.block, head_bytes)?;
        let block = BlockHead::parse(&self.block);
        if had < head_bytes || block.is_none() && head.size.is_some() {
            let found = format!("{had} bytes");
            return Err(corrupt(head.offset, Some(self.index), "a block header", found));
        }
        if block.is_some_and(|block| self.needed(block.track).is_none()) {
            let size = head.size.map(|size| size - had as u64);
            return self.skip(Head { size, ..head });
        }
        let limit = self.limits.max_frame_bytes.saturating_add(MAX_BLOCK_HEAD_BYTES as u64);
        let size = self.block_size(head, limit)?;
        let start = self.input.position() - had as u64;
        let mut rest = std::mem::take(&mut self.block);
        let done = self.input.append(&mut rest, size - had)?;
        self.block = rest;
        self.check_length(head, (had + done) as u64, size as u64)?;
        self.queue_frames(cluster, start, 0..size, &GroupChildren::default(), None)
    }

    fn read_block_group(&mut self, cluster: Cluster, head: Head) -> Result<()> {
        let limit = self.limits.max_frame_bytes.saturating_mul(2).saturating_add(GROUP_SLACK_BYTES);
        let size = self.block_size(head, limit)?;
        let start = self.input.position();
        let mut group = std::mem::take(&mut self.block);
        let had = self.input.read_vec(&mut group, size)?;
        let children = GroupChildren::parse(&group);
        self.block = group;
        let complete = self.check_length(head, had as u64, size as u64);
        if let Some(block) = children.block.clone() {
            let key = !children.has_reference;
            self.queue_frames(cluster, start, block, &children, Some(key))?;
        }
        // A group that is truncated after its block still gives its frame, and then the error.
        match complete {
            Err(error) if !self.waiting.is_empty() => {
                self.trouble = Some(error);
                Ok(())
            }
            other => other,
        }
    }

    /// Finds the frames in the block that `range` of `self.block` holds; `self.block` begins at
    /// `start` in the file. `key` is known for block groups.
    fn queue_frames(
        &mut self,
        cluster: Cluster,
        start: u64,
        range: Range<usize>,
        group: &GroupChildren,
        key: Option<bool>,
    ) -> Result<()> {
        let offset = start + range.start as u64;
        let wrong = |expected: &'static str, found: String| {
            corrupt(offset, Some(self.index), expected, found)
        };
        let data = &self.block[range.clone()];
        let head = BlockHead::parse(data)
            .ok_or_else(|| wrong("a block header", format!("{} bytes", data.len())))?;
        let Some(track) = self.needed(head.track) else { return Ok(()) };
        let blocks = &self.states[track].blocks;
        let limit = self.limits.max_frame_bytes;
        let size = (data.len() - head.bytes + blocks.stripped.len()) as u64;
        if size > limit {
            return Err(Error::limit(Format::WebM, offset, "packet bytes", size, limit));
        }
        let Some(cluster_time) = cluster.time else {
            return Err(wrong("the time of the cluster", "a block before it".into()));
        };
        let time = i64::try_from(cluster_time).ok();
        let first_pts = time
            .and_then(|time| time.checked_add(head.time.into()))
            .ok_or_else(|| wrong("a time below 2^63", cluster_time.to_string()))?;
        let sizes = lacing::frame_sizes(head.flags, &data[head.bytes..])
            .ok_or_else(|| wrong("frame sizes that add up to the block", "other sizes".into()))?;

        let tick_ns = self.time_base.as_f64() * 1e9;
        let default_duration_ns = blocks.default_duration_ns;
        let mut from = range.start + head.bytes + sizes.skipped;
        for (position, &len) in sizes.lens.iter().enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "at most 256 frames; a float that is too large saturates"
            )]
            let later = (position as f64 * default_duration_ns as f64 / tick_ns) as i64;
            let is_last = position + 1 == sizes.lens.len();
            self.waiting.push_back(Frame {
                track,
                is_laced: position > 0,
                discard_ns: group.discard_ns.filter(|_| is_last).unwrap_or(0),
                range: from..from + len,
                offset: start + from as u64,
                pts: first_pts.saturating_add(later),
                duration: group.duration.filter(|_| sizes.lens.len() == 1),
                key: key.unwrap_or(head.flags & 0x80 != 0),
                shown: head.flags & 0x08 == 0,
            });
            from += len;
        }
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame, packet: &mut CodedPacket) -> Result<()> {
        let state = &mut self.states[frame.track];
        packet.reset();
        packet.data.clear();
        packet.data.extend_from_slice(&state.blocks.stripped);
        packet.data.extend_from_slice(&self.block[frame.range.clone()]);
        packet.track = frame.track;
        packet.pts = frame.pts;
        packet.duration = frame.duration;
        packet.index = state.index;
        packet.offset = frame.offset;
        packet.key = frame.key;
        packet.shown = frame.shown;
        state.index += 1;
        if let Some(audio) = &mut state.blocks.audio {
            audio.place(self.time_base, frame, packet);
            return Ok(());
        }
        // The payload is the most reliable source of the key frame flag.
        if let Some(codec @ (Codec::Vp8 | Codec::Vp9)) = state.video {
            let info = PayloadInfo::of(codec, &packet.data);
            packet.set_payload_info(PayloadInfo { shown: info.shown && frame.shown, ..info });
        }
        match &mut state.order {
            Some(order) => order.check(Format::WebM, frame.offset, self.index, frame.pts),
            None => Ok(()),
        }
    }
}

impl AudioState {
    /// Computes time and duration of a packet from its samples.
    fn place(&mut self, time_base: Rational, frame: &Frame, packet: &mut CodedPacket) {
        let to_samples = |ns: i64| scaled(ns, self.rate.into(), NS_PER_SECOND);
        let tick_ns = u64::from(time_base.num) * NS_PER_SECOND / u64::from(time_base.den.max(1));
        let time_ns = frame.pts.saturating_mul(i64::try_from(tick_ns).unwrap_or(i64::MAX));
        let delay_ns = i64::try_from(self.delay_ns).unwrap_or(0);
        let position = to_samples(time_ns.saturating_sub(delay_ns));
        let position = self.clock.next().filter(|_| frame.is_laced).unwrap_or(position);
        let stated = frame.duration.and_then(|ticks| i64::try_from(ticks).ok());
        let stated = stated.map(|ticks| {
            to_samples(ticks.saturating_mul(i64::try_from(tick_ns).unwrap_or(i64::MAX)))
        });
        let stated = stated.and_then(|samples| u32::try_from(samples).ok());
        let samples = self.counter.count(&packet.data).or(stated);
        let count = samples.unwrap_or(0);
        let discard = to_samples(frame.discard_ns);
        let part = |discard: i64| u32::try_from(discard).unwrap_or(0).min(count);
        // After the codec delay, samples are discarded where another stream was appended. They take
        // no time: the rest of the packet follows the end of the samples before.
        let early = part(discard.saturating_neg());
        let joint = if self.clock.has_delay() { 0 } else { early };
        let (pts, delay) = match joint {
            0 => self.clock.place(position, count),
            // It ends where the samples before it end.
            joint if joint == count => {
                let begins = self.clock.next().map(|next| next.saturating_sub(count.into()));
                (begins.map_or(position, |begins| begins.min(position)), 0)
            }
            joint => {
                let heard = position.saturating_add(joint.into());
                let (heard, _) = self.clock.place(heard, count - joint);
                (heard.saturating_sub(joint.into()), 0)
            }
        };
        packet.pts = pts;
        packet.key = true;
        packet.shown = true;
        packet.trim_start = delay.max(early);
        packet.trim_end = part(discard).min(count - packet.trim_start);
        self.clock.end_early(packet.trim_end);
        packet.duration = samples.map(|samples| (samples - packet.trim_end).into());
    }
}

impl PacketReader for WebmReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    fn select(&mut self, tracks: &[usize]) {
        for (at, state) in self.states.iter_mut().enumerate() {
            state.selected = tracks.contains(&at);
        }
        let states = &self.states;
        self.waiting.retain(|frame| states[frame.track].selected);
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        loop {
            let outcome = self.fill();
            if !matches!(outcome, Ok(true)) {
                self.ended = true;
                return outcome;
            }
            let Some(frame) = self.waiting.pop_front() else { return Ok(false) };
            let delivered = self.deliver(&frame, packet);
            self.index += 1;
            if !self.is_before_key(packet) {
                return delivered.map(|()| true);
            }
        }
    }

    fn seek(&mut self, track: usize, time: i64) -> Result<bool> {
        self.seek_by_cues(track, time)
    }
}

/// The relevant children of a block group.
#[derive(Default)]
struct GroupChildren {
    block: Option<Range<usize>>,
    duration: Option<u64>,
    has_reference: bool,
    discard_ns: Option<i64>,
}

impl GroupChildren {
    fn parse(group: &[u8]) -> Self {
        let mut children = Self::default();
        let mut elements = Elements(group);
        while let Some((id, payload)) = elements.next() {
            let end = group.len() - elements.0.len();
            match id {
                ids::BLOCK => children.block = Some(end - payload.len()..end),
                ids::BLOCK_DURATION => children.duration = uint(payload),
                ids::REFERENCE_BLOCK => children.has_reference = true,
                ids::DISCARD_PADDING => children.discard_ns = sint(payload),
                _ => {}
            }
        }
        children
    }
}

fn enter_cluster(input: &ByteReader, head: Head) -> Cluster {
    let end = head.size.map(|size| input.position().saturating_add(size));
    Cluster { end, time: None }
}
