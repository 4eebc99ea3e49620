use super::*;
use crate::packet::vp8::PictureId;
use crate::rng::Rng;
use std::time::Duration;

fn written(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.write(&mut bytes).unwrap();
    assert!(bytes.len().is_multiple_of(4));
    bytes
}

fn one(bytes: &[u8]) -> Packet {
    let mut compound = parse_compound(bytes);
    let packet = compound.next().unwrap().unwrap();
    assert_eq!(compound.next(), None);
    assert_eq!(compound.skipped(), 0);
    packet
}

fn report_block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 0x21,
        cumulative_lost: -2,
        highest_sequence: 0x0001_0203,
        jitter: 4,
        last_sender_report: 0x0506_0708,
        delay_since_last: 9,
    }
}

fn samples() -> Vec<Packet> {
    let blocks = vec![report_block(1), report_block(2)];
    let info = SenderInfo { ntp: 1 << 40 | 7, rtp_timestamp: 3, packet_count: 4, octet_count: 5 };
    let ms = Duration::from_millis;
    let metric = |offset| Some(CcfbMetric { ecn: Ecn::CongestionExperienced, offset });
    let items = vec![
        SdesItem { kind: SdesItem::CNAME, text: b"abc".into() },
        SdesItem { kind: 2, text: vec![b'x'; 255] },
    ];
    vec![
        Packet::SenderReport(SenderReport { ssrc: 6, info, blocks: blocks.clone() }),
        Packet::ReceiverReport(ReceiverReport { ssrc: 6, blocks }),
        Packet::ReceiverReport(ReceiverReport { ssrc: 6, blocks: vec![report_block(3); 31] }),
        Packet::Sdes(Sdes::cname(6, "user@host")),
        Packet::Sdes(Sdes {
            chunks: vec![SdesChunk { ssrc: 1, items: vec![] }, SdesChunk { ssrc: 2, items }],
        }),
        Packet::Bye(Bye { ssrcs: vec![1, 2], reason: b"camera unplugged".into() }),
        Packet::Bye(Bye::default()),
        Packet::App(App { subtype: 31, ssrc: 5, name: *b"codc", data: vec![1, 2, 3, 4] }),
        Packet::Nack(Nack { sender_ssrc: 1, media_ssrc: 2, sequences: vec![65_530, 3, 9, 100] }),
        Packet::Pli(Pli { sender_ssrc: 1, media_ssrc: 2 }),
        Packet::Rpsi(Rpsi::vp8(1, 2, 96, PictureId::Long(0x1234))),
        Packet::Rpsi(Rpsi::vp8(1, 2, 96, PictureId::Short(5))),
        Packet::Fir(Fir {
            sender_ssrc: 1,
            entries: vec![FirEntry { ssrc: 2, sequence: 255 }, FirEntry { ssrc: 3, sequence: 0 }],
        }),
        Packet::Remb(Remb { sender_ssrc: 1, bitrate_bps: 0x3ffff << 9, ssrcs: vec![2, 3] }),
        Packet::Remb(Remb::default()),
        Packet::TransportFeedback(Twcc {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence: 65_535,
            feedback_count: 9,
            reference_time_64ms: 0x00ab_cdef,
            packets: vec![Some(ms(1)), None, Some(ms(900)), Some(ms(2)), Some(ms(2))],
        }),
        Packet::Ccfb(Ccfb {
            sender_ssrc: 1,
            streams: vec![
                CcfbStream { ssrc: 2, begin_sequence: 65_535, metrics: vec![] },
                CcfbStream {
                    ssrc: 3,
                    begin_sequence: 7,
                    metrics: vec![metric(Some(0)), None, metric(None)],
                },
                CcfbStream { ssrc: 4, begin_sequence: 8, metrics: vec![metric(Some(0x1ffe)); 2] },
            ],
            report_time: 0x1234_5678,
        }),
        Packet::Xr(Xr {
            ssrc: 1,
            reference_time: Some(0x0102_0304_0506_0708),
            dlrr: vec![
                Dlrr { ssrc: 2, last_reference_time: 3, delay_since_last: 4 },
                Dlrr::default(),
            ],
            skipped: 0,
        }),
        Packet::Xr(Xr::default()),
    ]
}

