//! Who watches a stream: what it is handed, and what it goes without.

use std::fmt;
use std::sync::Arc;

use codec_core::codec::Bitrate;

use super::super::decodable::{Decodability, LeftOut};
use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::outlet::{Item, NoRoom, Outlet};
use super::stream::Stream;

/// What a viewer got and what not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ViewerCounters {
    pub frames: u64,
    pub bytes: u64,
    pub sound_packets: u64,
    /// Frames left out because it took no more.
    pub slow: u64,
    /// Because they need one that was left out.
    pub undecodable: u64,
    /// Because their layer was not wanted.
    pub layers: u64,
    /// Because no pictures were wanted.
    pub paused: u64,
    /// Frames of the small rendition, of [`Self::frames`].
    pub small: u64,
}

/// Which coding of the video a viewer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// As it was published, with at most so many temporal layers, at least 1.
    Full(u8),
    /// A smaller picture at a low bitrate, encoded by the server while a viewer needs it.
    Small,
    /// No video.
    Nothing,
}

/// How much a viewer's link carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What is to be sent now, headers included; less than the link carries while a queue empties.
    pub bitrate: Bitrate,
    /// What the link carries, headers included.
    pub steady: Bitrate,
    /// Packets are lost: video goes out with FEC, which needs a part of it.
    pub corrected: bool,
    /// Frames queue up before the link: the next one is best not encoded.
    pub hold: bool,
    /// The link has just become much narrower: nothing is to be encoded until its queue is empty.
    pub stop: bool,
}

/// A viewer as its stream knows it.
pub(super) struct ViewerState {
    outlet: Box<dyn Outlet>,
    decodability: Decodability,
    /// What is wanted.
    rendition: Rendition,
    /// The small rendition is what was delivered last.
    on_small: bool,
    /// Time of the last frame that was delivered.
    last_pts: Option<u64>,
    budget: Option<Budget>,
    /// It is the server itself, and not counted.
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

    /// Whether a key frame of the full or of the small rendition must come before anything else
    /// of that can be shown.
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

    /// Whether a frame is of the rendition that the viewer is to get now. Down it changes at once,
    /// up with the next key frame: the small rendition goes on until then.
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

    /// Another publisher begins: nothing but a key frame helps.
    pub(super) fn restart(&mut self) {
        self.decodability.leave_out(&VideoFrame::default());
    }

    /// Hands a packet of sound over. Whether the viewer is still there.
    pub(super) fn sound(&mut self, packet: &Arc<SoundPacket>) -> bool {
        let delivered = self.outlet.deliver(Item::Sound(Arc::clone(packet)));
        self.counters.sound_packets += u64::from(delivered.is_ok());
        delivered != Err(NoRoom::Gone)
    }

    /// Hands a line over. Whether the viewer is still there.
    pub(super) fn talk(&self, text: &Arc<str>) -> bool {
        self.outlet.deliver(Item::Talk(Arc::clone(text))) != Err(NoRoom::Gone)
    }

    /// Says why nothing more comes.
    pub(super) fn finish(self, reason: &EndReason) {
        // A viewer without room asks `over` or sees that its outlet is gone.
        let _ = self.outlet.deliver(Item::Ended(reason.clone()));
    }

    /// Hands a frame over that the viewer can decode. Whether the viewer is still there.
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

/// Watches a stream as long as it lives.
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

    /// Which rendition it is to get. Changes take effect at a key frame, which is asked for.
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

    /// How much its link carries, if that is known: see [`Stream::budget`].
    pub fn set_budget(&self, budget: Option<Budget>) {
        self.stream.with_viewer(self.id, |viewer| viewer.budget = budget);
    }

    /// Whether the small rendition is what it gets now.
    #[must_use]
    pub fn is_on_small(&self) -> bool {
        self.stream.with_viewer(self.id, |viewer| viewer.on_small) == Some(true)
    }

    /// It cannot decode any more: a key frame of what it gets is asked for.
    pub fn want_key(&self) {
        if self.stream.with_viewer(self.id, |viewer| viewer.wants_small()) == Some(true) {
            self.stream.want_small();
        } else {
            self.stream.want_key();
        }
    }

    /// A frame that was handed over did not reach it: nothing but a key frame helps.
    pub fn lost_all(&self) {
        self.stream.with_viewer(self.id, |viewer| {
            viewer.restart();
            viewer.counters.slow += 1;
        });
        self.want_key();
    }

    /// What it got and what not; `None` if the stream has ended.
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
