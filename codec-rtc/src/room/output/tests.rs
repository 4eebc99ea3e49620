//! Sequence numbers, timestamps and `PictureID`s that a viewer receives, across switches and pauses.

use super::*;
use crate::extension::ExtensionMap;
use crate::packet::Format;
use crate::packet::vp8::{self, LayerInfo};
use crate::room::packet::{Fields, FrameInfo, Inspector};
use crate::rtp::{self, Header};
use crate::sequence::distance_32;

const FORWARD: Verdict = Verdict { passes: true, is_new_frame: true, marker: false };
const DROP: Verdict = Verdict { passes: false, is_new_frame: true, marker: false };

fn output() -> OutputStream {
    let config =
        OutputConfig { ssrc: 7, payload_type: 100, first_sequence: 65_530, clock_hz: 90_000 };
    OutputStream::new(config)
}

/// Packets of a VP8 encoding, one per frame.
struct Source {
    inspector: Inspector,
    sequence: u16,
    picture_id: u16,
    tl0: u8,
    timestamp: u32,
}

impl Source {
    fn new(sequence: u16, picture_id: u16, tl0: u8, timestamp: u32) -> Self {
        let inspector = Inspector::new(Format::Vp8, ExtensionMap::default());
        Self { inspector, sequence, picture_id, tl0, timestamp }
    }

    fn next(&mut self) -> MediaPacket {
        let descriptor = vp8::Descriptor {
            start_of_partition: true,
            picture_id: Some(PictureId::Long(self.picture_id)),
            tl0_pic_idx: Some(self.tl0),
            layer: Some(LayerInfo::default()),
            ..vp8::Descriptor::default()
        };
        let mut payload = Vec::new();
        descriptor.write(&mut payload).unwrap();
        payload.extend([0; 20]);
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        let header = Header { sequence, timestamp, marker: true, ..Header::default() };
        let mut data = Vec::new();
        let packet = rtp::Packet { header, csrcs: &[], extension: None, payload: &payload };
        rtp::write_packet(&packet, 0, &mut data).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.inspector.inspect(&data).unwrap()
    }
}

/// Sequence number, timestamp, `PictureID` and TL0PICIDX.
fn numbers(written: &Written) -> (u16, u32, u16, u8) {
    let bytes = written.to_bytes();
    let parsed = rtp::parse(&bytes).unwrap();
    assert_eq!((parsed.header.ssrc, parsed.header.payload_type), (7, 100));
    assert_eq!(parsed.header.sequence, written.header.sequence);
    let (descriptor, _) = vp8::Descriptor::parse(parsed.payload).unwrap();
    let id = descriptor.picture_id.unwrap().number();
    (parsed.header.sequence, parsed.header.timestamp, id, descriptor.tl0_pic_idx.unwrap())
}

fn write(output: &mut OutputStream, now: Duration, packet: &MediaPacket) -> Option<Written> {
    output.write(now, packet, FORWARD, packet.timestamp)
}

#[test]
fn numbers_continue_across_sources_and_wrap() {
    let mut output = output();
    let mut sources = [Source::new(100, 0x7ffe, 250, 1 << 31), Source::new(9, 5, 77, 12)];
    let (mut last, mut now) = (None, Duration::ZERO);
    for round in 0..40_usize {
        let source = &mut sources[round % 2];
        let first = source.next();
        output.switch(now, first.number, first.timestamp);
        for packet in std::iter::once(first).chain((0..7).map(|_| source.next())) {
            let new = numbers(&write(&mut output, now, &packet).unwrap());
            if let Some((sequence, timestamp, id, tl0)) = last {
                let (sequence, tl0): (u16, u8) = (sequence, tl0);
                let timestamp: u32 = timestamp;
                assert_eq!(new.0, sequence.wrapping_add(1));
                assert_eq!(new.1.wrapping_sub(timestamp), 3000, "round {round}");
                assert_eq!((new.2, new.3), ((id + 1) & 0x7fff, tl0.wrapping_add(1)));
            }
            last = Some(new);
            now += Duration::from_nanos(1_000_000_000 / 30);
        }
        now += Duration::from_nanos(10);
    }
}

