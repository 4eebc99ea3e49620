//! The small rendition of a stream (a smaller copy of its video), as the stream sees it: whether it is
//! encoded, which viewers need it, and its frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::super::media::{FrameInfo, VideoFrame};
use super::super::locked;
use super::super::stats::StreamStats;
use super::super::subscription::Subscription;
use super::Stream;

/// The state of the small rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmallRenditionState {
    /// No viewer needs it.
    #[default]
    Off,
    /// It is being encoded.
    On,
    /// The server's limit of renditions is reached, or it cannot decode the stream.
    Unavailable,
}

impl Stream {
    /// Passes on a frame of the small rendition.
    pub(in super::super::super) fn send_small_video(&self, frame: VideoFrame) {
        let now = self.clock.now();
        let read = FrameInfo::parse(frame.format, &frame.data);
        let frame = Arc::new(frame);
        let mut state = locked(&self.state);
        state.small_meter.video(now, &frame, read);
        let mut wants_key_frame = false;
        state.viewers.retain(|_, viewer| {
            let stays = viewer.video(&frame);
            wants_key_frame |= stays && viewer.needs_key_frame(true);
            stays
        });
        drop(state);
        if wants_key_frame && !frame.key {
            self.small_key.store(true, Ordering::Relaxed);
        }
    }

    /// Requests the small rendition with a key frame: it is encoded from now on, if the server's
    /// limit allows.
    pub fn request_small_rendition(self: &Arc<Self>) {
        self.small_key.store(true, Ordering::Relaxed);
        let mut state = locked(&self.state);
        if state.small != SmallRenditionState::Off || state.ended.is_some() {
            return;
        }
        state.small = SmallRenditionState::On;
        drop(state);
        if !(self.hooks.start_small_rendition)(self) {
            locked(&self.state).small = SmallRenditionState::Unavailable;
        }
    }

    /// Whether the next frame of the small rendition should be a key frame.
    pub(in super::super::super) fn take_small_key_request(&self) -> bool {
        self.small_key.swap(false, Ordering::Relaxed)
    }

    /// Viewers of the small rendition.
    #[must_use]
    pub fn small_viewers(&self) -> usize {
        locked(&self.state).viewers.values().filter(|viewer| viewer.wants_small_rendition()).count()
    }

    /// Ends the small rendition; returns whether it may end, because no viewer needs it.
    pub(in super::super::super) fn end_small_rendition(&self, failed: bool) -> bool {
        let mut state = locked(&self.state);
        if !failed && state.viewers.values().any(Subscription::wants_small_rendition) {
            return false;
        }
        state.small =
            if failed { SmallRenditionState::Unavailable } else { SmallRenditionState::Off };
        true
    }

    /// The state of the small rendition, and its statistics.
    #[must_use]
    pub fn small_rendition(&self) -> (SmallRenditionState, StreamStats) {
        let mut state = locked(&self.state);
        (state.small, state.small_meter.stats(self.clock.now()))
    }
}
