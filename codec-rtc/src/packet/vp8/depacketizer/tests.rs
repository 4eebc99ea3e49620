use codec_core::codec::{FrameKind, PacketMeta};

use super::super::packetizer::{Packetizer, PacketizerConfig};
use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Frame 0 (key) is due at 100 ms, each further one 33 1/3 ms later. Frames have 3 packets.
fn stream(frames: u64) -> Vec<Vec<Vec<u8>>> {
    let config = PacketizerConfig {
        mtu: 100,
        first_sequence: 65_530,
        first_picture_id: 32_765,
        ..PacketizerConfig::default()
    };
    let mut packetizer = Packetizer::new(config).unwrap();
    (0..frames)
        .map(|frame| {
            let meta = PacketMeta {
                frame_id: frame,
                kind: if frame == 0 { FrameKind::Key } else { FrameKind::Inter },
                ..PacketMeta::default()
            };
            let mut out = Vec::new();
            let timestamp =
                0_u32.wrapping_sub(5000).wrapping_add(u32::try_from(frame * 3000).unwrap());
            packetizer.packetize(&data(frame), &meta, timestamp, &mut out).unwrap();
            assert_eq!(out.len(), 3);
            out
        })
        .collect()
}

fn data(frame: u64) -> Vec<u8> {
    let mut data = vec![u8::try_from(frame).unwrap(); 240];
    // The partition sizes are inconsistent, so that packets are split evenly.
    data[..3].copy_from_slice(&[0xf0 | u8::from(frame > 0), 0xff, 0xff]);
    data
}

fn depacketizer() -> Depacketizer {
    let timestamp = 0_u32.wrapping_sub(5000);
    Depacketizer::new(DepacketizerConfig::new(MediaClock { timestamp, due: ms(100) }))
}

#[test]
fn frames_are_emitted_once_complete_in_any_packet_order() {
    let mut it = depacketizer();
    for (index, frame) in stream(6).iter().enumerate() {
        let now = ms(index as u64 * 33);
        it.push(now, &frame[2]).unwrap();
        assert!(it.poll_frame(now).is_none());
        it.push(now, &frame[0]).unwrap();
        assert!(it.poll_frame(now).is_none());
        assert_eq!(it.push(now, &frame[0]), Ok(Pushed::Duplicate));
        it.push(now, &frame[1]).unwrap();
        let found = it.poll_frame(now).unwrap();
        assert_eq!(found.data, data(index as u64));
        assert_eq!(found.completeness, Completeness::Complete);
        assert_eq!(found.decodable, Decodable::Yes);
        assert_eq!((found.missing_packets, found.packets), (0, 3));
        assert!(it.poll_frame(now).is_none());
        assert_eq!(it.push(now, &frame[1]), Ok(Pushed::Late));
    }
}

#[test]
fn a_missing_packet_is_waited_for_until_the_frame_is_due() {
    let frames = stream(3);
    let mut it = depacketizer();
    for packet in &frames[0] {
        it.push(ms(0), packet).unwrap();
    }
    assert!(it.poll_frame(ms(0)).is_some());
    it.push(ms(33), &frames[1][0]).unwrap();
    assert_eq!(it.poll_timeout(), None);
    it.push(ms(34), &frames[1][2]).unwrap();
    let due = ms(100) + Duration::from_nanos(33_333_333);
    assert_eq!(it.poll_timeout(), Some(due));
    assert!(it.poll_frame(due - ms(1)).is_none());
    let found = it.poll_frame(due).unwrap();
    assert_eq!(found.completeness, Completeness::Partial);
    assert_eq!(found.data, data(1)[..80]);
    assert_eq!((found.decodable, found.missing_packets), (Decodable::No, 1));
    assert!(it.needs_key_frame());
    assert_eq!(it.push(due, &frames[1][1]), Ok(Pushed::Late));
    for packet in &frames[2] {
        it.push(due, packet).unwrap();
    }
    let found = it.poll_frame(due).unwrap();
    assert_eq!((found.completeness, found.decodable), (Completeness::Complete, Decodable::No));
}

