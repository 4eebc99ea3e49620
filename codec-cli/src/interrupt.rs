//! Ctrl-C: the first finishes the file, the second aborts; in commands that make no file the first
//! aborts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::console;
use crate::failure::{Failure, Kind};

static STOPPED: AtomicBool = AtomicBool::new(false);
/// The command looks at [`stopped`] and finishes what it makes.
static FINISHES: AtomicBool = AtomicBool::new(false);
/// Unfinished files, to be removed by an abort.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Ctrl-C (and a request to terminate) aborts, until the command calls [`listen`].
pub(crate) fn install() {
    // Without a handler Ctrl-C kills the process, which is no reason to refuse to work.
    let _ = ctrlc::set_handler(|| {
        let is_first = !STOPPED.swap(true, Ordering::SeqCst);
        if !FINISHES.load(Ordering::SeqCst) {
            console::line("codec: error: interrupted: nothing was written");
            abort();
        }
        if !is_first {
            abort();
        }
        let has_file = !UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let doing = if has_file { "finishing the file" } else { "ending" };
        console::line(&format!("codec: interrupted: {doing}; once more aborts"));
    });
}

/// From now on the first Ctrl-C (or request to terminate) is for [`stopped`] to tell.
pub(crate) fn listen() {
    FINISHES.store(true, Ordering::SeqCst);
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