#[test]
fn packets_round_trip() {
    for packet in samples() {
        assert_eq!(one(&written(&packet)), packet);
    }
    let mut bytes = Vec::new();
    write_compound(&samples(), &mut bytes).unwrap();
    let read: Result<Vec<_>, _> = parse_compound(&bytes).collect();
    assert_eq!(read.unwrap(), samples());
}

#[test]
fn truncated_or_damaged_packets_are_errors() {
    for packet in samples() {
        let bytes = written(&packet);
        for len in 1..bytes.len() {
            assert!(parse_compound(&bytes[..len]).any(|block| block.is_err()), "{packet:?} {len}");
        }
        // The body shortened by whole words, with a matching length field.
        for words in 0..bytes.len() / 4 - 1 {
            let mut short = bytes[..4 + 4 * words].to_vec();
            short[3] = u8::try_from(words).unwrap();
            (short[2], short[0]) = (0, short[0] & !0x20);
            for packet in parse_compound(&short).flatten() {
                let _ = packet.write(&mut Vec::new());
            }
        }
    }
    let mut rng = Rng::new(1);
    let all: Vec<u8> = samples().iter().flat_map(written).collect();
    for _ in 0..20_000 {
        let mut bytes = all.clone();
        for _ in 0..=rng.below(20) {
            let at = rng.index(bytes.len());
            bytes[at] = rng.byte();
        }
        for packet in parse_compound(&bytes).flatten() {
            let mut again = Vec::new();
            if packet.write(&mut again).is_ok() {
                let _ = parse_compound(&again).count();
            }
        }
    }
}

#[test]
fn reports_have_the_specified_layout() {
    let packet =
        Packet::ReceiverReport(ReceiverReport { ssrc: 0x0a0b_0c0d, blocks: vec![report_block(1)] });
    let expected = [
        0x81, 201, 0, 7, 10, 11, 12, 13, 0, 0, 0, 1, 0x21, 0xff, 0xff, 0xfe, 0, 1, 2, 3, 0, 0, 0,
        4, 5, 6, 7, 8, 0, 0, 0, 9,
    ];
    assert_eq!(written(&packet), expected);
    let info = SenderInfo { ntp: 2 << 32 | 3, rtp_timestamp: 4, packet_count: 5, octet_count: 6 };
    let packet = Packet::SenderReport(SenderReport { ssrc: 1, info, blocks: vec![] });
    let words = [0x80c8_0006, 1, 2, 3, 4, 5, 6_u32];
    assert_eq!(written(&packet), words.map(u32::to_be_bytes).concat());
}

#[test]
fn cumulative_loss_saturates() {
    for (lost, coded) in [(i32::MAX, (1 << 23) - 1), (i32::MIN, -(1 << 23))] {
        let block = ReportBlock { cumulative_lost: lost, ..report_block(1) };
        let packet = Packet::ReceiverReport(ReceiverReport { ssrc: 1, blocks: vec![block] });
        let Packet::ReceiverReport(read) = one(&written(&packet)) else { panic!() };
        assert_eq!(read.blocks[0].cumulative_lost, coded);
    }
}

#[test]
fn profile_specific_extensions_are_ignored() {
    let bytes = [0x80, 201, 0, 2, 0, 0, 0, 7, 1, 2, 3, 4];
    assert_eq!(one(&bytes), Packet::ReceiverReport(ReceiverReport { ssrc: 7, blocks: Vec::new() }));
}

#[test]
fn sdes_and_bye_have_the_specified_layout() {
    let bytes = written(&Packet::Sdes(Sdes::cname(1, "ab")));
    assert_eq!(bytes, [0x81, 202, 0, 3, 0, 0, 0, 1, 1, 2, b'a', b'b', 0, 0, 0, 0]);
    let Packet::Sdes(sdes) = one(&bytes) else { panic!() };
    assert_eq!((sdes.cname_of(1), sdes.cname_of(2)), (Some(&b"ab"[..]), None));
    let bye = Bye { ssrcs: vec![1], reason: b"ab".into() };
    assert_eq!(written(&Packet::Bye(bye)), [0x81, 203, 0, 2, 0, 0, 0, 1, 2, b'a', b'b', 0]);
    // No zero after the items: truncated.
    let cut = [0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, b'a', b'b'];
    assert!(parse_compound(&cut).next().unwrap().is_err());
}

