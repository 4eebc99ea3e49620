//! HTTP: connections, access checks, routes.

mod api;
mod connection;
mod connection_slots;
mod files;
mod guard;
mod json;
mod metrics;
mod page;
mod response;
mod websocket;
mod whip;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, delete, get, post};

use super::state::ServerState;

/// Serves until the server stops.
pub(super) async fn serve(listener: TcpListener, shared: Arc<ServerState>) {
    let router = routes(&shared);
    connection::accept(listener, router, shared).await;
}

fn routes(shared: &Arc<ServerState>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/{file}", get(page::file))
        .route("/health", get(api::health))
        .route("/healthz", get(api::health))
        .route("/metrics", get(metrics::metrics))
        .route("/api/streams", get(api::streams))
        .route("/api/drain", post(api::drain))
        .route("/api/sessions", get(api::sessions))
        .route("/api/sessions/{number}", delete(api::end_session))
        .route("/view", any(websocket::view_default))
        .route("/view/{stream}", any(websocket::view))
        .route("/publish", any(websocket::publish_default))
        .route("/publish/{stream}", any(websocket::publish))
        .route("/whip/{stream}", post(whip::publish))
        .route("/whep/{stream}", post(whip::view))
        .route("/r/{room}", get(page::room))
        .route("/room/{room}", post(whip::join))
        .route("/room-files/{id}", get(files::room_file))
        .route("/session/{id}", delete(whip::end).patch(whip::update_ice))
        .fallback(api::not_found)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(shared), guard::check))
        .layer(DefaultBodyLimit::max(shared.limits.body_bytes))
        .with_state(Arc::clone(shared))
}
