//! Ctrl-C: the first finishes the file, the second aborts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::console;
use crate::failure::{Failure, Kind};

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
        let has_file = !UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let doing = if has_file { "finishing the file" } else { "ending" };
        console::line(&format!("codec: interrupted: {doing}; once more aborts"));
    });
}

/// Whether the user wants the command to end.
pub(crate) fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// The failure of a command that an interrupt ended; `kept`: the part that was done is in the output.
pub(crate) fn ended(kept: bool) -> Failure {
    let outcome = if kept { "the file is finished" } else { "nothing was written" };
    Failure::new(Kind::Interrupted, format!("interrupted: {outcome}"))
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
    std::process::exit(i32::from(Kind::Interrupted as u8));
}
