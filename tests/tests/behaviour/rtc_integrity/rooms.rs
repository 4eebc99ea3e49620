//! Frames that a room forwards: layers switch, sources pause, packets come late.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::extension::ExtensionMap;
use codec_rtc::jitter::video::{Frame, FrameBufferConfig};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::vp8::Decodable;
use codec_rtc::rng::Rng;
use codec_rtc::room::request_merger::KeyFrameReason;
use codec_rtc::room::{
    EncodingConfig, OutputConfig, ParticipantId, Room, RoomConfig, RoomEvent, SourceKind,
    SourceLimits, StreamConfig, StreamId, ViewerConstraints,
};
use codec_tests::rng;

use super::source::{Habits, Kind, Source};
use super::viewer::{Arrival, Link, Network, Viewer, check_content};
use super::{FORMATS, INTERVAL_MS};

const CAMERA: StreamId = StreamId(1);
const FRAMES: u64 = 120;

/// A publisher with three encodings.
struct Publisher {
    format: VideoFormat,
    sources: Vec<Source>,
    key_at: Vec<u64>,
    network: Network,
    link: Link,
}

impl Publisher {
    fn new(format: VideoFormat, rng: &mut Rng, room: &mut Room) -> Self {
        let (owner, extensions) = (ParticipantId(100), ExtensionMap::default());
        let kind = SourceKind::Camera;
        let config = StreamConfig { owner, kind, format: format.into(), extensions };
        room.add_stream(CAMERA, config).unwrap();
        let layers = format == VideoFormat::Vp8 && rng.below(2) == 0;
        let mut sources = Vec::new();
        for (ssrc, height, packets) in [(1, 180, 2), (2, 360, 4), (3, 720, 9)] {
            let encoding = EncodingConfig { ssrc, rid: None, height: Some(height) };
            room.add_encoding(Duration::ZERO, CAMERA, encoding).unwrap();
            let habits = Habits {
                format,
                fec: format != VideoFormat::H264 && rng.below(2) == 0,
                padding: false,
                padding_within: false,
                unsent_percent: 0,
                layers,
                packets,
            };
            sources.push(Source::new(habits, ssrc, Rng::new(rng.next_u64())));
        }
        let link = Link {
            loss_percent: *rng.pick(&[0, 0, 3, 10]),
            repaired_percent: *rng.pick(&[80, 100]),
            duplicate_percent: rng.below(5),
            jitter_ms: *rng.pick(&[0, 5, 40]),
        };
        Self { format, sources, key_at: vec![0; 3], network: Network::default(), link }
    }

    fn step(&mut self, now_ms: u64, rng: &mut Rng, room: &mut Room) {
        if now_ms.is_multiple_of(INTERVAL_MS) && now_ms < FRAMES * INTERVAL_MS {
            for (source, key_at) in self.sources.iter_mut().zip(&mut self.key_at) {
                let is_key = now_ms >= *key_at;
                if is_key {
                    *key_at = u64::MAX;
                }
                for (kind, packet) in source.next(is_key) {
                    let arrival = Arrival { kind, packet, retransmitted: false };
                    self.network.send(now_ms, rng, self.link, &arrival);
                }
            }
        }
        for arrival in self.network.due(now_ms) {
            if arrival.kind == Kind::Media {
                room.handle_packet(Duration::from_millis(now_ms), &arrival.packet).unwrap();
            }
        }
    }

    /// The frame that was sent with this content.
    fn find(&self, frame: &Frame) -> (u32, u32) {
        for source in &self.sources {
            let is_it = |(_, sent): &(&u32, &super::source::SentFrame)| match self.format {
                VideoFormat::Vp8 => sent.data == frame.data,
                VideoFormat::H264 => sent.data.ends_with(&frame.data),
                VideoFormat::Vp9 => frame.layers.iter().all(|layer| {
                    let spatial_id = usize::from(layer.descriptor.spatial_id());
                    sent.layers[spatial_id] == frame.data[layer.bytes.clone()]
                }),
            };
            if let Some((timestamp, sent)) = source.frames.iter().find(is_it) {
                if self.format != VideoFormat::Vp9 {
                    check_content(self.format, frame, sent);
                }
                return (source.ssrc, *timestamp);
            }
        }
        panic!("a frame of {} bytes, key {}, was not sent", frame.data.len(), frame.is_key);
    }

    fn frames(&self, ssrc: u32) -> &HashMap<u32, super::source::SentFrame> {
        &self.sources.iter().find(|source| source.ssrc == ssrc).unwrap().frames
    }
}

/// A viewer behind a link of its own.
struct Member {
    id: ParticipantId,
    joins_at: u64,
    network: Network,
    link: Link,
    viewer: Viewer,
    /// Frames since the last key frame: encodings and timestamps.
    emitted: HashSet<(u32, u32)>,
    frames: usize,
    /// Time since which it needs a key frame.
    requested: u64,
}

