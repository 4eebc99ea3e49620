//! Writes access units of all streams as PES packets, with tables (PAT, PMT) and clock references
//! (PCR) in between.

use super::packetizer::{Adaptation, Packetizer};
use super::pes::{MAX_STATED_BYTES, put_header};
use super::sections::{Entry, association, map};
use super::timeline::{TICKS, Times};
use crate::{Error, Format, Result};

const PAT_PID: u16 = 0;
const MAP_PID: u16 = 0x1000;
/// Longest time between clock references; the standard allows 100 ms.
const CLOCK_STEP: i64 = 40 * TICKS as i64 / 1000;
/// Time after which the tables are due. They are at most 100 ms apart, because there is a unit or a
/// clock reference after `CLOCK_STEP`.
const TABLES_STEP: i64 = 100 * TICKS as i64 / 1000 - CLOCK_STEP;
/// The timestamp of time 0, so that the clock begins after 0 although decoding times may be negative.
const START: i64 = 1400 * TICKS as i64 / 1000;
/// How long before its decoding time a unit is sent. Decoders may keep data for one second.
const DELAY: i64 = 700 * TICKS as i64 / 1000;
/// Longest time without a unit.
const MAX_GAP: i64 = 3600 * TICKS as i64;

/// An access unit of video, or some frames of audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit<'a> {
    /// Number of the stream.
    pub(super) stream: usize,
    pub(super) data: &'a [u8],
    pub(super) times: Times,
    pub(super) key: bool,
}

/// A stream of the program.
#[derive(Debug)]
struct Stream {
    packets: Packetizer,
    stream_id: u8,
    is_video: bool,
}

/// The state of the whole transport stream.
#[derive(Debug)]
pub(super) struct Multiplexer {
    streams: Vec<Stream>,
    /// The stream that has the clock.
    clock_stream: usize,
    /// Both tables, with the packets of their PIDs.
    tables: [(Packetizer, Vec<u8>); 2],
    /// Times of the last clock reference and of the last tables.
    clock_at: Option<i64>,
    tables_at: Option<i64>,
    pes: Vec<u8>,
}

impl Multiplexer {
    /// Creates a program of these streams, each with the `stream_id` of its PES packets. The clock is on the
    /// first video stream, or else on the first stream.
    pub(super) fn new(streams: &[(Entry, u8)]) -> Self {
        let is_video = |stream_id: u8| stream_id & 0xF0 == 0xE0;
        let first = streams.iter().position(|&(_, stream_id)| is_video(stream_id));
        let clock_stream = first.unwrap_or(0);
        let clock_pid = streams.get(clock_stream).map_or(0x1FFF, |(entry, _)| entry.pid);
        let entries: Vec<_> = streams.iter().map(|(entry, _)| entry.clone()).collect();
        let stream = |(entry, stream_id): &(Entry, u8)| Stream {
            packets: Packetizer::new(entry.pid),
            stream_id: *stream_id,
            is_video: is_video(*stream_id),
        };
        Self {
            streams: streams.iter().map(stream).collect(),
            clock_stream,
            tables: [
                (Packetizer::new(PAT_PID), association(MAP_PID)),
                (Packetizer::new(MAP_PID), map(clock_pid, &entries)),
            ],
            clock_at: None,
            tables_at: None,
            pes: Vec::new(),
        }
    }

    /// Appends the tables.
    pub(super) fn put_tables(&mut self, out: &mut Vec<u8>) {
        for (packets, section) in &mut self.tables {
            packets.put_section(section, out);
        }
    }

