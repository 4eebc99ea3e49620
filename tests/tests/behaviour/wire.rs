//! Unauthenticated bytes from the network.

use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Writer};
use codec_rtc::extension::{AbsCaptureTime, ExtensionKind, ExtensionMap, Extensions, Label};
use codec_rtc::packet::{Format, red, rtx};
use codec_rtc::rtcp::{Bye, Fir, FirEntry, Nack, Packet, Pli, Remb, Sdes, Twcc, write_compound};
use codec_rtc::{rtp, sdp};
use codec_tests::rng::Rng;
use codec_tests::{data, fuzz, mutate, rng};
use std::time::Duration;

/// Bytes with a valid prefix of some kind.
fn random(rng: &mut Rng, first: &[u8], len: u64) -> Vec<u8> {
    let noise = (0..rng.below(len)).map(|_| rng.byte());
    let noise: Vec<u8> = noise.collect();
    if rng.below(3) == 0 { noise } else { [first, &noise].concat() }
}

/// Files of `malformed` whose names begin with this prefix.
fn malformed(kind: &str) -> Vec<Vec<u8>> {
    let Some(dir) = data::dir("damaged packets") else { return Vec::new() };
    let files = data::files(&dir.join("malformed"), "").into_iter();
    let named = |file: &std::path::PathBuf| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind))
    };
    files.filter(named).map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn damaged_rtcp_is_reported_and_never_panics() {
    let us = |us| Some(Duration::from_micros(us));
    let twcc =
        Twcc { packets: vec![us(250), None, us(9_000), us(70_000), us(60_000)], ..Twcc::default() };
    let packets = [
        Packet::Sdes(Sdes::cname(1, "somebody")),
        Packet::Nack(Nack { sender_ssrc: 1, media_ssrc: 2, sequences: (0..40).collect() }),
        Packet::Pli(Pli::default()),
        Packet::Fir(Fir { sender_ssrc: 1, entries: vec![FirEntry { ssrc: 2, sequence: 3 }] }),
        Packet::Remb(Remb { sender_ssrc: 1, bitrate_bps: 123_456, ssrcs: vec![2] }),
        Packet::TransportFeedback(twcc),
        Packet::Bye(Bye { ssrcs: vec![1], reason: b"gone".into() }),
    ];
    let mut compound = Vec::new();
    write_compound(&packets, &mut compound).unwrap();
    let mut seeds = malformed("webrtc_rtcp_");
    seeds.iter().for_each(|seed| fuzz::wire::rtcp(seed));
    seeds.push(compound);
    rng::for_each_seed(1000, |_, rng| {
        let seed = rng.pick(&seeds);
        fuzz::wire::rtcp(&mutate::damaged(seed, rng));
        let head = [0x80 | rng.byte() & 0x1f, 200 + rng.byte() % 8, 0, rng.byte() % 16];
        fuzz::wire::rtcp(&random(rng, &head, 80));
    });
}

#[test]
fn damaged_extensions_and_descriptors_never_panic() {
    let mut describer = DescriptorBuilder::new(3, Some((640, 360))).unwrap();
    let mut writer = Writer::default();
    let mut descriptors = Vec::new();
    for (number, temporal_id) in [(0, 0), (1, 2), (2, 1), (3, 2), (4, 0), (900, 0)] {
        let references = if number == 0 { &[][..] } else { &[0] };
        let frame = FrameReferences { number, temporal_id, references };
        let mut bytes = Vec::new();
        writer.write(&describer.build(&frame).unwrap(), &mut bytes).unwrap();
        descriptors.push(u8::try_from(bytes.len()).unwrap());
        descriptors.extend(bytes);
    }
    let extensions = Extensions {
        transport_sequence: Some(9),
        abs_capture_time: Some(AbsCaptureTime { ntp: 7, clock_offset: Some(1) }),
        mid: Label::new("video"),
        dependency: Some(vec![0x80; 20]),
        ..Extensions::default()
    };
    let mut written = Vec::new();
    extensions.write(&ExtensionMap::default(), &mut written).unwrap();
    written.drain(2..4);
    let mut seeds = malformed("webrtc_dependency-descriptor-");
    seeds.extend(malformed("webrtc_rtp-"));
    seeds.iter().for_each(|seed| fuzz::wire::rtp_extension(seed));
    seeds.extend([descriptors, written]);
    rng::for_each_seed(1000, |_, rng| {
        let seed = rng.pick(&seeds);
        fuzz::wire::rtp_extension(&mutate::damaged(seed, rng));
        fuzz::wire::rtp_extension(&random(rng, &[0xbe, 0xde], 60));
        fuzz::wire::rtp_extension(&random(rng, &[0x10, 0], 60));
    });
}

