//! Ctrl-C: the first one ends the run and keeps the finished part, the second one aborts. In commands that write no file
//! the first one aborts.

use codec_media::failure::Kind;
use codec_media::stop::{Stop, remove_unfinished_files};

use crate::console;

/// Installs the handler: Ctrl-C (or a termination request) aborts until the command handles
/// requests to stop.
pub(crate) fn install(stop: Stop) {
    // Without a handler Ctrl-C kills the process, which is acceptable.
    let _ = ctrlc::set_handler(move || {
        let is_first = stop.request();
        if !stop.handles_requests() {
            console::line("codec: error: interrupted: nothing was written");
            abort();
        }
        if !is_first {
            abort();
        }
        console::line("codec: interrupted: ending the run; press Ctrl-C again to abort");
    });
}

#[expect(clippy::exit, reason = "the main thread may be anywhere, and the user will not wait")]
fn abort() {
    remove_unfinished_files();
    std::process::exit(i32::from(Kind::Interrupted as u8));
}
