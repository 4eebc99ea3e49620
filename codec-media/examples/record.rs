//! Receives a stream and records it, as a service does.
//!
//! `cargo run -p codec-media --features net --example record -- URL OUT SECONDS`, for example
//! `rtp://0.0.0.0:5004 call.webm 60`. Other transports: `udp`, `tcp`, `ws`, and an `.sdp` file.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codec_media::Env;
use codec_media::events::{Events, Listener, Severity};
use codec_media::live::options::ReceiveOptions;
use codec_media::live::receive::receive;

/// Passes messages to the log of the service: here, to standard error.
struct Log;

impl Listener for Log {
    fn message(&self, severity: Severity, message: &str) {
        // A closed log must not end the recording.
        let _ = writeln!(std::io::stderr(), "{severity:?}: {message}");
    }
}

/// Records for `duration` at most, and until the sender ends.
///
/// # Errors
/// If the connection or the output fails, or nothing arrives for ten seconds. A recording that has
/// begun is complete and playable even then.
pub fn record(url: &str, output: PathBuf, duration: Duration) -> Result<(), Box<dyn Error>> {
    // `env.stop.request()` from another thread ends the recording early.
    let env = Env::new(Events::new(Arc::new(Log)));
    let mut options = ReceiveOptions::new(url, Some(output));
    options.network.duration = Some(duration);
    // Packets are stored as received: .webm, .mkv, .mp4 or .ivf; a .y4m output is decoded.
    receive(&options, &env).map_err(|failure| failure.message.into())
}

/// Takes a URL, a file name and a number of seconds.
///
/// # Errors
/// As for [`record`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, output, seconds] = arguments.as_slice() else {
        return Err("usage: record URL OUT SECONDS".into());
    };
    record(url, output.into(), Duration::from_secs(seconds.parse()?))
}
