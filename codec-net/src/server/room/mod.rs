//! Streams by name: one publisher, many viewers.
//!
//! Frames are passed on immediately, shared and not copied. A viewer that cannot keep up loses
//! frames up to the next one that it can decode, without affecting other viewers.

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
    // The state is consistent even after a panic: each change is a single step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
