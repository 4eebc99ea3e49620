//! The state that requests and sessions of a running server share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::auth::Access;
use super::auth_rate_limiter::AuthRateLimiter;
use super::health::Health;
use super::limits::Limits;
use super::media::VideoCodecs;
use super::room::Hub;
use super::room_files::RoomFiles;
use super::rtc::Network;
use super::sessions::Sessions;
use super::uploads::UploadStore;
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
    /// Files of messages in rooms.
    pub(super) room_files: Option<Arc<RoomFiles>>,
    pub(super) auth_rate_limiter: Mutex<AuthRateLimiter>,
    /// Becomes `true` at shutdown.
    pub(super) stopping: watch::Sender<bool>,
}

impl ServerState {
    pub(super) fn auth_rate_limiter(&self) -> MutexGuard<'_, AuthRateLimiter> {
        self.auth_rate_limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
