//! Callbacks for the starts and ends of streams.

use std::fmt;
use std::sync::Arc;

use super::super::super::outcome::EndReason;
use super::{StartSmallRendition, Stream};

/// Called with a stream that starts.
pub type OnPublish = Box<dyn Fn(&Arc<Stream>) + Send + Sync>;

/// Called with a stream that has ended.
pub type OnEnd = Box<dyn Fn(&Stream, &EndReason) + Send + Sync>;

/// Callbacks for the streams of a hub.
pub struct StreamHooks {
    /// Called for each stream that starts.
    pub on_publish: OnPublish,
    /// Called for each stream that has ended.
    pub on_end: OnEnd,
    /// Called when a viewer needs the small rendition of a stream.
    pub start_small_rendition: StartSmallRendition,
}

impl Default for StreamHooks {
    /// No recording, and no small renditions.
    fn default() -> Self {
        Self {
            on_publish: Box::new(|_| {}),
            on_end: Box::new(|_, _| {}),
            start_small_rendition: Arc::new(|_| false),
        }
    }
}

impl fmt::Debug for StreamHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHooks").finish_non_exhaustive()
    }
}
