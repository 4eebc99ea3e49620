//! A viewer of a stream: delivered and dropped media.

use std::fmt;
use std::sync::Arc;

use codec_core::codec::Bitrate;

use super::super::decodable::{Decodability, LeftOut};
use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::outlet::{Item, NoRoom, Outlet};
use super::stream::Stream;

/// Delivered and dropped frames of a viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ViewerCounters {
    pub frames: u64,
    pub bytes: u64,
    pub sound_packets: u64,
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
    Nothing,
}

/// The capacity of a viewer's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The current sending rate including headers; below the link's capacity while a queue drains.
    pub bitrate: Bitrate,
    /// The stable capacity of the link, including headers.
    pub steady: Bitrate,
    /// Whether packets are lost: video is sent with FEC, which needs a share of the bitrate.
    pub corrected: bool,
    /// Whether frames queue up before the link: the next one should not be encoded.
    pub hold: bool,
    /// Whether the link's capacity has just collapsed: nothing should be encoded until its queue is
    /// empty.
    pub stop: bool,
}

/// The stream's state of a viewer.
pub(super) struct ViewerState {
    outlet: Box<dyn Outlet>,
    decodability: Decodability,
    /// The wanted rendition.
    rendition: Rendition,
    /// Whether the last delivered frame was of the small rendition.
    on_small: bool,
    /// Time of the last delivered frame.
    last_pts: Option<u64>,
    budget: Option<Budget>,
    /// Whether it is the server itself, which is not counted.
    unseen: bool,
    counters: ViewerCounters,
}

impl fmt::Debug for ViewerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerState").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl ViewerState {
    pub(super) fn new(outlet: Box<dyn Outlet>, unseen: bool) -> Self {
        Self {
            outlet,
            decodability: Decodability::new(),
            rendition: Rendition::Full(u8::MAX),
            on_small: false,
            last_pts: None,
            budget: None,
            unseen,
            counters: ViewerCounters::default(),
        }
    }

    /// Whether a key frame of the full or of the small rendition is needed before other frames of
    /// it.
    pub(super) fn needs_key(&self, small: bool) -> bool {
        let is_wanted = match self.rendition {
            Rendition::Full(_) => !small,
            Rendition::Small => small,
            Rendition::Nothing => false,
        };
        is_wanted && (self.on_small != small || self.decodability.needs_key())
    }

    pub(super) fn wants_small(&self) -> bool {
        self.rendition == Rendition::Small
    }

    pub(super) fn is_unseen(&self) -> bool {
        self.unseen
    }

    pub(super) fn budget(&self) -> Option<Budget> {
        self.budget
    }

    fn set_rendition(&mut self, rendition: Rendition) {
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
            Rendition::Nothing => return false,
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
        self.decodability.leave_out(&VideoFrame::default());
    }

    /// Delivers an audio packet. Returns whether the viewer is still there.
    pub(super) fn sound(&mut self, packet: &Arc<SoundPacket>) -> bool {
        let delivered = self.outlet.deliver(Item::Sound(Arc::clone(packet)));
        self.counters.sound_packets += u64::from(delivered.is_ok());
        delivered != Err(NoRoom::Gone)
    }

    /// Delivers a chat message. Returns whether the viewer is still there.
    pub(super) fn talk(&self, text: &Arc<str>) -> bool {
        self.outlet.deliver(Item::Talk(Arc::clone(text))) != Err(NoRoom::Gone)
    }

    /// Delivers the reason of the end.
    pub(super) fn finish(self, reason: &EndReason) {
        // A viewer with a full queue calls `over`, or sees that its outlet is gone.
        let _ = self.outlet.deliver(Item::Ended(reason.clone()));
    }

    /// Delivers a frame that the viewer can decode. Returns whether the viewer is still there.
    pub(super) fn video(&mut self, frame: &Arc<VideoFrame>) -> bool {
        if !self.takes(frame) {
            self.counters.paused += u64::from(self.rendition == Rendition::Nothing);
            if frame.small == self.on_small {
                self.decodability.leave_out(frame);
            }
            return true;
        }
        let left_out = match self.decodability.check(frame) {
            Ok(()) => match self.outlet.deliver(Item::Video(Arc::clone(frame))) {
                Ok(()) => None,
                Err(NoRoom::Full) => Some(LeftOut::Slow),
                Err(NoRoom::Gone) => return false,
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
            Some(LeftOut::Slow) => self.counters.slow += 1,
            Some(LeftOut::Undecodable) => self.counters.undecodable += 1,
            Some(LeftOut::Layer) => self.counters.layers += 1,
        }
        self.decodability.leave_out(frame);
        true
    }
}

/// Watches a stream until it is dropped.
#[derive(Debug)]
pub struct Viewer {
    stream: Arc<Stream>,
    id: u64,
}

impl Viewer {
    pub(super) fn new(stream: Arc<Stream>, id: u64) -> Self {
        Self { stream, id }
    }

    /// Its number among the viewers of the stream, from 1.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Sets the rendition. The change takes effect at a key frame, which is requested.
    pub fn set_rendition(&self, rendition: Rendition) {
        let needs_key_now = |viewer: &mut ViewerState| {
            let needs = |viewer: &ViewerState| [false, true].map(|small| viewer.needs_key(small));
            let before = needs(viewer);
            viewer.set_rendition(rendition);
            let after = needs(viewer);
            [after[0] && !before[0], after[1] && !before[1]]
        };
        match self.stream.with_viewer(self.id, needs_key_now) {
            Some([true, _]) => self.stream.want_key(),
            Some([_, true]) => self.stream.want_small(),
            _ => {}
        }
    }

    /// Sets the capacity of its link, if known: see [`Stream::budget`].
    pub fn set_budget(&self, budget: Option<Budget>) {
        self.stream.with_viewer(self.id, |viewer| viewer.budget = budget);
    }

    /// Whether it currently receives the small rendition.
    #[must_use]
    pub fn is_on_small(&self) -> bool {
        self.stream.with_viewer(self.id, |viewer| viewer.on_small) == Some(true)
    }

    /// Requests a key frame of its rendition, because it cannot decode.
    pub fn want_key(&self) {
        if self.stream.with_viewer(self.id, |viewer| viewer.wants_small()) == Some(true) {
            self.stream.want_small();
        } else {
            self.stream.want_key();
        }
    }

    /// Records that a delivered frame did not reach it: a key frame is needed.
    pub fn lost_all(&self) {
        self.stream.with_viewer(self.id, |viewer| {
            viewer.restart();
            viewer.counters.slow += 1;
        });
        self.want_key();
    }

    /// Its counters; `None` if the stream has ended.
    #[must_use]
    pub fn counters(&self) -> Option<ViewerCounters> {
        self.stream.with_viewer(self.id, |viewer| viewer.counters)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.stream.leave(self.id);
    }
}
