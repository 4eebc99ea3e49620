//! Selects the spatial layers of VP9 that a viewer receives, and numbers the `PictureID`s of its
//! packets.

use std::time::Duration;

use codec_rtc::forward::{LayerDependencies, LayerSelector, PictureStart};
use codec_rtc::packet::vp9::{Descriptor, Packetizer, PacketizerConfig, PictureId};
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use codec_rtc::sequence::wrap_16;

use super::super::media::{VideoFrame, Vp9Picture};
use codec_core::codec::{FrameKind, PacketMeta};

/// Offset of the `PictureID` in our packets, which always use the two-byte form (RFC 9628, section
/// 4.2), and of the byte with the layers, if there is one.
const PICTURE_ID_AT: usize = FIXED_HEADER_BYTES + 1;
const LAYERS_AT: usize = FIXED_HEADER_BYTES + 3;
/// Flag of the byte with the layers.
const HAS_LAYERS: u8 = 0x20;
/// Bit of the marker in the second byte of RTP packets.
const MARKER: u8 = 0x80;
/// A larger step between superframes is a new stream.
const MAX_STEP: i64 = 1000;
/// Shortest interval between key frame requests to switch up.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// The packets of a superframe with all layers, for all viewers.
pub(super) fn packetize(
    mtu: usize,
    frame: &VideoFrame,
    timestamp: u32,
    packets: &mut Vec<Vec<u8>>,
) -> Option<()> {
    let layers = frame.tl0_index.is_some() || frame.temporal_id > 0;
    let config = PacketizerConfig { mtu, layers, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).ok()?;
    let Some(picture) = &frame.vp9 else {
        // Its references are unknown: it depends on the previous one that the viewer received.
        let meta = PacketMeta {
            kind: if frame.key { FrameKind::Key } else { FrameKind::Inter },
            temporal_id: frame.temporal_id,
            layer_sync: frame.layer_sync,
            ..PacketMeta::default()
        };
        return packetizer.packetize(&frame.data, &meta, timestamp, packets).ok();
    };
    for (at, layer) in (1..).zip(&picture.layers) {
        let picture_id = Some(PictureId::Long(0));
        let descriptor = Descriptor { picture_id, ..layer.descriptor.clone() };
        let data = frame.data.get(layer.bytes.clone())?;
        let ends = at == picture.layers.len();
        packetizer.packetize_layer(data, &descriptor, ends, timestamp, packets).ok()?;
    }
    Some(())
}

/// The part of the superframes that a viewer receives.
#[derive(Clone, Debug)]
pub(super) struct SpatialLayers {
    /// Number of the last superframe sent; its low 15 bits are the `PictureID`. And its number in its
    /// stream.
    number: i64,
    last: Option<(i64, bool)>,
    selector: LayerSelector,
    requested: Option<Duration>,
}

impl SpatialLayers {
    /// `id`: `PictureID` before the first one.
    pub(super) fn new(id: u16) -> Self {
        let selector = LayerSelector::new();
        Self { number: id.into(), last: None, selector, requested: None }
    }

    /// Sets the highest spatial layer to send.
    pub(super) fn set_wanted(&mut self, wanted: u8) {
        self.selector.set_max_spatial_layer(wanted);
    }

    /// Removes the layers that the viewer does not receive, and numbers the superframe for it.
    pub(super) fn fit(&mut self, frame: &VideoFrame, packets: &mut Vec<Vec<u8>>) {
        let picture = frame.vp9.as_deref();
        self.advance(picture.map(|picture| (picture.number, frame.small)));
        let sent = self.select(frame, picture);
        packets.retain(|packet| sent.contains(&spatial_id(packet)));
        if let Some(byte) = packets.last_mut().and_then(|packet| packet.get_mut(1)) {
            *byte |= MARKER;
        }
        let id = (wrap_16(self.number) | 0x8000).to_be_bytes();
        for packet in packets {
            if let Some(place) = packet.get_mut(PICTURE_ID_AT..PICTURE_ID_AT + 2) {
                place.copy_from_slice(&id);
            }
        }
    }

    /// The layers that are sent: fewer at once, and more where their references allow it.
    fn select(&mut self, frame: &VideoFrame, picture: Option<&Vp9Picture>) -> Vec<u8> {
        let (number, is_key) = (self.number, frame.key);
        let temporal_id = frame.temporal_id;
        self.selector.begin(PictureStart { number, temporal_id, is_key, may_join: true });
        let Some(picture) = picture else {
            // Its references are unknown: it depends on the previous one that the viewer received.
            return vec![0];
        };
        let layers = picture.layers.iter().map(|layer| &layer.descriptor);
        let sent = layers.filter(|descriptor| {
            let layer = descriptor.layer.unwrap_or_default();
            self.selector.admits(
                number,
                &LayerDependencies {
                    spatial_id: layer.spatial_id,
                    inter_layer: layer.inter_layer_predicted,
                    references: Some(descriptor.references.as_slice()),
                    switching_up: layer.switching_up,
                },
            )
        });
        sent.map(Descriptor::spatial_id).collect()
    }

