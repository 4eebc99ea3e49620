//! Superframes of VP9 in the frame buffer.

use std::time::Duration;

use codec_core::frame::Size;

use super::{
    Frame, FrameBuffer, FrameBufferConfig, FrameDependency, FrameDiffs, PacketInfo, RecoveryOptions,
};
use crate::packet::VideoFormat;
use crate::packet::vp9::{
    Descriptor, GroupPicture, LayerIndices, Packetizer, PacketizerConfig, PictureId, References,
    ScalabilityStructure,
};

const KEY: u8 = 0x82;
const INTER: u8 = 0x86;

fn buffer() -> FrameBuffer {
    FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::Vp9,
        ..FrameBufferConfig::forwarding()
    })
}

fn packetizer() -> Packetizer {
    let config = PacketizerConfig { mtu: 150, first_sequence: 65_530, ..Default::default() };
    Packetizer::new(config).unwrap()
}

/// Packets of a superframe with this id and these layer frames: data and references. Upper layers without
/// references use the lower ones.
fn picture(packetizer: &mut Packetizer, id: u16, layers: &[(Vec<u8>, &[u8])]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (spatial_id, (data, diffs)) in (0..).zip(layers) {
        let references = References::new(diffs).unwrap();
        let is_key = spatial_id == 0 && diffs.is_empty();
        let structure = ScalabilityStructure { spatial_layers: 3, ..Default::default() };
        let descriptor = Descriptor {
            picture_id: Some(PictureId::Long(id & 0x7fff)),
            inter_predicted: !diffs.is_empty(),
            layer: Some(LayerIndices {
                spatial_id,
                inter_layer_predicted: spatial_id > 0 && diffs.is_empty(),
                ..LayerIndices::default()
            }),
            flexible: true,
            references,
            structure: is_key.then(|| Box::new(structure)),
            ..Descriptor::default()
        };
        let ends = usize::from(spatial_id) + 1 == layers.len();
        let timestamp = u32::from(id).wrapping_mul(3000);
        packetizer.packetize_layer(data, &descriptor, ends, timestamp, &mut out).unwrap();
    }
    out
}

fn data(first: u8, len: usize) -> Vec<u8> {
    let mut data = vec![7; len];
    data[0] = first;
    data
}

fn push(buffer: &mut FrameBuffer, packets: &[Vec<u8>]) -> Vec<Frame> {
    for packet in packets {
        buffer.push(Duration::ZERO, packet, PacketInfo::default()).unwrap();
    }
    std::iter::from_fn(|| buffer.poll_frame(Duration::ZERO)).collect()
}

#[test]
fn layer_frames_of_a_picture_become_a_superframe_in_any_packet_order() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    let none: &[u8] = &[];
    let layers = [(data(KEY, 200), none), (data(INTER, 300), none), (data(INTER, 500), none)];
    let mut packets = picture(&mut packetizer, 0x7fff, &layers);
    packets.reverse();
    let frames = push(&mut buffer, &packets);
    let [frame] = frames.as_slice() else { panic!("{} frames", frames.len()) };
    assert!(frame.is_key);
    let ranges: Vec<_> = frame.layers.iter().map(|layer| layer.bytes.clone()).collect();
    assert_eq!(ranges, [0..200, 200..500, 500..1000]);
    let ids: Vec<u8> = frame.layers.iter().map(|layer| layer.descriptor.spatial_id()).collect();
    assert_eq!(ids, [0, 1, 2]);
    assert_eq!(frame.data[1000..], [0xca, 200, 0, 44, 1, 244, 1, 0xca]);
    assert_eq!(frame.id.picture_id, Some(PictureId::Long(0x7fff)));
    // The layers of later superframes reference only themselves, and the last one is switched off.
    let layers = [(data(INTER, 20), &[1][..]), (data(INTER, 30), &[1])];
    let frames = push(&mut buffer, &picture(&mut packetizer, 0x8000, &layers));
    assert_eq!(frames[0].data[50..], [0xc1, 20, 30, 0xc1]);
    assert!(!frames[0].is_key);
}

