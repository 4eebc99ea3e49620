//! The JSON endpoints of HTTP: streams, sessions, drain and health.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::auth::{Scope, Target};
use super::super::outcome::{EndReason, Rejection};
use super::super::state::ServerState;
use super::super::video_codec::name_of;
use super::guard::Client;
use super::json::Json;
use super::response::ErrorResponse;

/// Returns the streams, and the client's permissions.
pub(super) async fn streams(
    State(shared): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
) -> Result<Json, ErrorResponse> {
    let allowed = |scope| client.permit.grants.allow(scope);
    if !Scope::ALL.iter().any(|(_, scope)| allowed(*scope)) {
        return Err(Rejection::Unauthenticated.into());
    }
    let streams = shared.hub.streams();
    let streams = streams.iter().filter(|it| client.permit.includes(Target::Stream(it.name())));
    let streams: Vec<_> = streams.map(|stream| stream.json()).collect();
    Ok(Json(json!({
        "streams": if allowed(Scope::View) { streams } else { Vec::new() },
        "may": {
            "publish": allowed(Scope::Publish),
            "view": allowed(Scope::View),
            "admin": allowed(Scope::Admin),
        },
        "open": shared.access.is_open(),
        "videoCodecs": shared.video_codecs.iter().map(name_of).collect::<Vec<_>>(),
    })))
}

/// Returns all sessions.
pub(super) async fn sessions(
    State(shared): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
) -> Result<Json, ErrorResponse> {
    client.require(Scope::Admin, Target::Server)?;
    Ok(Json(json!({ "sessions": shared.sessions.json() })))
}

/// Ends a session.
pub(super) async fn end_session(
    State(shared): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
    Path(number): Path<u64>,
) -> Result<StatusCode, ErrorResponse> {
    client.require(Scope::Admin, Target::Server)?;
    shared.sessions.end_number(number, EndReason::Admin)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Maximum time limit of a drain request, in seconds.
const MAX_DRAIN_S: u64 = 7 * 86_400;

/// Starts to drain the server. The optional body has `seconds`, the time limit for existing calls.
pub(super) async fn drain(
    State(shared): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
    body: Bytes,
) -> Result<Json, ErrorResponse> {
    client.require(Scope::Admin, Target::Server)?;
    let longest = if body.is_empty() {
        shared.drain_limit
    } else {
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        let seconds = value.and_then(|value| value.get("seconds")?.as_u64());
        let seconds = seconds.filter(|seconds| *seconds <= MAX_DRAIN_S).ok_or_else(|| {
            let expected = format!("{{\"seconds\": 0 to {MAX_DRAIN_S}}}");
            Rejection::BadRequest(format!("invalid request to drain: expected {expected}"))
        })?;
        Duration::from_secs(seconds)
    };
    let left = shared.begin_drain(longest);
    Ok(Json(json!({ "seconds": left.as_secs(), "sessions": shared.sessions.count() })))
}

/// Reports whether the server provides all services: 200, or 503 with the reason. Open to all,
/// without figures.
pub(super) async fn health(State(shared): State<Arc<ServerState>>) -> (StatusCode, Json) {
    match shared.health.calls_failure() {
        None if shared.drain.until().is_some() => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "draining" })))
        }
        None => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        Some(_) => {
            let failing =
                json!({ "status": "failing", "error": Rejection::CallsUnavailable.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(failing))
        }
    }
}

/// Answers requests for unknown paths.
pub(super) async fn not_found() -> ErrorResponse {
    ErrorResponse(Rejection::NoSession)
}
