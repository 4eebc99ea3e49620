//! A publisher, viewers and a room in virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::receiver::Receiver;
use super::source::Source;
use crate::extension::ExtensionMap;
use crate::packet::Format;
use crate::rng::Rng;
use crate::room::{
    EncodingConfig, OutputConfig, ParticipantId, Room, RoomConfig, RoomEvent, RoomTransmit,
    SourceKind, StreamConfig, StreamId, StreamState, ViewerConstraints,
};

pub(super) const OWNER: ParticipantId = ParticipantId(1000);
pub(super) const CAMERA: StreamId = StreamId(1);
pub(super) const PACKET_BYTES: usize = 1000;

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn viewer(number: u64) -> ParticipantId {
    ParticipantId(number)
}

pub(super) struct World {
    pub(super) room: Room,
    pub(super) now_ms: u64,
    pub(super) sources: Vec<Source>,
    pub(super) receivers: BTreeMap<(ParticipantId, StreamId), Receiver>,
    pub(super) events: Vec<(u64, RoomEvent)>,
    pub(super) requests: Vec<(u64, u32)>,
    /// Time from a request to the key frame.
    pub(super) key_delay_ms: u64,
    /// Loss towards the room in percent, and whether packets are reordered.
    pub(super) loss_percent: u64,
    pub(super) reorder: bool,
    /// SSRCs of encodings that ignore key-frame requests.
    pub(super) ignores_requests: BTreeSet<u32>,
    held_back: Vec<(u64, Vec<u8>)>,
    /// Whether each source sends at most one packet per millisecond.
    pub(super) is_paced: bool,
    paced: BTreeMap<u32, VecDeque<Vec<u8>>>,
    rng: Rng,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            room: Room::new(RoomConfig::default()),
            now_ms: 0,
            sources: Vec::new(),
            receivers: BTreeMap::new(),
            events: Vec::new(),
            requests: Vec::new(),
            key_delay_ms: 60,
            loss_percent: 0,
            reorder: false,
            ignores_requests: BTreeSet::new(),
            held_back: Vec::new(),
            is_paced: false,
            paced: BTreeMap::new(),
            rng: Rng::new(1),
        }
    }

    /// A camera with 180p, 360p and 720p.
    pub(super) fn with_camera() -> Self {
        let mut world = Self::new();
        world.add_stream(CAMERA, SourceKind::Camera, OWNER);
        for (ssrc, height, kbps) in [(1, 180, 150), (2, 360, 500), (3, 720, 1500)] {
            world.add_source(Source::new(CAMERA, ssrc, height, kbps));
        }
        world
    }

    pub(super) fn add_stream(&mut self, id: StreamId, kind: SourceKind, owner: ParticipantId) {
        let (format, extensions) = (Format::Vp8, ExtensionMap::default());
        self.room.add_stream(id, StreamConfig { owner, kind, format, extensions }).unwrap();
    }

    pub(super) fn add_source(&mut self, mut source: Source) {
        let config = EncodingConfig { ssrc: source.ssrc, rid: None, height: None };
        source.next_ms += self.now_ms;
        self.room.add_encoding(ms(self.now_ms), source.stream, config).unwrap();
        self.sources.push(source);
    }

    /// Adds a viewer that has the stream on stage.
    pub(super) fn join(&mut self, id: ParticipantId, stream: StreamId, kbps: u64) {
        let _ = self.room.add_viewer(id);
        let output =
            OutputConfig { ssrc: 77, payload_type: 100, first_sequence: 65_000, clock_hz: 90_000 };
        self.room.subscribe(id, stream, output).unwrap();
        let constraints =
            ViewerConstraints { on_stage: vec![stream], ..ViewerConstraints::default() };
        self.room.set_estimate(ms(self.now_ms), id, Bitrate::kbps(kbps));
        self.room.set_constraints(ms(self.now_ms), id, constraints);
        self.receivers.insert((id, stream), Receiver::default());
    }

    pub(super) fn estimate(&mut self, id: ParticipantId, kbps: u64) {
        self.room.set_estimate(ms(self.now_ms), id, Bitrate::kbps(kbps));
    }

    pub(super) fn source(&mut self, ssrc: u32) -> &mut Source {
        self.sources.iter_mut().find(|source| source.ssrc == ssrc).unwrap()
    }

    /// Stops a source, even in the middle of a frame.
    pub(super) fn cut(&mut self, ssrc: u32) {
        self.source(ssrc).is_on = false;
        self.paced.remove(&ssrc);
    }

    pub(super) fn receiver(&self, id: u64) -> &Receiver {
        &self.receivers[&(viewer(id), CAMERA)]
    }

    pub(super) fn state(&self, id: u64) -> StreamState {
        self.room.state(viewer(id), CAMERA).unwrap()
    }

    pub(super) fn run(&mut self, for_ms: u64) {
        for _ in 0..for_ms {
            self.step();
        }
    }

    fn step(&mut self) {
        let (now, now_ms) = (ms(self.now_ms), self.now_ms);
        let mut packets = Vec::new();
        for source in &mut self.sources {
            let new = source.poll(now_ms);
            let queue = self.paced.entry(source.ssrc).or_default();
            queue.extend(new);
            let count = if self.is_paced { queue.len().min(1) } else { queue.len() };
            packets.extend(queue.drain(..count));
        }
        let (due, later) = std::mem::take(&mut self.held_back)
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.0 <= now_ms);
        self.held_back = later;
        for packet in packets {
            if self.rng.below(100) < self.loss_percent {
                // Nine in ten come again by retransmission.
                if self.loss_percent < 100 && self.rng.below(10) > 0 {
                    self.held_back.push((now_ms + 50, packet));
                }
                continue;
            }
            if self.reorder && self.rng.below(20) == 0 {
                self.held_back.push((now_ms + 1 + self.rng.below(40), packet));
                continue;
            }
            self.room.handle_packet(now, &packet).unwrap();
        }
        for (_, packet) in due {
            self.room.handle_packet(now, &packet).unwrap();
        }
        if self.room.poll_timeout().is_some_and(|at| at <= now) {
            self.room.handle_timeout(now);
        }
        self.drain();
        self.now_ms += 1;
    }

    pub(super) fn drain(&mut self) {
        let now = ms(self.now_ms);
        let may_lose = self.loss_percent > 0 || self.reorder;
        while let Some(packet) = self.room.poll_transmit() {
            let RoomTransmit { viewer, stream, .. } = packet;
            let data = packet.to_bytes();
            if let Some(receiver) = self.receivers.get_mut(&(viewer, stream)) {
                if may_lose {
                    receiver.reorder(now, data);
                } else {
                    receiver.receive(now, &data, false);
                }
            }
        }
        self.receivers.values_mut().for_each(|it| it.poll(now));
        while let Some(event) = self.room.poll_event() {
            if let RoomEvent::KeyFrame { ssrc, .. } = event {
                self.requests.push((self.now_ms, ssrc));
                let due = self.now_ms + self.key_delay_ms;
                let is_ignoring = self.ignores_requests.contains(&ssrc);
                let source = self.source(ssrc);
                if !is_ignoring && source.key_due_ms.is_none() {
                    source.key_due_ms = Some(due);
                }
            }
            if let RoomEvent::Encoding { ssrc, on, .. } = event {
                let (now_ms, source) = (self.now_ms, self.source(ssrc));
                source.is_on = on;
                source.next_ms = now_ms + 1;
            }
            self.events.push((self.now_ms, event));
        }
    }

    /// Fails if a viewer got something that it cannot decode.
    pub(super) fn check(&self) {
        for ((id, stream), receiver) in &self.receivers {
            let problems = &receiver.problems;
            let first: Vec<_> = problems.iter().take(5).collect();
            assert!(problems.is_empty(), "{id:?} {stream:?}: {} of {first:#?}", problems.len());
        }
    }
}
