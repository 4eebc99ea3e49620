//! Sessions with hand-written frames and RTCP, in cases that our own sender and receiver do not cause.

use std::time::Duration;

use codec_core::codec::{FrameKind, Packet, PacketMeta, SlotSet};

use super::{
    AudioStream, PacketFeedback, Receiver, ReceiverConfig, Sender, SenderConfig, SenderEvent,
    Streams, VideoStream,
};
use crate::extension::ExtensionMap;
use crate::jitter::video::FrameBufferConfig;
use crate::packet::VideoFormat;
use crate::packet::vp8::Descriptor;
use crate::rtcp::{self, Bye, Pli, ReceiverReport, ReportBlock, Rpsi};
use crate::rtp::{self, Header};

const SSRC: u32 = 5;

fn frame(number: u64) -> Packet {
    let meta = PacketMeta {
        frame_id: number,
        kind: if number == 0 { FrameKind::Key } else { FrameKind::Inter },
        ..PacketMeta::default()
    };
    Packet { data: vec![u8::from(number != 0); 4000], meta, ..Packet::default() }
}

/// Sends 60 frames to a receiver that reports losses only by receiver reports; returns the number
/// of FEC packets.
fn fec_packets(fraction_lost: u8) -> u64 {
    let video = Some(VideoStream::standard(SSRC));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::EMPTY };
    let mut sender = Sender::new(SenderConfig {
        congestion: None,
        retransmission: false,
        ..SenderConfig::new(streams, 1)
    })
    .unwrap();
    for number in 0..60 {
        let now = Duration::from_millis(33 * number);
        let timestamp = u32::try_from(number).unwrap() * 3000;
        sender.send_video(now, now, timestamp, &frame(number)).unwrap();
        let mut highest = None;
        sender.handle_timeout(now + Duration::from_millis(20));
        while let Some(datagram) = sender.poll_transmit() {
            let header = rtp::parse(&datagram).unwrap().header;
            highest = Some(header).filter(|it| it.ssrc == SSRC).or(highest);
        }
        if let Some(header) = highest.filter(|_| number % 10 == 9) {
            let highest_sequence = header.sequence.into();
            let block = ReportBlock {
                ssrc: SSRC,
                fraction_lost,
                highest_sequence,
                ..ReportBlock::default()
            };
            let report = ReceiverReport { ssrc: 9, blocks: vec![block] };
            let mut out = Vec::new();
            rtcp::write_compound(&[rtcp::Packet::ReceiverReport(report)], &mut out).unwrap();
            sender.handle_datagram(now, &out).unwrap();
        }
    }
    sender.stats().video.fec_packets
}

#[test]
fn loss_in_receiver_reports_enables_fec() {
    assert_eq!(fec_packets(0), 0);
    let some = fec_packets(26);
    assert!(some >= 20, "{some}");
}

#[test]
fn sender_has_left_when_all_its_streams_have_ended() {
    let (video, audio) = (VideoStream::plain(SSRC, 96), AudioStream::opus(6));
    let streams =
        Streams { video: Some(video), audio: Some(audio), extensions: ExtensionMap::EMPTY };
    let receiver = || {
        Receiver::new(ReceiverConfig {
            streams: streams.clone(),
            ssrc: 9,
            cname: String::new(),
            ntp_at_zero: 0,
            seed: 1,
            nack: false,
            pli: false,
            acknowledge_frames: false,
            feedback: PacketFeedback::Off,
            video: FrameBufferConfig::default(),
        })
    };
    let packet = |payload_type, ssrc| {
        let mut out = Vec::new();
        rtp::write(&Header { payload_type, ssrc, ..Header::default() }, &mut out);
        out.extend([0x10, 0, 0]);
        out
    };
    let bye = |ssrcs: &[u32]| {
        let bye = Bye { ssrcs: ssrcs.to_vec(), reason: b"enough".to_vec() };
        let mut out = Vec::new();
        rtcp::write_compound(&[rtcp::Packet::Bye(bye)], &mut out).unwrap();
        out
    };
    let now = Duration::ZERO;
    let mut both = receiver();
    both.handle_datagram(now, &packet(96, SSRC)).unwrap();
    both.handle_datagram(now, &packet(111, 6)).unwrap();
    for stranger in [&[][..], &[77], &[9]] {
        both.handle_datagram(now, &bye(stranger)).unwrap();
    }
    both.handle_datagram(now, &bye(&[6])).unwrap();
    assert_eq!(both.bye_reason(), None, "video may continue without audio");
    both.handle_datagram(now, &bye(&[SSRC])).unwrap();
    assert_eq!(both.bye_reason(), Some("enough"));
    let mut one = receiver();
    one.handle_datagram(now, &packet(96, SSRC)).unwrap();
    one.handle_datagram(now, &bye(&[SSRC])).unwrap();
    assert_eq!(one.bye_reason(), Some("enough"), "no audio was received");
}

