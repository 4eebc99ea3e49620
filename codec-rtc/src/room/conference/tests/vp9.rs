//! Spatial layers of VP9 in one encoding, and simulcast of VP9.

use std::collections::BTreeSet;

use codec_core::codec::Bitrate;
use codec_core::frame::Size;

use super::world::{CAMERA, OWNER, ms, viewer};
use crate::extension::ExtensionMap;
use crate::packet::Format;
use crate::packet::vp8::PictureId;
use crate::packet::vp9::{Descriptor, LayerIndices, ScalabilityStructure};
use crate::room::{
    EncodingConfig, OutputConfig, Room, RoomConfig, RoomEvent, SourceKind, SourceLimits,
    StreamConfig, StreamState, ViewerConstraints,
};
use crate::rtp::{self, Header};

/// An encoding with three temporal layers, one packet per layer frame.
struct Source {
    ssrc: u32,
    /// Spatial ids, with heights and bytes per frame.
    layers: Vec<(u8, u16, usize)>,
    /// Whether upper spatial layers exist in one encoding.
    is_svc: bool,
    sequence: u16,
    frame: u16,
    position: usize,
    wants_key: bool,
}

impl Source {
    fn new(ssrc: u32, layers: &[(u8, u16, usize)], is_svc: bool) -> Self {
        let layers = layers.to_vec();
        Self { ssrc, layers, is_svc, sequence: 9, frame: 77, position: 0, wants_key: true }
    }

    fn next(&mut self, timestamp: u32) -> Vec<Vec<u8>> {
        let is_key = std::mem::take(&mut self.wants_key);
        self.position = if is_key { 0 } else { self.position + 1 };
        let temporal_id = [0, 2, 1, 2][self.position % 4];
        let sizes = self.layers.iter().map(|it| Size::new(u32::from(it.1) * 16 / 9, it.1.into()));
        let structure = ScalabilityStructure {
            spatial_layers: u8::try_from(self.layers.len()).unwrap(),
            sizes: sizes.collect(),
            group: Vec::new(),
        };
        let mut packets = Vec::new();
        for (index, (spatial_id, _, bytes)) in self.layers.iter().enumerate() {
            let descriptor = Descriptor {
                picture_id: Some(PictureId::Long(self.frame)),
                inter_predicted: !is_key,
                layer: Some(LayerIndices {
                    temporal_id,
                    switching_up: temporal_id == 0,
                    spatial_id: *spatial_id,
                    inter_layer_predicted: index > 0,
                }),
                tl0_pic_idx: Some(u8::try_from(self.position / 4 % 256).unwrap()),
                start_of_frame: true,
                end_of_frame: true,
                structure: (is_key && index == 0 && self.is_svc)
                    .then(|| Box::new(structure.clone())),
                ..Descriptor::default()
            };
            let mut payload = Vec::new();
            descriptor.write(&mut payload).unwrap();
            payload.push(if is_key { 0x80 } else { 0x84 });
            payload.resize(*bytes, 0);
            let header = Header {
                marker: index + 1 == self.layers.len(),
                sequence: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Header::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            let packet = rtp::Packet { header, csrcs: &[], extension: None, payload: &payload };
            let mut data = Vec::new();
            rtp::write_packet(&packet, 0, &mut data).unwrap();
            packets.push(data);
        }
        self.frame = (self.frame + 1) & 0x7fff;
        packets
    }
}

struct World {
    room: Room,
    sources: Vec<Source>,
    now_ms: u64,
    last_sequence: Option<u16>,
    /// Layers of the superframe in progress.
    layers: Vec<u8>,
    /// Time, spatial ids and marker of each superframe.
    frames: Vec<(u64, Vec<u8>, bool)>,
    ids: BTreeSet<u16>,
}

impl World {
    fn new(sources: Vec<Source>, heights: &[u32]) -> Self {
        let mut room = Room::new(RoomConfig::default());
        let (format, extensions) = (Format::Vp9, ExtensionMap::default());
        let config = StreamConfig { owner: OWNER, kind: SourceKind::Camera, format, extensions };
        room.add_stream(CAMERA, config).unwrap();
        for (index, source) in sources.iter().enumerate() {
            let (ssrc, height) = (source.ssrc, heights.get(index).copied());
            let config = EncodingConfig { ssrc, rid: None, height };
            room.add_encoding(ms(0), CAMERA, config).unwrap();
        }
        room.add_viewer(viewer(1)).unwrap();
        let output =
            OutputConfig { ssrc: 5, payload_type: 98, first_sequence: 0, clock_hz: 90_000 };
        room.subscribe(viewer(1), CAMERA, output).unwrap();
        let (now_ms, last_sequence) = (0, None);
        let (layers, frames, ids) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { room, sources, now_ms, last_sequence, layers, frames, ids }
    }

