//! A publisher's packets over a link in virtual time.

#[path = "../../../../../tests/src/depth.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod depth;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use codec_core::codec::{FrameKind, PacketMeta};
use codec_rtc::extension::Extensions;
use codec_rtc::link::{Loss, LossProcess};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::rng::Rng;
use codec_rtc::rtp::Header;
use codec_webrtc::{Direction, NegotiatedCodec};
use tokio::sync::mpsc;

use super::super::super::limits::Limits;
use super::super::super::media::VideoCodec;
use super::super::super::room::{Hub, Item, StreamHooks, StreamInfo, Viewer};
use super::*;
use crate::clock::Clock;

const INFO: StreamInfo = StreamInfo { kind: "whip", video: Some(VideoCodec::Vp8), audio: true };
const RTT: Duration = Duration::from_millis(60);
const FRAMES: u32 = 900;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A stream, its publisher, and the items of a viewer.
fn room() -> (Publisher, Viewer, mpsc::Receiver<Item>) {
    // Limits use the wall clock.
    let limits = Limits { bitrate: 1 << 40, ..Limits::default() };
    let hub = Arc::new(Hub::new(Clock::start(), limits, StreamHooks::default()));
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let (out, items) = mpsc::channel(10_000);
    let viewer = Viewer::join(publisher.stream(), Box::new(out)).unwrap();
    (publisher, viewer, items)
}

fn video() -> Media {
    let codec = NegotiatedCodec {
        codec: Codec::Vp8,
        payload_type: 96,
        rtx: Some(97),
        red: None,
        clock_hz: VIDEO_HZ,
        h264: None,
    };
    let (mid, direction) = (Mid::new("0"), Direction::ReceiveOnly);
    Media { mid, kind: Kind::Video, direction, codecs: vec![codec], send_layers: Vec::new() }
}

fn packet(ssrc: u32, bytes: &[u8], codec: Codec) -> RtpPacket {
    let parsed = rtp::parse(bytes).unwrap();
    let mid = Mid::new(if codec == Codec::Vp8 { "0" } else { "1" });
    RtpPacket {
        mid,
        rid: None,
        codec,
        header: Header { ssrc, ..parsed.header },
        sequence: parsed.header.sequence.into(),
        extensions: Extensions::default(),
        payload: parsed.payload.into(),
        arrival: Duration::ZERO,
    }
}

/// Sends packets of frames at 1.5 Mb/s and 30 frames per second; key frames on request.
struct Sender {
    packetizer: Packetizer,
    frame: u32,
    layers: bool,
}

impl Sender {
    fn new(layers: bool) -> Self {
        let config = PacketizerConfig { mtu: 1200, layers, ..PacketizerConfig::default() };
        Self { packetizer: Packetizer::new(config).unwrap(), frame: 0, layers }
    }

    fn next(&mut self, key: bool) -> Vec<Vec<u8>> {
        let place = self.frame % 4;
        let mut meta = PacketMeta {
            frame_id: self.frame.into(),
            kind: if key || self.frame == 0 { FrameKind::Key } else { FrameKind::Inter },
            ..PacketMeta::default()
        };
        if self.layers {
            meta.temporal_id = [0, 2, 1, 2][place as usize];
            // Like Chromium with L1T3: the first frame of each upper layer refers only to the base
            // layer.
            meta.layer_sync = matches!(place, 1 | 2);
            meta.tl0_index = u8::try_from(self.frame / 4 % 256).unwrap();
        }
        let inter = u8::from(meta.kind != FrameKind::Key);
        let mut packets = Vec::new();
        let data = vec![inter; 6250];
        self.packetizer.packetize(&data, &meta, self.frame * 3000, &mut packets).unwrap();
        self.frame += 1;
        packets
    }
}

