//! Limits on untrusted input, as listed in docs/SECURITY.md, tested through the public interface.

#![expect(clippy::unwrap_used, reason = "test helpers: a panic is the report")]

use std::time::Duration;

use codec_core::codec::{FrameKind, Packet, PacketMeta};
use codec_rtc::extension::ExtensionMap;
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::recovery::{NackConfig, NackGenerator, PacketOrigin};
use codec_rtc::rng::Rng;
use codec_rtc::rtcp::{self, Nack, Pli, Remb};
use codec_rtc::rtp::{self, Header, Malformed};
use codec_rtc::session::{
    AudioStream, MAX_DATAGRAM_BYTES, PacketFeedback, Receiver, ReceiverConfig, Sender,
    SenderConfig, Streams, VideoStream,
};

const SSRC: u32 = 10;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn streams() -> Streams {
    let video = Some(VideoStream::standard(SSRC));
    let audio = Some(AudioStream::opus(20));
    Streams { video, audio, extensions: ExtensionMap::default() }
}

fn receiver() -> Receiver {
    Receiver::new(ReceiverConfig {
        streams: streams(),
        ssrc: 9,
        cname: "receiver".into(),
        ntp_at_zero: 0,
        seed: 1,
        nack: true,
        pli: true,
        acknowledge_frames: true,
        feedback: PacketFeedback::Twcc,
        video: FrameBufferConfig::default(),
    })
}

fn sender() -> Sender {
    let config = SenderConfig { reference_recovery: false, ..SenderConfig::new(streams(), 1) };
    Sender::new(SenderConfig { congestion: None, ..config }).unwrap()
}

fn frame(number: u64) -> Packet {
    let meta = PacketMeta {
        frame_id: number,
        kind: if number.is_multiple_of(60) { FrameKind::Key } else { FrameKind::Inter },
        ..PacketMeta::default()
    };
    Packet { data: vec![u8::from(meta.kind != FrameKind::Key); 3000], meta, ..Packet::default() }
}

/// Passes a frame to a sender; returns its datagrams.
fn send(sender: &mut Sender, number: u64) -> Vec<Vec<u8>> {
    let now = ms(33 * number);
    let timestamp = u32::try_from(number).unwrap() * 3000;
    sender.send_video(now, now, timestamp, &frame(number)).unwrap();
    sender.handle_timeout(now + ms(30));
    std::iter::from_fn(|| sender.poll_transmit()).collect()
}

/// First packet of a key frame, with `bytes` in total.
fn packet(header: Header, bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    rtp::write(&header, &mut out);
    out.push(0x10);
    out.resize(bytes, 0);
    out
}

#[test]
fn datagrams_of_more_than_2048_bytes_are_rejected() {
    let header = Header { payload_type: 96, ssrc: SSRC, marker: true, ..Header::default() };
    let mut receiver = receiver();
    let longest = packet(header, MAX_DATAGRAM_BYTES);
    receiver.handle_datagram(ms(0), &longest).unwrap();
    let too_long = packet(Header { sequence: 1, ..header }, MAX_DATAGRAM_BYTES + 1);
    let error = receiver.handle_datagram(ms(0), &too_long).unwrap_err();
    assert!(matches!(error, Malformed::TooMany { limit: 2048, actual: 2049, .. }));
    assert_eq!((receiver.stats().malformed, receiver.stats().video_packets.received), (1, 1));
    let feedback = [0x80, 201, 0, 1, 0, 0, 0, 1].repeat(257);
    assert!(sender().handle_datagram(ms(0), &feedback).is_err());
}

#[test]
fn unknown_sources_are_only_counted() {
    let mut receiver = receiver();
    for ssrc in 100..20_100 {
        let header = Header { payload_type: 96, ssrc, marker: true, ..Header::default() };
        receiver.handle_datagram(ms(0), &packet(header, 100)).unwrap();
    }
    let stats = receiver.stats();
    assert_eq!((stats.unknown, stats.video_packets.received), (20_000, 0));
    assert!(receiver.poll_frame(ms(1000)).is_none() && receiver.last_packet().is_none());
}

#[test]
fn frames_of_more_than_8_mib_are_dropped() {
    for (bytes, comes) in [(8000, true), (9000, false)] {
        let mut buffer = FrameBuffer::new(FrameBufferConfig::low_latency());
        for sequence in 0..1000 {
            let marker = sequence == 999;
            let header = Header { payload_type: 96, sequence, marker, ..Header::default() };
            let mut bytes = packet(header, bytes);
            if sequence > 0 {
                bytes[rtp::FIXED_HEADER_BYTES] = 0;
            }
            buffer.push(ms(0), &bytes, PacketInfo::default()).unwrap();
        }
        assert_eq!(buffer.poll_frame(ms(10)).is_some(), comes);
        assert_eq!(buffer.buffered_packets(), 0);
    }
}

