//! Seeking by the cues: an index of key frames, with the positions of their clusters. RFC 9559,
//! section 5.1.5.

use super::super::ebml::{Elements, Head, child, child_uint, uint};
use super::super::ids;
use super::element::{MAX_HEADER_BYTES, read_header};
use super::{WebmReader, enter_cluster};
use crate::samples::scaled;
use crate::time_order::TimeOrder;
use crate::{CodedPacket, PacketReader, Result};

/// Maximum number of entries that are kept, enough for a key frame in every second of a day.
const MAX_POINTS: usize = 1 << 17;

/// Where the key frames are.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Position of the cues, if known.
    pub(super) cues_at: Option<u64>,
    /// Position of the first cluster.
    pub(super) first_cluster: Option<u64>,
    /// The cues, after they were read.
    points: Option<Vec<Point>>,
    /// After a seek: the track and the time of the key frame, before which frames of the track are
    /// not delivered. `None` after the frame's cluster.
    pub(super) awaited: Option<(usize, i64)>,
}

/// An entry of the cues.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Time in ticks of the segment.
    time: i64,
    track: u64,
    /// Position of the cluster in the file.
    cluster: u64,
}

impl Index {
    /// Notes the position of the cues that the payload of a `SeekHead` element states.
    pub(super) fn add_seek_head(&mut self, payload: &[u8], segment_start: u64) {
        let cues = Elements(payload).find(|&(id, seek)| {
            let target = child_uint(seek, ids::SEEK_ID);
            id == ids::SEEK && target == Some(ids::CUES.into())
        });
        let position = cues.and_then(|(_, seek)| child_uint(seek, ids::SEEK_POSITION));
        let position = position.and_then(|position| position.checked_add(segment_start));
        self.cues_at = self.cues_at.or(position);
    }
}

/// The entries in the payload of a `Cues` element.
fn parse_cues(payload: &[u8], segment_start: u64) -> Vec<Point> {
    let mut points = Vec::new();
    for (_, point) in Elements(payload).filter(|(id, _)| *id == ids::CUE_POINT) {
        let time = child(point, ids::CUE_TIME).and_then(uint);
        let Some(time) = time.and_then(|time| i64::try_from(time).ok()) else { continue };
        for (_, of_track) in Elements(point).filter(|(id, _)| *id == ids::CUE_TRACK_POSITIONS) {
            let track = child_uint(of_track, ids::CUE_TRACK);
            let cluster = child_uint(of_track, ids::CUE_CLUSTER_POSITION)
                .and_then(|position| position.checked_add(segment_start));
            if let (Some(track), Some(cluster), true) = (track, cluster, points.len() < MAX_POINTS)
            {
                points.push(Point { time, track, cluster });
            }
        }
    }
    points
}

impl WebmReader {
    /// As [`PacketReader::seek`].
    pub(super) fn seek_by_cues(&mut self, track: usize, time: i64) -> Result<bool> {
        let Some(first) = self.index_of_keys.first_cluster else { return Ok(false) };
        if !self.input.can_seek() || track >= self.states.len() {
            return Ok(false);
        }
        let points = self.points()?;
        let state = &self.states[track];
        let number = state.blocks.number;
        // Audio can be found by the key frames of the video.
        let fits = |point: &&Point| state.video.is_none() || point.track == number;
        if !points.iter().any(|point| fits(&point)) {
            return Ok(false);
        }
        let limit = self.segment_time(track, time);
        let earlier = points.iter().filter(fits).filter(|point| point.time <= limit);
        let target = earlier.max_by_key(|point| point.time).copied();
        let target = target.filter(|point| point.cluster > first);
        let grid = match target {
            Some(_) if state.video.is_none() => self.first_packet(track, first)?,
            _ => None,
        };
        let is_cluster = match target {
            Some(point) => self.begin_at(point.cluster, track, grid)?,
            None => false,
        };
        if !is_cluster {
            self.begin_at(first, track, None)?;
        }
        let is_video = self.states[track].video.is_some();
        let key = target.filter(|_| is_cluster && is_video);
        self.index_of_keys.awaited = key.map(|point| (track, point.time));
        Ok(true)
    }