/// The share of frames that a viewer receives with this loss in both directions and round trip
/// `rtt`. Retransmission works as in the stack: every 33 ms, packets are requested that were not
/// requested within a round trip and 5 ms, each at most five times.
fn passed_on(loss: f64, rtt: Duration, layers: bool, seed: u64) -> f64 {
    let (publisher, _viewer, mut items) = room();
    let mut session = PublisherSession::new(Duration::ZERO);
    session.handle_media_line(&video());
    session.handle_path_stats(&PathStats { ice_round_trip: Some(rtt), ..PathStats::default() });
    let mut lost = LossProcess::new(Loss::Random(loss), Rng::stream(seed, 1)).unwrap();
    let mut sender = Sender::new(layers);
    let mut sent: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut resent: BTreeMap<u16, Duration> = BTreeMap::new();
    let (mut came, mut peak_bitrate) = (BTreeSet::new(), None);
    let mut asked: BTreeMap<u16, (u32, Duration)> = BTreeMap::new();
    let mut arrivals: BTreeMap<(Duration, u32), u16> = BTreeMap::new();
    let mut requests: Vec<(Duration, Vec<u16>)> = Vec::new();
    let (mut serial, mut key) = (0, false);
    let mut key_at = None;
    let end = u64::from(FRAMES) * 1000 / 30 + 2000;
    for now in (0..end).map(ms) {
        if sender.frame < FRAMES && now >= ms(u64::from(sender.frame) * 1000 / 30) {
            for bytes in sender.next(std::mem::take(&mut key)) {
                let number = rtp::sequence_of(&bytes).unwrap();
                sent.insert(number, bytes);
                if !lost.next_is_lost() {
                    arrivals.insert((now + rtt / 2, serial), number);
                }
                serial += 1;
            }
        }
        for (_, numbers) in requests.extract_if(.., |(at, _)| *at <= now) {
            for number in numbers {
                // Not again within a round trip.
                let since = resent.get(&number).map_or(Duration::MAX, |at| now - *at);
                if since > rtt {
                    resent.insert(number, now);
                    if !lost.next_is_lost() {
                        arrivals.insert((now + rtt / 2, serial), number);
                    }
                    serial += 1;
                }
            }
        }
        while arrivals.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let (_, number) = arrivals.pop_first().unwrap();
            peak_bitrate = peak_bitrate.max(Some(number));
            if came.insert(number) {
                let packet = packet(7, &sent[&number], Codec::Vp8);
                session.handle_packet(now, &packet, &publisher).unwrap();
            }
        }
        session.forward_frames(now, &publisher).unwrap();
        if now.as_millis().is_multiple_of(33) {
            let missing = (0..peak_bitrate.unwrap_or(0)).filter(|number| !came.contains(number));
            let missing: Vec<u16> = missing
                .filter(|number| {
                    let (tries, next) = asked.entry(*number).or_default();
                    let is_due = *tries < 5 && *next <= now;
                    if is_due {
                        (*tries, *next) = (*tries + 1, now + rtt + ms(5));
                    }
                    is_due
                })
                .collect();
            if !missing.is_empty() && !lost.next_is_lost() {
                requests.push((now + rtt / 2, missing));
            }
        }
        // Key frame requests use the same link.
        if session.is_request_due(now) {
            session.requests.sent(now);
            if !lost.next_is_lost() {
                key_at.get_or_insert(now + rtt / 2);
            }
        }
        if key_at.is_some_and(|at| at <= now) {
            (key, key_at) = (true, None);
        }
    }
    let got = std::iter::from_fn(|| items.try_recv().ok());
    let got = got.filter(|item| matches!(item, Item::Video(_))).count();
    f64::from(u32::try_from(got).unwrap()) / f64::from(FRAMES)
}

#[test]
fn frames_of_a_publisher_survive_a_lossy_link() {
    let links = [
        (0.0, RTT, 1.0),
        (0.05, RTT, 0.99),
        (0.10, RTT, 0.97),
        (0.05, ms(2), 0.99),
        (0.05, ms(150), 0.99),
    ];
    for (turn, (loss, rtt, least)) in links.into_iter().enumerate() {
        for layers in depth::in_turn(turn, [true, false]) {
            let seeds = 1..=depth::rounds(4, 4);
            let shares: Vec<f64> = seeds.map(|seed| passed_on(loss, rtt, layers, seed)).collect();
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            eprintln!("{loss} lost, {rtt:?}, layers {layers}: {mean:.4} passed on, {shares:.3?}");
            assert!(mean >= least, "{loss} lost, {rtt:?}, layers {layers}: {shares:?}");
        }
    }
}

