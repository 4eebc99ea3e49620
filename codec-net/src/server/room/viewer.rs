//! A viewer of a stream: the handle through which its session controls what it receives.

use std::sync::Arc;

use super::super::outcome::Rejection;
use super::sink::MediaSink;
use super::stream::Stream;
use super::subscription::{LinkBudget, Rendition, Subscription, ViewerCounters};

/// Watches a stream until it is dropped.
#[derive(Debug)]
pub struct Viewer {
    stream: Arc<Stream>,
    id: u64,
}

impl Viewer {
    /// Adds a viewer to a stream and requests a key frame.
    ///
    /// # Errors
    ///
    /// [`Rejection::LimitReached`]; [`Rejection::NoStream`] if the stream has just ended.
    pub fn join(stream: &Arc<Stream>, sink: Box<dyn MediaSink>) -> Result<Self, Rejection> {
        let id = stream.subscribe(sink, false)?;
        Ok(Self { stream: Arc::clone(stream), id })
    }

    /// Adds a viewer of the server itself, such as its recorder. It is not counted.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoStream`] if the stream has just ended.
    pub(in super::super) fn join_internal(
        stream: &Arc<Stream>,
        sink: Box<dyn MediaSink>,
    ) -> Result<Self, Rejection> {
        let id = stream.subscribe(sink, true)?;
        Ok(Self { stream: Arc::clone(stream), id })
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
        let needs_key_now = |viewer: &mut Subscription| {
            let needs =
                |viewer: &Subscription| [false, true].map(|small| viewer.needs_key_frame(small));
            let before = needs(viewer);
            viewer.set_rendition(rendition);
            let after = needs(viewer);
            [after[0] && !before[0], after[1] && !before[1]]
        };
        match self.stream.with_viewer(self.id, needs_key_now) {
            Some([true, _]) => self.stream.request_key_frame(),
            Some([_, true]) => self.stream.request_small_rendition(),
            _ => {}
        }
    }

    /// Sets the capacity of its link, if known: see [`Stream::budget`].
    pub fn set_budget(&self, budget: Option<LinkBudget>) {
        self.stream.with_viewer(self.id, |viewer| viewer.set_budget(budget));
    }

    /// Whether it currently receives the small rendition.
    #[must_use]
    pub fn is_on_small(&self) -> bool {
        self.stream.with_viewer(self.id, |viewer| viewer.is_on_small()) == Some(true)
    }

    /// Requests a key frame of its rendition, because it cannot decode.
    pub fn request_key_frame(&self) {
        if self.stream.with_viewer(self.id, |viewer| viewer.wants_small_rendition()) == Some(true) {
            self.stream.request_small_rendition();
        } else {
            self.stream.request_key_frame();
        }
    }

    /// Records that a delivered frame did not reach it: a key frame is needed.
    pub fn record_send_failure(&self) {
        self.stream.with_viewer(self.id, Subscription::record_send_failure);
        self.request_key_frame();
    }

    /// Its counters; `None` if the stream has ended.
    #[must_use]
    pub fn counters(&self) -> Option<ViewerCounters> {
        self.stream.with_viewer(self.id, |viewer| viewer.counters())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.stream.leave(self.id);
    }
}