#[test]
fn references_across_a_lost_picture_are_exact() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    let mut one = |id, diffs: &[u8]| {
        let first = if diffs.is_empty() { KEY } else { INTER };
        picture(&mut packetizer, id, &[(data(first, 20), diffs)])
    };
    let pictures = [one(5, &[]), one(6, &[1]), one(7, &[2]), one(8, &[1]), one(9, &[3])];
    assert_eq!(push(&mut buffer, &pictures[0]).len(), 1);
    // Superframe 6 is lost; superframe 7 does not need it.
    let later = Duration::from_secs(1);
    for packets in &pictures[2..] {
        for packet in packets {
            buffer.push(Duration::ZERO, packet, PacketInfo::default()).unwrap();
        }
    }
    let ids: Vec<u16> = std::iter::from_fn(|| buffer.poll_frame(later))
        .map(|frame| frame.id.picture_id.unwrap().number())
        .collect();
    assert_eq!(ids, [7, 8]);
    assert_eq!(buffer.dropped().total(), 1, "picture 9 references the lost one");
}

#[test]
fn pictures_of_the_non_flexible_mode_follow_their_group() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    let of =
        |temporal_id, diff| GroupPicture { temporal_id, diffs: vec![diff], switching_up: true };
    let structure = ScalabilityStructure {
        spatial_layers: 1,
        sizes: vec![Size::new(640, 480)],
        group: vec![of(0, 4), of(2, 1), of(1, 2), of(2, 1)],
    };
    let mut packets = |id: u8| {
        let is_key = id == 126;
        let number = id.wrapping_sub(126);
        let descriptor = Descriptor {
            picture_id: Some(PictureId::Short(id & 0x7f)),
            inter_predicted: !is_key,
            layer: Some(LayerIndices {
                temporal_id: [0, 2, 1, 2][usize::from(number % 4)],
                ..LayerIndices::default()
            }),
            tl0_pic_idx: Some(number / 4),
            structure: is_key.then(|| Box::new(structure.clone())),
            ..Descriptor::default()
        };
        let mut out = Vec::new();
        let first = if is_key { KEY } else { INTER };
        let timestamp = u32::from(number) * 3000;
        let frame = data(first, 20);
        packetizer.packetize_layer(&frame, &descriptor, true, timestamp, &mut out).unwrap();
        out
    };
    let all: Vec<Vec<Vec<u8>>> = (126..=134).map(&mut packets).collect();
    assert_eq!(push(&mut buffer, &all[0]).len(), 1);
    // Superframe 2 of temporal layer 1 is lost, and superframe 3 depends on it.
    let mut decoded = Vec::new();
    for (at, packets) in all.iter().enumerate().skip(1).filter(|(at, _)| *at != 2) {
        for packet in packets {
            buffer.push(Duration::ZERO, packet, PacketInfo::default()).unwrap();
        }
        let frames = std::iter::from_fn(|| buffer.poll_frame(Duration::from_secs(1))).count();
        decoded.extend((frames > 0).then_some(at));
    }
    assert_eq!(decoded, [1, 4, 5, 6, 7, 8]);
}

#[test]
fn frames_without_picture_ids_follow_their_dependency_descriptors() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    // Distances to the reference of each frame; the first is a key frame.
    let diffs: [&[u16]; 6] = [&[], &[1], &[2], &[1], &[3], &[1]];
    let mut decoded = Vec::new();
    for (number, diffs) in (0_u16..).zip(diffs) {
        let is_key = diffs.is_empty();
        let descriptor = Descriptor { inter_predicted: !is_key, ..Descriptor::default() };
        let frame = data(if is_key { KEY } else { INTER }, 20);
        let mut packets = Vec::new();
        let timestamp = u32::from(number) * 3000;
        packetizer.packetize_layer(&frame, &descriptor, true, timestamp, &mut packets).unwrap();
        let dependency = FrameDependency {
            frame_number: number,
            starts_frame: true,
            ends_frame: true,
            temporal_id: 0,
            diffs: FrameDiffs::new(diffs),
        };
        if number == 1 {
            continue; // It is lost.
        }
        for packet in &packets {
            let info = PacketInfo { dependency: Some(dependency), ..PacketInfo::default() };
            buffer.push(Duration::ZERO, packet, info).unwrap();
        }
        let frames = std::iter::from_fn(|| buffer.poll_frame(Duration::from_secs(1)));
        decoded.extend(frames.map(|frame| frame.id.frame_number.unwrap()));
    }
    assert_eq!(decoded, [0, 2, 3], "4 and 5 reference the lost frame");
}