#[test]
fn nack_combines_adjacent_packets_into_masks() {
    let nack = |sequences: &[u16]| {
        let sequences = sequences.to_vec();
        written(&Packet::Nack(Nack { sender_ssrc: 1, media_ssrc: 2, sequences }))
    };
    let entries = nack(&[10, 11, 13, 26, 27, 65_535, 0])[12..].to_vec();
    assert_eq!(entries, [0, 10, 0x80, 0b101, 0, 27, 0, 0, 255, 255, 0, 1]);
    let Packet::Nack(read) = one(&nack(&[10, 11, 13, 26, 27, 65_535, 0])) else { panic!() };
    assert_eq!(read.sequences, [10, 11, 13, 26, 27, 65_535, 0]);
    // A repeated sequence number takes no space; a lower one takes an entry.
    assert_eq!(nack(&[5, 5, 4])[12..], [0, 5, 0, 0, 0, 4, 0, 0]);
}

#[test]
fn rpsi_contains_the_picture_id() {
    let rpsi = |id| written(&Packet::Rpsi(Rpsi::vp8(1, 2, 96, id)))[12..].to_vec();
    assert_eq!(rpsi(PictureId::Long(0x1234)), [0, 96, 0x92, 0x34]);
    assert_eq!(rpsi(PictureId::Short(5)), [8, 96, 5, 0]);
    for id in [PictureId::Short(127), PictureId::Long(0), PictureId::Long(0x7fff)] {
        assert_eq!(Rpsi::vp8(1, 2, 96, id).vp8_picture_id(), Some(id));
    }
    let other = Rpsi { native: vec![1, 2, 3], unused_bits: 5, ..Rpsi::default() };
    assert_eq!(other.vp8_picture_id(), None);
    assert_eq!(one(&written(&Packet::Rpsi(other.clone()))), Packet::Rpsi(other));
    let too_padded = [0x83, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 17, 96, 0, 0];
    assert!(matches!(parse_compound(&too_padded).next(), Some(Err(Malformed::Padding { .. }))));
}

#[test]
fn remb_has_eighteen_significant_bits_and_never_overflows() {
    let coded = |bitrate_bps| {
        let remb = Remb { sender_ssrc: 1, bitrate_bps, ssrcs: vec![2] };
        let bytes = written(&Packet::Remb(remb));
        let Packet::Remb(read) = one(&bytes) else { panic!() };
        (bytes, read.bitrate_bps)
    };
    assert_eq!(coded(0).1, 0);
    assert_eq!(coded(0x3ffff).1, 0x3ffff);
    assert_eq!(coded(0x40001).1, 0x40000);
    assert_eq!(coded(u64::MAX).1, 0x3ffff << 46);
    let (mut bytes, _) = coded(1 << 30);
    assert_eq!(bytes[12..20], [b'R', b'E', b'M', b'B', 1, 13 << 2 | 2, 0, 0]);
    bytes[17] = 0xff;
    let Packet::Remb(read) = one(&bytes) else { panic!() };
    assert_eq!(read.bitrate_bps, u64::MAX);
}

#[test]
fn feedback_has_the_specified_layout() {
    let us = Duration::from_micros;
    let twcc = Twcc {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence: 5,
        feedback_count: 3,
        reference_time_64ms: 0x0001_0203,
        packets: vec![Some(us(250)), None, Some(us(64_250)), Some(us(64_000))],
    };
    let expected = [
        0xaf,
        205,
        0,
        6,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2,
        0,
        5,
        0,
        4,
        1,
        2,
        3,
        3, //
        // Two bits each: small, none, large, large; deltas 1, 256, -1; padding.
        0b1101_0010,
        0b1000_0000,
        1,
        1,
        0,
        0xff,
        0xff,
        1,
    ];
    let bytes = written(&Packet::TransportFeedback(twcc.clone()));
    assert_eq!(bytes, expected);
    assert_eq!(one(&bytes), Packet::TransportFeedback(twcc));
}

#[test]
fn arrivals_before_the_reference_time_move_it_back() {
    // Reference 0; the packets arrived at -1 and -256 ticks.
    let bytes = [
        0x8f,
        205,
        0,
        6,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2,
        0,
        5,
        0,
        2,
        0,
        0,
        0,
        3, //
        0b0100_0000,
        2,
        0xff,
        0xff,
        0xff,
        0x01,
        0,
        0,
    ];
    let Packet::TransportFeedback(twcc) = one(&bytes) else { panic!() };
    assert_eq!(twcc.reference_time_64ms, 0x00ff_ffff);
    let ticks = |count| Some(Twcc::DELTA_UNIT * count);
    assert_eq!(twcc.packets, [ticks(255), ticks(0)]);
}