    /// Appends a unit, and before it the tables and clock references that are due.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the unit is an hour later than the one before, or its stream does not
    /// exist.
    pub(super) fn put(&mut self, unit: Unit<'_>, out: &mut Vec<u8>) -> Result<()> {
        // A unit that is late does not turn the clock back.
        let now = self.clock_at.map_or(unit.times.decoded, |at| at.max(unit.times.decoded));
        let clocked = unit.stream == self.clock_stream;
        self.advance(now, clocked, out)?;
        let is_video = self.streams.get(unit.stream).is_some_and(|stream| stream.is_video);
        let is_entry = unit.key && is_video && self.tables_at != Some(now);
        if is_entry || self.tables_are_due(now) {
            self.put_tables(out);
            self.tables_at = Some(now);
        }
        let clock = clocked.then(|| reference(now));
        let Some(stream) = self.streams.get_mut(unit.stream) else {
            return Err(Error::unsupported(Format::MpegTs, "a packet of an unknown track"));
        };
        let random_access = unit.key && (stream.is_video || clocked);
        let mut adaptation = Adaptation { clock, random_access };
        let Times { shown, decoded } = unit.times;
        let (shown, decoded) = (shown.saturating_add(START), decoded.saturating_add(START));
        let mut times = Some(Times { shown, decoded });
        // Only the length of video may be unstated.
        let limit = if stream.is_video { usize::MAX } else { MAX_STATED_BYTES };
        for part in unit.data.chunks(limit) {
            self.pes.clear();
            put_header(&mut self.pes, stream.stream_id, part.len(), times.take());
            self.pes.extend_from_slice(part);
            stream.packets.put_pes(&self.pes, std::mem::take(&mut adaptation), out);
        }
        if clocked {
            self.clock_at = Some(now);
        }
        Ok(())
    }

    /// Appends the clock references between the last one and `now`, and the tables. `clocked` means
    /// that the unit at `now` has a clock reference.
    fn advance(&mut self, now: i64, clocked: bool, out: &mut Vec<u8>) -> Result<()> {
        let Some(mut at) = self.clock_at else {
            // The clock begins with the first unit of any stream.
            self.put_tables(out);
            (self.tables_at, self.clock_at) = (Some(now), Some(now));
            if !clocked {
                self.put_clock(now, out);
            }
            return Ok(());
        };
        let gap = now.saturating_sub(at);
        if gap > MAX_GAP {
            let what = format!("a gap of {} s (above 3600)", gap / i64::from(TICKS));
            return Err(Error::unsupported(Format::MpegTs, what));
        }
        while at.saturating_add(CLOCK_STEP) < now {
            at = at.saturating_add(CLOCK_STEP);
            if self.tables_are_due(at) {
                self.put_tables(out);
                self.tables_at = Some(at);
            }
            self.put_clock(at, out);
        }
        self.clock_at = Some(at);
        Ok(())
    }

    fn put_clock(&mut self, at: i64, out: &mut Vec<u8>) {
        if let Some(stream) = self.streams.get_mut(self.clock_stream) {
            stream.packets.put_clock(reference(at), out);
        }
    }

    fn tables_are_due(&self, now: i64) -> bool {
        self.tables_at.is_none_or(|at| now.saturating_sub(at) > TABLES_STEP)
    }
}