#[test]
fn damaged_payloads_are_rejected_and_leave_the_buffer_usable() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    let none: &[u8] = &[];
    let packets = picture(&mut packetizer, 1, &[(data(KEY, 20), none)]);
    for end in 13..packets[0].len() - 19 {
        let short = &packets[0][..end];
        assert!(buffer.push(Duration::ZERO, short, PacketInfo::default()).is_err(), "{end}");
    }
    // Nine layer frames in one superframe.
    let mut many = Vec::new();
    for _ in 0..9 {
        many.extend(picture(&mut packetizer, 2, &[(data(KEY, 20), none)]));
    }
    let last = many.len() - 1;
    many[..last].iter_mut().for_each(|packet| packet[1] &= 0x7f);
    assert!(push(&mut buffer, &many).is_empty());
    assert_eq!(buffer.dropped().malformed, 1);
    let packets = picture(&mut packetizer, 3, &[(data(KEY, 20), none)]);
    assert_eq!(push(&mut buffer, &packets).len(), 1);
}

/// Superframes of three layers, two packets each; a key superframe first. `always`: layers reference lower
/// ones in every superframe, otherwise only in the key superframe.
fn three_layers(count: u16, always: bool) -> Vec<Vec<Vec<u8>>> {
    let mut packetizer = packetizer();
    let one = |id: u16| {
        let diffs: &[u8] = if id == 0 { &[] } else { &[1] };
        let first = if id == 0 { KEY } else { INTER };
        let layers =
            [(data(first, 200), diffs), (data(INTER, 220), diffs), (data(INTER, 240), diffs)];
        let mut packets = picture(&mut packetizer, id, &layers);
        if always {
            // The bit D of the byte after flags and PictureID.
            packets[2..].iter_mut().for_each(|packet| packet[15] |= 1);
        }
        packets
    };
    (0..count).map(one).collect()
}

/// Spatial layers of a frame.
fn layers_of(frame: &Frame) -> Vec<u8> {
    frame.layers.iter().map(|layer| layer.descriptor.spatial_id()).collect()
}

/// Receives superframes every 33 ms without some packets: number of the superframe and of the packet in it.
fn received(
    buffer: &mut FrameBuffer,
    superframes: &[Vec<Vec<u8>>],
    lost: &[(usize, usize)],
) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    for (number, packets) in superframes.iter().enumerate() {
        let begin = Duration::from_millis(33) * u32::try_from(number).unwrap();
        for (at, packet) in packets.iter().enumerate() {
            if !lost.contains(&(number, at)) {
                buffer.push(begin, packet, PacketInfo::default()).unwrap();
            }
        }
        for ms in 0..33 {
            let now = begin + Duration::from_millis(ms);
            while let Some(frame) = buffer.poll_frame(now) {
                let layers = layers_of(&frame);
                assert_eq!(frame.lacks_layers, layers != [0, 1, 2]);
                buffer.decoded(now, frame.number, Duration::ZERO);
                found.push((frame.id.picture_id.unwrap().number(), layers));
            }
        }
    }
    found
}

fn low_latency() -> FrameBuffer {
    FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::Vp9,
        recovery: RecoveryOptions { nack: false, ..RecoveryOptions::default() },
        ..FrameBufferConfig::low_latency()
    })
}

#[test]
fn a_lost_upper_layer_holds_no_frame_back() {
    for always in [true, false] {
        for (at, missing) in [(5, 2), (4, 2), (3, 1), (2, 1)] {
            let mut buffer = low_latency();
            let superframes = three_layers(12, always);
            let found = received(&mut buffer, &superframes, &[(3, at)]);
            let numbers: Vec<u16> = found.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (0..12).collect::<Vec<_>>(), "packet {at}");
            for (number, layers) in &found {
                // Without prediction between layers, the highest layer survives the loss of the middle one.
                let expected: &[u8] = match (number, missing) {
                    (0..3, _) => &[0, 1, 2],
                    (_, 2) => &[0, 1],
                    _ if always => &[0],
                    _ => &[0, 2],
                };
                assert_eq!(layers, expected, "superframe {number}, packet {at}");
            }
            assert_eq!((buffer.dropped().total(), buffer.dropped().layers), (0, 9));
            assert!(buffer.needs_key_frame(Duration::from_millis(12 * 33)), "the layer is missing");
        }
    }
}

#[test]
fn a_lost_lowest_layer_stops_the_stream_until_a_key_frame() {
    let mut buffer = low_latency();
    let found = received(&mut buffer, &three_layers(8, true), &[(3, 1)]);
    assert_eq!(found.len(), 3);
    assert!(buffer.needs_key_frame(Duration::from_secs(1)));
}