#[test]
fn sender_ends_at_bye_of_the_reporting_receivers() {
    let video = Some(VideoStream::plain(SSRC, 96));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::EMPTY };
    let config = SenderConfig { congestion: None, ..SenderConfig::new(streams, 1) };
    let mut sender = Sender::new(config).unwrap();
    let handle_rtcp = |sender: &mut Sender, packet: rtcp::Packet| {
        let mut out = Vec::new();
        packet.write(&mut out).unwrap();
        sender.handle_datagram(Duration::ZERO, &out).unwrap();
        sender.poll_event()
    };
    let report = |ssrc, about| {
        let blocks = vec![ReportBlock { ssrc: about, ..ReportBlock::default() }];
        rtcp::Packet::ReceiverReport(ReceiverReport { ssrc, blocks })
    };
    let bye = |ssrc| rtcp::Packet::Bye(Bye { ssrcs: vec![ssrc], reason: Vec::new() });
    // From an unknown source, from the receiver of another stream, and in the sender's own name.
    assert_eq!(handle_rtcp(&mut sender, bye(9)), None);
    assert_eq!(handle_rtcp(&mut sender, report(9, 77)), None);
    assert_eq!(handle_rtcp(&mut sender, bye(9)), None);
    assert_eq!(handle_rtcp(&mut sender, report(SSRC, SSRC)), None);
    assert_eq!(handle_rtcp(&mut sender, bye(SSRC)), None);
    assert_eq!(sender.stats().unknown_byes, 3);
    // From one of two receivers, and from the last.
    assert_eq!(handle_rtcp(&mut sender, report(9, SSRC)), None);
    let pli = rtcp::Packet::Pli(Pli { sender_ssrc: 10, media_ssrc: SSRC });
    assert_eq!(handle_rtcp(&mut sender, pli), None);
    assert_eq!(handle_rtcp(&mut sender, bye(9)), None);
    assert_eq!(handle_rtcp(&mut sender, bye(10)), Some(SenderEvent::Left));
    assert_eq!(handle_rtcp(&mut sender, bye(10)), None);
    assert_eq!(sender.stats().unknown_byes, 4);
}

#[test]
fn failed_reference_recovery_is_followed_by_a_key_frame() {
    let video = Some(VideoStream::standard(SSRC));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
    let mut sender = Sender::new(SenderConfig::new(streams, 1)).unwrap();
    let ms = Duration::from_millis;
    let mut first_id = None;
    for number in 0..10 {
        let now = ms(33 * number);
        let mut packet = frame(number);
        if number > 0 {
            packet.meta.refs_used = SlotSet::LAST;
            packet.meta.refs_updated = SlotSet::LAST;
        }
        sender.send_video(now, now, u32::try_from(number).unwrap() * 3000, &packet).unwrap();
        sender.handle_timeout(now + ms(20));
        while let Some(datagram) = sender.poll_transmit() {
            let Ok(packet) = rtp::parse(&datagram) else { continue };
            if packet.header.ssrc == SSRC && first_id.is_none() {
                first_id = Descriptor::parse(packet.payload).unwrap().0.picture_id;
            }
        }
    }
    let push_event = |sender: &mut Sender, now: Duration, packet: rtcp::Packet| {
        let mut out = Vec::new();
        packet.write(&mut out).unwrap();
        sender.handle_datagram(now, &out).unwrap();
    };
    let pli = || rtcp::Packet::Pli(Pli { sender_ssrc: 9, media_ssrc: SSRC });
    // The key frame was decoded, and nothing since. Each request comes with an acknowledgement of it.
    let known = || rtcp::Packet::Rpsi(Rpsi::vp8(9, SSRC, 96, first_id.unwrap()));
    push_event(&mut sender, ms(400), known());
    push_event(&mut sender, ms(400), pli());
    let loss_response = sender.frame_request(ms(400), 10);
    assert!(!loss_response.key_frame && loss_response.references.is_some(), "{loss_response:?}");
    // A repeated request right away is ignored, since the recovery is in transit; a later one means
    // that it failed.
    push_event(&mut sender, ms(450), known());
    push_event(&mut sender, ms(450), pli());
    assert!(!sender.frame_request(ms(450), 11).key_frame);
    push_event(&mut sender, ms(800), known());
    push_event(&mut sender, ms(800), pli());
    assert!(sender.frame_request(ms(800), 12).key_frame);
}