#[test]
fn damaged_descriptions_never_panic() {
    let mut seeds = malformed("webrtc_sdp_");
    if let Some(dir) = data::dir("an SDP") {
        seeds.push(std::fs::read(dir.join("rtp/pion_rtp_forwarder.sdp")).unwrap());
    }
    seeds.push(b"v=0\nm=video 1 RTP/SAVP 96\na=crypto:1 X inline:AAAA|2^4|1:4\n".into());
    rng::for_each_seed(500, |_, rng| {
        let seed = rng.pick(&seeds);
        fuzz::wire::sdp(&mutate::damaged(seed, rng));
    });
}

#[test]
fn damaged_redundancy_and_retransmission_never_panic() {
    let block = |timestamp_offset, data| red::Block { payload_type: 111, timestamp_offset, data };
    let mut redundant = Vec::new();
    red::write(&[block(1920, &[1, 2]), block(960, &[3]), block(0, &[4; 9])], &mut redundant)
        .unwrap();
    let mut packet = Vec::new();
    rtp::write(&rtp::Header { payload_type: 96, ..rtp::Header::default() }, &mut packet);
    packet.extend([7; 30]);
    let mut wrapper = rtx::RtxStream { ssrc: 2, payload_type: 97, sequence: 0 };
    let mut again = Vec::new();
    wrapper.wrap(&packet, &mut again).unwrap();
    let seeds = [redundant, again];
    rng::for_each_seed(1000, |_, rng| {
        let seed = rng.pick(&seeds);
        fuzz::wire::redundancy(&mutate::damaged(seed, rng));
        fuzz::wire::redundancy(&random(rng, &[0x80], 100));
    });
}

#[test]
fn feedback_on_any_packets_can_be_sent() {
    rng::for_each_seed(100, |_, rng| {
        let spread = *rng.pick(&[1, 1, 3, 100, 3_000, 40_000]);
        let mut sequence = rng.below(65_536);
        let mut steps = Vec::new();
        for _ in 0..rng.below(200) {
            sequence = sequence.wrapping_add(rng.below(spread) + 1) & 0xffff;
            steps.extend(u16::try_from(sequence).unwrap().to_be_bytes());
            steps.extend([rng.byte() % 50, rng.byte()]);
        }
        fuzz::wire::rtp_feedback(&steps);
    });
}

#[test]
fn session_descriptions_of_other_programs_are_parsed() {
    let Some(dir) = data::dir("session descriptions of browsers and programs") else { return };
    let read = |path: &str| {
        let text = std::fs::read_to_string(dir.join(path)).unwrap();
        let session = sdp::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(sdp::parse(&session.to_string()), Ok(session.clone()), "{path}");
        session
    };
    let pion = read("rtp/pion_rtp_forwarder.sdp");
    let formats: Vec<_> = pion.media.iter().flat_map(|media| media.payloads()).collect();
    assert_eq!(formats.iter().map(|it| it.format).collect::<Vec<_>>(), [Format::Opus, Format::Vp8]);
    let opera = read("malformed/webrtc_sdp_opera-1.sdp");
    let audio = &opera.media[0];
    assert_eq!(audio.mid.as_deref(), Some("audio"));
    assert_eq!(audio.extension_map().id(ExtensionKind::AudioLevel), Some(1));
    assert!(audio.payloads().any(|payload| payload.format == Format::Opus));
    let firefox = read("malformed/webrtc_sdp_firefox-1.sdp");
    assert_eq!(firefox.groups[0], ["BUNDLE", "sdparta_0", "sdparta_1", "sdparta_2"]);
}
