//! Who watches a stream: what it is handed, and what it goes without.

use std::fmt;
use std::sync::Arc;

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
}

/// A viewer as its stream knows it.
pub(super) struct ViewerState {
    outlet: Box<dyn Outlet>,
    decodability: Decodability,
    /// No pictures are wanted for now.
    is_paused: bool,
    counters: ViewerCounters,
}

impl fmt::Debug for ViewerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerState").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl ViewerState {
    pub(super) fn new(outlet: Box<dyn Outlet>) -> Self {
        Self {
            outlet,
            decodability: Decodability::new(),
            is_paused: false,
            counters: ViewerCounters::default(),
        }
    }

    /// Whether a key frame must come before anything else can be shown.
    pub(super) fn needs_key(&self) -> bool {
        !self.is_paused && self.decodability.needs_key()
    }

    fn set_layers(&mut self, layers: u8) {
        self.is_paused = layers == 0;
        self.decodability.set_layers(layers);
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
        if self.is_paused {
            self.counters.paused += 1;
            self.decodability.leave_out(frame);
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
                self.counters.frames += 1;
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

    /// How many temporal layers it shall get; 0: no pictures. They go on with a key frame.
    pub fn set_layers(&self, layers: u8) {
        let needs_key_now = |viewer: &mut ViewerState| {
            let before = viewer.needs_key();
            viewer.set_layers(layers);
            viewer.needs_key() && !before
        };
        if self.stream.with_viewer(self.id, needs_key_now) == Some(true) {
            self.stream.want_key();
        }
    }

    /// A frame that was handed over did not reach it: nothing but a key frame helps.
    pub fn lost_all(&self) {
        self.stream.with_viewer(self.id, |viewer| {
            viewer.restart();
            viewer.counters.slow += 1;
        });
        self.stream.want_key();
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
