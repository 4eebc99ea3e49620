//! Sessions of two peers: media, retransmission, data channels, and the end of a session.

use std::time::Duration;

use codec_audio::level::AudioLevel;
use codec_core::codec::{Bitrate, FrameKind, PacketMeta};

use super::harness::{Call, End, NO_LOSS, Setup, link};
use super::*;
use codec_rtc::extension::{AbsCaptureTime, PlayoutDelay, VideoOrientation};
use codec_rtc::link::{Link, Loss};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends a second of 25 frames and 50 audio packets from one endpoint.
pub(super) struct Media {
    packetizer: Packetizer,
    video: Mid,
    audio: Mid,
    frames: u32,
    packets: usize,
    extensions: Extensions,
}

impl Media {
    pub(super) fn new(call: &Call, from: usize) -> Self {
        let end = &call.ends[from];
        let config = PacketizerConfig { mtu: 1000, ..PacketizerConfig::default() };
        Self {
            packetizer: Packetizer::new(config).unwrap(),
            video: end.media(Kind::Video),
            audio: end.media(Kind::Audio),
            frames: 0,
            packets: 0,
            extensions: Extensions::default(),
        }
    }

    pub(super) fn second(&mut self, call: &mut Call, from: usize) {
        for _ in 0..25 {
            let mut packets = Vec::new();
            let mut data = vec![0x55; 3500];
            data[0] = u8::from(self.frames > 0);
            let meta = PacketMeta {
                kind: if self.frames == 0 { FrameKind::Key } else { FrameKind::Inter },
                frame_id: u64::from(self.frames),
                ..PacketMeta::default()
            };
            self.packetizer.packetize(&data, &meta, self.frames * 3600, &mut packets).unwrap();
            let now = call.now;
            let peer = &mut call.ends[from].peer;
            peer.send_video(now, self.video, 96, &packets, now, &self.extensions).unwrap();
            self.packets += packets.len();
            for half in 0..2 {
                let now = call.now;
                let timestamp = (self.frames * 2 + half) * 960;
                let extensions = Extensions {
                    audio_level: Some(AudioLevel { dbov: 40, voice: true }),
                    ..Default::default()
                };
                let peer = &mut call.ends[from].peer;
                peer.send_audio(
                    now,
                    self.audio,
                    Codec::Opus,
                    &[0xfc; 80],
                    timestamp,
                    false,
                    now,
                    &extensions,
                )
                .unwrap();
                call.run_for(ms(20));
            }
            self.frames += 1;
        }
    }
}

#[test]
fn audio_video_and_messages_flow_both_ways() {
    let mut call = Setup::default().call();
    call.connect();
    assert_eq!(call.ends[1].peer.dtls_version(), Some(12));
    let mut media = [Media::new(&call, 0), Media::new(&call, 1)];
    for (end, media) in media.iter_mut().enumerate() {
        let turned = VideoOrientation { clockwise_quarters: 1, ..VideoOrientation::default() };
        let delay = PlayoutDelay { min: ms(0), max: ms(400) };
        let capture = AbsCaptureTime { ntp: 4_000_000_000 << 32, clock_offset: None };
        media.extensions = Extensions {
            abs_capture_time: Some(capture),
            video_orientation: Some(turned),
            playout_delay: Some(delay),
            dependency: Some(vec![7; 40]),
            ..Extensions::default()
        };
        media.second(&mut call, end);
        call.run_for(ms(200));
        let received = &call.ends[1 - end];
        let video = received.packets(Codec::Vp8);
        assert_eq!(video.len(), media.packets);
        assert!(video.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence));
        assert_eq!(video.iter().filter(|packet| packet.header.marker).count(), 25);
        assert_eq!(video[0].mid, received.media(Kind::Video));
        let extensions = &video[0].extensions;
        // With the flags of the start and the end of a frame.
        let dependency = extensions.dependency.as_ref().unwrap();
        assert_eq!((dependency[0] & 0x3f, &dependency[1..]), (7, &[7; 39][..]));
        assert_eq!(dependency[0] & 0x80, 0x80);
        assert_eq!(extensions.abs_capture_time, Some(capture));
        assert_eq!(extensions.video_orientation, Some(turned));
        assert_eq!(extensions.playout_delay, Some(delay));
        assert!(extensions.transport_sequence.is_some());
        let audio = received.packets(Codec::Opus);
        assert_eq!(audio.len(), 50);
        assert_eq!(audio[7].extensions.audio_level, Some(AudioLevel { dbov: 40, voice: true }));
        assert_eq!(&*audio[7].payload, &[0xfc; 80]);
    }
    call.run_for(ms(1500));
    for end in &call.ends {
        assert!(end.has(|event| matches!(event, Event::SenderReport(_))));
        assert!(end.has(|event| matches!(event, Event::Stats(_))));
        assert!(end.has(|event| matches!(event, Event::Estimate { .. })));
    }
}

