//! The configuration of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::audit::AuditLog;
use super::auth::Access;
use super::cluster::ClusterConfig;
use super::limits::Limits;
use super::media::VideoCodecs;
use super::rtc::RtcConfig;
use super::webhook::WebhookConfig;

/// The configuration of a server.
#[derive(Debug)]
pub struct Config {
    /// The HTTP listen address; port 0: any free port.
    pub listen: SocketAddr,
    /// WebRTC settings, with the UDP listen address: usually the address of `listen`.
    pub rtc: RtcConfig,
    /// Certificate and key; `None`: no TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The access rules.
    pub access: Access,
    /// The limits.
    pub limits: Limits,
    /// The audit log.
    pub audit: AuditLog,
    /// Folder of uploaded files; `None` rejects uploads.
    pub files: Option<PathBuf>,
    /// Folder of recordings of all streams; `None` disables recording.
    pub record: Option<PathBuf>,
    /// Decode published streams for statistics. Small renditions decode a stream even if this is `false`.
    pub decode: bool,
    /// The codecs of published video in order of preference; those that the build cannot decode are
    /// omitted.
    pub video_codecs: VideoCodecs,
    /// Whether people without the scope `admin` wait in the lobby of a room until a moderator
    /// admits them. Moderators can change this in each room.
    pub lobby: bool,
    /// How long calls may continue after a drain request that states no time limit.
    pub drain: Duration,
    /// Receiver of events; `None` reports no events.
    pub webhook: Option<WebhookConfig>,
    /// The cluster of servers that share the rooms; `None`: this server shares its rooms with no
    /// other.
    pub cluster: Option<ClusterConfig>,
}

impl Config {
    /// Listens on a free port of 127.0.0.1, without authentication.
    #[must_use]
    pub fn loopback() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen,
            rtc: RtcConfig { listen, announce: None, beyond_loopback: false, turn: None },
            tls: None,
            access: Access::open(),
            limits: Limits::default(),
            audit: AuditLog::none(),
            files: None,
            record: None,
            decode: true,
            video_codecs: VideoCodecs::of_build(),
            lobby: false,
            drain: Duration::ZERO,
            webhook: None,
            cluster: None,
        }
    }
}
