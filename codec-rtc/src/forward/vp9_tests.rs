//! Forwarding of VP9.

use std::time::Duration;

use super::*;
use crate::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use crate::packet::vp9::{
    Descriptor, GroupPicture, LayerIndices, Packetizer, PacketizerConfig, References,
    ScalabilityStructure,
};

/// Packets of a superframe, with the spatial layer of each.
type Superframe = Vec<(u8, Vec<u8>)>;

/// A stream of three spatial layers, two packets each, and three temporal layers.
struct Source {
    packetizer: Packetizer,
    number: u16,
    /// Whether layers predict from lower ones in every superframe.
    always: bool,
    /// Superframes since the last key superframe.
    age: usize,
    flexible: bool,
}

impl Source {
    fn new(always: bool, flexible: bool) -> Self {
        let config = PacketizerConfig {
            mtu: 128,
            first_sequence: 65_500,
            ssrc: 5,
            ..PacketizerConfig::default()
        };
        let packetizer = Packetizer::new(config).unwrap();
        Self { packetizer, number: 0x7ff0, always, age: 0, flexible }
    }

    fn next(&mut self, key: bool) -> Superframe {
        self.number = (self.number + 1) & 0x7fff;
        self.age = if key { 0 } else { self.age + 1 };
        let temporal_id = [0, 2, 1, 2][self.age % 4];
        let diffs: &[u8] = match (key, self.age % 4) {
            (true, _) => &[],
            (_, 0) => &[4],
            (_, 1) => &[1],
            (_, 2) => &[2],
            // The frame of layer 1.
            _ => &[1],
        };
        let group = [(0, &[4][..]), (2, &[1]), (1, &[2]), (2, &[1])];
        let group = group.map(|(temporal_id, diffs)| GroupPicture {
            temporal_id,
            switching_up: temporal_id == 0,
            diffs: diffs.to_vec(),
        });
        let mut out = Vec::new();
        for id in 0..3 {
            let structure = ScalabilityStructure {
                spatial_layers: 3,
                sizes: Vec::new(),
                group: if self.flexible { Vec::new() } else { group.to_vec() },
            };
            let descriptor = Descriptor {
                picture_id: Some(PictureId::Long(self.number)),
                inter_predicted: !diffs.is_empty(),
                layer: Some(LayerIndices {
                    temporal_id,
                    switching_up: temporal_id == 0,
                    spatial_id: id,
                    inter_layer_predicted: id > 0 && (key || self.always),
                }),
                tl0_pic_idx: (!self.flexible).then_some(0),
                flexible: self.flexible,
                references: References::new(if self.flexible { diffs } else { &[] }).unwrap(),
                structure: (key && id == 0).then(|| Box::new(structure)),
                ..Descriptor::default()
            };
            let data = vec![if key && id == 0 { 0x82 } else { 0x86 }; 150];
            let mut packets = Vec::new();
            let timestamp = u32::from(self.number) * 3000;
            self.packetizer
                .packetize_layer(&data, &descriptor, id == 2, timestamp, &mut packets)
                .unwrap();
            out.extend(packets.into_iter().map(|packet| (id, packet)));
        }
        out
    }
}

fn forwarder() -> Forwarder {
    Forwarder::new(ForwardConfig {
        format: VideoFormat::Vp9,
        ssrc: 77,
        payload_type: 120,
        first_sequence: 65_530,
    })
}

/// A subscriber, which checks that it gets one continuous stream of decodable frames.
struct Subscriber {
    forwarder: Forwarder,
    buffer: FrameBuffer,
    next: u16,
    now: Duration,
}

impl Subscriber {
    fn new() -> Self {
        let format = VideoFormat::Vp9;
        let config = FrameBufferConfig { format, ..FrameBufferConfig::low_latency() };
        Self {
            forwarder: forwarder(),
            buffer: FrameBuffer::new(config),
            next: 65_530,
            now: Duration::ZERO,
        }
    }

