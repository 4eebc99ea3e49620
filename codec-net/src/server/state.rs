//! The state that requests and sessions of a running server share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::auth::Access;
use super::auth_rate_limiter::AuthRateLimiter;
use super::drain::Drain;
use super::health::Health;
use super::limits::Limits;
use super::media::VideoCodecs;
use super::room::Hub;
use super::room_files::RoomFiles;
use super::rtc::Network;
use super::sessions::Sessions;
use super::uploads::UploadStore;
use super::webhook::Webhooks;
use crate::clock::Clock;

/// The state shared by all parts of a running server.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) video_codecs: VideoCodecs,
    pub(super) clock: Clock,
    pub(super) hub: Arc<Hub>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) network: Network,
    pub(super) health: Arc<Health>,
    pub(super) uploads: Option<Arc<UploadStore>>,
    pub(super) webhooks: Webhooks,
    /// Files attached to messages in rooms.
    pub(super) room_files: Option<Arc<RoomFiles>>,
    pub(super) auth_rate_limiter: Mutex<AuthRateLimiter>,
    /// Certificate and key; `None`: no TLS.
    pub(super) tls: Option<Mutex<Arc<rustls::ServerConfig>>>,
    pub(super) drain: Drain,
    /// How long calls may continue when the server drains, unless a request states another time.
    pub(super) drain_limit: Duration,
    /// Whether other servers have the same rooms.
    pub(super) is_clustered: bool,
    /// Becomes `true` at shutdown.
    pub(super) stopping: watch::Sender<bool>,
}

impl ServerState {
    pub(super) fn auth_rate_limiter(&self) -> MutexGuard<'_, AuthRateLimiter> {
        self.auth_rate_limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Certificate and key of new connections.
    pub(super) fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        let tls = self.tls.as_ref()?;
        Some(Arc::clone(&tls.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Rejects new calls from now on, and announces to existing calls when they end. Returns the time that is left for
    /// them.
    pub(super) fn begin_drain(&self, longest: Duration) -> Duration {
        let left = self.drain.begin(self.clock.now(), longest);
        let text = json!({ "type": "draining", "seconds": left.as_secs() }).to_string();
        let text: Arc<str> = text.into();
        // Viewers by their streams, also over WebSocket; members and publishers by their calls.
        self.hub.streams().iter().for_each(|stream| stream.chat(&text));
        self.network.announce(text);
        left
    }
}
