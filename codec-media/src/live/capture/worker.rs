//! The thread that waits for a device.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A thread whose driver does not return for this long is abandoned.
const TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The result of one turn of the thread, a call of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// The thread may sleep before the next turn.
    Rest,
    End,
}

/// The system's monotonic clock, or the clock of a test.
pub(super) type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A thread that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Calls `turn` repeatedly until it ends; `turn` can read the time.
    pub(super) fn start(
        name: &str,
        now: Now,
        mut turn: impl FnMut(&dyn Fn() -> Duration) -> Turn + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match turn(&*now) {
                    Turn::Go => {}
                    Turn::Rest => std::thread::sleep(POLL_INTERVAL),
                    Turn::End => break,
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        let begun = Instant::now();
        while !thread.is_finished() && begun.elapsed() < TIMEOUT {
            std::thread::sleep(POLL_INTERVAL);
        }
        if thread.is_finished() {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}
