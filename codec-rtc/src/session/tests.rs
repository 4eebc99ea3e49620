//! Behaviour that no call between our own ends shows.

use std::time::Duration;

use codec_core::codec::{FrameKind, Packet, PacketMeta};

use super::{
    AudioStream, PacketFeedback, Receiver, ReceiverConfig, Sender, SenderConfig, Streams,
    VideoStream,
};
use crate::extension::Map;
use crate::jitter::video::FrameBufferConfig;
use crate::rtcp::{self, Bye, ReceiverReport, ReportBlock};
use crate::rtp::{self, Header};

const SSRC: u32 = 5;

fn frame(number: u64) -> Packet {
    let mut meta = PacketMeta::default();
    meta.frame_id = number;
    meta.kind = if number == 0 { FrameKind::Key } else { FrameKind::Inter };
    let mut packet = Packet::default();
    packet.data = vec![u8::from(number != 0); 4000];
    packet.meta = meta;
    packet
}

/// Sends 60 frames to somebody who tells of losses in receiver reports alone; gives the packets of
/// correction.
fn corrections(fraction_lost: u8) -> u64 {
    let video = Some(VideoStream::standard(SSRC));
    let streams = Streams { video, audio: None, extensions: Map::EMPTY };
    let mut sender = Sender::new(SenderConfig {
        congestion: None,
        retransmission: false,
        ..SenderConfig::new(streams)
    })
    .unwrap();
    for number in 0..60 {
        let now = Duration::from_millis(33 * number);
        let timestamp = u32::try_from(number).unwrap() * 3000;
        sender.video(now, now, timestamp, &frame(number)).unwrap();
        let mut highest = None;
        while let Some(datagram) = sender.poll(now + Duration::from_millis(20)) {
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
            sender.receive(now, &out).unwrap();
        }
    }
    sender.stats().video.fec_packets
}

#[test]
fn losses_in_receiver_reports_bring_correction() {
    assert_eq!(corrections(0), 0);
    let some = corrections(26);
    assert!(some >= 20, "{some}");
}

#[test]
fn a_sender_has_left_when_all_its_streams_have() {
    let (video, audio) = (VideoStream::plain(SSRC, 96), AudioStream::opus(6));
    let streams = Streams { video: Some(video), audio: Some(audio), extensions: Map::EMPTY };
    let receiver = || {
        Receiver::new(ReceiverConfig {
            streams: streams.clone(),
            ssrc: 9,
            cname: String::new(),
            ntp_at_zero: 0,
            seed: 1,
            nack: false,
            pli: false,
            acknowledges: false,
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
    both.receive(now, &packet(96, SSRC)).unwrap();
    both.receive(now, &packet(111, 6)).unwrap();
    for stranger in [&[][..], &[77], &[9]] {
        both.receive(now, &bye(stranger)).unwrap();
    }
    both.receive(now, &bye(&[6])).unwrap();
    assert_eq!(both.left(), None, "pictures may go on without sound");
    both.receive(now, &bye(&[SSRC])).unwrap();
    assert_eq!(both.left(), Some("enough"));
    let mut one = receiver();
    one.receive(now, &packet(96, SSRC)).unwrap();
    one.receive(now, &bye(&[SSRC])).unwrap();
    assert_eq!(one.left(), Some("enough"), "sound never came");
}
