//! One received encoding (SSRC) of a source.

use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::join_cache::{JoinCache, JoinCacheConfig};
use super::layer_filter::Layers;
use super::packet::{Inspector, MediaPacket};
use super::rate_meter::{RateMeter, SPATIAL, TEMPORAL};
use super::request_merger::{RequestMerger, RequestMergerConfig};
use crate::extension::{ExtensionMap, Label};
use crate::packet::Format;
use crate::rtp::Malformed;

/// An encoding that was switched on must send within this time.
const START_TIME: Duration = Duration::from_secs(3);
/// An encoding that did not send in time is not offered for this time.
const FAILED_TIME: Duration = Duration::from_secs(30);

/// Layers are measured while packets come.
const MEASURED: Duration = Duration::from_secs(1);

/// A layer that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rung {
    /// Index of the encoding.
    pub(super) encoding: usize,
    pub(super) layers: Layers,
    /// Height in pixels; 0 if it is unknown.
    pub(super) height: u32,
    pub(super) frame_rate: f64,
    pub(super) rate: Bitrate,
}

/// Settings of an encoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct EncodingSettings {
    pub(super) ssrc: u32,
    pub(super) rid: Option<Label>,
    pub(super) height: Option<u32>,
    pub(super) format: Format,
    pub(super) extensions: ExtensionMap,
    pub(super) cache: JoinCacheConfig,
    pub(super) requests: RequestMergerConfig,
    /// Whether another server relays it, on request.
    pub(super) is_relayed: bool,
}

/// An encoding with all that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Encoding {
    pub(super) ssrc: u32,
    pub(super) rid: Option<Label>,
    pub(super) requests: RequestMerger,
    pub(super) cache: JoinCache,
    inspector: Inspector,
    meter: RateMeter,
    /// Height that the publisher signalled.
    signalled_height: Option<u32>,
    heights: [Option<u32>; SPATIAL],
    pub(super) last_packet: Option<Duration>,
    pub(super) newest: Option<i64>,
    /// Layers at the last time that packets came.
    known: Vec<Rung>,
    /// Whether the publisher was asked to send it.
    pub(super) is_on: bool,
    /// Whether another server needs it.
    pub(super) is_needed: bool,
    on_since: Duration,
    unused_since: Option<Duration>,
    failed_until: Option<Duration>,
}

impl Encoding {
    pub(super) fn new(now: Duration, settings: &EncodingSettings) -> Self {
        Self {
            ssrc: settings.ssrc,
            rid: settings.rid,
            requests: RequestMerger::new(settings.requests),
            cache: JoinCache::new(settings.cache),
            inspector: Inspector::new(settings.format, settings.extensions),
            meter: RateMeter::new(),
            signalled_height: settings.height,
            heights: [None; SPATIAL],
            last_packet: None,
            newest: None,
            known: Vec::new(),
            is_on: !settings.is_relayed,
            is_needed: false,
            on_since: now,
            unused_since: None,
            failed_until: None,
        }
    }

    /// Parses and records a packet.
    pub(super) fn receive(
        &mut self,
        now: Duration,
        data: &[u8],
    ) -> Result<Arc<MediaPacket>, Malformed> {
        let packet = Arc::new(self.inspector.inspect(data)?);
        let frame = packet.frame;
        let layers = Layers { spatial: frame.spatial_id, temporal: frame.temporal_id };
        // One count per superframe.
        let starts_frame = frame.starts_frame && frame.spatial_id == 0;
        // Key frames are sent on request: they say little about the rate that the layer needs.
        let bytes = if frame.is_key { packet.data.len() / 4 } else { packet.data.len() };
        self.meter.record(now, layers, bytes, starts_frame);
        let index = usize::from(frame.spatial_id).min(SPATIAL - 1);
        if let (Some(place), Some((_, height))) = (self.heights.get_mut(index), frame.size) {
            *place = Some(height);
        }
        self.cache.push(now, &packet);
        self.newest = Some(self.newest.map_or(packet.number, |it| it.max(packet.number)));
        self.last_packet = Some(now);
        self.failed_until = None;
        Ok(packet)
    }

    /// Whether a packet arrived within `time`.
    pub(super) fn is_alive(&self, now: Duration, time: Duration) -> bool {
        self.last_packet.is_some_and(|at| now.saturating_sub(at) <= time)
    }

    /// Layers that can be chosen, the lowest first. An encoding that is off offers those that it had.
    pub(super) fn rungs(&mut self, now: Duration, index: usize, dead_after: Duration) -> &[Rung] {
        self.meter.advance(now);
        if self.is_alive(now, dead_after) {
            // The layers of a still screen stay known.
            if self.meter.is_ready(now) && self.is_alive(now, MEASURED) {
                self.known = self.measure(now, index);
            }
        } else if self.is_on {
            if now.saturating_sub(self.on_since) > START_TIME && self.failed_until.is_none() {
                self.failed_until = Some(now.saturating_add(FAILED_TIME));
            }
            let is_starting = now.saturating_sub(self.on_since) <= START_TIME;
            if !is_starting {
                return &[];
            }
        } else if self.failed_until.is_some_and(|until| now < until) {
            return &[];
        }
        &self.known
    }

    /// Sets the layers that can be chosen before packets come.
    pub(super) fn set_known(&mut self, known: Vec<Rung>) {
        if self.known.is_empty() {
            // It begins again.
            self.failed_until = None;
        }
        self.known = known;
    }

    fn measure(&self, now: Duration, index: usize) -> Vec<Rung> {
        let mut rungs = Vec::new();
        for spatial in 0..to_u8(SPATIAL) {
            for temporal in 0..to_u8(TEMPORAL) {
                let layers = Layers { spatial, temporal };
                if !self.meter.has(now, layers) {
                    continue;
                }
                let own = self.heights.get(usize::from(spatial)).copied().flatten();
                rungs.push(Rung {
                    encoding: index,
                    layers,
                    height: own.or(self.signalled_height).unwrap_or(0),
                    frame_rate: self.meter.frame_rate(temporal),
                    rate: self.meter.rate(layers),
                });
            }
        }
        rungs
    }

    /// Whether to change what the publisher sends: `Some(true)` switches the encoding on, `Some(false)`
    /// off after it was unused for `off_after`.
    pub(super) fn feedback(
        &mut self,
        now: Duration,
        is_used: bool,
        off_after: Duration,
    ) -> Option<bool> {
        if is_used {
            self.unused_since = None;
            if self.is_on {
                return None;
            }
            (self.is_on, self.on_since) = (true, now);
            return Some(true);
        }
        let since = *self.unused_since.get_or_insert(now);
        if !self.is_on || now.saturating_sub(since) < off_after {
            return None;
        }
        self.is_on = false;
        Some(false)
    }
}

fn to_u8(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