#[test]
fn audio_is_aligned_with_video_by_the_senders_clock() {
    let (picture, audio) = (Mid::new("0"), Mid::new("1"));
    let now = ms(500);
    let mut session = PublisherSession::new(Duration::ZERO);
    session.mid = Some(picture);
    session.video_source.classify(now, 1);
    session.audio_source.classify(now, 2);
    let tick = session.video_ticks.unwrap(1000);
    session.video.pts(tick, now);
    let tick = session.audio_ticks.unwrap(7000);
    session.audio.audio_pts(tick, now, 960);
    // By the sender's clock, audio was captured 100 ms before the video.
    let report = |mid, ssrc, timestamp, ms: u64| SenderReport {
        mid,
        ssrc,
        ntp: crate::clock::ntp_duration(Duration::from_millis(100_000 + ms)),
        rtp_timestamp: timestamp,
        arrival: now,
    };
    session.handle_sender_report(&report(picture, 1, 1000, 100));
    session.handle_sender_report(&report(audio, 2, 7000, 0));
    // A report of an SSRC that is not followed has no effect.
    session.handle_sender_report(&report(audio, 3, 7000, 50));
    let tick = session.audio_ticks.unwrap(7000 + 4800 + 960);
    let pts = session.audio.audio_pts(tick, now, 960).unwrap();
    assert!(pts.abs_diff(24_000 + 960) < 5);
}

/// Times of audio in a stream whose sender reports, after 200 ms, that audio is 100 ms early.
#[test]
fn audio_packets_have_the_times_of_their_samples() {
    let (publisher, _viewer, mut items) = room();
    let mut session = PublisherSession::new(Duration::ZERO);
    session.handle_media_line(&video());
    let mut sender = Sender::new(false);
    let clock = |at: Duration| crate::clock::ntp_duration(ms(1_000_000) + at);
    for step in 0..50_u32 {
        let now = ms(u64::from(step) * 20);
        if step % 2 == 0 {
            for bytes in sender.next(false) {
                session.handle_packet(now, &packet(1, &bytes, Codec::Vp8), &publisher).unwrap();
            }
        }
        let mut bytes = Vec::new();
        let sequence = u16::try_from(step).unwrap();
        let timestamp = 5000 + 960 * step;
        let header = Header { sequence, timestamp, payload_type: 111, ..Header::default() };
        rtp::write(&header, &mut bytes);
        bytes.extend([0xf8, 0xff, 0xfe]);
        session.handle_packet(now, &packet(2, &bytes, Codec::Opus), &publisher).unwrap();
        if step == 10 {
            let report = |mid, ssrc, ntp, rtp_timestamp| SenderReport {
                mid: Mid::new(mid),
                ssrc,
                ntp,
                rtp_timestamp,
                arrival: now,
            };
            session.handle_sender_report(&report("0", 1, clock(now), 15_000));
            session.handle_sender_report(&report("1", 2, clock(now + ms(66)), timestamp));
            session.handle_sender_report(&report("1", 2, clock(now - ms(34)), timestamp));
        }
    }
    let audio = std::iter::from_fn(|| items.try_recv().ok()).filter_map(|item| match item {
        Item::Audio(packet) => Some(packet.pts),
        _ => None,
    });
    let times: Vec<u64> = audio.collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 480), "{times:?}");
    assert!(times.len() > 40, "{times:?}");
}

#[test]
fn simulcast_layers_are_not_mixed_and_restarted_senders_are_followed() {
    let (publisher, _viewer, mut items) = room();
    let mut session = PublisherSession::new(Duration::ZERO);
    session.handle_media_line(&video());
    let mut senders = [Sender::new(false), Sender::new(false), Sender::new(false)];
    let mut run = |from: u64, to: u64, sources: std::ops::Range<usize>| {
        for frame in from..to {
            let now = ms(frame * 33);
            session.forward_frames(now, &publisher).unwrap();
            for (ssrc, sender) in (1..).zip(&mut senders) {
                let at = usize::try_from(ssrc).unwrap() - 1;
                if sources.contains(&at) {
                    let key = session.buffer.needs_key_frame(now);
                    for bytes in sender.next(key) {
                        session
                            .handle_packet(now, &packet(ssrc, &bytes, Codec::Vp8), &publisher)
                            .unwrap();
                    }
                }
            }
        }
        let got = std::iter::from_fn(|| items.try_recv().ok()).filter_map(|item| match item {
            Item::Video(frame) => Some((frame.key, frame.pts)),
            _ => None,
        });
        got.collect::<Vec<_>>()
    };
    let first = run(0, 60, 0..2);
    assert_eq!(first.len(), 60, "one of two layers");
    assert_eq!(first.iter().filter(|frame| frame.0).count(), 1);
    // The sender restarts with another SSRC.
    let second = run(60, 120, 2..3);
    assert!((25..=31).contains(&second.len()), "{} frames", second.len());
    assert!(second[0].0, "a key frame first");
    assert!(second[0].1 > first[59].1, "time continues");
}
