//! Start and shutdown of a server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::auth_rate_limiter::AuthRateLimiter;
use super::cluster::NodeStatus;
use super::conference::RoomStorage;
use super::config::Config;
use super::drain::Drain;
use super::health::Health;
use super::http;
use super::limits::Limits;
use super::local_source::{self, LocalSource};
use super::outcome::{EndReason, Rejection};
use super::recorder::{Recorder, Threads};
use super::room::{Hub, StreamHooks};
use super::rtc::{CallSettings, Network};
use super::sessions::Sessions;
use super::small_rendition::{self, RenditionPermits};
use super::start_error::StartError;
use super::state::ServerState;
use super::uploads::UploadStore;
use super::webhook::{Event, WebhookThread, Webhooks};
use crate::clock::Clock;

/// Time for sessions to end by themselves at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Interval of checks for streams whose publisher has not returned.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// A running server, which stops when dropped.
#[derive(Debug)]
pub struct Server {
    state: Arc<ServerState>,
    address: SocketAddr,
    secure: bool,
    thread: Option<JoinHandle<()>>,
    recorders: Threads,
    sources: Mutex<Vec<local_source::RunningSource>>,
    webhook_thread: WebhookThread,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, rtc, tls, access, limits, audit, files, record, decode, .. } = config;
        let (video_codecs, webhook, drain_limit, cluster) =
            (config.video_codecs, config.webhook, config.drain, config.cluster);
        let video_codecs = video_codecs.supported().ok_or(StartError::NoVideoCodec)?;
        if access.is_open() && !listen.ip().to_canonical().is_loopback() {
            return Err(StartError::Open(listen));
        }
        if config.lobby && access.is_open() {
            return Err(StartError::LobbyWithoutTokens);
        }
        if access.has_users() && tls.is_none() {
            return Err(StartError::PasswordsWithoutTls);
        }
        let (listener, address) =
            bind(listen).map_err(|error| StartError::Listen(listen, error))?;
        let health = Arc::new(Health::default());
        let rooms = files.as_ref().map(|folder| open_rooms(folder, &limits, &health));
        let rooms = rooms.transpose()?;
        let room_files = rooms.as_ref().map(|rooms| Arc::clone(&rooms.files));
        let uploads = files.map(|folder| open_uploads(folder, limits)).transpose()?;
        if let Some(folder) = &record {
            create_folder(folder)?;
        }
        let started = WebhookThread::start(webhook, Arc::clone(&health));
        let webhook_thread = started.map_err(StartError::Thread)?;
        let webhooks = webhook_thread.webhooks().clone();
        let recorders = Threads::default();
        let recorder = Recorder {
            folder: record,
            decode,
            limits,
            threads: recorders.clone(),
            webhooks: webhooks.clone(),
        };
        let (clock, is_clustered) = (Clock::start(), cluster.is_some());
        let network = Network::start(
            rtc,
            clock,
            CallSettings {
                limits,
                video_codecs,
                uploads: uploads.clone(),
                storage: rooms,
                webhooks: webhooks.clone(),
                has_lobby: config.lobby,
                cluster,
            },
            Arc::clone(&health),
        );
        let network = network.map_err(StartError::Rtc)?;
        let hooks = stream_hooks(recorder, limits, webhooks.clone(), clock);
        let secure = tls.is_some();
        let state = Arc::new(ServerState {
            access,
            limits,
            video_codecs,
            clock,
            hub: Arc::new(Hub::new(clock, limits, hooks)),
            sessions: Arc::new(Sessions::new(clock, limits.sessions, audit)),
            network,
            health,
            uploads,
            webhooks,
            room_files,
            auth_rate_limiter: Mutex::new(AuthRateLimiter::new(limits.auth_retry_interval)),
            tls: tls.map(Mutex::new),
            drain: Drain::default(),
            drain_limit,
            is_clustered,
            stopping: watch::Sender::new(false),
        });
        let thread = spawn_http(listener, Arc::clone(&state)).map_err(StartError::Thread)?;
        let (thread, sources) = (Some(thread), Mutex::default());
        Ok(Self { state, address, secure, thread, recorders, sources, webhook_thread })
    }

    /// The HTTP listen address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for a browser on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        format!("{scheme}://{address}/")
    }

    /// The announced UDP addresses.
    #[must_use]
    pub fn rtc_addresses(&self) -> &[SocketAddr] {
        self.state.network.addresses()
    }

    /// The other nodes of the server's cluster. Dead ones are listed for ten minutes.
    #[must_use]
    pub fn cluster_nodes(&self) -> Vec<NodeStatus> {
        self.state.network.cluster_status().nodes()
    }

    /// The streams of the server, for publishing from inside the program.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.state.hub
    }

    /// Publishes a local source.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Hub::publish`].
    pub fn add_source(&self, source: LocalSource) -> Result<(), Rejection> {
        let running = local_source::start(&self.state.hub, source)?;
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        Ok(())
    }

    /// The sessions of the server.
    #[must_use]
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.state.sessions
    }

    /// For tests: panics in this call, or with `None` in the thread that runs all calls.
    #[cfg(test)]
    pub(super) fn panic(&self, call: Option<u64>) {
        self.state.network.panic(call);
    }

    /// Why the server no longer provides all services; `None` if it does. `/health` then
    /// responds with status 503, if HTTP still works.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let http_ended = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        let http = http_ended.then(|| "HTTP is no longer available".to_owned());
        let calls = || self.state.health.calls_failure();
        let calls = || calls().map(|why| format!("WebRTC is no longer available: {why}"));
        http.or_else(calls)
    }

    /// Returns the next line for the operator's log: calls ended by internal errors.
    #[must_use]
    pub fn next_notice(&self) -> Option<String> {
        self.state.health.next_notice()
    }

    /// Uses another certificate and key for new connections; open connections and calls continue. Returns whether the
    /// server was started with TLS: without it, nothing changes.
    pub fn set_tls(&self, config: Arc<rustls::ServerConfig>) -> bool {
        let Some(tls) = &self.state.tls else { return false };
        *tls.lock().unwrap_or_else(PoisonError::into_inner) = config;
        true
    }

    /// Rejects new calls from now on: they get status 503, and so do requests for `/health`. Members of rooms,
    /// publishers and viewers get a message. Open calls may continue for `longest`; a second request can make that time
    /// shorter, not longer. Returns the time that is left. The server does not stop by itself: see
    /// [`Self::is_drained`].
    pub fn drain(&self, longest: Duration) -> Duration {
        self.state.begin_drain(longest)
    }

    /// Whether new calls are refused, by [`Self::drain`] or by a request of an administrator.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.state.drain.until().is_some()
    }

    /// Whether the server is draining, and all its sessions have ended or the time limit has passed: it can be stopped.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.state.drain.is_over(self.state.clock.now(), self.state.sessions.count())
    }

    /// Ends all sessions, then the server.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.state.stopping.send_replace(true);
        // Sent before the sessions end, so that the page of a room joins again.
        self.state.network.announce(r#"{"type":"stopping"}"#.into());
        self.state.sessions.end_all(&EndReason::ServerStopped);
        self.state.hub.end_all_waiting(&EndReason::ServerStopped);
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.state.network.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
        // What remains has publishers in this process. Recorders work until their streams end.
        self.state.hub.close(&EndReason::ServerStopped);
        self.recorders.join();
        self.webhook_thread.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bind(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn create_folder(folder: &Path) -> Result<(), StartError> {
    let created = match std::fs::create_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.kind(), "it is not a folder"))
        }
        created => created,
    };
    created.map_err(|error| StartError::Folder(folder.to_owned(), error))
}

