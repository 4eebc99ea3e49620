//! HTTP: connections, access checks, routes.

mod api;
mod connection;
mod guard;
mod page;
mod reply;
mod slots;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, delete, get, post};

use super::start::Shared;
use super::{rtc, ws};

pub(super) use guard::Caller;
pub(super) use reply::{ACCEPT_PATCH, Refused};

/// Serves until the server stops.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    shared: Arc<Shared>,
) {
    let router = routes(&shared);
    connection::accept(listener, tls, router, shared).await;
}

fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/{file}", get(page::file))
        .route("/health", get(api::health))
        .route("/api/streams", get(api::streams))
        .route("/api/sessions", get(api::sessions))
        .route("/api/sessions/{number}", delete(api::end_session))
        .route("/view", any(ws::view_default))
        .route("/view/{stream}", any(ws::view))
        .route("/publish", any(ws::publish_default))
        .route("/publish/{stream}", any(ws::publish))
        .route("/whip/{stream}", post(rtc::publish))
        .route("/whep/{stream}", post(rtc::view))
        .route("/session/{id}", delete(rtc::end).patch(rtc::trickle))
        .fallback(api::nothing)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(shared), guard::check))
        .layer(DefaultBodyLimit::max(shared.limits.body_bytes))
        .with_state(Arc::clone(shared))
}
