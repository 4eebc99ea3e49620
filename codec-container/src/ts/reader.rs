//! Reads the streams of a program.

use std::collections::VecDeque;

use codec_core::codec::Limits;

use super::corrupt;
use super::elementary::{Elementary, kind_of};
use super::joints::Joints;
use super::program::Programs;
use super::stream::{Continuity, Join, PesPacket, State, Stream};
use super::tables::StreamEntry;
use super::timeline::Timeline;
use super::transport::{TransportPacket, TransportReader};
use crate::{
    CodedPacket, Error, Format, PacketReader, ReadOptions, Result, SkippedTrack, Source, Track,
    Warning,
};

/// Bytes after the program map table in which all streams have to begin.
const MAX_PROBE_BYTES: u64 = 8 << 20;
/// Maximum number of bytes before the program map table.
const MAX_SEARCH_BYTES: u64 = 16 << 20;

/// Reads transport streams.
#[derive(Debug)]
pub(crate) struct TsReader {
    transport: TransportReader,
    limits: Limits,
    programs: Programs,
    joints: Joints,
    tracks: Vec<Track>,
    streams: Vec<Stream>,
    timeline: Timeline,
    /// The time that becomes time 0 of the tracks.
    origin: i64,
    ready: VecDeque<CodedPacket>,
    /// The first damage since the last packet.
    trouble: Option<Error>,
    /// Whether damage has been reported since the last packet: there is one error for each gap.
    has_reported: bool,
    ended: bool,
}