fn open_uploads(folder: PathBuf, limits: Limits) -> Result<Arc<UploadStore>, StartError> {
    let opened = UploadStore::open(&folder, limits);
    Ok(Arc::new(opened.map_err(|error| StartError::Folder(folder, error))?))
}

/// Files of rooms are in a folder of their own, because they are deleted with their messages.
fn open_rooms(
    folder: &Path,
    limits: &Limits,
    health: &Arc<Health>,
) -> Result<RoomStorage, StartError> {
    let folder = folder.join("rooms");
    let opened = RoomStorage::open(&folder, limits, health);
    opened.map_err(|error| StartError::Folder(folder, error))
}

/// Records each stream, encodes small renditions on demand, and reports streams to webhooks.
fn stream_hooks(
    recorder: Recorder,
    limits: Limits,
    webhooks: Webhooks,
    clock: Clock,
) -> StreamHooks {
    let permits = RenditionPermits::default();
    let started = webhooks.clone();
    StreamHooks {
        on_publish: Box::new(move |stream| {
            let (stream_name, kind) = (stream.name().to_owned(), stream.info().kind);
            started.send(&Event::StreamStarted { stream: stream_name, kind });
            recorder.start(stream);
        }),
        on_end: Box::new(move |stream, reason| {
            let lasted = clock.now().saturating_sub(stream.started_at());
            let (stream, reason) = (stream.name().to_owned(), reason.to_string());
            webhooks.send(&Event::StreamEnded { stream, reason, lasted });
        }),
        start_small_rendition: Arc::new(move |stream| {
            small_rendition::start(stream, limits, &permits)
        }),
    }
}

/// Starts the thread that serves HTTP until the server stops.
fn spawn_http(listener: TcpListener, state: Arc<ServerState>) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = async move {
        let (sessions, hub) = (Arc::clone(&state.sessions), Arc::clone(&state.hub));
        // This task ends with the runtime.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EXPIRY_INTERVAL).await;
                hub.expire();
            }
        });
        http::serve(listener, state).await;
        let end = Instant::now() + SHUTDOWN_GRACE;
        while sessions.count() > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Tasks that remain after the grace period end with the runtime.
    std::thread::Builder::new().name("http".to_owned()).spawn(move || runtime.block_on(serve))
}