#[test]
fn lost_packets_are_retransmitted() {
    let link = link(Loss::Random(0.05), 25);
    let mut call = Setup { link, seed: 5, ..Setup::default() }.call();
    call.connect();
    let mut media = Media::new(&call, 0);
    for _ in 0..3 {
        media.second(&mut call, 0);
    }
    call.run_for(ms(1000));
    let mut sequences: Vec<u64> =
        call.ends[1].packets(Codec::Vp8).iter().map(|packet| packet.sequence).collect();
    sequences.sort_unstable();
    sequences.dedup();
    // 1 of 400 packets is lost twice, and requested again.
    assert!(sequences.len() + 2 >= media.packets, "{} of {}", sequences.len(), media.packets);
    assert!(call.links[1].stats().loss_share() > 0.03);
}

#[test]
fn key_frames_are_requested() {
    let mut call = Setup::default().call();
    call.connect();
    let video = call.ends[1].media(Kind::Video);
    let now = call.now;
    let early = call.ends[1].peer.request_key_frame(now, video, KeyFrameRequestKind::Pli);
    Media::new(&call, 0).second(&mut call, 0);
    let now = call.now;
    assert!(call.ends[1].peer.request_key_frame(now, video, KeyFrameRequestKind::Pli));
    call.run_for(ms(200));
    let asked = |event: &Event| {
        let kind = KeyFrameRequestKind::Pli;
        *event == Event::KeyFrameRequest { mid: call.ends[0].media(Kind::Video), rid: None, kind }
    };
    assert!(call.ends[0].has(asked), "{early}");
}

#[test]
fn sender_gets_delivery_reports() {
    let setup = Setup {
        link: link(Loss::Random(0.1), 25),
        seed: 3,
        offerer: |config| config.acknowledgements = true,
        ..Setup::default()
    };
    let mut call = setup.call();
    call.links[0] = Link::new(link(NO_LOSS, 25), 0).unwrap();
    call.connect();
    let mut media = Media::new(&call, 0);
    media.second(&mut call, 0);
    media.second(&mut call, 0);
    call.run_for(ms(1000));
    let video = media.video;
    let mut reported: Vec<u16> = Vec::new();
    let mut missing = 0;
    for (_, event) in &call.ends[0].events {
        let Event::Delivery(deliveries) = event else { continue };
        for delivery in deliveries.iter().filter(|delivery| delivery.mid == video) {
            if delivery.received {
                reported.push(delivery.sequence);
            } else {
                missing += 1;
            }
        }
    }
    reported.sort_unstable();
    reported.dedup();
    #[expect(clippy::cast_possible_truncation, reason = "as on the wire")]
    let mut arrived: Vec<u16> =
        call.ends[1].packets(Codec::Vp8).iter().map(|packet| packet.sequence as u16).collect();
    arrived.sort_unstable();
    arrived.dedup();
    assert!(reported.iter().all(|sequence| arrived.contains(sequence)));
    // Excluding packets recovered by FEC.
    assert!(reported.len() * 100 >= arrived.len() * 85, "{} of {}", reported.len(), arrived.len());
    assert!(missing > 5);
}

#[test]
fn call_connects_at_thirty_per_cent_loss() {
    let mut connected = 0;
    for seed in 0..12 {
        let link = link(Loss::Random(0.3), 25);
        let mut call = Setup { link, seed, ..Setup::default() }.call();
        call.run(call.now + Duration::from_secs(30), Call::both_connected);
        connected += usize::from(call.both_connected());
    }
    // All 2,000 sessions of a long run connected, in 0.7 s by the median; DTLS randomises its
    // timers.
    assert!(connected >= 11, "{connected} of 12");
}