#[test]
fn layers_of_a_lost_key_superframe_are_emitted_too() {
    let mut buffer = low_latency();
    let found = received(&mut buffer, &three_layers(4, false), &[(0, 5), (1, 4), (1, 5)]);
    assert_eq!(found, [0, 1, 2, 3].map(|number| (number, vec![0, 1])));
}

#[test]
fn upper_layers_are_waited_for_while_they_may_be_retransmitted() {
    let mut buffer = FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::Vp9,
        ..FrameBufferConfig::forwarding()
    });
    let superframes = three_layers(3, true);
    let ms = Duration::from_millis;
    for packets in &superframes {
        for packet in packets {
            if packet != &superframes[1][4] {
                buffer.push(ms(0), packet, PacketInfo::default()).unwrap();
            }
        }
    }
    let layers = |frame: Option<Frame>| frame.map(|frame| layers_of(&frame));
    assert_eq!(layers(buffer.poll_frame(ms(1))), Some(vec![0, 1, 2]));
    assert_eq!(layers(buffer.poll_frame(ms(1))), None);
    let mut until = buffer.poll_timeout().unwrap();
    assert!(until > ms(100), "{until:?}");
    let mut other = superframes[1][4].clone();
    let mut lossy = buffer;
    // Not retransmitted: both superframes have two layers.
    for _ in 0..4 {
        if let Some(frame) = lossy.poll_frame(until) {
            assert_eq!(layers_of(&frame), [0, 1]);
            assert_eq!(layers(lossy.poll_frame(until)), Some(vec![0, 1]));
            other.truncate(0);
            break;
        }
        until = lossy.poll_timeout().unwrap();
    }
    assert!(other.is_empty());
}

/// Removes the last packets of a superframe, and numbers the later packets as if they had not existed.
fn cut(superframes: &mut [Vec<Vec<u8>>], at: usize, kept: usize) {
    let removed = superframes[at].len() - kept;
    superframes[at].truncate(kept);
    for packet in superframes[at + 1..].iter_mut().flatten() {
        let number = u16::from_be_bytes([packet[2], packet[3]]);
        let number = number.wrapping_sub(u16::try_from(removed).unwrap());
        packet[2..4].copy_from_slice(&number.to_be_bytes());
    }
}

#[test]
fn a_superframe_that_its_sender_cut_has_its_whole_layers_only() {
    for (kept, whole) in [(5, &[0, 1][..]), (3, &[0])] {
        let mut superframes = three_layers(6, false);
        cut(&mut superframes, 2, kept);
        let found = received(&mut low_latency(), &superframes, &[]);
        let of_cut: Vec<_> = found.iter().filter(|(number, _)| *number == 2).collect();
        assert_eq!(of_cut, [&(2, whole.to_vec())]);
        assert_eq!(found.len(), 6, "the lower layers continue");
    }
    // Nothing waits for packets that do not exist.
    let mut superframes = three_layers(3, false);
    cut(&mut superframes, 1, 5);
    let mut buffer = buffer();
    assert_eq!(push(&mut buffer, &superframes.concat()).len(), 3);
}

#[test]
fn a_superframe_without_a_whole_layer_is_lost() {
    let mut superframes = three_layers(6, false);
    cut(&mut superframes, 2, 1);
    let mut buffer = low_latency();
    let found = received(&mut buffer, &superframes, &[]);
    assert_eq!(found.len(), 2);
    assert!(buffer.needs_key_frame(Duration::from_millis(300)));
}

#[test]
fn the_rest_of_a_superframe_that_was_emitted_is_not_another_one() {
    let superframes = three_layers(4, true);
    let mut buffer = low_latency();
    assert_eq!(push(&mut buffer, &superframes[0]).len(), 1);
    // The last packet of the middle layer is lost, and the upper layer late.
    let first: Vec<_> = superframes[1][..3].to_vec();
    assert!(push(&mut buffer, &first).is_empty());
    assert!(push(&mut buffer, &superframes[1][4..5]).is_empty());
    let later = Duration::from_millis(200);
    let found: Vec<Frame> = std::iter::from_fn(|| buffer.poll_frame(later)).collect();
    assert_eq!(found.iter().map(layers_of).collect::<Vec<_>>(), [[0]]);
    buffer.push(later, &superframes[1][5], PacketInfo::default()).unwrap();
    assert!(buffer.poll_frame(later).is_none(), "the end of the upper layer");
    for packet in superframes[2..].iter().flatten() {
        buffer.push(later, packet, PacketInfo::default()).unwrap();
    }
    let found: Vec<Frame> = std::iter::from_fn(|| buffer.poll_frame(later)).collect();
    assert_eq!(found.iter().map(layers_of).collect::<Vec<_>>(), [[0], [0]]);
}

