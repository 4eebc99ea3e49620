//! WebSocket endpoints: viewers and publishers on networks without UDP.

use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::Response;
use tokio::sync::watch;

use super::super::auth::{Scope, Target};
use super::super::file_transfers;
use super::super::media::VideoCodec;
use super::super::room::{Owner, StreamInfo};
use super::super::sessions::SessionKind;
use super::super::state::ServerState;
use super::super::ws::{self, publisher_session, viewer_session};
use super::guard::Client;
use super::response::ErrorResponse;
use crate::framing::HEADER_BYTES;
use crate::websocket::SUBPROTOCOL;

/// The default stream name.
const DEFAULT_STREAM: &str = "live";

pub(super) async fn view_default(
    state: State<Arc<ServerState>>,
    client: Extension<Client>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ErrorResponse> {
    view(state, client, Path(DEFAULT_STREAM.to_owned()), upgrade).await
}

/// Watches a stream.
pub(super) async fn view(
    State(state): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ErrorResponse> {
    client.require(Scope::View, Target::Stream(&name))?;
    state.drain.check()?;
    let stream = state.hub.find(&name)?;
    let (end, ended) = watch::channel(None);
    let session = state.sessions.begin(
        SessionKind::WsView,
        &name,
        client.address,
        Box::new(move |reason| {
            end.send_replace(Some(reason));
        }),
    )?;
    let upgrade = upgrade
        .protocols([ws::CONTROL_SUBPROTOCOL, SUBPROTOCOL])
        .max_message_size(state.limits.control_bytes + file_transfers::CHUNK_HEAD_BYTES);
    let has_control_channel =
        upgrade.selected_protocol().is_some_and(|name| name == ws::CONTROL_SUBPROTOCOL);
    Ok(upgrade.on_upgrade(move |socket| {
        viewer_session::run(socket, state, stream, session, ended, has_control_channel)
    }))
}

pub(super) async fn publish_default(
    state: State<Arc<ServerState>>,
    client: Extension<Client>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ErrorResponse> {
    publish(state, client, Path(DEFAULT_STREAM.to_owned()), upgrade).await
}

/// Publishes a stream.
pub(super) async fn publish(
    State(state): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ErrorResponse> {
    client.require(Scope::Publish, Target::Stream(&name))?;
    state.drain.check()?;
    let keys = Arc::new(tokio::sync::Notify::new());
    let wake = Arc::clone(&keys);
    // The codec follows in the first message.
    let info = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: true };
    let (end, ended) = watch::channel(None);
    let replaced = end.clone();
    let owner = Owner {
        identity: client.identity,
        end: Box::new(move |reason| {
            replaced.send_replace(Some(reason));
        }),
    };
    let publisher = state.hub.claim(&name, info, Box::new(move || wake.notify_one()), owner)?;
    let session = state.sessions.begin(
        SessionKind::WsPublish,
        &name,
        client.address,
        Box::new(move |reason| {
            end.send_replace(Some(reason));
        }),
    )?;
    let room = HEADER_BYTES + 8;
    let upgrade =
        upgrade.protocols([SUBPROTOCOL]).max_message_size(state.limits.media_bytes + room);
    Ok(upgrade.on_upgrade(move |socket| {
        publisher_session::run(socket, state, publisher, session, ended, keys)
    }))
}
