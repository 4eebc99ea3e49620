//! A stream of the program: from transport packets to PES packets.

use super::corrupt;
use super::elementary::Elementary;
use super::joints::{Repeated, Tables};
use super::pes::{Payload, PesHeader};
use super::tables::StreamEntry;
use super::timeline::{Step, StreamClock, Timeline, Times};
use super::transport::TransportPacket;
use crate::{Error, SkippedTrack, TrackKind};

/// Number of PES packets after a discontinuity that may still have the old time base.
const MARKED_PACKETS: u8 = 32;

/// A stream of the program.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) entry: StreamEntry,
    pub(super) elementary: Elementary,
    pub(super) clock: StreamClock,
    /// The PES packet so far, and the position of its start.
    pes: Vec<u8>,
    offset: u64,
    /// Times that the PES packet states.
    times: Option<Times>,
    /// The continuity counter and the payload of the last packet.
    last: Option<(u8, Vec<u8>)>,
    /// The tables of the program before the last packet.
    tables: Tables,
    after_gap: bool,
    /// Number of following PES packets that may change the time base.
    marked: u8,
    pub(super) state: State,
    /// Number of the next packet.
    pub(super) index: u64,
    /// The PES packets before all tracks were known.
    pub(super) early: Vec<PesPacket>,
}

/// How far a stream is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The start of the stream has not been found.
    New,
    /// The stream is not supported.
    Rejected,
    /// The stream is the track `number`, which is selected or not.
    Track { number: usize, selected: bool },
}

/// How a packet continues a stream.
#[derive(Debug)]
pub(super) enum Continuity {
    Next,
    Repeated,
    /// Packets were lost.
    Broken(Error),
}

/// How a PES packet begins another recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Its times continue the earlier ones, as in the next segment of a recording.
    Continues,
    Break,
}

/// A complete PES packet.
#[derive(Debug)]
pub(super) struct PesPacket {
    bytes: Vec<u8>,
    header: PesHeader,
    pub(super) offset: u64,
    after_gap: bool,
    pub(super) times: Option<Times>,
}

impl Stream {
    pub(super) fn new(entry: StreamEntry, elementary: Elementary) -> Self {
        Self {
            entry,
            elementary,
            clock: StreamClock::default(),
            pes: Vec::new(),
            offset: 0,
            times: None,
            last: None,
            tables: Tables::default(),
            after_gap: false,
            marked: 0,
            state: State::New,
            index: 0,
            early: Vec::new(),
        }
    }

    /// Continues as another stream of the program.
    pub(super) fn replace(&mut self, entry: StreamEntry) {
        self.entry = entry;
        self.pes.clear();
        self.last = None;
        self.after_gap = true;
    }

    pub(super) fn is_read(&self) -> bool {
        match self.state {
            State::New => true,
            State::Rejected => false,
            State::Track { selected, .. } => selected,
        }
    }

    /// Bytes that wait for later packets.
    pub(super) fn waiting(&self) -> usize {
        self.pes.len() + self.elementary.waiting()
    }

    /// Notes that the program changes its time base.
    pub(super) fn mark(&mut self) {
        self.marked = MARKED_PACKETS;
    }

    /// Checks the continuity counter.
    pub(super) fn check(
        &mut self,
        packet: &TransportPacket,
        payload: &[u8],
        offset: u64,
    ) -> Continuity {
        let counter = packet.continuity();
        let (last, mut copy) = match self.last.take() {
            Some((last, copy)) => (Some(last), copy),
            None => (None, Vec::new()),
        };
        let is_repeated = last == Some(counter) && packet.has_payload() && copy == payload;
        copy.clear();
        copy.extend_from_slice(payload);
        self.last = Some((counter, copy));
        if packet.is_damaged() {
            return Continuity::Broken(corrupt(offset, "a packet without damage", "a damaged one"));
        }
        // Packets without payload do not advance the counter.
        let expected = last.map(|last| (last + u8::from(packet.has_payload())) & 15);
        match expected.filter(|&expected| expected != counter) {
            None => Continuity::Next,
            Some(_) if packet.is_discontinuity() => Continuity::Next,
            // Packets may be sent twice.
            Some(_) if is_repeated => Continuity::Repeated,
            Some(expected) => {
                let found = format!("{counter} instead of {expected}");
                Continuity::Broken(corrupt(offset, "the next continuity counter", found))
            }
        }
    }

    /// Discards the current PES packet, because a part of it was lost.
    pub(super) fn lose(&mut self) {
        self.pes.clear();
        self.after_gap = true;
    }