    /// The spatial layers of the frame that arrives, if any, and its temporal layer.
    fn receive(&mut self, superframe: &Superframe) -> Option<(Vec<u8>, u8)> {
        self.now += Duration::from_millis(33);
        let mut marked = false;
        for (_, packet) in superframe {
            let mut out = Vec::new();
            let result = self.forwarder.forward(packet, &mut out).unwrap();
            if result == Forwarded::AboveLayer {
                assert!(out.is_empty());
                continue;
            }
            assert!(!marked, "a packet after the marker");
            assert_eq!(result, Forwarded::Forwarded { sequence: self.next });
            self.next = self.next.wrapping_add(1);
            let parsed = rtp::parse(&out).unwrap();
            assert_eq!((parsed.header.ssrc, parsed.header.payload_type), (77, 120));
            marked = parsed.header.marker;
            self.buffer.push(self.now, &out, PacketInfo::default()).unwrap();
        }
        let frame = self.buffer.poll_frame(self.now)?;
        assert!(marked);
        self.buffer.decoded(self.now, frame.number, Duration::ZERO);
        let layers = frame.layers.iter().map(|layer| layer.descriptor.spatial_id());
        Some((layers.collect(), frame.temporal_id))
    }
}

#[test]
fn spatial_layers_switch_down_at_once_and_up_at_key_frames() {
    for flexible in [true, false] {
        for always in [true, false] {
            let (mut source, mut subscriber) = (Source::new(always, flexible), Subscriber::new());
            let mut layers = |key, max, expected: &[u8]| {
                subscriber.forwarder.set_max_spatial_layer(max);
                let (found, _) = subscriber.receive(&source.next(key)).unwrap();
                assert_eq!(found, expected);
                subscriber.forwarder.needs_key_frame()
            };
            assert!(!layers(true, 1, &[0, 1]));
            assert!(!layers(false, 1, &[0, 1]));
            assert!(layers(false, 2, &[0, 1]));
            assert!(layers(false, 2, &[0, 1]));
            assert!(!layers(false, 0, &[0]));
            assert!(!layers(false, 0, &[0]));
            assert!(layers(false, 1, &[0]));
            assert!(!layers(true, 1, &[0, 1]));
            assert!(!layers(true, u8::MAX, &[0, 1, 2]));
            assert!(!layers(false, u8::MAX, &[0, 1, 2]));
        }
    }
}

#[test]
fn temporal_layers_switch_up_where_references_were_forwarded() {
    for flexible in [true, false] {
        let (mut source, mut subscriber) = (Source::new(true, flexible), Subscriber::new());
        let mut temporal = |max| {
            subscriber.forwarder.set_max_temporal_layer(max);
            let found =
                subscriber.receive(&source.next(source.age == 0 && source.number == 0x7ff0));
            found.map(|(layers, temporal)| {
                assert_eq!(layers, [0, 1, 2]);
                temporal
            })
        };
        assert_eq!(
            [0; 8].map(&mut temporal),
            [Some(0), None, None, None, Some(0), None, None, None]
        );
        assert_eq!([1; 4].map(&mut temporal), [Some(0), None, Some(1), None]);
        assert_eq!(temporal(0), Some(0));
        assert_eq!([0, 0].map(&mut temporal), [None, None], "a frame of layer 1 was dropped");
        assert_eq!(temporal(2), None, "it references the frame of layer 1");
        assert_eq!([2; 4].map(&mut temporal), [0, 2, 1, 2].map(Some));
        assert_eq!(subscriber.forwarder.spatial_layer(), 2);
    }
}

#[test]
fn unknown_references_allow_a_switch_after_a_switching_up_point() {
    let (mut source, mut subscriber) = (Source::new(true, false), Subscriber::new());
    let without_group = |mut superframe: Superframe| {
        for (_, packet) in &mut superframe {
            let parsed = rtp::parse(packet).unwrap();
            let (mut descriptor, data) = Descriptor::parse(parsed.payload).unwrap();
            if let Some(structure) = &mut descriptor.structure {
                structure.group.clear();
            }
            let mut payload = Vec::new();
            descriptor.write(&mut payload).unwrap();
            payload.extend_from_slice(data);
            packet.truncate(12);
            packet.extend(payload);
        }
        superframe
    };
    let mut passes = |key, max| {
        subscriber.forwarder.set_max_temporal_layer(max);
        let before = subscriber.forwarder.counters().forwarded;
        for (_, packet) in without_group(source.next(key)) {
            subscriber.forwarder.forward(&packet, &mut Vec::new()).unwrap();
        }
        subscriber.forwarder.counters().forwarded > before
    };
    assert!(passes(true, 0));
    assert_eq!([0; 3].map(|max| passes(false, max)), [false; 3]);
    assert!(passes(false, 0));
    assert!(!passes(false, 0));
    assert_eq!([2; 2].map(|max| passes(false, max)), [false; 2], "after the point");
    assert_eq!([2; 4].map(|max| passes(false, max)), [true; 4]);
}

