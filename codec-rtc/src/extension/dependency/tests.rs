use super::*;
use crate::rng::Rng;
use crate::rtp::{Malformed, WriteError};

use DecodeTargetIndication::{Discardable as D, NotPresent as N, Required as R, Switch as S};

/// Two spatial and two temporal layers, four decode targets, two chains.
fn structure() -> Structure {
    let template = |spatial_id,
                    temporal_id,
                    indications: &[DecodeTargetIndication],
                    frames: &[u16],
                    chains: [u8; 2]| {
        Template {
            spatial_id,
            temporal_id,
            dtis: indications.to_vec(),
            frame_diffs: frames.to_vec(),
            chain_diffs: chains.to_vec(),
        }
    };
    Structure {
        template_id_offset: 62,
        decode_targets: 4,
        chains: 2,
        decode_target_protected_by: vec![0, 0, 1, 1],
        templates: vec![
            template(0, 0, &[S, S, S, S], &[], [0, 0]),
            template(0, 0, &[S, R, R, R], &[4], [4, 3]),
            template(0, 1, &[N, D, N, R], &[2], [2, 1]),
            template(1, 0, &[N, N, S, S], &[1], [1, 1]),
            template(1, 0, &[N, N, R, R], &[4, 1], [1, 4]),
            template(1, 1, &[N, N, N, D], &[2, 1], [3, 2]),
        ],
        resolutions: vec![(320, 180), (640, 360)],
    }
}

fn of(template: &Template) -> Descriptor {
    Descriptor {
        start_of_frame: true,
        end_of_frame: false,
        frame_number: 0x1234,
        spatial_id: template.spatial_id,
        temporal_id: template.temporal_id,
        dtis: template.dtis.clone(),
        frame_diffs: template.frame_diffs.clone(),
        chain_diffs: template.chain_diffs.clone(),
        resolution: structure().resolution(template.spatial_id),
        active_decode_targets: None,
        structure: None,
    }
}

fn key() -> Descriptor {
    Descriptor { structure: Some(structure()), ..of(&structure().templates[0]) }
}

