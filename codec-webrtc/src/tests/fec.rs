//! Video under loss with ULPFEC in RED.

use std::collections::HashMap;
use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta};

use super::super::peer::{Outgoing, Payload};
use super::harness::{Call, NO_LOSS, Setup, link};
use super::*;
use codec_rtc::extension::{AbsCaptureTime, PlayoutDelay};
use codec_rtc::link::Loss;
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::rtp;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends frames of three packets at 25 per second from the first endpoint; returns the packets
/// sent, by sequence number.
fn send(call: &mut Call, frames: u32) -> HashMap<u16, Vec<u8>> {
    let video = call.ends[0].media(Kind::Video);
    let config = PacketizerConfig { mtu: 1000, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let mut sent = HashMap::new();
    for frame in 0..frames {
        let mut data: Vec<u8> =
            (0..2500_u32).map(|at| (at * 7 + frame * 31).to_le_bytes()[0]).collect();
        data[0] = u8::from(frame > 0);
        let meta = PacketMeta {
            kind: if frame == 0 { FrameKind::Key } else { FrameKind::Inter },
            frame_id: u64::from(frame),
            ..PacketMeta::default()
        };
        let mut packets = Vec::new();
        packetizer.packetize(&data, &meta, frame * 3600, &mut packets).unwrap();
        let capture = AbsCaptureTime { ntp: 4_000_000_000 << 32, clock_offset: None };
        let extensions = Extensions {
            abs_capture_time: Some(capture),
            playout_delay: Some(PlayoutDelay { min: ms(70), max: ms(10_000) }),
            ..Extensions::default()
        };
        let now = call.now;
        let first =
            call.ends[0].peer.send_video(now, video, 96, &packets, now, &extensions).unwrap();
        for (at, packet) in (0..).zip(&packets) {
            let payload = rtp::parse(packet).unwrap().payload.to_vec();
            sent.insert(first.wrapping_add(at), payload);
        }
        call.run_for(ms(40));
    }
    sent
}

#[test]
fn lost_packets_are_recovered_bit_exactly() {
    let lossy = Loss::Random(0.1);
    let mut call = Setup { link: link(lossy, 25), ..Setup::default() }.call();
    call.connect();
    let sent = send(&mut call, 500);
    call.run_for(ms(300));
    let repairs = call.ends[0].peer.counters().fec_sent;
    let recovered = call.ends[1].peer.counters().recovered;
    assert!((250..=800).contains(&repairs), "{repairs}");
    assert!(recovered > 90, "{recovered} of {repairs}");
    assert!(call.ends[0].peer.is_fec_active(call.ends[0].media(Kind::Video)));
    let received = call.ends[1].packets(Codec::Vp8);
    for packet in &received {
        assert_eq!(Some(&*packet.payload), sent.get(&packet.header.sequence).map(Vec::as_slice));
        assert_eq!(packet.sequence & 0xffff, u64::from(packet.header.sequence));
        assert!(packet.extensions.abs_capture_time.is_some() || packet.header.sequence == 0);
        assert_eq!(packet.header.payload_type, 96);
    }
    let numbers: std::collections::HashSet<_> =
        received.iter().map(|packet| packet.header.sequence).collect();
    assert!(numbers.len() + 3 >= sent.len(), "{} of {}", numbers.len(), sent.len());
}

/// The requested packets arrive after they were recovered, or before the FEC packets.
#[test]
fn packets_that_are_recovered_and_retransmitted_are_emitted_once() {
    let mut call = Setup { link: link(Loss::Random(0.1), 60), ..Setup::default() }.call();
    call.connect();
    send(&mut call, 500);
    call.run_for(ms(500));
    assert!(call.ends[1].peer.counters().recovered > 90);
    let received = call.ends[1].packets(Codec::Vp8);
    let numbers: std::collections::HashSet<_> =
        received.iter().map(|packet| packet.sequence).collect();
    assert_eq!(numbers.len(), received.len());
}

#[test]
fn fec_can_be_disabled_by_the_application() {
    let mut call = Setup { link: link(Loss::Random(0.1), 25), ..Setup::default() }.call();
    call.connect();
    call.ends[0].peer.allow_fec(false);
    send(&mut call, 100);
    assert_eq!(call.ends[0].peer.counters().fec_sent, 0);
    call.ends[0].peer.allow_fec(true);
    send(&mut call, 10);
    assert!(call.ends[0].peer.counters().fec_sent > 0);
}

/// Invalid RED from an authenticated endpoint.
#[test]
fn invalid_red_is_counted_and_does_not_end_the_call() {
    let mut call = Setup { link: link(NO_LOSS, 5), ..Setup::default() }.call();
    call.connect();
    send(&mut call, 2);
    let video = call.ends[0].media(Kind::Video);
    let mut rng = codec_rtc::rng::Rng::new(7);
    let before = call.ends[1].packets(Codec::Vp8).len();
    for packet in 0..2000_u32 {
        // ULPFEC, VP8, another payload, more than one block, and nothing.
        let block = [99, 96, 5, 0xe0][packet as usize % 4];
        let mut payload: Vec<u8> = (0..rng.below(60)).map(|_| rng.byte()).collect();
        if packet % 8 == 0 && payload.len() > 14 {
            // FEC that covers past and future packets.
            let newest = u16::try_from(packet & 0xffff).unwrap();
            payload[..4].copy_from_slice(&[0, 0, newest.to_be_bytes()[0], newest.to_be_bytes()[1]]);
            payload[10..12].fill(0);
        }
        let now = call.now;
        let outgoing = Outgoing {
            payload: Payload::Codec(Codec::Vp8),
            red: Some((98, block)),
            timestamp: packet,
            marker: true,
            data: &payload,
            captured: now,
            extensions: &Extensions::default(),
            nackable: false,
        };
        let peer = &mut call.ends[0].peer;
        peer.write(video.into(), &outgoing).unwrap();
        peer.handle_timeout(now);
        call.run_for(ms(1));
    }
    call.run_for(ms(50));
    let peer = &call.ends[1].peer;
    assert!(peer.is_connected());
    assert!(peer.counters().malformed >= 500, "{:?}", peer.counters());
    // VP8 blocks are passed on unchanged: the depacketizer validates them.
    let passed = call.ends[1].packets(Codec::Vp8).len() - before;
    assert!((500..1000).contains(&passed), "{passed}");
    let sent = send(&mut call, 3);
    call.run_for(ms(50));
    let received = call.ends[1].packets(Codec::Vp8);
    let whole =
        received.iter().filter(|it| sent.get(&it.header.sequence) == Some(&it.payload.to_vec()));
    assert_eq!(whole.count(), sent.len());
}

#[test]
fn no_fec_without_loss() {
    let mut call = Setup { link: link(NO_LOSS, 25), ..Setup::default() }.call();
    call.connect();
    let sent = send(&mut call, 50);
    call.run_for(ms(100));
    assert_eq!(call.ends[0].peer.counters().fec_sent, 0);
    assert_eq!(call.ends[1].packets(Codec::Vp8).len(), sent.len());
}

#[test]
fn no_fec_for_an_endpoint_without_support() {
    let lossy = Loss::Random(0.1);
    for offers in [true, false] {
        let mut setup = Setup { link: link(lossy, 25), ..Setup::default() };
        let without: fn(&mut PeerConfig) = |config| config.codecs.ulpfec = false;
        if offers {
            setup.answerer = without;
        } else {
            setup.offerer = without;
        }
        let mut call = setup.call();
        call.connect();
        let sent = send(&mut call, 100);
        call.run_for(ms(300));
        assert_eq!(call.ends[0].peer.counters().fec_sent, 0);
        let received = call.ends[1].packets(Codec::Vp8);
        assert!(received.len() * 100 >= sent.len() * 95, "{} of {}", received.len(), sent.len());
    }
}
