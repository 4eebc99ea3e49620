//! Watching and publishing over WebSocket, for networks without UDP: each message is a hello or a
//! record of [`framing`](crate::framing).

mod publish;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use tokio::sync::watch;

use super::auth::Scope;
use super::http::{Caller, Refused};
use super::outcome::EndReason;
use super::room::{About, Owner};
use super::sessions::Kind;
use super::start::Shared;

/// The default stream name.
const DEFAULT_STREAM: &str = "live";
/// Subprotocol of plain framing.
const PLAIN: &str = crate::websocket::SUBPROTOCOL;
/// Subprotocol with the control channel ([`talk`](super::talk)) in text messages and, to the
/// server, chunks of files.
const WITH_TALK: &str = "codec-talk";
/// Ping interval.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Timeout without data: the other end has vanished.
const SILENCE: Duration = Duration::from_secs(30);
/// A session ends if a message cannot be sent within this time.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Maximum length of the reason in a close frame, in bytes (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Receives the reason of a session's end.
type EndWatch = watch::Receiver<Option<EndReason>>;

pub(super) async fn view_default(
    state: State<Arc<Shared>>,
    caller: Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    view(state, caller, Path(DEFAULT_STREAM.to_owned()), upgrade).await
}

/// Watches a stream.
pub(super) async fn view(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    caller.require(Scope::View)?;
    let stream = shared.hub.find(&name)?;
    let (end, ended) = watch::channel(None);
    let session = shared.sessions.begin(
        Kind::WsView,
        &name,
        caller.address,
        Box::new(move |reason| {
            end.send_replace(Some(reason));
        }),
    )?;
    let upgrade = upgrade
        .protocols([WITH_TALK, PLAIN])
        .max_message_size(shared.limits.control_bytes + super::talk::CHUNK_HEAD_BYTES);
    let talks = upgrade.selected_protocol().is_some_and(|name| name == WITH_TALK);
    Ok(upgrade.on_upgrade(move |socket| view::run(socket, shared, stream, session, ended, talks)))
}

pub(super) async fn publish_default(
    state: State<Arc<Shared>>,
    caller: Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    publish(state, caller, Path(DEFAULT_STREAM.to_owned()), upgrade).await
}

/// Publishes a stream.
pub(super) async fn publish(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    caller.require(Scope::Publish)?;
    let keys = Arc::new(tokio::sync::Notify::new());
    let wake = Arc::clone(&keys);
    let about = About { kind: "ws", video: true, sound: true };
    let (end, ended) = watch::channel(None);
    let replaced = end.clone();
    let owner = Owner {
        identity: caller.identity,
        end: Box::new(move |reason| {
            replaced.send_replace(Some(reason));
        }),
    };
    let publisher = shared.hub.claim(&name, about, Box::new(move || wake.notify_one()), owner)?;
    let session = shared.sessions.begin(
        Kind::WsPublish,
        &name,
        caller.address,
        Box::new(move |reason| {
            end.send_replace(Some(reason));
        }),
    )?;
    let room = crate::framing::HEADER_BYTES + 8;
    let upgrade = upgrade.protocols([PLAIN]).max_message_size(shared.limits.media_bytes + room);
    Ok(upgrade
        .on_upgrade(move |socket| publish::run(socket, shared, publisher, session, ended, keys)))
}

/// Sends a message.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), EndReason> {
    match tokio::time::timeout(SEND_DEADLINE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(EndReason::Vanished),
        Err(_) => Err(EndReason::Limit("time to send a message")),
    }
}

/// Closes the connection with a reason.
async fn close(socket: &mut WebSocket, reason: &EndReason) {
    let code = match reason {
        EndReason::Closed
        | EndReason::Left
        | EndReason::PublisherEnded
        | EndReason::SourceEnded => 1000,
        EndReason::ServerStopped => 1001,
        EndReason::Protocol(_) => 1002,
        EndReason::Admin | EndReason::Replaced | EndReason::Limit(_) => 1008,
        EndReason::Vanished
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
async fn told(ended: &mut EndWatch) -> EndReason {
    let reason = ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// Converts a WebSocket error.
fn broken(error: &axum::Error) -> EndReason {
    EndReason::Protocol(error.to_string())
}