/// Sends two key frames, of which the receiver acknowledges the first one, and handles a request `after_ms` after the
/// second one; returns whether the next frame is a key frame.
fn answers_request(after_ms: u64) -> bool {
    let video = Some(VideoStream::standard(SSRC));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
    let config =
        SenderConfig { min_key_frame_interval: Duration::ZERO, ..SenderConfig::new(streams, 1) };
    let mut sender = Sender::new(config).unwrap();
    let ms = Duration::from_millis;
    sender.send_video(ms(0), ms(0), 0, &frame(0)).unwrap();
    sender.handle_timeout(ms(20));
    let first = sender.poll_transmit().unwrap();
    let id = Descriptor::parse(rtp::parse(&first).unwrap().payload).unwrap().0.picture_id.unwrap();
    let push = |sender: &mut Sender, now: Duration, packet: rtcp::Packet| {
        let mut out = Vec::new();
        packet.write(&mut out).unwrap();
        sender.handle_datagram(now, &out).unwrap();
    };
    push(&mut sender, ms(60), rtcp::Packet::Rpsi(Rpsi::vp8(9, SSRC, 96, id)));
    let mut second = frame(1);
    second.meta.kind = FrameKind::Key;
    sender.send_video(ms(1000), ms(1000), 90_000, &second).unwrap();
    let now = ms(1000 + after_ms);
    push(&mut sender, now, rtcp::Packet::Pli(Pli { sender_ssrc: 9, media_ssrc: SSRC }));
    sender.frame_request(now, 2).key_frame
}

#[test]
fn requests_that_are_older_than_the_last_key_frame_are_ignored() {
    // The round trip is assumed to take 100 ms until it is measured.
    assert_eq!([20, 99, 100, 150].map(answers_request), [false, false, true, true]);
}

#[test]
fn acknowledged_references_are_used_if_the_receiver_learns_the_references() {
    let standard = VideoStream::standard(SSRC);
    let fixed = VideoStream { flexible: false, ..standard };
    let (described, plain) = (ExtensionMap::default(), ExtensionMap::EMPTY);
    for (stream, extensions, is_used) in [
        (standard, described, true),
        (standard, plain, false),
        (standard.with_h264(), described, true),
        (standard.with_h264(), plain, false),
        (standard.with_vp9(), plain, true),
        (fixed.with_vp9(), described, false),
        (fixed.with_vp9(), plain, false),
    ] {
        let streams = Streams { video: Some(stream), audio: None, extensions };
        let mut sender = Sender::new(SenderConfig::new(streams, 1)).unwrap();
        let mut packet = frame(0);
        if stream.format == VideoFormat::H264 {
            packet.data = vec![0, 0, 0, 1, 0x65, 0x9a, 0x55];
        }
        sender.send_video(Duration::ZERO, Duration::ZERO, 0, &packet).unwrap();
        let request = sender.frame_request(Duration::from_millis(33), 1);
        assert_eq!(request.references.is_some(), is_used, "{stream:?} {extensions:?}");
    }
}

/// Passes frame `number` of a stream with `layers` temporal layers to a sender; returns its
/// packets.
fn layered(sender: &mut Sender, number: u64, layers: u8) -> Vec<Vec<u8>> {
    let now = Duration::from_millis(33 * number);
    let request = sender.frame_request(now, i64::try_from(number).unwrap());
    let mut packet = frame(number);
    if request.key_frame {
        (packet.meta.kind, packet.data[0]) = (FrameKind::Key, 0);
    }
    let is_key = packet.meta.kind == FrameKind::Key;
    packet.meta.temporal_layers = layers;
    packet.meta.refs_used = if is_key { SlotSet::NONE } else { SlotSet::LAST };
    packet.meta.refs_updated = SlotSet::LAST;
    if layers > 1 && !is_key && number % 2 == 1 {
        (packet.meta.temporal_id, packet.meta.refs_updated) = (1, SlotSet::NONE);
    }
    sender.send_video(now, now, u32::try_from(number).unwrap() * 3000, &packet).unwrap();
    let later = now + Duration::from_millis(30);
    sender.handle_timeout(later);
    let packets: Vec<_> = std::iter::from_fn(|| sender.poll_transmit()).collect();
    let is_media = |it: &Vec<u8>| rtp::parse(it).is_ok_and(|it| it.header.ssrc == SSRC);
    packets.into_iter().filter(is_media).collect()
}