    /// Returns how the PES packet that begins in this packet starts another recording, if it does. The
    /// PES packet before it is then complete. `tables` are those of the program so far.
    ///
    /// A counter that jumps may also show a loss. It is a join if the times do not continue, or if
    /// the tables of the program have been repeated since the last packet of the stream and either the
    /// times go back, or all counters are 0, or the counters of the tables have jumped too although no
    /// time is missing.
    pub(super) fn join(
        &mut self,
        packet: &TransportPacket,
        payload: &[u8],
        continuity: &Continuity,
        tables: Tables,
    ) -> Option<Join> {
        let repeated = tables.since(std::mem::replace(&mut self.tables, tables));
        let has_jumped = matches!(continuity, Continuity::Broken(_));
        if !packet.is_start() || packet.is_damaged() {
            return None;
        }
        let header = PesHeader::parse(payload)?;
        let step = self.clock.step_to(header.dts.or(header.pts)?);
        if has_jumped && step == Step::Other {
            return Some(Join::Break);
        }
        let Repeated { has_jumped: tables_jumped, is_zero } = repeated?;
        if !self.may_be_complete() {
            return None;
        }
        let begins = is_zero && packet.continuity() == 0;
        match step {
            Step::Back if has_jumped || tables_jumped || begins => Some(Join::Break),
            Step::Next if has_jumped && (begins || tables_jumped) => Some(Join::Continues),
            Step::Later if has_jumped && begins => Some(Join::Break),
            _ => None,
        }
    }

    /// Whether the PES packet so far may be complete.
    fn may_be_complete(&self) -> bool {
        // PES packets that state their length are taken when they are complete.
        let header = PesHeader::parse(&self.pes);
        header.is_none_or(|header| header.packet_bytes().is_none())
    }

    /// Notes that the next PES packet does not follow the last one.
    pub(super) fn begin(&mut self) {
        self.after_gap = true;
        self.clock.leave();
    }

    /// Adds the payload of a packet at `offset`. If a PES packet starts in it, the previous PES
    /// packet must have been taken.
    pub(super) fn add(
        &mut self,
        payload: &[u8],
        is_start: bool,
        offset: u64,
        timeline: &mut Timeline,
    ) {
        if is_start {
            self.pes.clear();
            self.offset = offset;
            self.times = self.times_of(payload, timeline);
        } else if self.pes.is_empty() {
            // The start was lost.
            return;
        }
        self.pes.extend_from_slice(payload);
    }

    /// Returns the times that the start of a PES packet states. These times are read even for
    /// streams that are not selected, because the time base of the program depends on all streams.
    pub(super) fn times_of(&mut self, payload: &[u8], timeline: &mut Timeline) -> Option<Times> {
        let header = PesHeader::parse(payload)?;
        let before = self.clock;
        let times = timeline.times(&mut self.clock, (header.pts?, header.dts), self.marked > 0);
        let has_changed = !self.clock.has_base_of(before);
        self.marked = if has_changed { 0 } else { self.marked.saturating_sub(1) };
        Some(times)
    }

    /// Takes the PES packet if all its bytes have arrived. With `all`, takes it even if it is
    /// incomplete.
    pub(super) fn take(&mut self, all: bool) -> Option<PesPacket> {
        if self.pes.is_empty() {
            return None;
        }
        let header = PesHeader::parse(&self.pes);
        let bytes = header.and_then(|header| header.packet_bytes());
        if !all && bytes.is_none_or(|bytes| bytes > self.pes.len()) {
            return None;
        }
        let bytes = std::mem::take(&mut self.pes);
        let (header, times) = (header?, self.times.take());
        let after_gap = std::mem::take(&mut self.after_gap);
        Some(PesPacket { bytes, header, offset: self.offset, after_gap, times })
    }

    /// Describes the stream as one that is skipped.
    pub(super) fn skipped(&self, reason: &str) -> SkippedTrack {
        let (kind, name): (TrackKind, _) = self.elementary.kind().name();
        let reason = Some(reason.to_owned());
        SkippedTrack { reason, ..SkippedTrack::new(kind, name) }
    }
}

impl PesPacket {
    pub(super) fn payload(&self, origin: i64) -> Payload<'_> {
        let data = self.bytes.get(self.header.bytes..).unwrap_or_default();
        let stated = self.header.payload_bytes.and_then(|bytes| data.get(..bytes));
        let times = self.times.map(|Times { shown, decoded }| Times {
            shown: shown.saturating_sub(origin),
            decoded: decoded.saturating_sub(origin),
        });
        let (offset, after_gap) = (self.offset, self.after_gap);
        Payload { data: stated.unwrap_or(data), times, offset, after_gap }
    }
}