impl Member {
    fn new(id: u64, format: VideoFormat, rng: &mut Rng) -> Self {
        let config = FrameBufferConfig { format, ..FrameBufferConfig::default() };
        let link = Link {
            loss_percent: *rng.pick(&[0, 0, 5]),
            repaired_percent: 90,
            duplicate_percent: rng.below(3),
            jitter_ms: *rng.pick(&[0, 3, 30]),
        };
        Self {
            id: ParticipantId(id),
            joins_at: rng.below(2000),
            network: Network::default(),
            link,
            viewer: Viewer::new(config, 77, false),
            emitted: HashSet::new(),
            frames: 0,
            requested: 0,
        }
    }

    fn join(&self, now: Duration, room: &mut Room, rng: &mut Rng) {
        room.add_viewer(self.id).unwrap();
        let first_sequence = 65_000 + u16::try_from(rng.below(500)).unwrap();
        let output = OutputConfig { ssrc: 77, payload_type: 96, first_sequence, clock_hz: 90_000 };
        room.subscribe(self.id, CAMERA, output).unwrap();
        self.change(now, room, rng);
    }

    /// Wishes and bandwidth change.
    fn change(&self, now: Duration, room: &mut Room, rng: &mut Rng) {
        let kbps = *rng.pick(&[50, 300, 700, 1500, 9000]);
        room.set_estimate(now, self.id, Bitrate::kbps(kbps));
        let max_height = *rng.pick(&[0, 180, 360, 720, 720]);
        let limits = SourceLimits { max_height, max_frame_rate: u32::MAX };
        let constraints = ViewerConstraints {
            on_stage: vec![CAMERA],
            limits: BTreeMap::from([(CAMERA, limits)]),
            ..ViewerConstraints::default()
        };
        room.set_constraints(now, self.id, constraints);
    }

    fn step(&mut self, now_ms: u64, room: &mut Room, publisher: &Publisher) {
        let now = Duration::from_millis(now_ms);
        for arrival in self.network.due(now_ms) {
            self.viewer.push(now, &arrival.packet, arrival.retransmitted);
        }
        for frame in self.viewer.poll(now) {
            let (ssrc, timestamp) = publisher.find(&frame);
            let sent = &publisher.frames(ssrc)[&timestamp];
            let reference = sent.reference.map(|reference| (ssrc, reference));
            if frame.decodable == Decodable::Yes {
                match reference {
                    Some(it) => assert!(
                        self.emitted.contains(&it),
                        "{timestamp} of {ssrc} lacks its reference"
                    ),
                    // A replay repeats frames.
                    None => self.emitted.clear(),
                }
                self.emitted.insert((ssrc, timestamp));
                self.frames += 1;
            }
            self.viewer.buffer.decoded(now, frame.number, Duration::ZERO);
        }
        if self.viewer.buffer.needs_key_frame(now) && now_ms >= self.requested + 200 {
            self.requested = now_ms;
            room.request_key_frame(now, self.id, CAMERA, KeyFrameReason::Loss);
        }
    }
}

fn forward(format: VideoFormat, rng: &mut Rng) -> usize {
    let mut room = Room::new(RoomConfig::default());
    let mut publisher = Publisher::new(format, rng, &mut room);
    let mut members: Vec<Member> = (1..=3).map(|id| Member::new(id, format, rng)).collect();
    for now_ms in 0..FRAMES * INTERVAL_MS + 500 {
        let now = Duration::from_millis(now_ms);
        for member in &members {
            if now_ms == member.joins_at {
                member.join(now, &mut room, rng);
            } else if now_ms > member.joins_at && rng.below(700) == 0 {
                member.change(now, &mut room, rng);
            }
        }
        publisher.step(now_ms, rng, &mut room);
        if room.poll_timeout().is_some_and(|at| at <= now) {
            room.handle_timeout(now);
        }
        while let Some(transmit) = room.poll_transmit() {
            let packet = transmit.to_bytes();
            let member = members.iter_mut().find(|it| it.id == transmit.viewer).unwrap();
            let arrival = Arrival { kind: Kind::Media, packet, retransmitted: false };
            member.network.send(now_ms, rng, member.link, &arrival);
        }
        while let Some(event) = room.poll_event() {
            if let RoomEvent::KeyFrame { ssrc, .. } = event {
                let place = publisher.sources.iter().position(|it| it.ssrc == ssrc).unwrap();
                let key_at = &mut publisher.key_at[place];
                *key_at = (*key_at).min(now_ms + 60);
            }
        }
        for member in &mut members {
            member.step(now_ms, &mut room, &publisher);
        }
    }
    members.iter().map(|member| member.frames).sum()
}

#[test]
fn rooms_forward_frames_unchanged() {
    let frames = AtomicUsize::new(0);
    rng::for_each_seed(100, |_, rng| {
        for format in FORMATS {
            frames.fetch_add(forward(format, rng), Ordering::Relaxed);
        }
    });
    // Some viewers want nothing.
    assert!(frames.into_inner() > 30);
}
