//! The frame buffer with H.264.

use std::time::Duration;

use super::*;
use crate::packet::VideoFormat;
use crate::packet::h264::{Packetizer, PacketizerConfig, ParameterSets};
use crate::rng::Rng;
use crate::rtp;

const SETS: [u8; 17] = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A picture with one slice: an IDR picture, or one that others do or do not reference.
fn slice(header: u8) -> Vec<u8> {
    let mut data = vec![0, 0, 0, 1, header, 0b1001_1010];
    data.resize(300, 0x55);
    data
}

fn key() -> Vec<u8> {
    [&SETS[..], &slice(0x65)].concat()
}

fn packetizer() -> Packetizer {
    let config = PacketizerConfig { mtu: 120, first_sequence: 65_533, ..Default::default() };
    Packetizer::new(config).unwrap()
}

fn buffer() -> FrameBuffer {
    FrameBuffer::new(FrameBufferConfig { format: VideoFormat::H264, ..Default::default() })
}

/// Packets of frames 33 ms apart.
fn stream(frames: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut packetizer = packetizer();
    let packets = |(timestamp, frame): (u32, &Vec<u8>)| {
        let mut out = Vec::new();
        packetizer.packetize(frame, timestamp, &mut out).unwrap();
        out
    };
    (0..).step_by(3000).zip(frames).map(packets).collect()
}

fn push(it: &mut FrameBuffer, now: Duration, packets: &[Vec<u8>]) {
    for packet in packets {
        it.push(now, packet, PacketInfo::default()).unwrap();
    }
}

fn poll(it: &mut FrameBuffer, now: Duration) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| it.poll_frame(now)).map(|frame| frame.data).collect()
}

#[test]
fn frames_are_emitted_once_complete_in_any_packet_order() {
    let frames = [key(), slice(0x41), slice(0x41), key(), slice(0x41)];
    let mut it = buffer();
    for (number, packets) in stream(&frames).iter().enumerate() {
        let now = ms(33 * number as u64);
        let (first, rest) = packets.split_first().unwrap();
        for packet in rest.iter().rev() {
            it.push(now, packet, PacketInfo::default()).unwrap();
            assert!(it.poll_frame(now).is_none());
        }
        push(&mut it, now, std::slice::from_ref(first));
        let found = it.poll_frame(now).unwrap();
        assert_eq!(found.data, frames[number]);
        assert_eq!(found.is_key, number % 3 == 0);
        it.decoded(now, found.number, ms(1));
    }
    assert_eq!(it.dropped(), DroppedFrames::default());
    // Packets of many frames at once, in reverse order.
    let mut it = buffer();
    for packet in stream(&frames).concat().iter().rev() {
        it.push(ms(0), packet, PacketInfo::default()).unwrap();
    }
    assert_eq!(poll(&mut it, ms(0)), frames);
}

#[test]
fn lost_references_stop_the_stream_until_a_key_frame() {
    let packets = stream(&[key(), slice(0x41), slice(0x41), key()]);
    let mut it = buffer();
    push(&mut it, ms(0), &packets[0]);
    assert_eq!(poll(&mut it, ms(0)).len(), 1);
    push(&mut it, ms(33), &packets[1][1..]);
    push(&mut it, ms(66), &packets[2]);
    assert_eq!(poll(&mut it, ms(160)).len(), 0);
    assert!(it.needs_key_frame(ms(900)));
    push(&mut it, ms(900), &packets[3]);
    assert_eq!(poll(&mut it, ms(960)), [key()]);
    assert!(!it.needs_key_frame(ms(960)));
    // The missing packet arrives in time.
    let mut it = buffer();
    push(&mut it, ms(0), &packets[0]);
    push(&mut it, ms(33), &packets[1][1..]);
    push(&mut it, ms(66), &packets[2]);
    assert_eq!(poll(&mut it, ms(66)).len(), 1);
    push(&mut it, ms(70), &packets[1][..1]);
    assert_eq!(poll(&mut it, ms(70)).len(), 2);
}

#[test]
fn key_frames_need_their_parameter_sets() {
    let packets = stream(&[slice(0x65), slice(0x41)]);
    let mut it = buffer();
    push(&mut it, ms(0), &packets.concat());
    assert_eq!(poll(&mut it, ms(60)).len(), 0);
    assert!(it.needs_key_frame(ms(400)));
    let mut it = buffer();
    it.set_parameter_sets(&ParameterSets::signalled(&SETS));
    push(&mut it, ms(0), &packets.concat());
    assert_eq!(poll(&mut it, ms(0)), [key(), slice(0x41)]);
}

#[test]
fn padding_and_separate_parameter_sets_belong_to_no_other_frame() {
    let frames = [key(), slice(0x41)];
    let config = PacketizerConfig { mtu: 400, ..Default::default() };
    let mut packetizer = Packetizer::new(PacketizerConfig {
        mode: crate::packet::h264::PacketizationMode::SingleNalUnit,
        ..config
    })
    .unwrap();
    let mut it = buffer();
    let mut packets = Vec::new();
    packetizer.packetize(&frames[0], 0, &mut packets).unwrap();
    assert_eq!(packets.len(), 3);
    push(&mut it, ms(0), &packets);
    let header = rtp::Header { sequence: 3, payload_type: 96, ..rtp::Header::default() };
    let mut padding = Vec::new();
    rtp::write(&header, &mut padding);
    assert_eq!(it.push(ms(1), &padding, PacketInfo::default()), Ok(Pushed::Padding));
    packetizer.skip(1);
    packets.clear();
    packetizer.packetize(&frames[1], 3000, &mut packets).unwrap();
    push(&mut it, ms(33), &packets);
    assert_eq!(poll(&mut it, ms(33)), frames);
}

#[test]
fn malformed_frames_are_dropped() {
    let mut packets = stream(&[key(), slice(0x41), slice(0x41)]);
    // The second part claims to be a part of another unit.
    packets[1][1][13] ^= 0x04;
    let mut it = buffer();
    push(&mut it, ms(0), &packets.concat());
    assert_eq!(poll(&mut it, ms(0)).len(), 1);
    assert_eq!(it.dropped().malformed, 1);
    assert!(it.needs_key_frame(ms(900)));
    let mut interleaved = packets[0][0].clone();
    interleaved[12] = 0x7a;
    let error = it.push(ms(1), &interleaved, PacketInfo::default()).unwrap_err();
    assert!(error.to_string().contains("MTAP16"), "{error}");
}

#[test]
fn mutated_packets_are_bounded() {
    let frames: Vec<Vec<u8>> =
        (0..60).map(|number| if number % 9 == 0 { key() } else { slice(0x41) }).collect();
    let packets = stream(&frames).concat();
    let mut rng = Rng::new(3);
    for _ in 0..100 {
        let mut it = buffer();
        for (at, packet) in (0..).zip(&packets) {
            let mut packet = packet.clone();
            if rng.below(6) == 0 {
                let at = rng.index(packet.len());
                packet[at] ^= 1 << rng.below(8);
            }
            if rng.below(20) != 0 {
                let _ = it.push(ms(at * 8), &packet, PacketInfo::default());
            }
            while let Some(frame) = it.poll_frame(ms(at * 8)) {
                it.decoded(ms(at * 8), frame.number, ms(1));
            }
            assert!(it.buffered_packets() <= 2048);
        }
    }
}
