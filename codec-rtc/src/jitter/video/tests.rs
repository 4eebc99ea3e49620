use std::time::Duration;

use super::*;
use crate::packet::vp8::{Decodable, Descriptor, LayerInfo, PictureId};
use crate::rng::Rng;
use crate::rtp::{self, Header};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A frame to send: its layer and references.
#[derive(Clone, Copy)]
struct Plan {
    key: bool,
    layer: Option<LayerInfo>,
    tl0: u8,
    diffs: &'static [u16],
}

const KEY: Plan = Plan { key: true, layer: None, tl0: 0, diffs: &[] };
const DELTA: Plan = Plan { key: false, layer: None, tl0: 0, diffs: &[1] };

/// Creates packets of frames.
struct Stream {
    sequence: u16,
    frame: u16,
    exact: bool,
}

type Packets = Vec<(Vec<u8>, PacketInfo)>;

impl Stream {
    fn new(exact: bool) -> Self {
        Self { sequence: 65_530, frame: 0, exact }
    }

    fn frame(&mut self, plan: Plan, packets: usize) -> Packets {
        let number = self.frame;
        self.frame = number.wrapping_add(1);
        let mut out = Vec::new();
        for index in 0..packets {
            let header = Header {
                marker: index + 1 == packets,
                payload_type: 96,
                sequence: self.sequence,
                timestamp: u32::from(number).wrapping_mul(3000).wrapping_sub(9000),
                ssrc: 1,
            };
            self.sequence = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            rtp::write(&header, &mut bytes);
            let descriptor = Descriptor {
                start_of_partition: index == 0,
                picture_id: Some(PictureId::Long(number & 0x7fff)),
                tl0_pic_idx: plan.layer.map(|_| plan.tl0),
                layer: plan.layer,
                ..Descriptor::default()
            };
            descriptor.write(&mut bytes).unwrap();
            bytes.extend([u8::from(!plan.key), 7, number.to_be_bytes()[1]]);
            let dependency = self.exact.then(|| FrameDependency {
                frame_number: number.wrapping_add(65_533),
                starts_frame: index == 0,
                ends_frame: index + 1 == packets,
                temporal_id: 0,
                diffs: FrameDiffs::new(plan.diffs),
            });
            out.push((bytes, PacketInfo { dependency, ..PacketInfo::default() }));
        }
        out
    }
}

fn push(it: &mut FrameBuffer, now: Duration, packets: &Packets) {
    for (bytes, info) in packets {
        it.push(now, bytes, *info).unwrap();
    }
}

/// Polls frames; returns the `PictureID`s in their descriptors.
fn poll(it: &mut FrameBuffer, now: Duration) -> Vec<u16> {
    std::iter::from_fn(|| it.poll_frame(now))
        .map(|frame| frame.id.picture_id.map_or(u16::MAX, PictureId::number))
        .collect()
}

fn buffer() -> FrameBuffer {
    FrameBuffer::new(FrameBufferConfig::default())
}

#[test]
fn frames_are_emitted_once_complete_in_any_packet_order() {
    for exact in [false, true] {
        let mut stream = Stream::new(exact);
        let mut it = buffer();
        for number in 0..20_u64 {
            let plan = if number == 0 { KEY } else { DELTA };
            let frame = stream.frame(plan, 4);
            let now = ms(number * 33);
            for index in [3, 1, 0] {
                // Only packets of the key frame may be taken for its start.
                it.push(now, &frame[index].0, frame[index].1).unwrap();
                assert!(it.poll_frame(now).is_none());
            }
            let (bytes, info) = &frame[2];
            assert_eq!(it.push(now, bytes, *info), Ok(Pushed::Buffered));
            assert_eq!(it.push(now, bytes, *info), Ok(Pushed::Duplicate));
            let found = it.poll_frame(now).unwrap();
            assert_eq!((found.data.len(), found.packets), (12, 4));
            assert_eq!((found.is_key, found.decodable), (number == 0, Decodable::Yes));
            assert_eq!(it.push(now, bytes, *info), Ok(Pushed::Late));
            it.decoded(now + ms(2), found.number, ms(2));
        }
        let stats = it.stats();
        assert_eq!(
            (stats.frames_received, stats.frames_decoded, stats.frames_dropped),
            (20, 20, 0)
        );
        assert_eq!(stats.key_frames_decoded, 1);
        assert_eq!(stats.total_processing_delay, ms(40));
        assert!(!it.needs_key_frame(ms(700)));
    }
}

