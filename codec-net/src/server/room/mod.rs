//! Streams by name: one publisher, many viewers.
//!
//! Frames are handed over as they come, shared and not copied. A viewer that takes no more loses
//! frames up to the next one that it can decode, and the others do not notice.

mod hub;
mod outlet;
mod publisher;
mod stream;
mod viewer;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use hub::{Hub, OnPublish, is_name};
pub use outlet::{Item, NoRoom, Outlet};
pub use publisher::{AskKey, Owner, Publisher};
pub use stream::{About, Decoded, SmallState, Stream};
pub use viewer::{Budget, Rendition, Viewer, ViewerCounters};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind is whole: each change is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
