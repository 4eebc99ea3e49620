//! The async runtime: runs tasks, waits, and converts network errors.

use std::fmt::Display;
use std::time::Duration;

use codec_media::failure::{Failure, Kind, Result};
use codec_media::stop::Stop;

/// How often a task that waits checks for a request to stop.
const STOP_EVERY: Duration = Duration::from_millis(100);

/// The error of a request that the server did not answer, or answered with an error.
pub(crate) fn unreachable(what: &str, error: impl Display) -> Failure {
    Failure::new(Kind::Network, format!("cannot {what} on the NATS server: {error}"))
}

/// Runs a task on this thread.
pub(crate) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::internal(format!("cannot start the async runtime: {error}")))?;
    runtime.block_on(task)
}

/// Waits for `duration`, or until a stop is requested.
pub(crate) async fn pause(duration: Duration, stop: &Stop) {
    let end = tokio::time::Instant::now() + duration;
    while !stop.is_requested() && tokio::time::Instant::now() < end {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        tokio::time::sleep(left.min(STOP_EVERY)).await;
    }
}

/// Waits until a stop is requested.
pub(crate) async fn stopped(stop: &Stop) {
    while !stop.is_requested() {
        tokio::time::sleep(STOP_EVERY).await;
    }
}