    /// The next number: distances between superframes are kept, because layer frames state their
    /// references by them.
    fn advance(&mut self, number: Option<(i64, bool)>) {
        let step = match (self.last, number) {
            (Some((last, before)), Some((number, small))) if small == before => number - last,
            _ => 1,
        };
        self.number += if (1..MAX_STEP).contains(&step) { step } else { 1 };
        self.last = number;
    }

    /// Whether to request a key frame, because a layer that is wanted and present cannot be joined
    /// otherwise.
    pub(super) fn requests_key_frame(&mut self, now: Duration) -> bool {
        let is_due = self.requested.is_none_or(|at| now.saturating_sub(at) >= REQUEST_INTERVAL);
        let requests = self.selector.needs_key_frame() && is_due;
        if requests {
            self.requested = Some(now);
        }
        requests
    }
}

fn spatial_id(packet: &[u8]) -> u8 {
    let has_layers = packet.get(FIXED_HEADER_BYTES).is_some_and(|flags| flags & HAS_LAYERS != 0);
    match packet.get(LAYERS_AT) {
        Some(layers) if has_layers => layers >> 1 & 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec_rtc::packet::vp9::{LayerIndices, References};
    use codec_rtc::rtp;

    use super::super::super::media::Vp9Layer;
    use super::*;

    /// A superframe of three layers; `key`: the layers depend on each other, later only on themselves.
    fn picture(number: i64, key: bool) -> VideoFrame {
        let data = [[if key { 0x82 } else { 0x86 }; 40], [0x86; 40], [0x86; 40]].concat();
        let layer = |id: u8| Vp9Layer {
            bytes: usize::from(id) * 40..usize::from(id) * 40 + 40,
            descriptor: Descriptor {
                inter_predicted: !key,
                layer: Some(LayerIndices {
                    spatial_id: id,
                    inter_layer_predicted: key && id > 0,
                    ..LayerIndices::default()
                }),
                flexible: true,
                references: References::new(if key { &[] } else { &[1] }).unwrap(),
                ..Descriptor::default()
            },
        };
        let layers = (0..3).map(layer).collect();
        let vp9 = Vp9Picture { number, layers, spatial_layers: 3, size: None };
        VideoFrame { data: data.into(), key, vp9: Some(Arc::new(vp9)), ..VideoFrame::default() }
    }

    /// Layers and `PictureID`s that are sent.
    fn sent(layers: &mut SpatialLayers, frame: &VideoFrame) -> (Vec<u8>, u16) {
        let mut packets = Vec::new();
        packetize(1200, frame, 0, &mut packets).unwrap();
        layers.fit(frame, &mut packets);
        let mut found = Vec::new();
        let mut picture_id = 0;
        for (at, packet) in (1..).zip(&packets) {
            let packet = rtp::parse(packet).unwrap();
            assert_eq!(packet.header.marker, at == packets.len());
            let (descriptor, data) = Descriptor::parse(packet.payload).unwrap();
            assert_eq!(data.len(), 40);
            found.push(descriptor.spatial_id());
            picture_id = descriptor.picture_id.unwrap().number();
        }
        (found, picture_id)
    }

    #[test]
    fn layers_switch_down_at_once_and_up_at_key_pictures() {
        let mut layers = SpatialLayers::new(0x7fff);
        layers.set_wanted(1);
        assert_eq!(sent(&mut layers, &picture(70, true)), (vec![0, 1], 0));
        layers.set_wanted(2);
        assert_eq!(sent(&mut layers, &picture(71, false)), (vec![0, 1], 1));
        assert!(layers.requests_key_frame(Duration::ZERO));
        assert!(!layers.requests_key_frame(Duration::from_millis(100)));
        layers.set_wanted(0);
        assert_eq!(sent(&mut layers, &picture(73, false)), (vec![0], 3), "a picture was skipped");
        assert!(!layers.requests_key_frame(Duration::from_secs(1)));
        layers.set_wanted(u8::MAX);
        assert_eq!(sent(&mut layers, &picture(74, false)), (vec![0], 4));
        assert_eq!(sent(&mut layers, &picture(75, true)), (vec![0, 1, 2], 5));
        assert_eq!(sent(&mut layers, &picture(3, true)), (vec![0, 1, 2], 6), "a new stream");
        assert!(!layers.requests_key_frame(Duration::from_secs(2)));
    }

    #[test]
    fn pictures_without_layers_follow_one_another() {
        let mut layers = SpatialLayers::new(0);
        for (number, key) in [(1, true), (2, false)] {
            let data = vec![if key { 0x82 } else { 0x86 }; 40].into();
            let frame = VideoFrame { data, key, ..VideoFrame::default() };
            assert_eq!(sent(&mut layers, &frame), (vec![0], number));
        }
    }
}