#[test]
fn overdue_packets_are_waited_for_as_configured() {
    let frames = stream(2);
    let mut it = depacketizer();
    it.push(ms(500), &frames[0][0]).unwrap();
    assert_eq!(it.poll_timeout(), None, "slow packets are waited for without end");
    it.push(ms(600), &frames[0][2]).unwrap();
    assert_eq!(it.poll_timeout(), Some(ms(610)));
    it.push(ms(605), &frames[0][1]).unwrap();
    assert_eq!(it.poll_frame(ms(605)).unwrap().completeness, Completeness::Complete);
}

#[test]
fn completely_lost_frames_are_counted() {
    let frames = stream(5);
    let mut it = depacketizer();
    for frame in [0, 3] {
        for packet in &frames[frame] {
            it.push(ms(100), packet).unwrap();
        }
    }
    assert_eq!(it.poll_frame(ms(100)).unwrap().data, data(0));
    assert!(it.poll_frame(ms(199)).is_none());
    let found = it.poll_frame(ms(201)).unwrap();
    assert_eq!(found.data, data(3));
    assert_eq!((found.missing_packets, found.missing_frames), (6, 2));
    assert_eq!(found.decodable, Decodable::No);
}

#[test]
fn frame_without_its_first_packet_is_abandoned() {
    let frames = stream(3);
    let mut it = depacketizer();
    for packet in frames[0].iter().chain(&frames[1][1..]).chain(&frames[2]) {
        it.push(ms(50), packet).unwrap();
    }
    assert_eq!(it.poll_frame(ms(50)).unwrap().data, data(0));
    assert!(it.poll_frame(ms(50)).is_none());
    let found = it.poll_frame(ms(134)).unwrap();
    assert_eq!(found.completeness, Completeness::MissingStart);
    assert!(found.data.is_empty());
    assert_eq!((found.missing_packets, found.packets), (1, 2));
    let found = it.poll_frame(ms(134)).unwrap();
    assert_eq!((found.data, found.missing_packets), (data(2), 0));
}

#[test]
fn remaining_packets_of_an_abandoned_frame_are_skipped() {
    let frames = stream(3);
    let mut it = depacketizer();
    it.push(ms(0), &frames[0][0]).unwrap();
    it.push(ms(0), &frames[0][1]).unwrap();
    for packet in &frames[1] {
        it.push(ms(40), packet).unwrap();
    }
    let found = it.poll_frame(ms(100)).unwrap();
    assert_eq!((found.completeness, found.data.len()), (Completeness::Partial, 160));
    assert!(it.poll_frame(ms(100)).is_none(), "the last packet may still come");
    it.push(ms(101), &frames[0][2]).unwrap();
    let found = it.poll_frame(ms(101)).unwrap();
    assert_eq!((found.completeness, found.data), (Completeness::Complete, data(1)));
}

#[test]
fn restarted_sequence_numbers_are_accepted_after_two_packets() {
    let frames = stream(2);
    let mut it = depacketizer();
    for packet in &frames[0] {
        it.push(ms(0), packet).unwrap();
    }
    assert!(it.poll_frame(ms(0)).is_some());
    let moved = |packet: &[u8], by: u16| {
        let mut packet = packet.to_vec();
        let sequence = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(by);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
    };
    let pushed: Vec<_> =
        frames[1].iter().map(|p| it.push(ms(1), &moved(p, 20_000)).unwrap()).collect();
    assert_eq!(pushed, [Pushed::OutOfRange, Pushed::Buffered, Pushed::Buffered]);
    assert_eq!(it.counters().resets, 1);
}

#[test]
fn floods_are_bounded() {
    let clock = MediaClock { timestamp: 0, due: ms(0) };
    let config = DepacketizerConfig { max_packets: 50, ..DepacketizerConfig::new(clock) };
    let mut it = Depacketizer::new(config);
    let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
    let mut out = Vec::new();
    for frame in 0..1000 {
        let meta = PacketMeta { frame_id: frame, ..PacketMeta::default() };
        packetizer.packetize(&[1; 3000], &meta, 0, &mut out).unwrap();
    }
    for packet in out.iter().step_by(2) {
        it.push(ms(0), packet).unwrap();
        assert!(it.packets.len() <= 50);
    }
    assert!(it.counters().resets > 10);
}