#[test]
fn dtls_1_3_is_used_if_both_endpoints_support_it() {
    let newer: fn(&mut PeerConfig) = |config| config.dtls = DtlsVersions::V1_3OrV1_2;
    let older: fn(&mut PeerConfig) = |_| {};
    for (offerer, answerer, version) in [(newer, newer, 13), (newer, older, 12), (older, newer, 12)]
    {
        let mut call = Setup { offerer, answerer, ..Setup::default() }.call();
        call.connect();
        assert_eq!(call.ends[0].peer.dtls_version(), Some(version));
        let mut media = Media::new(&call, 0);
        media.second(&mut call, 0);
        call.run_for(ms(100));
        assert_eq!(call.ends[1].packets(Codec::Vp8).len(), media.packets);
    }
}

#[test]
fn ice_lite_endpoint_is_reachable() {
    let lite: fn(&mut PeerConfig) = |config| config.ice_lite = true;
    let mut call = Setup { answerer: lite, ..Setup::default() }.call();
    call.connect();
    let mut media = Media::new(&call, 1);
    media.second(&mut call, 1);
    call.run_for(Duration::from_secs(60));
    assert!(call.both_connected());
    assert_eq!(call.ends[0].packets(Codec::Vp8).len(), media.packets);
}

#[test]
fn messages_are_buffered_counted_and_ordered() {
    let mut call = Setup::default().call();
    call.connect();
    call.run_for(ms(500));
    let opened = |end: &End| {
        end.events.iter().find_map(|(_, event)| match event {
            Event::ChannelOpen { channel, label } if label == "stats" => Some(*channel),
            _ => None,
        })
    };
    let (near, far) = (opened(&call.ends[0]).unwrap(), opened(&call.ends[1]).unwrap());
    let peer = &mut call.ends[0].peer;
    peer.set_channel_low_mark(near, 10_000);
    let mut sent = 0u32;
    loop {
        let mut message = vec![0; 16_000];
        message[..4].copy_from_slice(&sent.to_be_bytes());
        if !peer.send_message(call.now, near, true, &message).unwrap() {
            break;
        }
        sent += 1;
    }
    assert!(sent > 60 && peer.channel_buffered(near) > 1_000_000);
    assert!(peer.send_message(call.now, near, true, &vec![0; 70_000]).is_err());
    call.run_for(Duration::from_secs(20));
    let received = call.ends[1].events.iter().filter_map(|(_, event)| match event {
        Event::ChannelMessage { channel, binary: true, data } if *channel == far => {
            Some(u32::from_be_bytes(*data.first_chunk().unwrap()))
        }
        _ => None,
    });
    assert!(received.eq(0..sent));
    assert!(call.ends[0].has(|event| *event == Event::ChannelLow { channel: near }));
    assert_eq!(call.ends[0].peer.channel_buffered(near), 0);

    let settings = ChannelSettings::reliable("chat");
    let second = call.ends[1].peer.open_channel(call.now, &settings).unwrap();
    call.run_for(ms(500));
    assert!(
        call.ends[0]
            .has(|event| { matches!(event, Event::ChannelOpen { label, .. } if label == "chat") })
    );
    call.ends[1].peer.close_channel(call.now, second);
    call.run_for(ms(500));
    assert!(call.ends[0].has(|event| matches!(event, Event::ChannelClosed { .. })));
}

#[test]
fn closing_notifies_the_remote_endpoint() {
    for (end, time) in [(0, 0), (1, 0), (0, 30), (1, 30), (0, 400), (1, 400)] {
        let mut call = Setup::default().call();
        call.connect();
        call.run_for(ms(time));
        call.ends[end].peer.close(call.now);
        call.run_for(ms(500));
        assert_eq!(call.ends[end].closed(), Some(&ClosedReason::Local));
        assert_eq!(call.ends[1 - end].closed(), Some(&ClosedReason::Remote), "{end} {time}");
        assert!(call.ends.iter().all(|end| end.peer.poll_timeout().is_none()));
    }
}