#[test]
fn a_pause_longer_than_the_range_of_sequence_numbers_leaves_no_gap() {
    let mut output = output();
    let mut source = Source::new(65_000, 3, 3, 0);
    let first = source.next();
    output.switch(Duration::ZERO, first.number, first.timestamp);
    let before = numbers(&write(&mut output, Duration::ZERO, &first).unwrap());
    let resumed = (0..200_000).map(|_| source.next()).last().unwrap();
    let now = Duration::from_secs(6666);
    output.switch(now, resumed.number, resumed.timestamp);
    let after = numbers(&write(&mut output, now, &resumed).unwrap());
    assert_eq!((after.0, after.2), (before.0.wrapping_add(1), before.2 + 1));
    assert_eq!(after.1.wrapping_sub(before.1), 6666 * 90_000);
}

#[test]
fn late_packets_of_before_a_switch_are_dropped() {
    let mut output = output();
    let mut sources = [Source::new(900, 3, 3, 0), Source::new(10, 3, 3, 0)];
    for round in 0..6_usize {
        let source = &mut sources[round % 2];
        let early: Vec<_> = (0..3).map(|_| source.next()).collect();
        let key = source.next();
        output.switch(Duration::ZERO, key.number, key.timestamp);
        assert!(write(&mut output, Duration::ZERO, &key).is_some());
        for packet in &early {
            assert_eq!(write(&mut output, Duration::ZERO, packet), None);
        }
        for _ in 0..10 {
            assert!(write(&mut output, Duration::ZERO, &source.next()).is_some());
        }
    }
}

#[test]
fn dropped_frames_leave_no_gap_and_lost_packets_keep_theirs() {
    let mut output = output();
    let mut source = Source::new(10, 3, 3, 0);
    let packets: Vec<_> = (0..6).map(|_| Arc::new(source.next())).collect();
    output.switch(Duration::ZERO, packets[0].number, 0);
    let mut send = |index: usize, verdict| {
        let packet = &packets[index];
        let written = output.write(Duration::ZERO, packet, verdict, packet.timestamp)?;
        Some(numbers(&written))
    };
    let first = send(0, FORWARD).unwrap();
    assert_eq!(send(1, DROP), None);
    let second = send(2, FORWARD).unwrap();
    assert_eq!((second.0, second.2), (first.0.wrapping_add(1), first.2 + 1));
    // Packet 3 is late.
    let fifth = send(4, FORWARD).unwrap();
    assert_eq!(fifth.0, first.0.wrapping_add(3));
    assert_eq!(send(3, FORWARD).unwrap().0, first.0.wrapping_add(2));
}

#[test]
fn frame_numbers_of_dependency_descriptors_continue_across_sources() {
    let mut output = output();
    let mut packet = |number: i64, frame_number: u16, switches: bool| {
        let fields = Fields { frame_number: Some((frame_number, 12)), ..Fields::default() };
        let (data, frame) = (vec![0x80; 20].into(), FrameInfo::default());
        let timestamp = u32::try_from(number * 3000).unwrap();
        let packet = MediaPacket { data, number, timestamp, frame, fields };
        if switches {
            output.switch(Duration::ZERO, number, timestamp);
        }
        let data = write(&mut output, Duration::ZERO, &packet).unwrap().to_bytes();
        u16::from_be_bytes([data[12], data[13]])
    };
    assert_eq!([packet(1, 65_534, true), packet(2, 65_535, false)], [65_534, 65_535]);
    // Frames of dropped layers keep their numbers, because references are distances.
    assert_eq!(packet(3, 1, false), 1);
    assert_eq!([packet(900, 40_000, true), packet(901, 40_002, false)], [2, 4]);
}

#[test]
fn all_packets_of_a_frame_have_one_timestamp_also_after_a_replay() {
    let (mut output, now) = (output(), Duration::from_secs(1));
    let mut source = Source::new(10, 3, 3, 500_000);
    let packets: Vec<_> = (0..4).map(|_| source.next()).collect();
    output.switch(now, packets[0].number, 510_000);
    let mut send = |packet: &MediaPacket, timestamp| {
        output.write(now, packet, FORWARD, timestamp).unwrap().header.timestamp
    };
    // A replay brings the frames closer to the time of the join.
    let replayed = [send(&packets[0], 509_000), send(&packets[1], 510_000)];
    // Their retransmitted packets are live ones, as the next frame.
    let late = [0, 1].map(|at| send(&packets[at], packets[at].timestamp));
    assert_eq!(late, replayed);
    let next = send(&packets[2], packets[2].timestamp);
    assert!(distance_32(replayed[1], next) > 0, "{replayed:?} {next}");
    let after = send(&packets[3], packets[3].timestamp);
    assert_eq!(after.wrapping_sub(next), 3000);
}