/// Packets of a superframe with two spatial layers in the non-flexible mode, whose references are not stated.
fn unstated(packetizer: &mut Packetizer, id: u16, temporal_id: u8) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for spatial_id in 0..2 {
        let is_key = id == 0;
        let structure = ScalabilityStructure { spatial_layers: 2, ..Default::default() };
        let descriptor = Descriptor {
            picture_id: Some(PictureId::Long(id)),
            inter_predicted: !is_key,
            tl0_pic_idx: Some(u8::try_from(id / 2).unwrap()),
            layer: Some(LayerIndices {
                temporal_id,
                switching_up: temporal_id == 0,
                spatial_id,
                inter_layer_predicted: spatial_id > 0,
            }),
            structure: (is_key && spatial_id == 0).then(|| Box::new(structure)),
            ..Descriptor::default()
        };
        let first = if is_key && spatial_id == 0 { KEY } else { INTER };
        let timestamp = u32::from(id) * 3000;
        let ends = spatial_id == 1;
        let data = data(first, 50);
        packetizer.packetize_layer(&data, &descriptor, ends, timestamp, &mut out).unwrap();
    }
    out
}

#[test]
fn layers_without_stated_references_need_the_layer_of_the_superframe_before() {
    let config = FrameBufferConfig { format: VideoFormat::Vp9, ..FrameBufferConfig::low_latency() };
    // The upper layer of the key superframe, of one of the temporal base layer, and of one of the layer above it
    // are lost.
    for (lost, complete) in [
        (0, [false, false, false, false, false, false]),
        (2, [true, true, false, false, false, false]),
        (3, [true, true, true, false, true, true]),
    ] {
        let (mut buffer, mut packetizer) = (FrameBuffer::new(config), packetizer());
        for (id, complete) in (0_u16..).zip(complete) {
            let mut packets = unstated(&mut packetizer, id, u8::from(id % 2 == 1));
            if id == lost {
                packets.pop();
            }
            let now = Duration::from_millis(33) * id.into();
            for packet in &packets {
                buffer.push(now, packet, PacketInfo::default()).unwrap();
            }
            // The loss becomes visible by the next superframe.
            if id == lost {
                continue;
            }
            let later = now + Duration::from_secs(2);
            let frames: Vec<Frame> = std::iter::from_fn(|| buffer.poll_frame(later)).collect();
            let frame = frames.last().expect("the lowest layers are complete");
            assert_eq!(frame.id.picture_id, Some(PictureId::Long(id)), "loss in {lost}");
            assert_eq!(frame.lacks_layers, !complete, "superframe {id}, loss in {lost}");
            assert_eq!(frame.layers.len(), 1 + usize::from(complete));
        }
    }
}

#[test]
fn superframes_with_and_without_known_references_are_numbered_alike() {
    let (mut buffer, mut packetizer) = (buffer(), packetizer());
    for id in 0..4 {
        let dependency = FrameDependency {
            // Unlike the PictureID.
            frame_number: 900 + id,
            starts_frame: true,
            ends_frame: true,
            diffs: FrameDiffs::new(if id == 0 { &[] } else { &[1] }),
            ..FrameDependency::default()
        };
        let descriptor = Descriptor {
            picture_id: Some(PictureId::Long((0x7ffe + id) & 0x7fff)),
            inter_predicted: id > 0,
            ..Descriptor::default()
        };
        let mut packets = Vec::new();
        let data = data(if id == 0 { KEY } else { INTER }, 50);
        let timestamp = u32::from(id) * 3000;
        packetizer.packetize_layer(&data, &descriptor, true, timestamp, &mut packets).unwrap();
        let info = PacketInfo { dependency: Some(dependency), ..PacketInfo::default() };
        buffer.push(Duration::ZERO, &packets[0], info).unwrap();
        assert!(buffer.poll_frame(Duration::ZERO).is_some(), "superframe {id}");
    }
}
