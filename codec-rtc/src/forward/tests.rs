//! Forwarding of VP8.

use codec_core::codec::{FrameKind, PacketMeta};

use super::*;
use crate::packet::vp8::{Descriptor, Packetizer, PacketizerConfig};

/// Packets of an L1T3 stream, three per frame, with a layer-sync frame in each group.
fn stream(frames: u64) -> Vec<(u8, Vec<u8>)> {
    let config = PacketizerConfig {
        mtu: 100,
        layers: true,
        first_sequence: 65_500,
        first_picture_id: 0x7ff0,
        ..PacketizerConfig::default()
    };
    let mut packetizer = Packetizer::new(config).unwrap();
    let mut out = Vec::new();
    for frame in 0..frames {
        let meta = PacketMeta {
            frame_id: frame,
            kind: if frame == 0 { FrameKind::Key } else { FrameKind::Inter },
            temporal_id: [0, 2, 1, 2][usize::try_from(frame % 4).unwrap()],
            layer_sync: matches!(frame % 4, 1 | 2),
            tl0_index: u8::try_from(frame / 4 % 256).unwrap(),
            ..PacketMeta::default()
        };
        let data = vec![u8::from(frame != 0); 200];
        let mut packets = Vec::new();
        let timestamp = u32::try_from(frame).unwrap() * 3000;
        packetizer.packetize(&data, &meta, timestamp, &mut packets).unwrap();
        out.extend(packets.into_iter().map(|packet| (meta.temporal_id, packet)));
    }
    out
}

fn forwarder() -> Forwarder {
    Forwarder::new(ForwardConfig {
        ssrc: 77,
        payload_type: 120,
        first_sequence: 65_530,
        ..ForwardConfig::default()
    })
}

/// Sequence number and `PictureID` towards the subscriber.
fn numbers(packet: &[u8]) -> (u16, u16) {
    let parsed = rtp::parse(packet).unwrap();
    assert_eq!((parsed.header.ssrc, parsed.header.payload_type), (77, 120));
    let (descriptor, _) = Descriptor::parse(parsed.payload).unwrap();
    (parsed.header.sequence, descriptor.picture_id.unwrap().number())
}

#[test]
fn base_layer_is_renumbered_without_gaps() {
    let mut it = forwarder();
    it.set_max_temporal_layer(0);
    let (mut expected, mut id, mut last) = (65_530_u16, 0x7ff0_u16, None);
    for (layer, packet) in stream(200) {
        let mut out = Vec::new();
        let forwarded = it.forward(&packet, &mut out).unwrap();
        if layer > 0 {
            assert_eq!((forwarded, out.len()), (Forwarded::AboveLayer, 0));
            continue;
        }
        assert_eq!(forwarded, Forwarded::Forwarded { sequence: expected });
        let timestamp = rtp::parse(&packet).unwrap().header.timestamp;
        if last.is_some_and(|last| last != timestamp) {
            id = (id + 1) & 0x7fff;
        }
        last = Some(timestamp);
        assert_eq!(numbers(&out), (expected, id));
        assert_eq!(out.len(), packet.len());
        expected = expected.wrapping_add(1);
    }
}

#[test]
fn layers_resume_at_switching_points() {
    let mut it = forwarder();
    let mut layers = Vec::new();
    let mut next = 65_530_u16;
    for (number, (layer, packet)) in stream(40).into_iter().enumerate() {
        match number {
            15 => it.set_max_temporal_layer(0),
            // In the middle of a frame.
            61 => it.set_max_temporal_layer(2),
            _ => {}
        }
        let mut out = Vec::new();
        if let Forwarded::Forwarded { sequence } = it.forward(&packet, &mut out).unwrap() {
            assert_eq!(sequence, next);
            next = next.wrapping_add(1);
            layers.push(layer);
        }
    }
    let uppers = layers.iter().filter(|&&layer| layer > 0).count();
    assert!(uppers > 40 && uppers < 90, "{uppers}");
    assert_eq!(it.temporal_layer(), 2);
}

#[test]
fn late_and_lost_packets_keep_their_sequence_numbers() {
    let packets = stream(40);
    let mut plain = forwarder();
    plain.set_max_temporal_layer(1);
    let mut shuffled = plain.clone();
    let mut expected = Vec::new();
    for (_, packet) in &packets {
        let mut out = Vec::new();
        plain.forward(packet, &mut out).unwrap();
        expected.push(out);
    }
    // Frames in order, packets of each frame in reverse.
    let mut at = 0;
    for frame in packets.chunk_by(|a, b| a.1[4..8] == b.1[4..8]) {
        for (index, (_, packet)) in frame.iter().enumerate().rev() {
            if at + index == 0 {
                continue;
            }
            let mut out = Vec::new();
            shuffled.forward(packet, &mut out).unwrap();
            if at > 0 {
                let (got, want) = (out.get(2..4), expected[at + index].get(2..4));
                assert_eq!(got.is_some(), want.is_some());
            }
        }
        at += frame.len();
    }
}

#[test]
fn retransmission_gets_the_sequence_number_of_the_original() {
    let packets = stream(12);
    let mut it = forwarder();
    it.set_max_temporal_layer(0);
    let mut sent = Vec::new();
    for (_, packet) in &packets {
        let mut out = Vec::new();
        it.forward(packet, &mut out).unwrap();
        sent.push(out);
    }
    for (index, (layer, packet)) in packets.iter().enumerate() {
        let mut out = Vec::new();
        it.forward(packet, &mut out).unwrap();
        assert_eq!(out, sent[index]);
        assert_eq!(out.is_empty(), *layer > 0);
    }
}

#[test]
fn packets_without_vp8_are_rejected_without_side_effects() {
    let mut it = forwarder();
    let mut out = Vec::new();
    assert!(it.forward(&[0; 3], &mut out).is_err());
    let (_, packet) = stream(1).remove(0);
    assert!(it.forward(&packet[..12], &mut out).is_err());
    assert!(out.is_empty());
    assert_eq!(it.forward(&packet, &mut out), Ok(Forwarded::Forwarded { sequence: 65_530 }));
}

#[test]
fn restarted_stream_continues_the_sequence_numbers() {
    let mut it = forwarder();
    let (_, packet) = stream(1).remove(0);
    let mut out = Vec::new();
    it.forward(&packet, &mut out).unwrap();
    let mut far = packet.clone();
    far[2..6].copy_from_slice(&[0x70, 0, 9, 9]);
    out.clear();
    let next = 65_531;
    assert_eq!(it.forward(&far, &mut out), Ok(Forwarded::Forwarded { sequence: next }));
}
