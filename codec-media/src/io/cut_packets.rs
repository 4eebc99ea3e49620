//! The packets of a video track between two times, without decoding them. They begin with the last key frame at or
//! before the first time.

use std::collections::VecDeque;
use std::fmt;

use codec_container::{CodedPacket, Error, PacketReader, Result, Track};
use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::hidden::is_hidden;
use super::input::InputSpec;
use super::key_frame::{self, Entry, is_entry};
use crate::Env;
use crate::cut::{Cut, is_before, ticks_at, ticks_to_ns};
use crate::failure::{self, Failure};

/// Delivers the packets that present at least the frames of a cut: from the last key frame at or
/// before its start, to the end of the last group of frames that is needed. A group is a frame that
/// is presented after all earlier ones, and the frames that follow it in the stream and precede it
/// in time (B frames).
pub struct CutPackets {
    reader: Box<dyn PacketReader>,
    tracks: Vec<Track>,
    number: usize,
    base: Rational,
    cut: Cut,
    /// The rest of the current group.
    group: VecDeque<CodedPacket>,
    /// The first packets of the next group.
    ahead: VecDeque<CodedPacket>,
    /// The latest presentation time so far.
    latest: Option<i64>,
    /// Whether hidden frames are delivered as shown ones, and how many of them were delivered.
    reveals: bool,
    revealed: u64,
    codec: Codec,
    start: i64,
    origin: i64,
    /// The end of the delivered frames, in ticks.
    end: i64,
    /// The error after the current group.
    error: Option<Error>,
    ended: bool,
}

impl fmt::Debug for CutPackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutPackets").field("cut", &self.cut).finish_non_exhaustive()
    }
}

impl CutPackets {
    /// Selects the part of the video of `reader` that `spec` describes; `reader` is at its start.
    ///
    /// # Errors
    /// If there is no video, the input cannot be read or ends before the part.
    pub fn new(
        reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        env: &Env,
    ) -> failure::Result<Self> {
        Self::open(reader, spec, false, env)
    }

    /// As [`Self::new`], for an output that cannot hide frames: those that the input hides are shown,
    /// and if the part begins with one, it is at time 0.
    pub(crate) fn revealing(
        reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        env: &Env,
    ) -> failure::Result<Self> {
        Self::open(reader, spec, true, env)
    }

    fn open(
        mut reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        reveals: bool,
        env: &Env,
    ) -> failure::Result<Self> {
        let name = spec.name();
        let refused = |error| Failure::reading(&name, error);
        reader.select_video();
        let Some((number, track)) = reader.video().map(|(number, track)| (number, track.clone()))
        else {
            return Err(Failure::new(failure::Kind::Input, format!("{name}: no video")));
        };
        let base = track.time_base;
        let mut packets = Self {
            tracks: reader.tracks().to_vec(),
            reader,
            number,
            base,
            cut: spec.cut,
            group: VecDeque::new(),
            ahead: VecDeque::new(),
            latest: None,
            reveals,
            revealed: 0,
            codec: track.codec,
            start: 0,
            origin: 0,
            end: 0,
            error: None,
            ended: false,
        };
        if let Some(from) = spec.cut.from {
            let time = ticks_at(from, base);
            let reopen = || spec.reopen(env);
            let found = key_frame::find(&mut *packets.reader, number, time, &reopen);
            match found.map_err(refused)? {
                Entry::Packet(packet) => packets.ahead.push_back(packet),
                Entry::After(count) => packets.skip(count).map_err(refused)?,
            }
            packets.begin_at_key(track.codec, from).map_err(refused)?;
            let last_end = packets.end;
            let Some(first) = packets.ahead.front() else {
                let end_s = ticks_to_ns(last_end, base);
                let (from, end_s) = (crate::cut::text(from), seconds(end_s));
                return Err(Failure::usage(format!(
                    "{name}: no frame at or after {from} s: the video ends at {end_s:.3} s"
                )));
            };
            packets.start = first.pts;
            if !reveals && is_hidden(track.codec, first) {
                packets.start = packets.first_shown().map_err(refused)?;
            }
            packets.origin = if spec.cut.keep_times { 0 } else { packets.start };
        } else if reveals {
            packets.start = packets.first_hidden().map_err(refused)?.unwrap_or(0);
            packets.origin = packets.start;
        }
        Ok(packets)
    }

    /// The time of the first frame that is shown. The packets up to the one that is certainly later
    /// stay in memory.
    fn first_shown(&mut self) -> Result<i64> {
        let mut found: Option<(i64, i64)> = None;
        let mut seen = VecDeque::new();
        while let Some(packet) = self.next()? {
            let (pts, is_shown) = (packet.pts, packet.shown);
            seen.push_back(packet);
            if !is_shown {
                continue;
            }
            let (first, latest) = found.unwrap_or((pts, pts));
            if pts > latest {
                break;
            }
            found = Some((first.min(pts), latest));
        }
        self.ahead = seen;
        Ok(found.map_or(0, |(first, _)| first))
    }