fn written(writer: &mut Writer, descriptor: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    writer.write(descriptor, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_template_round_trips_in_three_bytes() {
    let (mut writer, mut reader) = (Writer::default(), Reader::default());
    let bytes = written(&mut writer, &key());
    assert_eq!(reader.read(&bytes), Ok(key()));
    assert_eq!(
        (reader.structure(), writer.structure()),
        (key().structure.as_ref(), Some(&structure()))
    );
    for (index, template) in structure().templates.iter().enumerate() {
        let bytes = written(&mut writer, &of(template));
        let id = u8::try_from((62 + index) % 64).unwrap();
        assert_eq!(bytes, [0x80 | id, 0x12, 0x34]);
        assert_eq!(reader.read(&bytes), Ok(of(template)));
        let head = MandatoryFields::parse(&bytes).unwrap();
        assert_eq!((head.template_id, head.frame_number), (id, 0x1234));
        assert!(head.start_of_frame && !head.end_of_frame);
    }
}

#[test]
fn differences_from_the_template_are_written() {
    let (mut writer, mut reader) = (Writer::default(), Reader::default());
    reader.read(&written(&mut writer, &key())).unwrap();
    let plain = of(&structure().templates[1]);
    for custom in [
        Descriptor { dtis: vec![R, R, D, N], ..plain.clone() },
        Descriptor { frame_diffs: vec![1, 16, 17, 256, 257, 4096], ..plain.clone() },
        Descriptor { frame_diffs: vec![], ..plain.clone() },
        Descriptor { chain_diffs: vec![255, 0], ..plain.clone() },
        Descriptor { active_decode_targets: Some(0b0110), ..plain.clone() },
        Descriptor { active_decode_targets: Some(0), frame_diffs: vec![9], ..key() },
        Descriptor { end_of_frame: true, frame_number: 65_535, ..plain.clone() },
    ] {
        let bytes = written(&mut writer, &custom);
        assert_eq!(reader.read(&bytes), Ok(custom));
    }
    // Template 1, 24 bits; flags; one difference of 12 bits: 3000.
    let far = Descriptor { frame_diffs: vec![3000], ..plain };
    let bits = 0b1011_1111_0001_0010_0011_0100_0001_0111_0111_0110_1110_0000_u64;
    assert_eq!(written(&mut writer, &far), bits.to_be_bytes()[2..]);
}

#[test]
fn writer_selects_the_cheapest_template() {
    let (mut writer, mut reader) = (Writer::default(), Reader::default());
    reader.read(&written(&mut writer, &key())).unwrap();
    // Equal to template 4 except for one difference, which is shorter than the indications of
    // template 3.
    let frame = Descriptor { frame_diffs: vec![8], ..of(&structure().templates[4]) };
    let bytes = written(&mut writer, &frame);
    assert_eq!((bytes[0] & 0x3f, bytes.len()), (2, 5));
    assert_eq!(reader.read(&bytes), Ok(frame));
}

#[test]
fn structure_has_the_specified_layout() {
    let mut writer = Writer::default();
    let structure = Structure::temporal(1).unwrap();
    let key = Descriptor {
        start_of_frame: true,
        end_of_frame: true,
        dtis: vec![S],
        chain_diffs: vec![0],
        structure: Some(structure),
        ..Descriptor::default()
    };
    let bytes = written(&mut writer, &key);
    // start, end, template 0; number 0; structure flag only; offset 0; one target; layers: same, no
    // more; S, S; no difference, one of 1; one chain (protects the target: no bits); chain
    // differences 0 and 1; no resolutions.
    let text = "11000000 0000000000000000 10000 000000 00000 00 11 10 10 0 1 0000 0 1 0000 0001 0";
    let mut expected = Vec::new();
    let bits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    for byte in bits.chunks(8) {
        let value = byte.iter().fold(0, |value, bit| value << 1 | (bit - b'0'));
        expected.push(value << (8 - byte.len()));
    }
    assert_eq!(bytes, expected);
}

#[test]
fn descriptor_without_a_known_structure_is_rejected() {
    let (mut writer, mut reader) = (Writer::default(), Reader::default());
    let bytes = written(&mut writer, &key());
    let delta = written(&mut writer, &of(&structure().templates[1]));
    assert!(matches!(reader.read(&delta), Err(Malformed::Field { .. })));
    for len in 0..bytes.len() {
        assert!(reader.read(&bytes[..len]).is_err());
    }
    assert_eq!(reader.structure(), None);
    reader.read(&bytes).unwrap();
    reader.read(&delta).unwrap();
    // A new structure uses other ids, so that late packets are not mistaken for its own.
    let next = Structure::temporal(3).unwrap().numbered_after(&structure());
    assert_eq!(next.template_id_offset, 4);
    let other = Descriptor {
        dtis: vec![S, S, S],
        chain_diffs: vec![0],
        resolution: None,
        structure: Some(next),
        ..key()
    };
    reader.read(&written(&mut writer, &other)).unwrap();
    assert!(reader.read(&delta).is_err());
}

#[test]
fn values_out_of_range_are_not_written() {
    let good = structure();
    let with = |structure| Descriptor { structure: Some(structure), ..key() };
    let mut disordered = good.clone();
    disordered.templates.swap(0, 5);
    let mut far = good.clone();
    far.templates[1].frame_diffs = vec![17];
    let mut deep = good.clone();
    deep.templates[1].chain_diffs = vec![16, 0];
    let none = Structure { templates: vec![], ..good.clone() };
    let many = Structure { templates: vec![good.templates[0].clone(); 65], ..good.clone() };
    let delta = of(&good.templates[1]);
    for wrong in [
        with(Structure { template_id_offset: 64, ..good.clone() }),
        with(Structure { decode_targets: 0, ..good.clone() }),
        with(Structure { decode_targets: 33, ..good.clone() }),
        with(Structure { chains: 5, ..good.clone() }),
        with(Structure { decode_target_protected_by: vec![0, 0, 1, 2], ..good.clone() }),
        with(Structure { decode_target_protected_by: vec![], ..good.clone() }),
        with(Structure { resolutions: vec![(1, 1)], ..good.clone() }),
        with(Structure { resolutions: vec![(0, 1), (1, 1)], ..good.clone() }),
        with(disordered),
        with(far),
        with(deep),
        with(none),
        with(many),
        Descriptor { frame_diffs: vec![4097], ..delta.clone() },
        Descriptor { frame_diffs: vec![0], ..delta.clone() },
        Descriptor { temporal_id: 2, ..delta.clone() },
        Descriptor { dtis: vec![S], ..delta.clone() },
        Descriptor { chain_diffs: vec![], ..delta.clone() },
        Descriptor { active_decode_targets: Some(16), ..delta.clone() },
    ] {
        let mut writer = Writer::default();
        written(&mut writer, &key());
        let mut bytes = Vec::new();
        assert!(writer.write(&wrong, &mut bytes).is_err(), "{wrong:?}");
        assert!(bytes.is_empty() && writer.structure() == Some(&good));
    }
    let mut bytes = Vec::new();
    assert!(Writer::default().write(&delta, &mut bytes).is_err());
}

#[test]
fn largest_structure_round_trips() {
    let (targets, chains) = (32, 32);
    let template = Template {
        spatial_id: 0,
        temporal_id: 0,
        dtis: vec![R; targets],
        frame_diffs: vec![16],
        chain_diffs: vec![15; chains],
    };
    let structure = Structure {
        template_id_offset: 63,
        decode_targets: targets,
        chains,
        decode_target_protected_by: (0..32).collect(),
        templates: vec![template.clone(); 64],
        resolutions: vec![(65_536, 65_536)],
    };
    let frame = Descriptor {
        active_decode_targets: Some(u32::MAX),
        resolution: Some((65_536, 65_536)),
        structure: Some(structure),
        ..of(&template)
    };
    let bytes = written(&mut Writer::default(), &frame);
    assert_eq!(Reader::default().read(&bytes), Ok(frame));
}

#[test]
fn usual_temporal_patterns_take_three_bytes_per_packet() {
    for (layers, order) in [(1_u8, &[0_u8][..]), (2, &[0, 1]), (3, &[0, 2, 1, 2])] {
        let mut describer = DescriptorBuilder::new(layers, Some((640, 360))).unwrap();
        let (mut writer, mut reader) = (Writer::default(), Reader::default());
        let period = i64::try_from(order.len()).unwrap();
        let mut last: [i64; 3] = [0; 3];
        for number in 0..40_i64 {
            let temporal_id = order[usize::try_from(number % period).unwrap()];
            // Each frame references the latest earlier frame of its layer or below, but none of the
            // highest layer.
            let lower = last.iter().take(usize::from(temporal_id).max(1));
            let reference = [lower.copied().max().unwrap()];
            let references = if number == 0 { &[][..] } else { &reference };
            let frame = FrameReferences { number: number + 65_530, temporal_id, references: &[] };
            let shifted: Vec<i64> = references.iter().map(|number| number + 65_530).collect();
            let frame = FrameReferences { references: &shifted, ..frame };
            let descriptor = describer.build(&frame).unwrap();
            let bytes = written(&mut writer, &descriptor);
            assert_eq!(reader.read(&bytes).unwrap(), descriptor);
            assert_eq!(descriptor.structure.is_some(), number == 0);
            if number > 0 {
                assert_eq!(bytes.len(), 3, "L1T{layers} {number}");
            } else {
                assert!(bytes.len() < 32);
            }
            last[usize::from(temporal_id)] = number;
        }
    }
}

#[test]
fn long_term_references_are_written_up_to_the_maximum_distance() {
    let mut describer = DescriptorBuilder::new(1, None).unwrap();
    let (mut writer, mut reader) = (Writer::default(), Reader::default());
    let mut describe = |number, references: &[i64]| {
        let frame = FrameReferences { number, temporal_id: 0, references };
        let descriptor = describer.build(&frame)?;
        let bytes = written(&mut writer, &descriptor);
        assert_eq!(reader.read(&bytes).as_ref(), Ok(&descriptor));
        Ok::<_, WriteError>(descriptor)
    };
    describe(0, &[]).unwrap();
    let both = describe(100, &[99, 50, 99]).unwrap();
    assert_eq!((both.frame_diffs, both.chain_diffs), (vec![1, 50], vec![1]));
    let far = describe(4096, &[0]).unwrap();
    assert_eq!((far.frame_diffs, far.chain_diffs), (vec![4096], vec![255]));
    assert!(describe(4097, &[0]).is_err());
    assert!(describe(4097, &[4097]).is_err());
    assert!(describe(4097, &[5000]).is_err());
    assert!(DescriptorBuilder::new(0, None).is_err() && DescriptorBuilder::new(4, None).is_err());
    assert!(DescriptorBuilder::new(1, Some((0, 5))).is_err());
}

#[test]
fn changed_structure_gets_new_template_ids() {
    let mut describer = DescriptorBuilder::new(1, Some((640, 360))).unwrap();
    let key = |describer: &mut DescriptorBuilder| {
        let frame = FrameReferences { number: 5, temporal_id: 0, references: &[] };
        describer.build(&frame).unwrap().structure.unwrap()
    };
    let before = key(&mut describer);
    describer.set_structure(1, Some((640, 360))).unwrap();
    assert_eq!(key(&mut describer), before);
    describer.set_structure(1, Some((320, 180))).unwrap();
    assert_eq!(key(&mut describer).template_id_offset, 2);
    describer.set_structure(3, None).unwrap();
    assert_eq!(key(&mut describer).template_id_offset, 4);
}

#[test]
fn arbitrary_bits_are_parsed_or_rejected() {
    let mut rng = Rng::new(3);
    let seeds = {
        let mut writer = Writer::default();
        let key = written(&mut writer, &key());
        let far = Descriptor { frame_diffs: vec![3000], ..of(&structure().templates[1]) };
        [key, written(&mut writer, &far)]
    };
    let (mut reader, mut read) = (Reader::default(), 0);
    for _ in 0..20_000 {
        let mut bytes = rng.pick(&seeds).clone();
        for _ in 0..rng.below(4) {
            let at = rng.index(bytes.len());
            bytes[at] = rng.byte();
        }
        if rng.below(4) == 0 {
            bytes = (0..rng.below(40)).map(|_| rng.byte()).collect();
        }
        if let Ok(descriptor) = reader.read(&bytes) {
            read += 1;
            let mut writer = Writer::following(reader.structure().unwrap().clone()).unwrap();
            let again = written(&mut writer, &descriptor);
            assert_eq!(reader.clone().read(&again), Ok(descriptor));
        }
    }
    assert!(read > 1000, "{read}");
}
