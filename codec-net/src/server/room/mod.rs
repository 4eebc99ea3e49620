//! Streams by name: one publisher, many viewers.
//!
//! Frames are passed on immediately, shared and not copied. A viewer that cannot keep up loses
//! frames up to the next one that it can decode, without affecting other viewers.
//!
//! | module | |
//! |---|---|
//! | `hub`, `registry` | starts and finds streams; the table of streams |
//! | `publisher`, `owner` | the publisher of a stream; which other publishers may take the stream over |
//! | `stream` | passes each frame and packet to the subscriptions |
//! | `subscription`, `decodability` | selects the frames for a viewer: those that it can decode, in its rendition (the published video or a smaller copy) and its layers |
//! | `viewer`, `sink` | the handle of a viewer for its session; the interface that receives its media |
//! | `stats` | rates and properties of a stream |

mod decodability;
mod hub;
mod owner;
mod publisher;
mod registry;
mod sink;
mod stats;
mod stream;
mod subscription;
mod viewer;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use hub::{Hub, is_name};
pub use owner::Owner;
pub use publisher::Publisher;
pub use sink::{DeliveryError, Item, MediaSink};
pub use stats::StreamStats;
pub use stream::{
    DecoderStats, OnEnd, OnPublish, RequestKeyFrame, SmallRenditionState, StartSmallRendition,
    Stream, StreamHooks, StreamInfo,
};
pub use subscription::{LinkBudget, Rendition, VideoState, ViewerCounters};
pub use viewer::Viewer;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The state is consistent even after a panic: each change is a single step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
