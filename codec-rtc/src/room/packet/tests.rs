//! Frames, layers and switch points from payload headers and from Dependency Descriptors.

use super::*;
use crate::extension::dependency::{
    DecodeTargetIndication, Descriptor, DescriptorBuilder, FrameReferences, Structure, Template,
    Writer,
};
use crate::extension::{ExtensionMap, Extensions};
use crate::packet::Format;
use crate::packet::vp8::{self, LayerInfo, PictureId};
use crate::rtp::{self, Extension, Header};

fn rtp_packet(header: Header, extension: Option<Extension<'_>>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let packet = rtp::Packet { header, csrcs: &[], extension, payload };
    rtp::write_packet(&packet, 0, &mut out).unwrap();
    out
}

#[test]
fn vp8_layers_and_positions_of_fields_are_found() {
    let descriptor = vp8::Descriptor {
        start_of_partition: true,
        picture_id: Some(PictureId::Long(300)),
        tl0_pic_idx: Some(9),
        layer: Some(LayerInfo { temporal_id: 2, layer_sync: true }),
        ..vp8::Descriptor::default()
    };
    let mut payload = Vec::new();
    descriptor.write(&mut payload).unwrap();
    payload.extend([0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
    let packet =
        rtp_packet(Header { marker: true, sequence: 9, ..Header::default() }, None, &payload);
    let mut inspector = Inspector::new(Format::Vp8, ExtensionMap::default());
    let packet = inspector.inspect(&packet).unwrap();
    assert!(packet.frame.starts_key_frame() && packet.frame.ends_frame);
    assert_eq!(packet.frame.size, Some((640, 360)));
    assert_eq!((packet.frame.temporal_id, packet.frame.switch_point), (2, SwitchPoint::UpTo(2)));
    assert_eq!(packet.fields.picture_id, Some((PictureId::Long(300), 14)));
    assert_eq!(packet.data[16], 9);
    assert_eq!(packet.fields.tl0_pic_idx, Some((9, 16)));
}

#[test]
fn an_encrypted_frame_is_described_by_its_descriptor_alone() {
    use DecodeTargetIndication::{NotPresent, Switch};
    let template = |temporal_id, dtis: [DecodeTargetIndication; 2], diffs: &[u16]| Template {
        spatial_id: 0,
        temporal_id,
        dtis: dtis.to_vec(),
        frame_diffs: diffs.to_vec(),
        chain_diffs: Vec::new(),
    };
    let structure = Structure {
        decode_targets: 2,
        templates: vec![
            template(0, [Switch, Switch], &[]),
            template(0, [Switch, Switch], &[2]),
            template(1, [NotPresent, Switch], &[1]),
        ],
        resolutions: vec![(1280, 720)],
        ..Structure::default()
    };
    let (mut writer, mut inspector) =
        (Writer::default(), Inspector::new(Format::Vp8, ExtensionMap::default()));
    for (number, index) in [(0_u16, 0_usize), (1, 2), (2, 1)] {
        let template = structure.templates[index].clone();
        let descriptor = Descriptor {
            start_of_frame: true,
            end_of_frame: true,
            frame_number: number,
            temporal_id: template.temporal_id,
            dtis: template.dtis,
            frame_diffs: template.frame_diffs,
            resolution: Some((1280, 720)),
            structure: (number == 0).then(|| structure.clone()),
            ..Descriptor::default()
        };
        let mut bytes = Vec::new();
        writer.write(&descriptor, &mut bytes).unwrap();
        let extensions = Extensions { dependency: Some(bytes), ..Extensions::default() };
        let mut block = Vec::new();
        extensions.write(&ExtensionMap::default(), &mut block).unwrap();
        let extension =
            Extension { profile: u16::from_be_bytes([block[0], block[1]]), data: &block[4..] };
        let header = Header { sequence: number, timestamp: u32::from(number), ..Header::default() };
        let packet = rtp_packet(header, Some(extension), &[0xff; 40]);
        let packet = inspector.inspect(&packet).unwrap();
        assert_eq!(packet.frame.is_key, index == 0);
        assert_eq!(packet.frame.temporal_id, u8::from(index == 2));
        assert_eq!(packet.frame.switch_point, SwitchPoint::UpTo(1));
        assert_eq!(packet.frame.size, Some((1280, 720)));
        let (found, at) = packet.fields.frame_number.unwrap();
        assert_eq!(found, number);
        assert_eq!(packet.data[at..at + 2], number.to_be_bytes());
    }
}

#[test]
fn h264_and_av1_key_frames_are_found() {
    let mut inspector = Inspector::new(Format::H264, ExtensionMap::default());
    let mut inspect = |sequence, timestamp, payload: &[u8]| {
        let header = Header { sequence, timestamp, ..Header::default() };
        inspector.inspect(&rtp_packet(header, None, payload)).unwrap().frame
    };
    assert!(inspect(1, 10, &[0x67, 1, 2, 3]).starts_key_frame());
    let second = inspect(2, 10, &[0x65, 0x88, 1, 2]);
    assert!(second.is_key && !second.starts_frame);
    assert!(!inspect(3, 20, &[0x41, 0x9a, 1, 2]).is_key);
    let mut inspector = Inspector::new(Format::Av1, ExtensionMap::default());
    let packet = rtp_packet(Header::default(), None, &[0x18, 0x0a, 1]);
    assert!(inspector.inspect(&packet).unwrap().frame.starts_key_frame());
}

#[test]
fn malformed_and_oversized_packets_are_rejected() {
    for format in [Format::Vp8, Format::Vp9, Format::H264, Format::Av1] {
        let mut inspector = Inspector::new(format, ExtensionMap::default());
        assert!(inspector.inspect(&[]).is_err());
        assert!(inspector.inspect(&[0x80; 5]).is_err());
        assert!(inspector.inspect(&[0x80; 2049]).is_err());
        assert!(inspector.inspect(&rtp_packet(Header::default(), None, &[])).is_err());
        let mut rng = crate::rng::Rng::new(7);
        for _ in 0..5000 {
            let mut packet: Vec<u8> = (0..rng.index(80)).map(|_| rng.byte()).collect();
            if let Some(first) = packet.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(packet) = inspector.inspect(&packet) {
                let fields = packet.fields;
                let ends = [fields.picture_id.map(|it| it.1), fields.tl0_pic_idx.map(|it| it.1)];
                assert!(ends.into_iter().flatten().all(|at| at < packet.data.len()));
            }
        }
    }
}

#[test]
fn switch_points_of_the_usual_structures_are_found() {
    let mut builder = DescriptorBuilder::new(3, None).unwrap();
    let (mut writer, mut inspector) =
        (Writer::default(), Inspector::new(Format::Av1, ExtensionMap::default()));
    let mut found = Vec::new();
    for number in 0..8_u8 {
        let (temporal_id, diff) = [(0, 4), (2, 1), (1, 2), (2, 1)][usize::from(number % 4)];
        let references = [i64::from(number) - diff];
        let references = if number == 0 { &[][..] } else { &references };
        let frame = FrameReferences { number: number.into(), temporal_id, references };
        let mut bytes = Vec::new();
        writer.write(&builder.build(&frame).unwrap(), &mut bytes).unwrap();
        let mut block = Vec::new();
        let extensions = Extensions { dependency: Some(bytes), ..Extensions::default() };
        extensions.write(&ExtensionMap::default(), &mut block).unwrap();
        let profile = u16::from_be_bytes([block[0], block[1]]);
        let header =
            Header { sequence: number.into(), timestamp: number.into(), ..Header::default() };
        let extension = Extension { profile, data: &block[4..] };
        let packet = rtp_packet(header, Some(extension), &[0xff; 40]);
        found.push(inspector.inspect(&packet).unwrap().frame.switch_point);
    }
    // Base frames allow all layers, the first frame of layer 2 after them allows itself.
    assert!(matches!(found[0], SwitchPoint::UpTo(2)), "{found:?}");
    assert!(matches!(found[4], SwitchPoint::UpTo(2)), "{found:?}");
}

#[test]
fn a_later_packet_of_an_h264_frame_is_not_taken_for_its_start() {
    let mut inspector = Inspector::new(Format::H264, ExtensionMap::default());
    let mut inspect = |sequence, timestamp, payload: &[u8]| {
        let header = Header { sequence, timestamp, ..Header::default() };
        inspector.inspect(&rtp_packet(header, None, payload)).unwrap().frame
    };
    assert!(inspect(10, 1, &[0x41, 0x9a, 1, 2]).starts_frame);
    // The parameter sets of the next frame are lost, or late.
    assert!(!inspect(12, 2, &[0x65, 0x88, 1, 2]).starts_key_frame());
    assert!(inspect(11, 2, &[0x67, 1, 2, 3]).starts_key_frame());
    // A key frame without them follows the frame before it.
    assert!(inspect(13, 3, &[0x65, 0x88, 1, 2]).starts_key_frame());
    assert!(!inspect(14, 3, &[0x65, 0x46, 1, 2]).starts_frame);
}