#[test]
fn long_feedback_is_split() {
    let ms = Duration::from_millis;
    let mut rng = Rng::new(7);
    let mut now = Duration::from_secs(1000);
    let packets: Vec<Option<Duration>> = (0..5000)
        .map(|index| {
            now += Duration::from_micros(rng.below(2000) * 10);
            let late = ms(rng.below(30));
            let lost = rng.below(10) == 0 || (1000..3500).contains(&index);
            (!lost).then(|| now.saturating_sub(late))
        })
        .collect();
    let first = Twcc { base_sequence: 65_000, feedback_count: 250, ..Twcc::default() };
    let mut reports = Vec::new();
    let next = first.split(&packets, 1200, &mut reports);
    assert_eq!(usize::from(next), (250 + reports.len()) % 256);
    assert!((3..6).contains(&reports.len()), "{}", reports.len());
    let mut arrivals = vec![None; packets.len()];
    for (index, report) in reports.iter().enumerate() {
        assert_eq!(usize::from(report.feedback_count), (250 + index) % 256);
        let bytes = written(&Packet::TransportFeedback(report.clone()));
        assert!(bytes.len() <= 1200);
        let Packet::TransportFeedback(read) = one(&bytes) else { panic!() };
        let start = Twcc::REFERENCE_UNIT * read.reference_time_64ms;
        for (at, packet) in read.packets.iter().enumerate() {
            let place = usize::from(read.sequence(at).wrapping_sub(65_000));
            arrivals[place] = packet.map(|since| start + since);
        }
    }
    for (arrival, true_time) in arrivals.iter().zip(&packets) {
        assert_eq!(arrival.is_some(), true_time.is_some());
        if let (Some(arrival), Some(true_time)) = (arrival, true_time) {
            assert!(arrival <= true_time && *true_time - *arrival < Twcc::DELTA_UNIT);
        }
    }
}

#[test]
fn feedback_over_long_pauses_is_split_and_pure_loss_omitted() {
    let second = Duration::from_secs(1);
    let packets = [Some(second), Some(60 * second), Some(20 * second), Some(21 * second), None];
    let mut reports = Vec::new();
    assert_eq!(Twcc::default().split(&packets, 1200, &mut reports), 3);
    assert_eq!(reports.iter().map(|it| it.packets.len()).collect::<Vec<_>>(), [1, 1, 2]);
    for report in reports.drain(..) {
        written(&Packet::TransportFeedback(report));
    }
    assert_eq!(Twcc::default().split(&[None; 9], 1200, &mut reports), 0);
    assert_eq!(Twcc::default().split(&[Some(second); 90], 0, &mut reports), 3);
    assert_eq!(reports[0].packets.len(), 42);
}