impl TsReader {
    /// Opens a stream and reads up to the first data of every stream of the program.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if there is no program; [`Error::Unsupported`] if no
    /// stream has a known codec; [`Error::Limit`].
    pub(crate) fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut reader = Self {
            transport: TransportReader::new(source),
            limits: options.limits,
            programs: Programs::default(),
            joints: Joints::default(),
            tracks: Vec::new(),
            streams: Vec::new(),
            timeline: Timeline::default(),
            origin: 0,
            ready: VecDeque::new(),
            trouble: None,
            has_reported: false,
            ended: false,
        };
        let mut skipped = reader.find_program()?;
        reader.probe(&mut skipped)?;
        let Some(first) = reader.tracks.first_mut() else {
            let what = match skipped.first() {
                Some(SkippedTrack { codec, reason: None, .. }) => format!("codec {codec}"),
                Some(track) => track.to_string(),
                None => "a program without streams".to_owned(),
            };
            let tracks = skipped.into_iter().map(Warning::TrackSkipped).collect();
            return Err(Error::unsupported(Format::MpegTs, what).with_tracks(tracks));
        };
        let mut warnings: Vec<_> = skipped.into_iter().map(Warning::TrackSkipped).collect();
        let count = reader.programs.others();
        warnings.extend((count > 0).then_some(Warning::ProgramsIgnored { count }));
        first.warn(warnings);
        Ok(reader)
    }

    /// Finds the first program with a supported stream; returns the streams that are skipped.
    fn find_program(&mut self) -> Result<Vec<SkippedTrack>> {
        let mut rejected = Vec::new();
        while let Some(packet) = self.transport.next()? {
            if self.transport.offset() > MAX_SEARCH_BYTES {
                break;
            }
            let payload = self.transport.payload(&packet);
            let found = self.programs.add(packet.pid(), payload, packet.is_start());
            let Some((number, entries)) = found else { continue };
            let mut skipped = Vec::new();
            for entry in &entries {
                match kind_of(entry) {
                    Ok(kind) => {
                        self.streams.push(Stream::new(entry.clone(), Elementary::new(kind)));
                    }
                    Err(track) => skipped.push(track),
                }
            }
            if !self.streams.is_empty() {
                self.programs.choose(number, entries);
                return Ok(skipped);
            }
            self.programs.reject(number);
            rejected.extend(skipped);
            if self.programs.are_rejected() {
                break;
            }
        }
        if rejected.is_empty() {
            let offset = self.transport.offset();
            return Err(corrupt(offset, "a program map table", "none"));
        }
        Ok(rejected)
    }

    /// Reads until every stream is described; streams without data are removed.
    fn probe(&mut self, skipped: &mut Vec<SkippedTrack>) -> Result<()> {
        let end = self.transport.offset().saturating_add(MAX_PROBE_BYTES);
        while self.streams.iter().any(|stream| stream.state == State::New)
            && self.transport.offset() < end
            && self.step(Some(&mut *skipped))?
        {}
        if self.ended {
            self.finish(Some(&mut *skipped));
        }
        for stream in self.streams.iter().filter(|stream| stream.state == State::New) {
            skipped.push(stream.skipped("no parameter sets or audio frame header found"));
        }
        self.streams.retain(|stream| matches!(stream.state, State::Track { .. }));
        // Tracks in the order of the program.
        let mut tracks: Vec<_> = std::mem::take(&mut self.tracks).into_iter().map(Some).collect();
        for (at, stream) in self.streams.iter_mut().enumerate() {
            if let State::Track { number, .. } = &mut stream.state {
                self.tracks.extend(tracks.get_mut(*number).and_then(Option::take));
                *number = at;
            }
        }
        let times = self.streams.iter().flat_map(|stream| &stream.early);
        self.origin = times.filter_map(|early| Some(early.times?.shown)).min().unwrap_or(0);
        // The PES packets in the order of the file.
        let mut early: Vec<_> = Vec::new();
        for (at, stream) in self.streams.iter_mut().enumerate() {
            early.extend(stream.early.drain(..).map(|packet| (at, packet)));
        }
        early.sort_by_key(|(_, packet)| packet.offset);
        for (at, packet) in early {
            self.deliver(at, &packet);
        }
        if self.ended {
            self.flush();
        }
        Ok(())
    }

    /// Reads a transport packet; `false` at the end. Before the tracks are known, `skipped` collects
    /// streams that turn out to be unsupported.
    fn step(&mut self, skipped: Option<&mut Vec<SkippedTrack>>) -> Result<bool> {
        let Some(packet) = self.transport.next()? else {
            self.ended = true;
            return Ok(false);
        };
        let offset = self.transport.offset();
        let lost = self.transport.take_skipped();
        if lost > 0 {
            self.note(corrupt(offset, "a transport packet", format!("{lost} other bytes")));
        }
        if let Some(table) = self.programs.table(packet.pid()) {
            self.joints.add(table, &packet);
        }
        let payload = self.transport.payload(&packet);
        if let Some((number, entries)) = self.programs.add(packet.pid(), payload, packet.is_start())
        {
            self.change_streams(&entries);
            self.programs.choose(number, entries);
            return Ok(true);
        }
        let pid = packet.pid();
        let found = self.streams.iter().position(|stream| stream.entry.pid == pid);
        let Some(at) = found else { return Ok(true) };
        if let Some(clock) = packet.clock() {
            let is_marked = packet.is_discontinuity();
            self.timeline.add_clock(clock, is_marked);
            if is_marked {
                self.streams.iter_mut().for_each(Stream::mark);
            }
        }
        if self.streams[at].is_read() {
            self.add_packet(at, &packet, skipped)?;
        } else if packet.is_start() {
            let payload = self.transport.payload(&packet);
            self.streams[at].times_of(payload, &mut self.timeline);
        }
        Ok(true)
    }

    /// Adds a packet to a stream.
    fn add_packet(
        &mut self,
        at: usize,
        packet: &TransportPacket,
        mut skipped: Option<&mut Vec<SkippedTrack>>,
    ) -> Result<()> {
        let stream = &mut self.streams[at];
        if packet.is_encrypted() {
            let reason = "encrypted";
            return match skipped.filter(|_| stream.state == State::New) {
                Some(skipped) => {
                    stream.state = State::Rejected;
                    skipped.push(stream.skipped(reason));
                    Ok(())
                }
                None => Err(Error::unsupported(Format::MpegTs, "an encrypted stream")),
            };
        }
        let (offset, payload) = (self.transport.offset(), self.transport.payload(packet));
        let continuity = stream.check(packet, payload, offset);
        let join = stream.join(packet, payload, &continuity, self.joints.tables());
        match continuity {
            Continuity::Next => {}
            Continuity::Repeated => return Ok(()),
            Continuity::Broken(_) if join.is_some() => {}
            Continuity::Broken(error) => {
                stream.lose();
                self.trouble.get_or_insert(error);
                if packet.is_damaged() {
                    return Ok(());
                }
            }
        }
        if packet.is_start()
            && let Some(complete) = self.streams[at].take(true)
        {
            self.complete(at, complete, skipped.as_deref_mut());
        }
        if join == Some(Join::Break) {
            self.streams[at].begin();
        }
        let payload = self.transport.payload(packet);
        self.streams[at].add(payload, packet.is_start(), offset, &mut self.timeline);
        if let Some(complete) = self.streams[at].take(false) {
            self.complete(at, complete, skipped);
        }
        let waiting: usize = self.streams.iter().map(Stream::waiting).sum();
        let (waiting, limit) = (waiting as u64, self.limits.max_frame_bytes);
        if waiting > limit {
            return Err(Error::limit(Format::MpegTs, offset, "packet bytes", waiting, limit));
        }
        Ok(())
    }

    /// Keeps the first error until it is reported.
    fn note(&mut self, error: Error) {
        self.trouble.get_or_insert(error);
    }

    /// Continues each track with the stream of another program map table that has its PID, or else its
    /// codec. Other new streams are ignored.
    fn change_streams(&mut self, entries: &[StreamEntry]) {
        let mut rest: Vec<_> = entries.iter().collect();
        let mut changed: Vec<usize> = Vec::new();
        for (at, stream) in self.streams.iter().enumerate() {
            let same = rest.iter().position(|entry| {
                entry.pid == stream.entry.pid && kind_of(entry) == Ok(stream.elementary.kind())
            });
            match same {
                Some(found) => _ = rest.remove(found),
                None => changed.push(at),
            }
        }
        for at in changed {
            let kind = self.streams[at].elementary.kind();
            let found = rest.iter().position(|entry| kind_of(entry) == Ok(kind));
            if let Some(found) = found {
                let entry = rest.remove(found).clone();
                if let Some(complete) = self.streams[at].take(true) {
                    self.complete(at, complete, None);
                }
                self.streams[at].replace(entry);
            }
        }
    }

    /// Processes a PES packet.
    fn complete(&mut self, at: usize, packet: PesPacket, skipped: Option<&mut Vec<SkippedTrack>>) {
        let Some(skipped) = skipped else {
            self.deliver(at, &packet);
            return;
        };
        let stream = &mut self.streams[at];
        if stream.state == State::New {
            match stream.elementary.describe(packet.payload(0).data, &stream.entry) {
                Ok(Some(track)) => {
                    stream.state = State::Track { number: self.tracks.len(), selected: true };
                    self.tracks.push(track);
                }
                // Data before the start of the stream.
                Ok(None) => return,
                Err(track) => {
                    stream.state = State::Rejected;
                    skipped.push(track);
                    return;
                }
            }
        }
        stream.early.push(packet);
    }

    /// Makes the packets of a PES packet ready.
    fn deliver(&mut self, at: usize, packet: &PesPacket) {
        let stream = &mut self.streams[at];
        let State::Track { number: track, .. } = stream.state else { return };
        let (ready, index) = (&mut self.ready, &mut stream.index);
        let is_same = stream.elementary.packets(packet.payload(self.origin), |packet| {
            push(ready, (track, index), packet);
        });
        if !is_same {
            let what = format!("a change of the audio format at byte {}", packet.offset);
            self.note(Error::unsupported(Format::MpegTs, what));
        }
    }

    /// Processes the last PES packets.
    fn finish(&mut self, mut skipped: Option<&mut Vec<SkippedTrack>>) {
        for at in 0..self.streams.len() {
            if let Some(complete) = self.streams[at].take(true) {
                self.complete(at, complete, skipped.as_deref_mut());
            }
        }
    }

    /// Makes the packets ready that waited for later data.
    fn flush(&mut self) {
        for stream in &mut self.streams {
            if let State::Track { number: track, selected: true } = stream.state {
                let (ready, index) = (&mut self.ready, &mut stream.index);
                stream.elementary.finish(|packet| push(ready, (track, index), packet));
            }
        }
    }
}

/// Appends a packet to `ready`, as the packet with this index of a track.
fn push(
    ready: &mut VecDeque<CodedPacket>,
    (track, index): (usize, &mut u64),
    mut packet: CodedPacket,
) {
    (packet.track, packet.index) = (track, *index);
    *index += 1;
    ready.push_back(packet);
}

impl PacketReader for TsReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, tracks: &[usize]) {
        for stream in &mut self.streams {
            if let State::Track { number, selected } = &mut stream.state {
                *selected = tracks.contains(number);
            }
        }
        self.ready.retain(|packet| tracks.contains(&packet.track));
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                *packet = next;
                self.has_reported = false;
                return Ok(true);
            }
            let error = self.trouble.take();
            if let Some(error) = error.filter(|_| !self.has_reported) {
                self.has_reported = true;
                self.ended |= !matches!(error, Error::Corrupt { .. });
                return Err(error);
            }
            if self.ended {
                return Ok(false);
            }
            match self.step(None) {
                Ok(true) => {}
                Ok(false) => {
                    self.finish(None);
                    self.flush();
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
    }
}