#[test]
fn frame_waits_for_recovery_of_its_references() {
    for exact in [false, true] {
        let mut stream = Stream::new(exact);
        let mut it = buffer();
        push(&mut it, ms(0), &stream.frame(KEY, 2));
        assert_eq!(poll(&mut it, ms(0)), [0]);
        let lost = stream.frame(DELTA, 2);
        push(&mut it, ms(33), &lost[..1].to_vec());
        push(&mut it, ms(66), &stream.frame(DELTA, 1));
        push(&mut it, ms(99), &stream.frame(DELTA, 1));
        assert_eq!(poll(&mut it, ms(160)), []);
        assert!(!it.needs_key_frame(ms(160)));
        assert_eq!(it.poll_lost_frame(ms(160)), None);
        let repaired = PacketInfo { recovered: true, ..lost[1].1 };
        it.push(ms(160), &lost[1].0, repaired).unwrap();
        assert_eq!(poll(&mut it, ms(160)), [1, 2, 3]);
        assert_eq!(it.dropped(), DroppedFrames::default());
    }
}

#[test]
fn frame_independent_of_missing_ones_waits_for_reordering_only() {
    let mut stream = Stream::new(true);
    let mut it = buffer();
    push(&mut it, ms(0), &stream.frame(KEY, 2));
    assert_eq!(poll(&mut it, ms(0)), [0]);
    let lost = stream.frame(DELTA, 3);
    push(&mut it, ms(33), &lost[1..].to_vec());
    push(&mut it, ms(66), &stream.frame(DELTA, 1));
    assert_eq!(poll(&mut it, ms(66)), []);
    // The gap was visible since 33 ms.
    push(&mut it, ms(99), &stream.frame(Plan { diffs: &[3], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(99)), [3]);
    let dropped = DroppedFrames { incomplete: 1, skipped: 1, ..DroppedFrames::default() };
    assert_eq!(it.dropped(), dropped);
    assert_eq!(it.push(ms(100), &lost[0].0, lost[0].1), Ok(Pushed::Late));
    // Another gap, visible since now.
    stream.frame(DELTA, 1);
    push(&mut it, ms(166), &stream.frame(Plan { diffs: &[2], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(166)), []);
    assert_eq!(it.poll_timeout(), Some(ms(171)));
    assert_eq!(poll(&mut it, ms(171)), [5]);
}

#[test]
fn frames_that_reference_skipped_frames_are_dropped() {
    let mut stream = Stream::new(true);
    let mut it = buffer();
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    stream.frame(DELTA, 1);
    push(&mut it, ms(33), &stream.frame(Plan { diffs: &[2], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(100)), [0, 2]);
    push(&mut it, ms(133), &stream.frame(Plan { diffs: &[1, 2], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(133)), []);
    assert_eq!(it.dropped().reference_lost, 1);
    let lost = it.poll_lost_frame(ms(133)).unwrap();
    assert_eq!(lost.last_decoded.and_then(|id| id.picture_id), Some(PictureId::Long(2)));
    assert_eq!(lost.lost.picture_id, Some(PictureId::Long(3)));
    assert_eq!(it.poll_lost_frame(ms(134)), None, "not repeated immediately");
    push(&mut it, ms(166), &stream.frame(Plan { diffs: &[2], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(166)), [4]);
    assert_eq!(it.poll_lost_frame(ms(1000)), None);
}

#[test]
fn a_base_frame_does_not_wait_for_missing_upper_layers() {
    let layer = |temporal_id, layer_sync| Some(LayerInfo { temporal_id, layer_sync });
    let base = |tl0| Plan { tl0, layer: layer(0, false), ..DELTA };
    let upper = |tl0, id| Plan { tl0, layer: layer(id, true), ..DELTA };
    let mut stream = Stream::new(false);
    let mut it = buffer();
    push(&mut it, ms(0), &stream.frame(Plan { layer: layer(0, false), ..KEY }, 1));
    push(&mut it, ms(33), &stream.frame(upper(0, 2), 1));
    stream.frame(upper(0, 1), 1);
    push(&mut it, ms(100), &stream.frame(upper(0, 2), 1));
    push(&mut it, ms(133), &stream.frame(base(1), 1));
    assert_eq!(poll(&mut it, ms(133)), [0, 1, 3, 4]);
    // A missing base-layer frame blocks everything.
    stream.frame(base(2), 1);
    push(&mut it, ms(200), &stream.frame(upper(2, 2), 1));
    push(&mut it, ms(233), &stream.frame(base(3), 1));
    assert_eq!(poll(&mut it, ms(400)), []);
    assert_eq!(it.next_sequence(), Some(65_535));
}

#[test]
fn missing_frames_are_waited_for_until_the_render_deadline() {
    let mut config =
        FrameBufferConfig { wait_for_all_frames: true, ..FrameBufferConfig::default() };
    config.delay.bounds = PlayoutDelay { min: ms(80), max: ms(80) };
    let mut stream = Stream::new(true);
    let mut it = FrameBuffer::new(config);
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    assert_eq!(poll(&mut it, ms(0)), [0]);
    let lost = stream.frame(DELTA, 1);
    push(&mut it, ms(67), &stream.frame(Plan { diffs: &[2], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(130)), []);
    push(&mut it, ms(140), &lost);
    assert_eq!(poll(&mut it, ms(140)), [1, 2]);
    stream.frame(DELTA, 1);
    push(&mut it, ms(134), &stream.frame(Plan { diffs: &[2], ..DELTA }, 1));
    let until = it.poll_frame(ms(140)).map_or_else(|| it.poll_timeout().unwrap(), |_| ms(0));
    assert_eq!(until.as_millis(), 133 + 80);
    assert_eq!(poll(&mut it, until), [4]);
}

#[test]
fn unrecoverable_loss_is_reported_before_a_key_frame_is_requested() {
    for (nack, lost_at, key_at) in [(false, 38, 233), (true, 33 + 5 + 112 + 20, 433)] {
        let mut stream = Stream::new(true);
        let mut it = buffer();
        it.set_recovery(RecoveryOptions { nack, rtt: ms(50), ..RecoveryOptions::default() });
        push(&mut it, ms(0), &stream.frame(KEY, 1));
        assert_eq!(poll(&mut it, ms(0)), [0]);
        stream.frame(DELTA, 1);
        push(&mut it, ms(33), &stream.frame(DELTA, 1));
        assert_eq!(poll(&mut it, ms(33)), []);
        assert_eq!(it.poll_lost_frame(ms(lost_at - 1)), None);
        assert_eq!(it.poll_timeout().unwrap().as_millis(), u128::from(lost_at));
        let lost = it.poll_lost_frame(ms(lost_at + 1)).unwrap();
        assert_eq!(lost.lost.frame_number, Some(65_534));
        assert_eq!(lost.last_decoded.unwrap().frame_number, Some(65_533));
        assert!(!it.needs_key_frame(ms(key_at - 1)));
        assert!(it.needs_key_frame(ms(key_at)));
        push(&mut it, ms(450), &stream.frame(KEY, 1));
        assert_eq!(poll(&mut it, ms(450)), [3]);
        assert!(!it.needs_key_frame(ms(450)));
        assert!(it.needs_key_frame(ms(3450)), "nothing for 3 s");
    }
}

#[test]
fn joining_mid_stream_requests_a_key_frame_at_once() {
    for exact in [false, true] {
        let mut stream = Stream::new(exact);
        let mut it = buffer();
        assert!(!it.needs_key_frame(ms(5000)));
        stream.frame(KEY, 1);
        push(&mut it, ms(33), &stream.frame(DELTA, 2));
        assert_eq!(poll(&mut it, ms(33)), []);
        assert!(it.needs_key_frame(ms(33)));
        assert_eq!(it.dropped().no_key_frame, 1);
        push(&mut it, ms(66), &stream.frame(KEY, 2));
        assert_eq!(poll(&mut it, ms(66)), [2]);
        assert!(!it.needs_key_frame(ms(66)));
    }
}

#[test]
fn frame_that_failed_to_decode_is_not_a_reference() {
    for exact in [false, true] {
        let mut stream = Stream::new(exact);
        let mut it = buffer();
        push(&mut it, ms(0), &stream.frame(KEY, 1));
        let frame = it.poll_frame(ms(0)).unwrap();
        it.decoded(ms(1), frame.number, ms(1));
        push(&mut it, ms(33), &stream.frame(DELTA, 1));
        let frame = it.poll_frame(ms(33)).unwrap();
        it.failed(ms(34), frame.number);
        assert!(it.needs_key_frame(ms(34)));
        push(&mut it, ms(66), &stream.frame(DELTA, 1));
        assert_eq!(poll(&mut it, ms(66)), []);
        push(&mut it, ms(99), &stream.frame(Plan { diffs: &[3], ..DELTA }, 1));
        assert_eq!(poll(&mut it, ms(99)), if exact { vec![3] } else { vec![] });
    }
}

#[test]
fn damaged_frames_are_emitted_for_concealment_once_unrecoverable() {
    let config = FrameBufferConfig { conceal: true, ..FrameBufferConfig::default() };
    let mut stream = Stream::new(false);
    let mut it = FrameBuffer::new(config);
    it.set_recovery(RecoveryOptions { nack: false, ..RecoveryOptions::default() });
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    stream.frame(DELTA, 1);
    push(&mut it, ms(33), &stream.frame(DELTA, 1));
    assert_eq!(poll(&mut it, ms(33)), [0]);
    let frame = it.poll_frame(ms(40)).unwrap();
    assert_eq!(frame.decodable, Decodable::No);
    assert!(it.needs_key_frame(ms(240)));
}

#[test]
fn padding_leaves_no_gap_and_sequence_numbers_may_restart() {
    let mut stream = Stream::new(false);
    let mut it = buffer();
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    assert_eq!(poll(&mut it, ms(0)), [0]);
    let mut padding = Vec::new();
    let header = Header { sequence: stream.sequence, payload_type: 96, ..Header::default() };
    rtp::write(&header, &mut padding);
    assert_eq!(it.push(ms(1), &padding, PacketInfo::default()), Ok(Pushed::Padding));
    stream.sequence = stream.sequence.wrapping_add(1);
    push(&mut it, ms(33), &stream.frame(DELTA, 2));
    assert_eq!(poll(&mut it, ms(33)), [1]);
    stream.sequence = stream.sequence.wrapping_add(20_000);
    let frame = stream.frame(KEY, 3);
    assert_eq!(it.push(ms(66), &frame[0].0, frame[0].1), Ok(Pushed::OutOfRange));
    assert_eq!(it.push(ms(66), &frame[1].0, frame[1].1), Ok(Pushed::Buffered));
    assert_eq!(it.packets().resets, 1);
    assert!(it.needs_key_frame(ms(66)));
    push(&mut it, ms(66), &frame);
    assert_eq!(poll(&mut it, ms(66)), [2]);
}

#[test]
fn low_latency_renders_on_arrival_and_sender_bounds_apply() {
    let mut stream = Stream::new(true);
    let mut it = FrameBuffer::new(FrameBufferConfig::low_latency());
    for number in 0..50_u64 {
        let plan = if number == 0 { KEY } else { DELTA };
        let now = ms(number * 33 + number % 7 * 4);
        push(&mut it, now, &stream.frame(plan, 1));
        assert_eq!(it.poll_frame(now).unwrap().render_at, now);
    }
    let mut frame = stream.frame(DELTA, 1);
    frame[0].1.playout_delay = Some(PlayoutDelay { min: ms(200), max: ms(300) });
    push(&mut it, ms(1650), &frame);
    let found = it.poll_frame(ms(1650)).unwrap();
    assert!(found.render_at >= ms(1840) && found.render_at <= ms(1850), "{found:?}");
}

#[test]
fn floods_are_bounded_and_the_stream_recovers() {
    let mut it = buffer();
    let mut stream = Stream::new(false);
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    assert_eq!(poll(&mut it, ms(0)), [0]);
    let mut rng = Rng::new(5);
    for packet in 0..20_000_u64 {
        // Endless frames with many gaps.
        stream.sequence = stream.sequence.wrapping_add(u16::from(rng.below(3) == 0));
        let now = ms(packet / 10);
        let frame = stream.frame(DELTA, 2);
        let which = rng.index(2);
        let _ = it.push(now, &frame[which].0, frame[which].1);
        while it.poll_frame(now).is_some() {}
        assert!(it.buffered_packets() <= 2048);
    }
    push(&mut it, ms(5000), &stream.frame(KEY, 1));
    assert_eq!(poll(&mut it, ms(5000)).len(), 1);
    assert!(it.packets().resets > 0 || it.dropped().too_old > 0);
}

#[test]
fn frames_waiting_for_a_lost_reference_are_bounded() {
    let mut stream = Stream::new(true);
    let mut it = buffer();
    push(&mut it, ms(0), &stream.frame(KEY, 1));
    assert_eq!(poll(&mut it, ms(0)), [0]);
    stream.frame(DELTA, 1);
    for frame in 0..2000_u64 {
        push(&mut it, ms(1 + frame / 10), &stream.frame(DELTA, 1));
        assert_eq!(poll(&mut it, ms(1 + frame / 10)), []);
        assert!(it.buffered_packets() <= 257);
    }
    assert_eq!(
        it.dropped().too_old + it.dropped().reference_lost,
        2000 - it.buffered_packets() as u64
    );
    push(&mut it, ms(300), &stream.frame(Plan { diffs: &[2002], ..DELTA }, 1));
    assert_eq!(poll(&mut it, ms(310)).len(), 1, "the key frame may still be referenced");
}

#[test]
fn frames_are_limited_to_2048_packets() {
    for (packets, comes) in [(2048, true), (2049, false)] {
        let mut it = buffer();
        let frame = Stream::new(false).frame(KEY, packets);
        push(&mut it, ms(0), &frame);
        assert_eq!(it.poll_frame(ms(0)).is_some(), comes);
    }
}

#[test]
fn a_frame_that_its_sender_cut_is_not_decoded() {
    for exact in [false, true] {
        let mut stream = Stream::new(exact);
        let mut it = buffer();
        push(&mut it, ms(0), &stream.frame(KEY, 2));
        assert_eq!(poll(&mut it, ms(0)), [0]);
        // The sender drops the end of a frame, and sends a key frame with the next numbers.
        let mut cut = stream.frame(DELTA, 3);
        cut.truncate(2);
        stream.sequence = stream.sequence.wrapping_sub(1);
        push(&mut it, ms(33), &cut);
        push(&mut it, ms(66), &stream.frame(DELTA, 2));
        assert_eq!(poll(&mut it, ms(66)), []);
        assert!(it.needs_key_frame(ms(400)), "no packet is missing");
        push(&mut it, ms(400), &stream.frame(KEY, 2));
        assert_eq!(poll(&mut it, ms(400)), [3]);
    }
}

/// Inserts packets without payload, as padding or FEC, after each packet of a frame; the numbers of later ones follow.
fn with_padding(packets: &[Vec<u8>], shift: &mut u16) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for packet in packets {
        let header = rtp::parse(packet).unwrap().header;
        let mut moved = packet.clone();
        moved[2..4].copy_from_slice(&header.sequence.wrapping_add(*shift).to_be_bytes());
        out.push(moved);
        *shift = shift.wrapping_add(1);
        let sequence = header.sequence.wrapping_add(*shift);
        let mut padding = Vec::new();
        rtp::write(&Header { sequence, marker: false, ..header }, &mut padding);
        out.push(padding);
    }
    out
}

#[test]
fn padding_within_a_frame_neither_splits_nor_stops_it() {
    let (mut stream, mut it, mut shift) = (Stream::new(false), buffer(), 0);
    for number in 0..6_u64 {
        let plan = if number == 0 { KEY } else { DELTA };
        let packets: Vec<_> = stream.frame(plan, 3).into_iter().map(|(bytes, _)| bytes).collect();
        for packet in with_padding(&packets, &mut shift).iter().rev() {
            it.push(ms(33 * number), packet, PacketInfo::default()).unwrap();
        }
        let found = it.poll_frame(ms(33 * number)).unwrap();
        assert_eq!((found.data.len(), found.packets), (9, 3));
    }
    // The same with parts that do not show whether they start a frame.
    let mut it = FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::H264,
        ..FrameBufferConfig::default()
    });
    let sets = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
    let slices = [0, 0, 0, 1, 0x65, 0x9a, 0xff, 0, 0, 0, 1, 0x65, 0x46, 0xff];
    let frame = [&sets[..], &slices[..]].concat();
    let mode = crate::packet::h264::PacketizationMode::SingleNalUnit;
    let config = crate::packet::h264::PacketizerConfig { mode, ..Default::default() };
    let mut packetizer = crate::packet::h264::Packetizer::new(config).unwrap();
    let mut shift = 0;
    for number in 0..4_u32 {
        let mut packets = Vec::new();
        packetizer.packetize(&frame, number * 3000, &mut packets).unwrap();
        assert_eq!(packets.len(), 4);
        for packet in with_padding(&packets, &mut shift) {
            it.push(ms(33), &packet, PacketInfo::default()).unwrap();
        }
        let found: Vec<_> = std::iter::from_fn(|| it.poll_frame(ms(33))).collect();
        assert_eq!(found.iter().map(|frame| &frame.data).collect::<Vec<_>>(), [&frame]);
    }
}