#[test]
fn layers_added_mid_session_are_described_from_a_key_frame_on() {
    let video = Some(VideoStream::plain(SSRC, 96));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
    let mut sender =
        Sender::new(SenderConfig { congestion: None, ..SenderConfig::new(streams.clone(), 1) })
            .unwrap();
    let mut receiver = Receiver::new(ReceiverConfig::new(streams, 9, 1));
    let mut shown = 0;
    for number in 0..60 {
        let layers = if number < 20 { 1 } else { 2 };
        for packet in layered(&mut sender, number, layers) {
            let parsed = rtp::parse(&packet).unwrap();
            let descriptor = Descriptor::parse(parsed.payload).unwrap().0;
            assert_eq!(descriptor.tl0_pic_idx.is_some(), number > 20, "frame {number}");
            receiver.handle_datagram(Duration::from_millis(33 * number), &packet).unwrap();
        }
        let now = Duration::from_millis(33 * number);
        while let Some(frame) = receiver.poll_frame(now) {
            receiver.decoded(now, &frame, Duration::ZERO);
            shown += 1;
        }
    }
    let later = Duration::from_secs(5);
    while let Some(frame) = receiver.poll_frame(later) {
        receiver.decoded(later, &frame, Duration::ZERO);
        shown += 1;
    }
    assert_eq!(shown, 60);
    assert_eq!(sender.stats().video.key_frames, 2);
}

#[test]
fn implausible_frame_times_are_reported_once() {
    let video = Some(VideoStream::plain(SSRC, 96));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::EMPTY };
    let config = SenderConfig { congestion: None, ..SenderConfig::new(streams, 1) };
    let mut sender = Sender::new(config).unwrap();
    let mut reported = Vec::new();
    for number in 0..9 {
        let now = Duration::from_millis(33 * number);
        let mut packet = frame(number);
        packet.meta.rate.implausible_times = matches!(number, 2..=4 | 7..);
        sender.send_video(now, now, 3000 * u32::try_from(number).unwrap(), &packet).unwrap();
        while let Some(event) = sender.poll_event() {
            assert_eq!(event, SenderEvent::ImplausibleTimes);
            reported.push(number);
        }
    }
    assert_eq!(reported, [2, 7]);
}

#[test]
fn h264_arrives_with_fec_and_retransmission_streams() {
    let streams = Streams {
        video: Some(VideoStream::standard(SSRC).with_h264()),
        audio: None,
        extensions: ExtensionMap::default(),
    };
    let mut sender = Sender::new(SenderConfig::new(streams.clone(), 1)).unwrap();
    let mut receiver = Receiver::new(ReceiverConfig::new(streams, 9, 2));
    let mut data = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
    data.extend([0, 0, 0, 1, 0x65, 0b1001_1010]);
    data.resize(4000, 0x55);
    let coded = Packet { data, ..Packet::default() };
    let mut received = Vec::new();
    for step in 0..400 {
        let now = Duration::from_millis(step);
        if step % 100 == 0 {
            let timestamp = u32::try_from(90 * step).unwrap();
            sender.send_video(now, now, timestamp, &coded).unwrap();
        }
        sender.handle_timeout(now);
        while let Some(datagram) = sender.poll_transmit() {
            receiver.handle_datagram(now, &datagram).unwrap();
        }
        received.extend(std::iter::from_fn(|| receiver.poll_frame(now)));
        receiver.handle_timeout(now);
        while receiver.poll_transmit().is_some() {}
    }
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|frame| frame.is_key && frame.data == coded.data));
    let wrong = Packet { data: vec![1, 2, 3], ..Packet::default() };
    assert!(sender.send_video(Duration::from_secs(1), Duration::ZERO, 0, &wrong).is_err());
}

#[test]
fn intra_coded_frames_of_vp8_need_the_probabilities_of_the_frame_before() {
    let video = Some(VideoStream::plain(SSRC, 96));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
    for (lost, emitted) in [(None, 3), (Some(1), 1)] {
        let mut sender = Sender::new(SenderConfig {
            congestion: None,
            reference_recovery: false,
            ..SenderConfig::new(streams.clone(), 1)
        })
        .unwrap();
        let mut receiver = Receiver::new(ReceiverConfig::new(streams.clone(), 9, 1));
        let mut count = 0;
        for number in 0..3 {
            let now = Duration::from_millis(33 * number);
            let mut packet = frame(number);
            packet.meta.refs_used = if number == 1 { SlotSet::LAST } else { SlotSet::NONE };
            packet.meta.refs_updated = SlotSet::LAST;
            sender.send_video(now, now, u32::try_from(number).unwrap() * 3000, &packet).unwrap();
            sender.handle_timeout(now + Duration::from_millis(30));
            while let Some(datagram) = sender.poll_transmit() {
                if lost != Some(number) {
                    receiver.handle_datagram(now, &datagram).unwrap();
                }
            }
            count += std::iter::from_fn(|| receiver.poll_frame(now)).count();
        }
        let later = Duration::from_secs(1);
        count += std::iter::from_fn(|| receiver.poll_frame(later)).count();
        assert_eq!(count, emitted, "lost: {lost:?}");
    }
}
