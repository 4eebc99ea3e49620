//! Sessions with H.264.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::harness::{Call, NO_LOSS, Setup, link};
use super::*;
use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Writer};
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::link::Loss;
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::{Packetizer, PacketizerConfig, Profile};
use codec_rtc::rtp::{self, FIXED_HEADER_BYTES};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Parameter sets of Constrained Baseline, and a PPS of its SPS.
const SETS: [u8; 17] = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];

fn both(config: &mut PeerConfig) {
    config.codecs.h264 = H264Profiles::ALL;
}

/// An access unit of several packets.
fn access_unit(frame: u32) -> Vec<u8> {
    let mut unit = if frame == 0 { SETS.to_vec() } else { Vec::new() };
    unit.extend([0, 0, 0, 1, if frame == 0 { 0x65 } else { 0x41 }, 0x88, 0x84]);
    unit.extend((0..3000_u32).map(|at| (at * 7 + frame * 31).to_le_bytes()[0] | 1));
    unit
}

/// Sends access units at 25 per second from an endpoint.
fn send(call: &mut Call, from: usize, payload_type: u8, frames: u32) {
    let end = &call.ends[from];
    let video = end.media(Kind::Video);
    let mtu = Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES;
    let mut packetizer =
        Packetizer::new(PacketizerConfig { mtu, ..PacketizerConfig::default() }).unwrap();
    for frame in 0..frames {
        let mut packets = Vec::new();
        packetizer.packetize(&access_unit(frame), frame * 3600, &mut packets).unwrap();
        let (now, none) = (call.now, Extensions::default());
        let peer = &mut call.ends[from].peer;
        peer.send_video(now, video, payload_type, &packets, now, &none).unwrap();
        call.run_for(ms(40));
    }
}

/// The access units received by an endpoint.
fn received(call: &Call, by: usize) -> Vec<Vec<u8>> {
    let format = VideoFormat::H264;
    let mut buffer = FrameBuffer::new(FrameBufferConfig { format, ..Default::default() });
    let mut frames = Vec::new();
    for packet in call.ends[by].packets(Codec::H264) {
        let mut bytes = Vec::new();
        rtp::write(&packet.header, &mut bytes);
        bytes.extend_from_slice(&packet.payload);
        buffer.push(packet.arrival, &bytes, PacketInfo::default()).unwrap();
        while let Some(frame) = buffer.poll_frame(packet.arrival) {
            frames.push(frame.data);
        }
    }
    frames
}

fn media(call: &Call, at: usize) -> Media {
    let mid = call.ends[at].media(Kind::Video);
    call.ends[at].peer.media(mid).unwrap()
}

#[test]
fn h264_flows_both_ways_and_lost_packets_are_retransmitted() {
    let lossy = link(Loss::Random(0.05), 25);
    let mut call = Setup { offerer: both, answerer: both, link: lossy, ..Setup::default() }.call();
    call.connect();
    for from in [0, 1] {
        let negotiated = media(&call, from).h264(Profile::ConstrainedBaseline).unwrap();
        assert!(negotiated.rtx.is_some());
        send(&mut call, from, negotiated.payload_type, 50);
        call.run_for(ms(500));
        let found = received(&call, 1 - from);
        assert!(found.len() >= 49, "{}", found.len());
        assert!(found.iter().zip(0..).all(|(data, frame)| *data == access_unit(frame)));
        assert_eq!(call.ends[from].peer.counters().fec_sent, 0, "FEC is only used with VP8");
    }
}

#[test]
fn both_codecs_can_be_sent_in_one_call() {
    let mut call = Setup { offerer: both, answerer: both, ..Setup::default() }.call();
    call.connect();
    let negotiated = media(&call, 0);
    send(&mut call, 0, negotiated.h264(Profile::High).unwrap().payload_type, 5);
    let video = negotiated.mid;
    let (now, none) = (call.now, Extensions::default());
    let vp8 = [0x80, 0x80 | 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0, 0];
    let peer = &mut call.ends[0].peer;
    let type_of = negotiated.vp8().unwrap().payload_type;
    peer.send_video(now, video, type_of, &[vp8.to_vec()], now, &none).unwrap();
    let refused = peer.send_video(now, video, 35, &[vp8.to_vec()], now, &none);
    assert_eq!(refused, Err(SendError::NoPayloadType(35)));
    call.run_for(ms(200));
    assert_eq!(received(&call, 1).len(), 5);
    assert_eq!(call.ends[1].packets(Codec::Vp8).len(), 1);
}

