//! The thread that waits for a device.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A driver that does not return for so long is left alone.
const PATIENCE: Duration = Duration::from_secs(1);
const NAP: Duration = Duration::from_millis(5);

/// What a turn of the thread ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// There is time before the next.
    Rest,
    End,
}

/// The time of the system's monotonic clock, or of a test.
pub(super) type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A thread that ends with this.
#[derive(Debug)]
pub(super) struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Calls `turn`, which may ask for the time, until it says that it ends.
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
                    Turn::Rest => std::thread::sleep(NAP),
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
        while !thread.is_finished() && begun.elapsed() < PATIENCE {
            std::thread::sleep(NAP);
        }
        if thread.is_finished() {
            // A panic in it has been shown.
            let _ = thread.join();
        }
    }
}