    /// The cues of the file; the position in the file stays the same.
    fn points(&mut self) -> Result<Vec<Point>> {
        if let Some(points) = &self.index_of_keys.points {
            return Ok(points.clone());
        }
        let position = self.input.position();
        let mut points = Vec::new();
        if let Some(at) = self.index_of_keys.cues_at {
            self.input.go_to(at)?;
            // Damaged cues count as missing ones.
            let head = Head::read(&mut self.input, None).ok().flatten();
            let cues = head.filter(|head| {
                head.id == ids::CUES && head.size.is_some_and(|size| size <= MAX_HEADER_BYTES)
            });
            if let Some(Ok(payload)) = cues.map(|head| read_header(&mut self.input, head)) {
                points = parse_cues(&payload, self.segment_start);
            }
        }
        self.input.go_to(position)?;
        self.index_of_keys.points = Some(points.clone());
        Ok(points)
    }

    /// Converts a time of a track to ticks of the segment, rounded down.
    fn segment_time(&self, track: usize, time: i64) -> i64 {
        let Some(audio) = &self.states[track].blocks.audio else { return time };
        let delay_ns = i64::try_from(audio.delay_ns).unwrap_or(0);
        let time_ns = scaled(time, 1_000_000_000, audio.rate.into()).saturating_add(delay_ns);
        let (num, den) = (u64::from(self.time_base.num), u64::from(self.time_base.den));
        scaled(time_ns, den, num.saturating_mul(1_000_000_000)).saturating_sub(1)
    }

    /// Time and samples of the first packet of an audio track.
    fn first_packet(&mut self, track: usize, first_cluster: u64) -> Result<Option<(i64, u32)>> {
        self.begin_at(first_cluster, track, None)?;
        let mut packet = CodedPacket::default();
        while let Ok(true) = self.read(&mut packet) {
            if packet.track == track {
                let samples = packet.duration.map(|ticks| ticks + u64::from(packet.trim_end));
                let samples = samples.and_then(|samples| u32::try_from(samples).ok());
                return Ok(samples.map(|samples| (packet.pts, samples)));
            }
        }
        Ok(None)
    }

    /// Enters the cluster at `position`; `false` if there is none. `grid` has the time and the
    /// samples of the first packet of `track`.
    fn begin_at(&mut self, position: u64, track: usize, grid: Option<(i64, u32)>) -> Result<bool> {
        let is_first = self.index_of_keys.first_cluster == Some(position);
        self.input.go_to(position)?;
        let head = Head::read(&mut self.input, None).ok().flatten();
        let Some(head) = head.filter(|head| head.id == ids::CLUSTER) else { return Ok(false) };
        self.cluster = Some(enter_cluster(&self.input, head));
        self.waiting.clear();
        (self.trouble, self.ended, self.index_of_keys.awaited) = (None, false, None);
        for (at, state) in self.states.iter_mut().enumerate() {
            state.order = state.order.map(|_| TimeOrder::default());
            state.index = 0;
            if let Some(audio) = &mut state.blocks.audio {
                let delay = if is_first { audio.delay } else { 0 };
                audio.clock.restart(delay, grid.filter(|_| at == track));
                audio.counter.restart();
            }
        }
        Ok(true)
    }

    /// Whether a packet comes before the key frame to which a seek went.
    pub(super) fn is_before_key(&mut self, packet: &CodedPacket) -> bool {
        match self.index_of_keys.awaited {
            Some((track, time)) if packet.track == track => {
                let is_key = packet.key && packet.pts == time;
                if is_key {
                    self.index_of_keys.awaited = None;
                }
                !is_key
            }
            _ => false,
        }
    }
}
