//! Viewer and publisher sessions over WebSocket, for networks without UDP: each media message is a
//! hello or a record of [`framing`](crate::framing).

pub(super) mod publisher_session;
pub(super) mod viewer_session;

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::sync::watch;

use super::outcome::EndReason;

/// Subprotocol with the [control channel](super::control_channel) in text messages and, to the
/// server, chunks of files.
pub(super) const CONTROL_SUBPROTOCOL: &str = "codec-control";
/// Ping interval.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A session ends if no data arrive for this long.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);
/// A session ends if a message cannot be sent within this time.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of the reason in a close frame, in bytes (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Receives the reason of a session's end.
type EndWatch = watch::Receiver<Option<EndReason>>;

/// Sends a message.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), EndReason> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(EndReason::TimedOut),
        Err(_) => Err(EndReason::Limit("time to send a message")),
    }
}

/// Closes the connection with a reason.
async fn close(socket: &mut WebSocket, reason: &EndReason) {
    let code = match reason {
        EndReason::Closed
        | EndReason::Disconnected
        | EndReason::PublisherEnded
        | EndReason::CodecChanged
        | EndReason::SourceEnded => 1000,
        EndReason::ServerStopped => 1001,
        EndReason::Protocol(_) => 1002,
        EndReason::Admin | EndReason::Removed | EndReason::Replaced | EndReason::Limit(_) => 1008,
        EndReason::TimedOut
        | EndReason::HandshakeTimeout
        | EndReason::Failed(_)
        | EndReason::Internal(_) => 1011,
    };
    let mut text = reason.to_string();
    let mut len = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    text.truncate(len);
    let frame = CloseFrame { code, reason: text.into() };
    // The other end may already be gone.
    let _ = send(socket, Message::Close(Some(frame))).await;
}

/// Waits for the reason of the end.
async fn end_reason(ended: &mut EndWatch) -> EndReason {
    let reason = ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// Converts a WebSocket error.
fn protocol_error(error: &axum::Error) -> EndReason {
    EndReason::Protocol(error.to_string())
}
