//! Ctrl-C: the first one finalises the file, the second one aborts. In commands that write no file
//! the first one aborts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::console;
use crate::failure::{Failure, Kind};

static STOPPED: AtomicBool = AtomicBool::new(false);
/// Whether the command polls [`stopped`] and finalises its output.
static FINISHES: AtomicBool = AtomicBool::new(false);
/// Unfinished files, to be removed on abort.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Installs the handler: Ctrl-C (or a termination request) aborts until the command calls
/// [`listen`].
pub(crate) fn install() {
    // Without a handler Ctrl-C kills the process, which is acceptable.
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
        let doing = if has_file { "finalising the file" } else { "stopping" };
        console::line(&format!("codec: interrupted: {doing}; press Ctrl-C again to abort"));
    });
}

/// From now on the first Ctrl-C (or termination request) sets [`stopped`].
pub(crate) fn listen() {
    FINISHES.store(true, Ordering::SeqCst);
}

/// Whether the user wants the command to end.
pub(crate) fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// The failure of an interrupted command; `kept`: the finished part is in the output.
pub(crate) fn ended(kept: bool) -> Failure {
    let outcome = if kept { "the file was finalised" } else { "nothing was written" };
    Failure::new(Kind::Interrupted, format!("interrupted: {outcome}"))
}

/// Registers a file to be removed on abort.
pub(crate) fn remember(path: PathBuf) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path);
}

/// Unregisters a file that is finished or removed.
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
