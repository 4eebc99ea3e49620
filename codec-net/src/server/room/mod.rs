//! Streams by name: one publisher, many viewers.
//!
//! Frames are passed on immediately, shared and not copied. A viewer that cannot keep up loses
//! frames up to the next one that it can decode, without affecting other viewers.

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

pub use hub::{Hub, StreamHooks, is_name};
pub use owner::Owner;
pub use publisher::Publisher;
pub use sink::{DeliveryError, Item, MediaSink};
pub use stats::StreamStats;
pub use stream::{
    DecoderStats, RequestKeyFrame, SmallRenditionState, StartSmallRendition, Stream, StreamInfo,
};
pub use subscription::{LinkBudget, Rendition, VideoState, ViewerCounters};
pub use viewer::Viewer;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The state is consistent even after a panic: each change is a single step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
