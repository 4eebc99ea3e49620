//! Viewing and publishing by WebSocket, where UDP is closed: a message is a hello or a record of
//! [`framing`](crate::framing).

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

/// Name of the stream where none is given.
const DEFAULT_STREAM: &str = "live";
/// Sub-protocol of our framing alone.
const PLAIN: &str = crate::websocket::SUBPROTOCOL;
/// Sub-protocol with [`talk`](super::talk) in text messages and, to the server, chunks of files.
const WITH_TALK: &str = "codec-talk";
/// How often the other end is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Nothing heard for so long: the other end has vanished.
const SILENCE: Duration = Duration::from_secs(30);
/// A message that is not taken for so long ends the session.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Longest reason in a close frame, in bytes (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Where the end of a session is told.
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

/// Sends a message, or says why it could not be.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), EndReason> {
    match tokio::time::timeout(SEND_DEADLINE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(EndReason::Vanished),
        Err(_) => Err(EndReason::Limit("seconds that a message may take")),
    }
}

/// Says goodbye with a reason.
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
    // The other end may be gone already.
    let _ = send(socket, Message::Close(Some(frame))).await;
}

/// Why it ended, once that is told; never before.
async fn told(ended: &mut EndWatch) -> EndReason {
    let reason = ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// What the error of a WebSocket means.
fn broken(error: &axum::Error) -> EndReason {
    EndReason::Protocol(error.to_string())
}
