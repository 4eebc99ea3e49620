//! Beginning and end of a server.

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

/// How long sessions have to end by themselves.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often streams are looked at that wait for their publisher to return.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// What a server is told before it starts.
#[derive(Debug)]
pub struct Config {
    /// Where HTTP listens; port 0: any free one.
    pub listen: SocketAddr,
    /// Where calls of WebRTC are taken: usually the address of `listen`.
    pub rtc: RtcConfig,
    /// Certificate and key; `None`: without TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Who may do what.
    pub access: Access,
    /// Limits.
    pub limits: Limits,
    /// The audit log.
    pub audit: Audit,
    /// Folder of files that viewers send; `None`: none are taken.
    pub files: Option<PathBuf>,
    /// Folder of recordings of all streams; `None`: none are made.
    pub record: Option<PathBuf>,
    /// Decode what is published, to know whether it can be.
    pub decode: bool,
}

impl Config {
    /// On a free port of 127.0.0.1, open to all who reach that.
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
    /// It would be open to everyone in the network.
    Open(SocketAddr),
    /// Passwords would be read by everyone on the way.
    PasswordsWithoutTls,
    /// The socket.
    Listen(SocketAddr, io::Error),
    /// A folder.
    Folder(PathBuf, io::Error),
    /// Calls.
    Rtc(StartRtcError),
    /// Threads.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(address) => write!(
                f,
                "{address} is reached from other machines: a token is needed (--token \
                 SCOPE=VALUE), or listen on 127.0.0.1"
            ),
            Self::PasswordsWithoutTls => {
                f.write_str("passwords are taken over TLS alone: give --tls-cert and --tls-key")
            }
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Rtc(error) => error.fmt(f),
            Self::Folder(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// What all parts of a running server see.
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
    /// Becomes `true` at the end.
    pub(super) stopping: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server. It ends when dropped.
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
    /// Starts.
    ///
    /// # Errors
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
            // Tasks that are left after the farewell end with the runtime.
            runtime.block_on(async move {
                let sessions = Arc::clone(&inside.sessions);
                let hub = Arc::clone(&inside.hub);
                // Ends with the runtime.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a browser is told, on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        format!("{scheme}://{address}/")
    }

    /// The UDP addresses offered to callers, that of `RtcConfig::listen` first.
    #[must_use]
    pub fn rtc_addresses(&self) -> &[SocketAddr] {
        self.shared.network.addresses()
    }

    /// Its streams, to publish to from inside of the program.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    /// Publishes pictures from here.
    ///
    /// # Errors
    /// As [`Hub::publish`].
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

    /// Tests: a panic in this call; `None`: in the thread of the calls.
    #[cfg(test)]
    pub(super) fn panic(&self, call: Option<u64>) {
        self.shared.network.panic(call);
    }

    /// Why the server does not do all that it is there for any more; `None`: it does. `/health`
    /// answers 503 then, if HTTP still answers.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let http_ended = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        let http = http_ended.then(|| "HTTP is not answered any more".to_owned());
        let calls = || self.shared.health.calls();
        let calls = || calls().map(|why| format!("WebRTC calls cannot be served any more: {why}"));
        http.or_else(calls)
    }

    /// The next line for the log of who runs the server: calls that a defect has ended.
    #[must_use]
    pub fn next_notice(&self) -> Option<String> {
        self.shared.health.next_notice()
    }

    /// Ends all sessions, then itself.
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
            // A panic in it has been shown.
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
