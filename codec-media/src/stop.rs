//! Requests to end a run early, and cleanup of unfinished files if the process aborts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A request to end runs early; clones share it.
///
/// A run that handles it finalises its output, which holds the part done so far.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    requested: AtomicBool,
    handled: AtomicBool,
}

impl Stop {
    /// Requests the end of the run. Returns whether this is the first request.
    pub fn request(&self) -> bool {
        !self.0.requested.swap(true, Ordering::SeqCst)
    }

    /// Whether the end was requested.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Relaxed)
    }

    /// Declares that the run checks [`Stop::is_requested`] from now on.
    pub fn handle_requests(&self) {
        self.0.handled.store(true, Ordering::SeqCst);
    }

    /// Whether a run checks for requests.
    pub fn handles_requests(&self) -> bool {
        self.0.handled.load(Ordering::SeqCst)
    }
}

/// Temporary files and folders of this process whose outputs are not complete.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the temporary files of all outputs that are not complete. For programs that exit without
/// running destructors, such as in a signal handler.
pub fn remove_unfinished_files() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ =
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

/// Registers a temporary file or folder.
pub(crate) fn remember(path: PathBuf) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path);
}

/// The file is finished or gone.
pub(crate) fn forget(path: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != path);
}