#[test]
fn ccfb_offsets_are_in_units_of_1_1024_s() {
    let metric = |ms| CcfbMetric::new(Ecn::Capable0, Duration::from_millis(ms));
    assert_eq!(metric(500).offset, Some(512));
    assert_eq!(metric(500).before(), Some(Duration::from_millis(500)));
    assert_eq!(metric(7_997).offset, Some(0x1ffc));
    assert_eq!((metric(9_000).offset, metric(9_000).before()), (Some(0x1ffe), None));
    let streams = vec![CcfbStream {
        ssrc: 2,
        begin_sequence: 3,
        metrics: vec![Some(metric(500)), None, None],
    }];
    let bytes = written(&Packet::Ccfb(Ccfb { sender_ssrc: 1, streams, report_time: 4 }));
    assert_eq!(bytes.len(), Ccfb::FIXED_BYTES + Ccfb::stream_bytes(3));
    let expected = [
        0x8b,
        205,
        0,
        6,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2,
        0,
        3,
        0,
        3,
        0b1100_0010,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        4,
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn unknown_packets_are_skipped_and_counted() {
    let sli = [0x82, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0];
    let other_application = [0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'G', b'O', b'O', b'G'];
    let unknown = [0x80, 222, 0, 0];
    let pli = written(&Packet::Pli(Pli::default()));
    let bytes = [&sli[..], &pli, &other_application, &unknown, &pli].concat();
    let mut compound = parse_compound(&bytes);
    assert_eq!(compound.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(compound.skipped(), 3);
    let unknown_xr = [0x80, 207, 0, 3, 0, 0, 0, 1, 7, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(one(&unknown_xr), Packet::Xr(Xr { ssrc: 1, skipped: 1, ..Xr::default() }));
}

#[test]
fn malformed_packet_does_not_hide_the_next() {
    let bad = [0x81, 206, 0, 1, 0, 0, 0, 1];
    let pli = written(&Packet::Pli(Pli::default()));
    let all: Vec<_> = parse_compound(&[&bad[..], &pli].concat()).collect();
    assert!(matches!(all[..], [Err(Malformed::Truncated { .. }), Ok(Packet::Pli(_))]));
    let version = [0x41, 206, 0, 0];
    let all: Vec<_> = parse_compound(&[&version[..], &pli].concat()).collect();
    assert_eq!(all, [Err(Malformed::Version(1))]);
    let padding = [0xa1, 206, 0, 1, 0, 0, 0, 5];
    assert!(matches!(parse_compound(&padding).next(), Some(Err(Malformed::Padding { .. }))));
}

#[test]
fn datagrams_are_bounded() {
    let many = [0x80, 222, 0, 0].repeat(65);
    let mut compound = parse_compound(&many);
    assert!(matches!(compound.next(), Some(Err(Malformed::TooMany { limit: 64, actual: 65, .. }))));
    assert_eq!((compound.next(), compound.skipped()), (None, 64));
    let long = [0x80, 222, 0, 0].repeat(513);
    let all: Vec<_> = parse_compound(&long).collect();
    assert!(matches!(all[..], [Err(Malformed::TooMany { limit: MAX_BYTES, actual: 2052, .. })]));
    // 65535 packets in a few bytes.
    let mut claim = vec![0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0xff, 0xff, 0, 0, 0, 3];
    claim.extend([0x1f, 0xff].repeat(8));
    assert!(matches!(parse_compound(&claim).next(), Some(Err(Malformed::TooMany { .. }))));
}

#[test]
fn values_out_of_range_are_not_written() {
    let ms = Duration::from_millis;
    let text = vec![0; 256];
    let item = SdesItem { kind: 1, text: text.clone() };
    let zero = SdesItem { kind: 0, text: vec![] };
    let sdes = |item| Sdes { chunks: vec![SdesChunk { ssrc: 1, items: vec![item] }] };
    let twcc =
        |reference_time_64ms, packets| Twcc { reference_time_64ms, packets, ..Twcc::default() };
    let metrics = vec![None; Ccfb::MAX_METRICS + 1];
    for wrong in [
        Packet::ReceiverReport(ReceiverReport { ssrc: 1, blocks: vec![report_block(1); 32] }),
        Packet::Sdes(sdes(item)),
        Packet::Sdes(sdes(zero)),
        Packet::Bye(Bye { ssrcs: vec![], reason: text }),
        Packet::Bye(Bye { ssrcs: vec![0; 32], reason: vec![] }),
        Packet::App(App { subtype: 32, ..App::default() }),
        Packet::App(App { data: vec![1], ..App::default() }),
        Packet::Rpsi(Rpsi { payload_type: 128, ..Rpsi::default() }),
        Packet::Rpsi(Rpsi { unused_bits: 1, ..Rpsi::default() }),
        Packet::Remb(Remb { ssrcs: vec![0; 256], ..Remb::default() }),
        Packet::TransportFeedback(twcc(1 << 24, vec![])),
        Packet::TransportFeedback(twcc(0, vec![None; Twcc::MAX_PACKETS + 1])),
        Packet::TransportFeedback(twcc(0, vec![Some(ms(9000))])),
        Packet::Ccfb(Ccfb {
            streams: vec![CcfbStream { ssrc: 1, begin_sequence: 0, metrics }],
            ..Ccfb::default()
        }),
        Packet::Xr(Xr { dlrr: vec![Dlrr::default(); 21_846], ..Xr::default() }),
        Packet::App(App { data: vec![0; 4 << 16], ..App::default() }),
    ] {
        let mut bytes = vec![1];
        assert!(write_compound(&[Packet::Pli(Pli::default()), wrong], &mut bytes).is_err());
        assert_eq!(bytes, [1]);
    }
}