    /// The time of the first frame, if the input hides it.
    fn first_hidden(&mut self) -> Result<Option<i64>> {
        let mut first: Option<i64> = None;
        let mut seen = VecDeque::new();
        while let Some(packet) = self.next()? {
            let is_hidden = is_hidden(self.codec, &packet);
            if is_hidden {
                first = Some(first.map_or(packet.pts, |first| first.min(packet.pts)));
            }
            seen.push_back(packet);
            if !is_hidden {
                break;
            }
        }
        self.ahead = seen;
        Ok(first)
    }

    /// Drops packets at the start.
    fn skip(&mut self, count: u64) -> Result<()> {
        let mut packet = CodedPacket::default();
        for _ in 0..count {
            if !self.reader.read(&mut packet)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads up to the last key frame before `from` in an input that cannot seek, and beyond it as
    /// far as is needed to know that it is the last one. Later packets stay in memory.
    fn begin_at_key(&mut self, codec: Codec, from: std::time::Duration) -> Result<()> {
        let time = ticks_at(from, self.base);
        let mut kept: VecDeque<CodedPacket> = std::mem::take(&mut self.ahead);
        let mut has_passed = false;
        loop {
            if kept.back().is_some_and(|packet| packet.shown && packet.pts > time) {
                has_passed = true;
                break;
            }
            let mut packet = CodedPacket::default();
            if !self.reader.read(&mut packet)? {
                break;
            }
            if packet.track != self.number {
                continue;
            }
            let lasts = i64::try_from(packet.duration.unwrap_or(1).max(1)).unwrap_or(i64::MAX);
            self.end = self.end.max(packet.pts.saturating_add(lasts));
            if packet.pts <= time && is_entry(codec, &packet) {
                kept.clear();
            }
            kept.push_back(packet);
        }
        if has_passed || self.end > time {
            self.ahead = kept;
        }
        Ok(())
    }

    /// The next packet in the order of the stream.
    fn next(&mut self) -> Result<Option<CodedPacket>> {
        if let Some(packet) = self.ahead.pop_front() {
            return Ok(Some(packet));
        }
        let mut packet = CodedPacket::default();
        while self.reader.read(&mut packet)? {
            if packet.track == self.number {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// Reads the next group; leaves it empty at the end of the cut.
    fn fill(&mut self) -> Result<()> {
        if let Some(error) = self.error.take() {
            self.ended = true;
            return Err(error);
        }
        let mut is_open = false;
        let mut next_start = None;
        loop {
            let mut packet = match self.next() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                // The packets before an error are delivered.
                Err(error) if is_open => {
                    self.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            if self.reveals && is_hidden(self.codec, &packet) {
                packet.shown = true;
                self.revealed += 1;
            }
            // A hidden frame is the first one of its group.
            let is_later = self.latest.is_none_or(|latest| packet.pts > latest);
            if is_open && (is_later || !packet.shown) {
                next_start = Some(packet.pts);
                self.ahead.push_front(packet);
                break;
            }
            if packet.shown {
                is_open = true;
                self.latest = self.latest.max(Some(packet.pts));
            }
            self.group.push_back(packet);
        }
        let is_part = |packet: &CodedPacket| {
            self.cut.to.is_none_or(|to| packet.shown && is_before(packet.pts, self.base, to))
        };
        if !self.group.iter().any(is_part) {
            self.group.clear();
            self.ended = true;
            return Ok(());
        }
        let last = self.group.iter().filter(|packet| packet.shown).max_by_key(|packet| packet.pts);
        let stated = last
            .map_or(0, |last| last.pts.saturating_add_unsigned(last.duration.unwrap_or(1).max(1)));
        let has_duration = last.is_some_and(|last| last.duration.is_some());
        self.end = if has_duration { stated } else { next_start.unwrap_or(stated) };
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// Packets of one video track, and the times between which they present frames.
pub trait VideoPackets: PacketReader {
    /// The time of the first frame in the input, in nanoseconds.
    fn start_ns(&self) -> i64;

    /// The end of the frames that have been delivered, in nanoseconds of the input.
    fn end_ns(&self) -> i64;

    /// The number of frames that have been delivered although the input hides them.
    fn revealed(&self) -> u64 {
        0
    }
}

impl VideoPackets for CutPackets {
    fn start_ns(&self) -> i64 {
        ticks_to_ns(self.start, self.base)
    }

    fn end_ns(&self) -> i64 {
        ticks_to_ns(self.end, self.base)
    }

    fn revealed(&self) -> u64 {
        self.revealed
    }
}

impl PacketReader for CutPackets {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The video was selected before.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.group.is_empty() && !self.ended {
            self.fill()?;
        }
        let Some(next) = self.group.pop_front() else { return Ok(false) };
        *packet = next;
        packet.pts = packet.pts.saturating_sub(self.origin);
        packet.dts = packet.dts.map(|dts| dts.saturating_sub(self.origin));
        Ok(true)
    }
}