/// The clock reference with which a unit of decoding time `now` is sent.
fn reference(now: i64) -> i64 {
    now.saturating_add(START - DELAY)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::transport::{PACKET, TransportReader};
    use super::*;
    use crate::Source;

    fn entry(pid: u16) -> Entry {
        Entry { pid, kind: 0x1B, opus_channels: None, language: None }
    }

    fn put(multiplexer: &mut Multiplexer, out: &mut Vec<u8>, unit: (usize, i64, &[u8])) {
        let (stream, time, data) = unit;
        let times = Times { shown: time, decoded: time };
        let unit = Unit { stream, data, times, key: false };
        multiplexer.put(unit, out).unwrap();
    }

    /// Returns the position, PID and clock of each packet.
    fn packets(bytes: &[u8]) -> Vec<(u16, Option<i64>)> {
        let packets = bytes.chunks(PACKET).map(|packet| {
            let pid = u16::from_be_bytes([packet[1] & 0x1F, packet[2]]);
            let has_clock = packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0;
            let clock = has_clock.then(|| {
                let field =
                    [0, 0, packet[6], packet[7], packet[8], packet[9], packet[10], packet[11]];
                i64::from_be_bytes(field) >> 15
            });
            (pid, clock)
        });
        packets.collect()
    }

    #[test]
    fn clocks_and_tables_are_repeated() {
        let streams = [(entry(0x100), 0xC0), (entry(0x101), 0xE0)];
        let mut multiplexer = Multiplexer::new(&streams);
        let mut out = Vec::new();
        let audio = (0..200).map(|at| (0, at * 1920, &[1; 50][..]));
        let video = (0..5).map(|at| (1, at * 80_000, &[2; 5000][..]));
        let mut units: Vec<_> = audio.chain(video).collect();
        units.sort_by_key(|unit| unit.1);
        for unit in units {
            put(&mut multiplexer, &mut out, unit);
        }
        let found = packets(&out);
        assert_eq!((found[0].0, found[1].0), (0, MAP_PID));
        let clocks: Vec<_> = found.iter().filter_map(|&(pid, clock)| Some((pid, clock?))).collect();
        assert!(clocks.iter().all(|(pid, _)| *pid == 0x101));
        assert_eq!((clocks[0].1, clocks.last().unwrap().1 > 380_000), (63_000, true));
        let steps = clocks.windows(2).map(|pair| pair[1].1 - pair[0].1);
        assert!(steps.into_iter().all(|step| (0..=CLOCK_STEP).contains(&step)), "{clocks:?}");
        // The last clock before each association table.
        let mut last = 0;
        let mut tables = Vec::new();
        for (pid, clock) in found {
            last = clock.unwrap_or(last);
            if pid == PAT_PID {
                tables.push(last);
            }
        }
        assert!(tables.len() > 40, "{}", tables.len());
        assert!(tables.windows(2).skip(1).all(|pair| pair[1] - pair[0] <= 9000), "{tables:?}");
    }

    #[test]
    fn long_units_of_audio_are_split_and_those_of_video_have_no_length() {
        let streams = [(entry(0x100), 0xE0), (entry(0x101), 0xC0)];
        let mut multiplexer = Multiplexer::new(&streams);
        let mut out = Vec::new();
        let data = vec![9; 100_000];
        put(&mut multiplexer, &mut out, (0, 0, &data));
        put(&mut multiplexer, &mut out, (1, 0, &data));
        let source = Source::stream(Cursor::new(out));
        let mut reader = TransportReader::new(source);
        let mut lengths = [const { Vec::new() }; 2];
        while let Some(packet) = reader.next().unwrap() {
            let payload = reader.payload(&packet);
            if packet.pid() < MAP_PID && packet.pid() > 0 && packet.is_start() {
                let length = u16::from_be_bytes([payload[4], payload[5]]);
                lengths[usize::from(packet.pid() - 0x100)].push(length);
            }
        }
        assert_eq!(lengths[0], [0]);
        let [first, second] = lengths[1][..] else { panic!("{lengths:?}") };
        assert_eq!(u32::from(first) - 8 + u32::from(second) - 3, 100_000);
    }

    #[test]
    fn gaps_are_filled_up_to_a_limit() {
        let mut multiplexer = Multiplexer::new(&[(entry(0x100), 0xC0)]);
        let mut out = Vec::new();
        put(&mut multiplexer, &mut out, (0, 0, &[1]));
        let times = |time| Times { shown: time, decoded: time };
        let mut at = |time| {
            let unit = Unit { stream: 0, data: &[1], times: times(time), key: false };
            multiplexer.put(unit, &mut out)
        };
        assert!(at(MAX_GAP).is_ok());
        let error = at(2 * MAX_GAP + 1).unwrap_err();
        assert!(error.to_string().contains("a gap of 3600 s"), "{error}");
        // A late unit.
        assert!(at(5).is_ok());
        assert!(out.len() < 200_000 * PACKET);
    }
}
