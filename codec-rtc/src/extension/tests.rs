use super::*;
use std::time::Duration;

const HEADER: Header =
    Header { marker: true, payload_type: 96, sequence: 7, timestamp: 8, ssrc: 9 };

fn full() -> Extensions {
    Extensions {
        transport_sequence: Some(0xfffe),
        abs_send_time: Some(0x00ab_cdef),
        abs_capture_time: Some(AbsCaptureTime { ntp: 5, clock_offset: Some(-1) }),
        audio_level: Some(AudioLevel { dbov: 30, voice: true }),
        csrc_audio_levels: vec![AudioLevel { dbov: 3, voice: false }; 15],
        video_orientation: Some(VideoOrientation { clockwise_quarters: 3, ..Default::default() }),
        playout_delay: Some(PlayoutDelay { min: Duration::ZERO, max: Duration::from_millis(400) }),
        mid: Label::new("0"),
        rid: Label::new("hi"),
        repaired_rid: Label::new("lo"),
        dependency: Some(vec![0x80, 0, 1]),
        ignored: 0,
    }
}

fn map() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.insert(9, ExtensionKind::CsrcAudioLevels);
    map
}

fn block(extensions: &Extensions, map: &ExtensionMap) -> Vec<u8> {
    let mut bytes = Vec::new();
    extensions.write(map, &mut bytes).unwrap();
    assert_eq!(bytes.len(), extensions.len_bytes(map));
    bytes
}

fn parsed(block: &[u8], map: &ExtensionMap) -> Extensions {
    let profile = u16::from_be_bytes([block[0], block[1]]);
    assert_eq!(usize::from(u16::from_be_bytes([block[2], block[3]])) * 4, block.len() - 4);
    Extensions::parse(&Extension { profile, data: &block[4..] }, map).unwrap()
}

#[test]
fn all_elements_round_trip_in_both_forms() {
    let all = full();
    let bytes = block(&all, &map());
    assert_eq!(bytes[..2], [0xbe, 0xde]);
    assert_eq!(parsed(&bytes, &map()), all);
    let long = Extensions { dependency: Some(vec![7; 17]), ..full() };
    let bytes = block(&long, &map());
    assert_eq!(bytes[..2], [0x10, 0]);
    assert_eq!(parsed(&bytes, &map()), long);
    let mut high = map();
    high.insert(15, ExtensionKind::Mid);
    let bytes = block(&all, &high);
    assert_eq!(bytes[..2], [0x10, 0]);
    assert_eq!(parsed(&bytes, &high), all);
    let longest = Extensions { dependency: Some(vec![7; 255]), ..full() };
    assert_eq!(parsed(&block(&longest, &map()), &map()), longest);
}

#[test]
fn elements_have_the_specified_layout() {
    let some = Extensions {
        transport_sequence: Some(0x1234),
        audio_level: Some(AudioLevel { dbov: 5, voice: true }),
        ..Extensions::default()
    };
    assert_eq!(block(&some, &map()), [0xbe, 0xde, 0, 2, 0x11, 0x12, 0x34, 0x50, 0x85, 0, 0, 0]);
}

#[test]
fn elements_without_an_id_are_omitted_and_unknown_ids_ignored() {
    assert!(block(&full(), &ExtensionMap::EMPTY).is_empty());
    assert!(block(&Extensions::default(), &map()).is_empty());
    let read = parsed(&block(&full(), &map()), &[(4, ExtensionKind::Mid)].into_iter().collect());
    assert_eq!((read.mid, read.ignored), (Label::new("0"), 10));
    assert_eq!(read.transport_sequence, None);
}

#[test]
fn wrong_lengths_are_ignored_and_counted() {
    for kind in ExtensionKind::ALL {
        let map = [(1, kind)].into_iter().collect();
        for data in [&[0x00, 1, 2, 3][..], &[0x14, 1, 2, 3, 4, 5, 0, 0]] {
            let extension = Extension { profile: 0xbede, data };
            let _ = Extensions::parse(&extension, &map).unwrap();
        }
        let empty = Extension { profile: 0x1000, data: &[1, 0, 0, 0] };
        let read = Extensions::parse(&empty, &map).unwrap();
        assert_eq!(read, Extensions { ignored: 1, ..Extensions::default() });
    }
    let other = Extension { profile: 0x1234, data: &[1, 2, 3, 4] };
    assert_eq!(Extensions::parse(&other, &map()).unwrap().ignored, 1);
    let cut = Extension { profile: 0xbede, data: &[0x17, 1, 2, 3] };
    assert!(matches!(Extensions::parse(&cut, &map()), Err(Malformed::Truncated { .. })));
}

#[test]
fn values_out_of_range_are_not_written() {
    let (most, empty) = (AudioLevel::SILENCE, Extensions::default());
    for wrong in [
        Extensions { abs_send_time: Some(1 << 24), ..empty.clone() },
        Extensions { csrc_audio_levels: vec![most; 16], ..empty.clone() },
        Extensions { dependency: Some(vec![]), ..empty.clone() },
        Extensions { dependency: Some(vec![0; 256]), ..empty.clone() },
    ] {
        let mut bytes = vec![1];
        assert!(wrong.write_header(&HEADER, &map(), &mut bytes).is_err());
        assert_eq!(bytes, [1]);
    }
}

#[test]
fn extensions_are_written_and_replaced() {
    let mut bytes = Vec::new();
    full().write_header(&HEADER, &map(), &mut bytes).unwrap();
    bytes.extend([1, 2, 3]);
    let packet = rtp::parse(&bytes).unwrap();
    assert_eq!((packet.header, packet.payload), (HEADER, &[1, 2, 3][..]));
    assert_eq!(Extensions::from_packet(&packet, &map()).unwrap(), full());

    let csrcs = [1, 2, 3, 4];
    let mut padded = Vec::new();
    rtp::write_packet(&Packet { csrcs: &csrcs, ..packet }, 5, &mut padded).unwrap();
    let other = Extensions { transport_sequence: Some(1), ..Extensions::default() };
    for extensions in [&other, &Extensions::default(), &full()] {
        let mut again = Vec::new();
        extensions.replace_in(&padded, &map(), &mut again).unwrap();
        let packet = rtp::parse(&again).unwrap();
        assert_eq!((packet.header, packet.csrcs), (HEADER, &csrcs[..]));
        assert_eq!(packet.payload, [1, 2, 3]);
        assert_eq!(again.last(), Some(&5));
        assert_eq!(&Extensions::from_packet(&packet, &map()).unwrap(), extensions);
    }
    let mut none = Vec::new();
    assert!(other.replace_in(&[0; 5], &map(), &mut none).is_err());
    assert!(none.is_empty());
}
