//! Sources that another server of the same room receives and relays, and layers that another server needs.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::Room;
use crate::room::encoding::Rung;
use crate::room::id::{ParticipantId, StreamId};
use crate::room::layer_filter::Layers;
use crate::room::request_merger::KeyFrameReason;

/// A layer of an encoding, as one server describes it to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerInfo {
    /// Spatial layer, counted from the lowest one of the encoding.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// Height in pixels; 0 if it is unknown.
    pub height: u32,
    /// Frames per second, including lower temporal layers.
    pub frame_rate: f64,
    /// Bitrate, including the lower layers that it needs.
    pub rate: Bitrate,
}

impl Room {
    /// Marks a source without encodings as one that another server receives and relays: its encodings are off
    /// until a viewer needs them, also the lowest one. [`RoomEvent::Encoding`](super::RoomEvent::Encoding) then
    /// requests them.
    pub fn set_relayed(&mut self, stream: StreamId) {
        if let Some(source) = self.streams.get_mut(&stream) {
            source.is_relayed = true;
        }
    }

    /// The layers of an encoding that viewers can choose.
    #[must_use]
    pub fn layers(&self, ssrc: u32) -> Vec<LayerInfo> {
        let Some((id, index)) = self.ssrcs.get(&ssrc) else { return Vec::new() };
        let ladder = self.streams.get(id).map(|it| it.ladder.as_slice()).unwrap_or_default();
        let rungs = ladder.iter().filter(|rung| rung.encoding == *index);
        let described = rungs.map(|rung| LayerInfo {
            spatial: rung.layers.spatial,
            temporal: rung.layers.temporal,
            height: rung.height,
            frame_rate: rung.frame_rate,
            rate: rung.rate,
        });
        described.collect()
    }

    /// Sets the layers of an encoding of a relayed source, as the other server measured them. They are
    /// used while no packets arrive.
    pub fn set_layers(&mut self, now: Duration, ssrc: u32, layers: &[LayerInfo]) {
        let Some(&(id, index)) = self.ssrcs.get(&ssrc) else { return };
        let Some(source) = self.streams.get_mut(&id) else { return };
        let Some(encoding) = source.encodings.get_mut(index) else { return };
        if !source.is_relayed || encoding.is_alive(now, self.config.dead_after) {
            return;
        }
        let rungs = layers.iter().map(|it| Rung {
            encoding: index,
            layers: Layers { spatial: it.spatial, temporal: it.temporal },
            height: it.height,
            frame_rate: it.frame_rate,
            rate: it.rate,
        });
        encoding.set_known(rungs.collect());
        self.next_decision = self.next_decision.min(now);
    }

    /// Sets whether another server needs an encoding. It then counts as used by a viewer.
    pub fn set_needed(&mut self, now: Duration, ssrc: u32, is_needed: bool) {
        let Some(&(id, index)) = self.ssrcs.get(&ssrc) else { return };
        let encoding = self.streams.get_mut(&id).and_then(|it| it.encodings.get_mut(index));
        if let Some(encoding) = encoding {
            encoding.is_needed = is_needed;
            self.next_decision = self.next_decision.min(now);
        }
    }

    /// Requests a key frame of an encoding for another server, which counts as the participant `who`.
    pub fn request_key_frame_of(&mut self, now: Duration, who: ParticipantId, ssrc: u32) {
        let Some(&(id, index)) = self.ssrcs.get(&ssrc) else { return };
        let encoding = self.streams.get_mut(&id).and_then(|it| it.encodings.get_mut(index));
        if let Some(encoding) = encoding {
            encoding.requests.request(who, KeyFrameReason::Loss);
            self.poll_requests(now);
        }
    }
}