#[test]
fn key_frames_of_h264_are_requested() {
    let mut call = Setup { offerer: both, answerer: both, ..Setup::default() }.call();
    call.connect();
    let negotiated = media(&call, 0).h264(Profile::ConstrainedBaseline).unwrap();
    send(&mut call, 0, negotiated.payload_type, 2);
    let (now, video) = (call.now, call.ends[1].media(Kind::Video));
    assert!(call.ends[1].peer.request_key_frame(now, video, KeyFrameRequestKind::Pli));
    call.run_for(ms(200));
    assert!(call.ends[0].has(|event| matches!(event, Event::KeyFrameRequest { .. })));
}

/// The names of the video codecs of an SDP in the order of the media line, without RTX, RED and FEC.
fn codecs(sdp: &str) -> Vec<String> {
    let mut line = sdp.lines().find_map(|line| line.strip_prefix("m=video ")).unwrap().split(' ');
    let name = |payload_type: &str| {
        let prefix = format!("a=rtpmap:{payload_type} ");
        let named = sdp.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
        named.split('/').next().unwrap().to_owned()
    };
    let mut names: Vec<String> = line.by_ref().skip(2).map(name).collect();
    names.retain(|name| ["VP8", "H264"].contains(&name.as_str()));
    names.dedup();
    names
}

#[test]
fn order_of_the_codecs_follows_the_preference() {
    let base = Instant::now();
    let now = Duration::from_secs(10);
    let offered = |change: fn(&mut PeerConfig)| {
        let mut config = config(base, 1, OFFERER);
        change(&mut config);
        Peer::offer(&config, &plans(Direction::SendReceive), &[], now).unwrap().1
    };
    assert_eq!(codecs(&offered(|_| {})), ["VP8"], "H.264 is off by default");
    assert_eq!(codecs(&offered(both)), ["VP8", "H264"]);
    let h264_first = |config: &mut PeerConfig| {
        both(config);
        config.codecs.preferred_video = VideoFormat::H264;
    };
    assert_eq!(codecs(&offered(h264_first)), ["H264", "VP8"]);
    let answered = |change: fn(&mut PeerConfig)| {
        let mut config = config(base, 2, OFFERER);
        change(&mut config);
        Peer::answer(&offered(both), &config, now).unwrap().1
    };
    assert_eq!(codecs(&answered(both)), ["VP8", "H264"]);
    assert_eq!(codecs(&answered(h264_first)), ["H264", "VP8"]);
    assert_eq!(codecs(&answered(|_| {})), ["VP8"]);
    let only = answered(|config| {
        config.codecs.vp8 = false;
        config.codecs.h264 = H264Profiles::only(Profile::Main);
    });
    assert_eq!(codecs(&only), ["H264"]);
    assert!(only.contains("profile-level-id=4d0034") && only.contains("ulpfec"), "{only}");
}

#[test]
fn answers_keep_the_lower_level_without_level_asymmetry() {
    let base = Instant::now();
    let now = Duration::from_secs(10);
    let mut offerer = config(base, 1, OFFERER);
    both(&mut offerer);
    let offer = Peer::offer(&offerer, &plans(Direction::SendReceive), &[], now).unwrap().1;
    let mut answerer = config(base, 2, OFFERER);
    both(&mut answerer);
    let answer = |offer: &str| Peer::answer(offer, &answerer, now).unwrap().1;
    let offer = offer.replace("=42e034", "=42e01f");
    assert!(answer(&offer).contains("profile-level-id=42e034"), "each side its own");
    let symmetric = offer.replace("level-asymmetry-allowed=1;", "");
    let answer = answer(&symmetric);
    assert!(answer.contains("profile-level-id=42e01f"), "{answer}");
    assert!(!answer.contains("level-asymmetry-allowed"), "{answer}");
}

