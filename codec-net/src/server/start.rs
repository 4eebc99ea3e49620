//! Start and shutdown of a server.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::archive::{Archive, Running};
use super::attempts::Attempts;
use super::audit::Audit;
use super::auth::Access;
use super::files::Files;
use super::health::Health;
use super::http;
use super::limits::Limits;
use super::local::{self, LocalSource};
use super::outcome::{EndReason, Refusal};
use super::room::{Hub, OnPublish};
use super::rtc::{Network, RtcConfig, StartRtcError};
use super::sessions::Sessions;
use crate::clock::Clock;

/// Time for sessions to end by themselves at shutdown.
const FAREWELL: Duration = Duration::from_secs(2);

/// Interval of checks for streams whose publisher has not returned.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// The configuration of a server.
#[derive(Debug)]
pub struct Config {
    /// The HTTP listen address; port 0: any free port.
    pub listen: SocketAddr,
    /// Where WebRTC calls are received: usually the address of `listen`.
    pub rtc: RtcConfig,
    /// Certificate and key; `None`: no TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The access rules.
    pub access: Access,
    /// The limits.
    pub limits: Limits,
    /// The audit log.
    pub audit: Audit,
    /// Folder of uploaded files; `None` rejects uploads.
    pub files: Option<PathBuf>,
    /// Folder of recordings of all streams; `None` disables recording.
    pub record: Option<PathBuf>,
    /// Decode published streams for statistics.
    pub decode: bool,
}

impl Config {
    /// Listens on a free port of 127.0.0.1, without authentication.
    #[must_use]
    pub fn loopback() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen,
            rtc: RtcConfig { listen, announce: None, beyond_loopback: false, relay: None },
            tls: None,
            access: Access::open(),
            limits: Limits::default(),
            audit: Audit::none(),
            files: None,
            record: None,
            decode: true,
        }
    }
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Without a token it would be open to the whole network.
    Open(SocketAddr),
    /// Passwords would be sent in plain text.
    PasswordsWithoutTls,
    /// The socket cannot be opened.
    Listen(SocketAddr, io::Error),
    /// A folder cannot be used.
    Folder(PathBuf, io::Error),
    /// Calls cannot be served.
    Rtc(StartRtcError),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(address) => write!(
                f,
                "cannot listen on {address} without a token: other machines can reach it\n\
                 help: give --token SCOPE=VALUE, or listen on 127.0.0.1"
            ),
            Self::PasswordsWithoutTls => f.write_str(
                "cannot accept passwords without TLS\nhelp: give --tls-cert and --tls-key",
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Rtc(error) => error.fmt(f),
            Self::Folder(path, error) => write!(f, "cannot use folder {}: {error}", path.display()),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// The state shared by all parts of a running server.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) hub: Arc<Hub>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) network: Network,
    pub(super) health: Arc<Health>,
    pub(super) files: Option<Arc<Files>>,
    attempts: Mutex<Attempts>,
    /// Becomes `true` at shutdown.
    pub(super) stopping: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server, which stops when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    secure: bool,
    thread: Option<JoinHandle<()>>,
    archives: Running,
    sources: Mutex<Vec<local::Running>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, rtc, tls, access, limits, audit, files, record, decode } = config;
        if access.is_open() && !listen.ip().to_canonical().is_loopback() {
            return Err(StartError::Open(listen));
        }
        if access.has_users() && tls.is_none() {
            return Err(StartError::PasswordsWithoutTls);
        }
        let failed = |error| StartError::Listen(listen, error);
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let files = match files {
            None => None,
            Some(folder) => {
                let opened = Files::open(&folder, limits);
                let opened = opened.map_err(|error| StartError::Folder(folder, error))?;
                Some(Arc::new(opened))
            }
        };
        if let Some(folder) = &record {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|error| StartError::Folder(folder.clone(), error))?;
        }
        let running = Running::default();
        let archive = Archive { folder: record, decode, limits, running: running.clone() };
        let on_publish: OnPublish = Box::new(move |stream| archive.begin(stream));
        let clock = Clock::start();
        let health = Arc::new(Health::default());
        let network = Network::start(rtc, clock, limits, files.clone(), Arc::clone(&health));
        let network = network.map_err(StartError::Rtc)?;
        let shared = Arc::new(Shared {
            access,
            limits,
            clock,
            hub: Arc::new(Hub::with(clock, limits, on_publish)),
            sessions: Arc::new(Sessions::new(clock, limits.sessions, audit)),
            network,
            health,
            files,
            attempts: Mutex::new(Attempts::new(limits.unauthenticated_gap)),
            stopping: watch::Sender::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let secure = tls.is_some();
        let inside = Arc::clone(&shared);
        let work = move || {
            // Tasks that remain after the grace period end with the runtime.
            runtime.block_on(async move {
                let sessions = Arc::clone(&inside.sessions);
                let hub = Arc::clone(&inside.hub);
                // This task ends with the runtime.
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep(EXPIRY_INTERVAL).await;
                        hub.expire();
                    }
                });
                http::serve(listener, tls, inside).await;
                let end = Instant::now() + FAREWELL;
                while sessions.count() > 0 && Instant::now() < end {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(work);
        let thread = Some(thread.map_err(StartError::Thread)?);
        Ok(Self { shared, address, secure, thread, archives: running, sources: Mutex::default() })
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

    /// The announced UDP address.
    #[must_use]
    pub fn rtc_addresses(&self) -> &[SocketAddr] {
        self.shared.network.addresses()
    }

    /// Its streams, for publishing from inside the program.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    /// Publishes a local source.
    ///
    /// # Errors
    ///
    /// As for [`Hub::publish`].
    pub fn add_source(&self, source: LocalSource) -> Result<(), Refusal> {
        let running = local::start(&self.shared.hub, source)?;
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        Ok(())
    }

    /// Its sessions.
    #[must_use]
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.shared.sessions
    }

    /// For tests: a panic in this call; `None`: in the thread of the calls.
    #[cfg(test)]
    pub(super) fn panic(&self, call: Option<u64>) {
        self.shared.network.panic(call);
    }

    /// Why the server no longer provides all services; `None` if it does. `/health` answers 503
    /// then, if HTTP still works.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let http_ended = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        let http = http_ended.then(|| "cannot serve HTTP any more".to_owned());
        let calls = || self.shared.health.calls();
        let calls = || calls().map(|why| format!("cannot serve WebRTC calls any more: {why}"));
        http.or_else(calls)
    }

    /// Returns the next line for the operator's log: calls ended by internal errors.
    #[must_use]
    pub fn next_notice(&self) -> Option<String> {
        self.shared.health.next_notice()
    }

    /// Ends all sessions, then the server.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.shared.stopping.send_replace(true);
        self.shared.sessions.end_all(&EndReason::ServerStopped);
        self.shared.hub.end_waiting(None, &EndReason::ServerStopped);
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.network.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
        self.archives.join();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.finish();
    }
}
