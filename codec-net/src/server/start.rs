//! Start and shutdown of a server.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::auth_rate_limiter::AuthRateLimiter;
use super::conference::RoomStorage;
use super::config::Config;
use super::health::Health;
use super::http;
use super::limits::Limits;
use super::local_source::{self, LocalSource};
use super::outcome::{EndReason, Rejection};
use super::recorder::{Recorder, Threads};
use super::room::{Hub, StreamHooks};
use super::rtc::{Network, StartRtcError};
use super::sessions::Sessions;
use super::small_rendition::{self, RenditionPermits};
use super::state::ServerState;
use super::uploads::UploadStore;
use crate::clock::Clock;

/// Time for sessions to end by themselves at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Interval of checks for streams whose publisher has not returned.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address is reachable from other machines, but no token is configured.
    Open(SocketAddr),
    /// Users with passwords are configured without TLS: passwords would be sent unencrypted.
    PasswordsWithoutTls,
    /// The socket cannot be opened.
    Listen(SocketAddr, io::Error),
    /// A folder cannot be created or read.
    Folder(PathBuf, io::Error),
    /// WebRTC cannot be started.
    Rtc(StartRtcError),
    /// A thread cannot be started.
    Thread(io::Error),
    /// This build decodes none of the configured video codecs.
    NoVideoCodec,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(address) => write!(
                f,
                "cannot listen on {address} without a token: other machines can reach it\n\
                 help: give --token SCOPE=VALUE or --token-file FILE, or listen on 127.0.0.1"
            ),
            Self::PasswordsWithoutTls => f.write_str(
                "cannot accept passwords without TLS\nhelp: give --tls-cert and --tls-key",
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Rtc(error) => error.fmt(f),
            Self::Folder(path, error) => write!(f, "cannot use folder {}: {error}", path.display()),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Self::NoVideoCodec => {
                f.write_str("cannot accept video: this build has no codec for it")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(_) | Self::PasswordsWithoutTls | Self::NoVideoCodec => None,
            Self::Listen(_, error) | Self::Folder(_, error) | Self::Thread(error) => Some(error),
            Self::Rtc(error) => Some(error),
        }
    }
}

/// A running server, which stops when dropped.
#[derive(Debug)]
pub struct Server {
    state: Arc<ServerState>,
    address: SocketAddr,
    secure: bool,
    thread: Option<JoinHandle<()>>,
    recorders: Threads,
    sources: Mutex<Vec<local_source::RunningSource>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, rtc, tls, access, limits, audit, files, record, decode, video_codecs } =
            config;
        let video_codecs = video_codecs.supported().ok_or(StartError::NoVideoCodec)?;
        if access.is_open() && !listen.ip().to_canonical().is_loopback() {
            return Err(StartError::Open(listen));
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
        let recorders = Threads::default();
        let recorder = Recorder { folder: record, decode, limits, threads: recorders.clone() };
        let clock = Clock::start();
        let network = Network::start(
            rtc,
            clock,
            limits,
            video_codecs,
            uploads.clone(),
            rooms,
            Arc::clone(&health),
        );
        let network = network.map_err(StartError::Rtc)?;
        let secure = tls.is_some();
        let state = Arc::new(ServerState {
            access,
            limits,
            video_codecs,
            clock,
            hub: Arc::new(Hub::new(clock, limits, stream_hooks(recorder, limits))),
            sessions: Arc::new(Sessions::new(clock, limits.sessions, audit)),
            network,
            health,
            uploads,
            room_files,
            auth_rate_limiter: Mutex::new(AuthRateLimiter::new(limits.auth_retry_interval)),
            stopping: watch::Sender::new(false),
        });
        let thread = spawn_http(listener, tls, Arc::clone(&state)).map_err(StartError::Thread)?;
        let (thread, sources) = (Some(thread), Mutex::default());
        Ok(Self { state, address, secure, thread, recorders, sources })
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

    /// Its streams, for publishing from inside the program.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.state.hub
    }

    /// Publishes a local source.
    ///
    /// # Errors
    ///
    /// As for [`Hub::publish`].
    pub fn add_source(&self, source: LocalSource) -> Result<(), Rejection> {
        let running = local_source::start(&self.state.hub, source)?;
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        Ok(())
    }

    /// Its sessions.
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

    /// Ends all sessions, then the server.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.state.stopping.send_replace(true);
        self.state.sessions.end_all(&EndReason::ServerStopped);
        self.state.hub.end_all_waiting(&EndReason::ServerStopped);
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.state.network.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
        self.recorders.join();
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

/// Records each stream, and encodes small renditions on demand.
fn stream_hooks(recorder: Recorder, limits: Limits) -> StreamHooks {
    let permits = RenditionPermits::default();
    StreamHooks {
        on_publish: Box::new(move |stream| recorder.start(stream)),
        start_small_rendition: Arc::new(move |stream| {
            small_rendition::start(stream, limits, &permits)
        }),
    }
}

/// Starts the thread that serves HTTP until the server stops.
fn spawn_http(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    state: Arc<ServerState>,
) -> io::Result<JoinHandle<()>> {
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
        http::serve(listener, tls, state).await;
        let end = Instant::now() + SHUTDOWN_GRACE;
        while sessions.count() > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Tasks that remain after the grace period end with the runtime.
    std::thread::Builder::new().name("http".to_owned()).spawn(move || runtime.block_on(serve))
}