#[test]
fn packetization_mode_0_and_unknown_profiles_are_not_negotiated() {
    let base = Instant::now();
    let now = Duration::from_secs(10);
    let mut offerer = config(base, 1, OFFERER);
    both(&mut offerer);
    offerer.codecs.vp8 = false;
    let offer = Peer::offer(&offerer, &plans(Direction::SendReceive), &[], now).unwrap().1;
    let mut answerer = config(base, 2, OFFERER);
    both(&mut answerer);
    let video = |offer: &str| {
        let answer = Peer::answer(offer, &answerer, now).unwrap().1;
        answer.lines().find(|line| line.starts_with("m=video ")).unwrap().to_owned()
    };
    assert!(video(&offer).starts_with("m=video 9 "));
    for (from, to) in [
        ("packetization-mode=1", "packetization-mode=0"),
        ("packetization-mode=1", "packetization-mode=2"),
        ("packetization-mode=1;", ""),
        ("profile-level-id=", "profile-level-id=ff"),
        ("profile-level-id=", "x="),
    ] {
        let line = video(&offer.replace(from, to));
        assert!(line.starts_with("m=video 0 "), "{from} {to}: {line}");
    }
}

#[test]
fn packets_of_a_codec_that_was_not_negotiated_are_not_delivered() {
    let mut call = Setup { offerer: both, link: link(NO_LOSS, 5), ..Setup::default() }.call();
    call.connect();
    assert_eq!(media(&call, 0).h264(Profile::ConstrainedBaseline), None);
    let (now, none, video) = (call.now, Extensions::default(), call.ends[0].media(Kind::Video));
    let refused = call.ends[0].peer.send_video(now, video, 102, &[[0x80; 20]], now, &none);
    assert_eq!(refused, Err(SendError::NoPayloadType(102)));
}

/// Sends access units with descriptors in which each frame refers to the last one.
fn send_described(call: &mut Call, payload_type: u8, frames: u32) -> u64 {
    let video = call.ends[0].media(Kind::Video);
    let mtu = Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES;
    let mut packetizer =
        Packetizer::new(PacketizerConfig { mtu, ..PacketizerConfig::default() }).unwrap();
    let (mut builder, mut writer) = (DescriptorBuilder::new(1, None).unwrap(), Writer::default());
    let mut count = 0;
    for frame in 0..frames {
        let mut packets = Vec::new();
        packetizer.packetize(&access_unit(frame), frame * 3600, &mut packets).unwrap();
        let number = i64::from(frame);
        let last = [number - 1];
        let references = if frame == 0 { &[][..] } else { &last };
        let described = FrameReferences { number, temporal_id: 0, references };
        let mut bytes = Vec::new();
        writer.write(&builder.build(&described).unwrap(), &mut bytes).unwrap();
        let extensions = Extensions { dependency: Some(bytes), ..Extensions::default() };
        let now = call.now;
        let peer = &mut call.ends[0].peer;
        peer.send_video(now, video, payload_type, &packets, now, &extensions).unwrap();
        count += packets.len() as u64;
        call.run_for(ms(40));
    }
    count
}

#[test]
fn described_frames_have_fec_that_recovers_their_packets() {
    let lossy = link(Loss::Random(0.1), 25);
    let mut call = Setup { offerer: both, answerer: both, link: lossy, ..Setup::default() }.call();
    call.connect();
    let payload_type = media(&call, 0).h264(Profile::ConstrainedBaseline).unwrap().payload_type;
    send(&mut call, 0, payload_type, 50);
    assert_eq!(call.ends[0].peer.counters().fec_sent, 0, "without descriptors");
    let before = call.ends[1].packets(Codec::H264).len() as u64;
    let sent = send_described(&mut call, payload_type, 300);
    call.run_for(ms(500));
    assert!(call.ends[0].peer.is_fec_active(call.ends[0].media(Kind::Video)));
    let recovered = call.ends[1].peer.counters().recovered;
    assert!(recovered > 50, "{recovered} of {sent}");
    let packets = call.ends[1].packets(Codec::H264);
    let described: Vec<_> =
        packets.iter().filter(|it| it.extensions.dependency.is_some()).collect();
    assert!(packets.len() as u64 - before + 3 >= sent, "{} of {sent}", packets.len());
    let starts = described
        .iter()
        .filter(|it| it.extensions.dependency.as_ref().is_some_and(|bytes| bytes[0] & 0x80 != 0));
    // Recovered ones may arrive twice.
    let starts: HashSet<u64> = starts.map(|packet| packet.sequence).collect();
    let starts = starts.len();
    assert!((297..=300).contains(&starts), "{starts} first packets, also recovered ones");
    for packet in packets.iter().skip(usize::try_from(before).unwrap()) {
        assert_eq!(packet.header.payload_type, payload_type);
    }
}