#[test]
fn at_most_1000_packets_are_missing_and_none_for_more_than_10_000_others() {
    let asked = |nacker: &mut NackGenerator| {
        let mut out = Vec::new();
        nacker.poll(ms(70), &mut out);
        out
    };
    let mut nacker = NackGenerator::new(NackConfig::default());
    nacker.push(ms(0), 0, PacketOrigin::Media);
    nacker.push(ms(0), 2500, PacketOrigin::Media);
    let missing = asked(&mut nacker);
    assert_eq!((missing.len(), missing[0]), (1000, 1500), "the newest packets");

    for (others, is_missing) in [(10_000, true), (10_001, false)] {
        let mut nacker = NackGenerator::new(NackConfig::default());
        nacker.push(ms(0), 0, PacketOrigin::Media);
        for sequence in 2..2 + others {
            nacker.push(ms(0), sequence, PacketOrigin::Media);
        }
        assert_eq!(asked(&mut nacker).len(), usize::from(is_missing), "{others}");
    }
}

#[test]
fn endless_feedback_causes_bounded_retransmissions() {
    let mut sender = sender();
    let mut sequences = Vec::new();
    for number in 0..30 {
        for datagram in send(&mut sender, number) {
            let header = rtp::parse(&datagram).unwrap().header;
            sequences.extend((header.ssrc == SSRC).then_some(header.sequence));
        }
    }
    let packets = [
        rtcp::Packet::Nack(Nack { sender_ssrc: 9, media_ssrc: SSRC, sequences }),
        rtcp::Packet::Pli(Pli { sender_ssrc: 9, media_ssrc: SSRC }),
        rtcp::Packet::Remb(Remb { sender_ssrc: 9, bitrate_bps: 0, ssrcs: vec![SSRC] }),
    ];
    let mut flood = Vec::new();
    rtcp::write_compound(&packets, &mut flood).unwrap();
    let before = sender.stats();
    let (mut answers, mut keys) = (0, 0);
    for step in 0..1000 {
        let now = ms(1000) + ms(step);
        sender.handle_datagram(now, &flood).unwrap();
        if step % 33 == 0 {
            let request = sender.frame_request(now, 0);
            keys += u32::from(request.key_frame);
            if request.key_frame {
                sender.send_video(now, now, 0, &frame(0)).unwrap();
            }
        }
        sender.handle_timeout(now);
        answers += std::iter::from_fn(|| sender.poll_transmit()).count();
    }
    let stats = sender.stats();
    assert_eq!(stats.video.key_frame_requests - before.video.key_frame_requests, 1000);
    assert!(keys <= 4, "at most one key frame per 300 ms: {keys}");
    // Each packet may be retransmitted once per round trip, which is 100 ms unless known.
    let again = stats.video.retransmitted - before.video.retransmitted;
    assert!(again <= 11 * 90 && answers < 2000, "{again} of {answers}");
}

/// Truncates a datagram, or modifies some of it.
fn damage(rng: &mut Rng, datagram: &mut Vec<u8>) {
    match rng.below(4) {
        0 => datagram.truncate(rng.index(datagram.len() + 1)),
        1 => datagram.extend((0..rng.below(40)).map(|_| rng.byte())),
        _ => {
            for _ in 0..=rng.below(4) {
                // Headers contain the lengths.
                let near = if rng.below(2) == 0 { datagram.len().min(24) } else { datagram.len() };
                let at = rng.index(near.max(1));
                if let Some(byte) = datagram.get_mut(at) {
                    *byte = rng.byte();
                }
            }
        }
    }
}

#[test]
fn damaged_datagrams_do_not_end_a_session() {
    let mut rng = Rng::new(7);
    let (mut sender, mut receiver) = (sender(), receiver());
    let mut frames = 0;
    for number in 0..600 {
        let now = ms(33 * number + 30);
        for mut datagram in send(&mut sender, number) {
            // Half of the datagrams for some seconds, then none.
            if number < 400 && rng.below(2) == 0 {
                damage(&mut rng, &mut datagram);
            }
            let _ = receiver.handle_datagram(now, &datagram);
        }
        while let Some(frame) = receiver.poll_frame(now) {
            frames += u64::from(number >= 480);
            if rng.below(10) == 0 && number < 400 {
                receiver.failed(now, &frame);
            } else {
                receiver.decoded(now, &frame, ms(1));
            }
        }
        receiver.handle_timeout(now);
        while let Some(mut datagram) = receiver.poll_transmit() {
            if number < 400 && rng.below(2) == 0 {
                damage(&mut rng, &mut datagram);
            }
            let _ = sender.handle_datagram(now, &datagram);
        }
    }
    let stats = receiver.stats();
    assert!(stats.malformed > 20 && sender.stats().malformed > 20);
    assert!(frames >= 100, "{frames} of the last 120 frames");
    assert_eq!(receiver.bye_reason(), None, "no BYE was received");
}
