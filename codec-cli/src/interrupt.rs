//! Ctrl-C: the first finishes the file, the second aborts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::console;

static STOPPED: AtomicBool = AtomicBool::new(false);
/// Unfinished files, to be removed by an abort.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on Ctrl-C (and a request to terminate) is for [`stopped`] to tell.
pub(crate) fn listen() {
    // Without a handler Ctrl-C kills the process, which is no reason to refuse to work.
    let _ = ctrlc::set_handler(|| {
        if STOPPED.swap(true, Ordering::SeqCst) {
            abort();
        }
        console::line("codec: interrupted: finishing the file; once more aborts");
    });
}

/// Whether the user wants the command to end.
pub(crate) fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// Notes a file that an abort is to remove.
pub(crate) fn remember(path: PathBuf) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path);
}

/// The file is finished or gone.
pub(crate) fn forget(path: &std::path::Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != path);
}

#[expect(clippy::exit, reason = "the main thread may be anywhere, and the user will not wait")]
fn abort() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = std::fs::remove_file(path);
    }
    std::process::exit(i32::from(crate::failure::Kind::Interrupted as u8));
}