    fn limit(&mut self, max_height: u32) {
        let default_limits = SourceLimits { max_height, ..SourceLimits::NONE };
        let constraints = ViewerConstraints { default_limits, ..ViewerConstraints::default() };
        self.room.set_constraints(ms(self.now_ms), viewer(1), constraints);
        self.room.set_estimate(ms(self.now_ms), viewer(1), Bitrate::kbps(9000));
    }

    fn run(&mut self, for_ms: u64) {
        for now_ms in self.now_ms..self.now_ms + for_ms {
            self.now_ms = now_ms + 1;
            if now_ms % 33 == 0 {
                for source in &mut self.sources {
                    let timestamp = u32::try_from(now_ms * 90).unwrap() ^ source.ssrc << 20;
                    for packet in source.next(timestamp) {
                        self.room.handle_packet(ms(now_ms), &packet).unwrap();
                    }
                }
            }
            self.room.handle_timeout(ms(now_ms));
            while let Some(packet) = self.room.poll_transmit() {
                self.receive(now_ms, &packet.to_bytes());
            }
            while let Some(event) = self.room.poll_event() {
                if let RoomEvent::KeyFrame { ssrc, .. } = event {
                    let source = self.sources.iter_mut().find(|it| it.ssrc == ssrc);
                    source.unwrap().wants_key = true;
                }
            }
        }
    }

    fn receive(&mut self, now_ms: u64, data: &[u8]) {
        let packet = rtp::parse(data).unwrap();
        let expected = self.last_sequence.map_or(0, |last| last.wrapping_add(1));
        assert_eq!(packet.header.sequence, expected);
        self.last_sequence = Some(expected);
        let (descriptor, _) = Descriptor::parse(packet.payload).unwrap();
        if !descriptor.layer.unwrap().inter_layer_predicted {
            assert!(self.layers.is_empty(), "a superframe has no marker: {:?}", self.layers);
        }
        self.ids.insert(descriptor.picture_id.unwrap().number());
        self.layers.push(descriptor.spatial_id());
        if packet.header.marker {
            self.frames.push((now_ms, std::mem::take(&mut self.layers), true));
        }
    }

    fn newest(&self) -> &[u8] {
        self.frames.last().map_or(&[], |frame| &frame.1)
    }
}

#[test]
fn spatial_layers_in_one_encoding_follow_the_height() {
    let layers = [(0, 180, 600), (1, 360, 1000), (2, 720, 1900)];
    let mut world = World::new(vec![Source::new(1, &layers, true)], &[]);
    world.limit(720);
    world.run(2000);
    assert_eq!(world.newest(), [0, 1, 2]);
    world.limit(180);
    world.run(200);
    assert_eq!(world.newest(), [0]);
    assert!(world.frames.iter().rev().take(4).all(|frame| frame.1 == [0]));
    let before = world.now_ms;
    world.limit(360);
    world.run(500);
    assert_eq!(world.newest(), [0, 1]);
    let up = world.frames.iter().find(|frame| frame.0 > before && frame.1 == [0, 1]).unwrap();
    assert!(up.0 - before < 150, "{} ms", up.0 - before);
    let state = world.room.state(viewer(1), CAMERA);
    assert!(matches!(state, Some(StreamState::Playing { height: 360, spatial: 1, .. })));
}

#[test]
fn the_ssrc_decides_the_layer_and_not_the_ids_inside_packets() {
    // Both encodings are independent, although the upper one has the spatial id 2.
    let sources =
        vec![Source::new(1, &[(0, 180, 600)], false), Source::new(2, &[(2, 720, 1900)], false)];
    let mut world = World::new(sources, &[180, 720]);
    world.limit(720);
    world.run(2000);
    assert_eq!(world.newest(), [2]);
    world.limit(180);
    world.run(500);
    assert_eq!(world.newest(), [0]);
    world.limit(720);
    world.run(500);
    assert_eq!(world.newest(), [2]);
    // Every frame since the start of the viewer has its own PictureID.
    assert!(world.frames.len() > 80 && world.ids.len() == world.frames.len());
}