#[test]
fn unresponsive_endpoint_causes_consent_timeout() {
    for lite in [true, false] {
        let answerer: fn(&mut PeerConfig) =
            if lite { |config| config.ice_lite = true } else { |_| {} };
        let mut call = Setup { answerer, ..Setup::default() }.call();
        call.connect();
        call.run_for(Duration::from_secs(20));
        let vanished = call.now;
        let dead = link(Loss::Random(1.0), 0);
        call.links = [0, 1].map(|seed| Link::new(dead.clone(), seed).unwrap());
        call.run_for(Duration::from_secs(60));
        for end in &call.ends {
            assert_eq!(end.closed(), Some(&ClosedReason::ConsentLost));
            let after = end.events.last().unwrap().0 - vanished;
            assert!(after <= Duration::from_secs(31), "{after:?}");
        }
    }
}

#[test]
fn missing_endpoint_causes_handshake_timeout() {
    let dead = link(Loss::Random(1.0), 0);
    let mut call = Setup { link: dead, ..Setup::default() }.call();
    let start = call.now;
    call.run_for(Duration::from_secs(60));
    for end in &call.ends {
        let reason = end.closed().unwrap();
        assert!(matches!(reason, ClosedReason::HandshakeTimeout { ice: false, .. }), "{reason}");
        assert_eq!(end.events.last().unwrap().0 - start, Duration::from_secs(30));
        assert_eq!(end.peer.poll_timeout(), None);
    }
}

#[test]
fn estimate_rises_to_the_desired_bitrate() {
    let mut call = Setup { link: link(NO_LOSS, 25), ..Setup::default() }.call();
    call.connect();
    call.ends[0].peer.set_desired_bitrate(Bitrate::kbps(4000));
    let mut media = Media::new(&call, 0);
    for _ in 0..10 {
        media.second(&mut call, 0);
    }
    let best = call.ends[0].events.iter().filter_map(|(_, event)| match event {
        Event::Estimate { bitrate, .. } => Some(bitrate.0),
        _ => None,
    });
    let best = best.max().unwrap();
    assert!(best > 2_000_000, "{best} b/s");
}

#[test]
fn frames_are_sent_immediately() {
    {
        let mut call = Setup::default().call();
        call.connect();
        let start = call.now;
        let mut media = Media::new(&call, 0);
        for _ in 0..4 {
            media.second(&mut call, 0);
        }
        call.run_for(ms(500));
        let delay = |packet: &&RtpPacket| {
            let sent = start + ms(u64::from(packet.header.timestamp) / 90);
            packet.arrival - sent - ms(25)
        };
        // Four packets of 900 bytes at 20 Mb/s; the pacer adds no delay either.
        let worst = call.ends[1].packets(Codec::Vp8).iter().map(delay).max().unwrap();
        assert!(worst < ms(3), "{worst:?}");
    }
}

#[test]
fn invalid_packets_and_sections_are_rejected() {
    let direction = Direction::SendOnly;
    let mut call = Setup { direction, ..Setup::default() }.call();
    let none = Extensions::default();
    let (now, audio) = (call.now, Mid::new("nothing"));
    let send = |peer: &mut Peer, mid, payload: &[u8], codec| {
        peer.send_audio(now, mid, codec, payload, 0, false, now, &none).unwrap_err()
    };
    let early = send(&mut call.ends[0].peer, audio, &[1], Codec::Opus);
    assert_eq!(early, SendError::NotConnected);
    call.connect();
    let audio = call.ends[0].media(Kind::Audio);
    let peer = &mut call.ends[0].peer;
    assert_eq!(send(peer, Mid::new("x"), &[1], Codec::Opus), SendError::NotSending);
    assert_eq!(send(peer, audio, &[1], Codec::Vp8), SendError::NoCodec(Codec::Vp8));
    assert_eq!(
        send(peer, audio, &[1; 1181], Codec::Opus),
        SendError::TooLong { bytes: 1181, limit: Peer::MAX_PAYLOAD_BYTES }
    );
    let long = Extensions { dependency: Some(vec![0; 201]), ..Extensions::default() };
    let refused = peer.send_audio(now, audio, Codec::Opus, &[1], 0, false, now, &long);
    assert_eq!(refused, Err(SendError::TooLong { bytes: 201, limit: 200 }));
    let audio = call.ends[1].media(Kind::Audio);
    assert_eq!(send(&mut call.ends[1].peer, audio, &[1], Codec::Opus), SendError::NotSending);
}
