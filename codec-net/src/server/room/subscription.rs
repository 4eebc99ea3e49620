//! The subscription of a viewer to a stream: selects the media to send to the viewer, and counts
//! delivered and dropped frames.

use std::fmt;
use std::sync::Arc;

use codec_core::codec::Bitrate;

use super::super::media::{AudioPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::decodability::{Decodability, DropReason};
use super::sink::{DeliveryError, Item, MediaSink};

/// Delivered and dropped frames of a viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ViewerCounters {
    pub frames: u64,
    pub bytes: u64,
    pub audio_packets: u64,
    /// Dropped because the viewer could not receive more.
    pub slow: u64,
    /// Dropped because they depend on a dropped frame.
    pub undecodable: u64,
    /// Dropped because their layer was not wanted.
    pub layers: u64,
    /// Dropped because the video was paused.
    pub paused: u64,
    /// Frames of the small rendition, included in [`Self::frames`].
    pub small: u64,
}

/// Which encoding of the video a viewer receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// The published one, with at most this many temporal layers, at least 1.
    Full(u8),
    /// A smaller one at a low bitrate, encoded by the server while a viewer needs it.
    Small,
    /// No video.
    NoVideo,
}

/// The video that a viewer receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoState {
    /// Why it is paused; `None` if it is not.
    pub paused: Option<&'static str>,
    /// Whether it is the small rendition, because the link cannot carry the full one.
    pub small: bool,
}

/// The capacity of a viewer's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkBudget {
    /// The current sending rate including headers; below the link's capacity while a queue drains.
    pub bitrate: Bitrate,
    /// The stable capacity of the link, including headers.
    pub stable: Bitrate,
    /// Whether packets are lost: video is sent with FEC, which needs a share of the bitrate.
    pub fec: bool,
    /// Whether frames queue up before the link: the next one should not be encoded.
    pub hold: bool,
    /// Whether the link's capacity has just collapsed: nothing should be encoded until its queue is
    /// empty.
    pub stop: bool,
}

/// The state that a stream keeps for a viewer.
pub(super) struct Subscription {
    sink: Box<dyn MediaSink>,
    decodability: Decodability,
    /// The wanted rendition.
    rendition: Rendition,
    /// Whether the last delivered frame was of the small rendition.
    on_small: bool,
    /// Time of the last delivered frame.
    last_pts: Option<u64>,
    budget: Option<LinkBudget>,
    /// Whether the viewer belongs to the server itself; such viewers are not counted.
    internal: bool,
    counters: ViewerCounters,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn new(sink: Box<dyn MediaSink>, internal: bool) -> Self {
        Self {
            sink,
            decodability: Decodability::new(),
            rendition: Rendition::Full(u8::MAX),
            on_small: false,
            last_pts: None,
            budget: None,
            internal,
            counters: ViewerCounters::default(),
        }
    }

    /// Whether a key frame of the full or of the small rendition is needed before other frames of
    /// it.
    pub(super) fn needs_key_frame(&self, small: bool) -> bool {
        let is_wanted = match self.rendition {
            Rendition::Full(_) => !small,
            Rendition::Small => small,
            Rendition::NoVideo => false,
        };
        is_wanted && (self.on_small != small || self.decodability.needs_key_frame())
    }

    pub(super) fn wants_small_rendition(&self) -> bool {
        self.rendition == Rendition::Small
    }

    pub(super) fn is_internal(&self) -> bool {
        self.internal
    }

    pub(super) fn budget(&self) -> Option<LinkBudget> {
        self.budget
    }

    pub(super) fn set_budget(&mut self, budget: Option<LinkBudget>) {
        self.budget = budget;
    }

    /// Whether the last delivered frame was of the small rendition.
    pub(super) fn is_on_small(&self) -> bool {
        self.on_small
    }

    pub(super) fn counters(&self) -> ViewerCounters {
        self.counters
    }

    /// Records that a delivered frame did not reach the viewer.
    pub(super) fn record_send_failure(&mut self) {
        self.restart();
        self.counters.slow += 1;
    }

    pub(super) fn set_rendition(&mut self, rendition: Rendition) {
        self.rendition = rendition;
        if let Rendition::Full(layers) = rendition {
            self.decodability.set_layers(layers);
        }
    }

    /// Whether a frame belongs to the rendition that the viewer should receive now. It switches
    /// down immediately, and up at the next key frame: the small rendition continues until then.
    fn takes(&mut self, frame: &VideoFrame) -> bool {
        let is_later = self.last_pts.is_none_or(|last| frame.pts > last);
        match self.rendition {
            Rendition::NoVideo => return false,
            Rendition::Small if !frame.small => return false,
            Rendition::Full(_) if frame.small && !self.on_small => return false,
            _ => {}
        }
        if frame.small == self.on_small {
            return true;
        }
        let changes = frame.key && is_later;
        if changes {
            self.on_small = frame.small;
            self.decodability = Decodability::new();
            if let Rendition::Full(layers) = self.rendition {
                self.decodability.set_layers(layers);
            }
        }
        changes
    }

    /// Resets the state for a new publisher, whose first usable frame is a key frame.
    pub(super) fn restart(&mut self) {
        self.decodability.record_drop(&VideoFrame::default());
    }

    /// Delivers an audio packet. Returns whether the viewer is still there.
    pub(super) fn audio(&mut self, packet: &Arc<AudioPacket>) -> bool {
        let delivered = self.sink.deliver(Item::Audio(Arc::clone(packet)));
        self.counters.audio_packets += u64::from(delivered.is_ok());
        delivered != Err(DeliveryError::Closed)
    }

    /// Delivers a chat message. Returns whether the viewer is still there.
    pub(super) fn chat(&self, text: &Arc<str>) -> bool {
        self.sink.deliver(Item::Chat(Arc::clone(text))) != Err(DeliveryError::Closed)
    }

    /// Delivers the reason of the end.
    pub(super) fn end(self, reason: &EndReason) {
        // A viewer with a full queue calls `end_reason`, or sees that its sink is gone.
        let _ = self.sink.deliver(Item::Ended(reason.clone()));
    }

    /// Delivers a frame that the viewer can decode. Returns whether the viewer is still there.
    pub(super) fn video(&mut self, frame: &Arc<VideoFrame>) -> bool {
        if !self.takes(frame) {
            self.counters.paused += u64::from(self.rendition == Rendition::NoVideo);
            if frame.small == self.on_small {
                self.decodability.record_drop(frame);
            }
            return true;
        }
        let left_out = match self.decodability.check(frame) {
            Ok(()) => match self.sink.deliver(Item::Video(Arc::clone(frame))) {
                Ok(()) => None,
                Err(DeliveryError::Full) => Some(DropReason::Slow),
                Err(DeliveryError::Closed) => return false,
            },
            Err(why) => Some(why),
        };
        match left_out {
            None => {
                self.decodability.pass(frame);
                self.last_pts = Some(frame.pts);
                self.counters.frames += 1;
                self.counters.small += u64::from(frame.small);
                self.counters.bytes += frame.data.len() as u64;
                return true;
            }
            Some(DropReason::Slow) => self.counters.slow += 1,
            Some(DropReason::Undecodable) => self.counters.undecodable += 1,
            Some(DropReason::Layer) => self.counters.layers += 1,
        }
        self.decodability.record_drop(frame);
        true
    }
}