#[test]
fn lost_packets_keep_their_place_and_arrive_late() {
    let (mut source, mut it) = (Source::new(true, true), forwarder());
    it.set_max_spatial_layer(1);
    let packets: Vec<_> = (0..12).flat_map(|number| source.next(number == 0)).collect();
    let mut sent = Vec::new();
    for (number, (layer, packet)) in packets.iter().enumerate() {
        // Two packets are lost at first.
        if number == 14 || number == 16 {
            continue;
        }
        let mut out = Vec::new();
        let result = it.forward(packet, &mut out).unwrap();
        assert_eq!(result == Forwarded::AboveLayer, *layer == 2);
        if let Forwarded::Forwarded { sequence } = result {
            sent.push(sequence);
        }
    }
    // Packet 14 belongs to a forwarded layer, 16 to the dropped one: that leaves a gap, too.
    let gaps = sent.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) == 2).count();
    assert_eq!(gaps, 2);
    let mut out = Vec::new();
    assert!(matches!(it.forward(&packets[14].1, &mut out), Ok(Forwarded::Forwarded { .. })));
    assert!(!sent.contains(&rtp::parse(&out).unwrap().header.sequence));
    out.clear();
    assert_eq!(it.forward(&packets[16].1, &mut out), Ok(Forwarded::AboveLayer));
}

#[test]
fn another_source_continues_all_numbers() {
    let (mut source, mut subscriber) = (Source::new(true, true), Subscriber::new());
    for number in 0..6 {
        assert!(subscriber.receive(&source.next(number == 0)).is_some());
    }
    let last = source.next(false);
    let numbers = |forwarder: &mut Forwarder, superframe: &Superframe| {
        let mut out = Vec::new();
        forwarder.forward(&superframe[0].1, &mut out).unwrap();
        let parsed = rtp::parse(&out).unwrap();
        let (descriptor, _) = Descriptor::parse(parsed.payload).unwrap();
        let id = descriptor.picture_id.unwrap().number();
        (parsed.header.sequence, parsed.header.timestamp, id)
    };
    let before = numbers(&mut subscriber.forwarder, &last);
    let mut other = Source::new(false, true);
    let config = PacketizerConfig { mtu: 128, ssrc: 6, ..PacketizerConfig::default() };
    (other.packetizer, other.number) = (Packetizer::new(config).unwrap(), 0x100);
    let after = numbers(&mut subscriber.forwarder, &other.next(true));
    assert_eq!(after.0, before.0.wrapping_add(1));
    assert_eq!(after.1, before.1.wrapping_add(3000));
    assert_eq!(after.2, (before.2 + 1) & 0x7fff);
    let next = numbers(&mut subscriber.forwarder, &other.next(false));
    assert_eq!((next.1, next.2), (after.1.wrapping_add(3000), (after.2 + 1) & 0x7fff));
}

#[test]
fn damaged_packets_are_rejected_or_forwarded() {
    let mut source = Source::new(true, true);
    let packets: Vec<_> = (0..8).flat_map(|number| source.next(number == 0)).collect();
    for at in 0..28 {
        for value in [0, 0x55, 0x80, 0xff] {
            let mut it = forwarder();
            it.set_max_spatial_layer(1);
            for (_, packet) in &packets {
                let mut packet = packet.clone();
                packet[at] = value;
                // A packet that is not VP9 over RTP is an error.
                let _ = it.forward(&packet, &mut Vec::new());
                let _ = it.forward(&packet[..at], &mut Vec::new());
            }
        }
    }
}
